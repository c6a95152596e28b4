"""Draws the small SVG pictures of `ide_kernel.ICONS` as PNG images with smooth edges, for toolkits that know no SVG. Pure.

It knows what icons are made of: circles, ellipses, lines, rectangles, polygons and paths, filled and stroked, with
round ends, dashes, and attributes inherited from groups. All becomes polygons of short lines; how much of a pixel one covers is
told from the distance to the nearest of these. That costs some milliseconds for an icon: keep the image.
"""
from __future__ import absolute_import, division, print_function

import math
import re
import struct
import zlib
from xml.etree import ElementTree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Tuple
    Point = Tuple[float, float]
    Shape = Tuple[List[Point], bool]  # its corners, and whether the last is joined to the first

#: Short lines that stand for a quarter of a circle, or for a curve: smooth up to some 64 pixels.
STEPS = 8
_WORD = re.compile(r"[A-Za-z]|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
#: How many numbers each command of a path takes.
_TAKES = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}


class Unknown(ValueError):
    """The picture has something that is not known here."""


def png(svg, size):
    # type: (Any, int) -> bytes
    """An SVG picture as a square PNG image with a transparent ground.

    Args:
        svg: its text; the view box is a square.
        size: width and height in pixels.

    Raises:
        Unknown: it has something that cannot be drawn.
    """
    rows = [bytearray(4 * size) for _ in range(size)]
    for shape, attributes, scale in _shapes(svg, size):
        fill, stroke = attributes.get("fill", "black"), attributes.get("stroke", "none")
        points, closed = shape
        if fill != "none" and len(points) > 2:
            _paint(rows, _edges(points, True), _rgb(fill), 0.0, True)
        if stroke != "none":
            half = float(attributes.get("stroke-width", 1)) * scale / 2
            for piece in _dashes(points, closed, attributes.get("stroke-dasharray"), scale):
                _paint(rows, _edges(*piece), _rgb(stroke), half, False)
    return _encode(rows, size)


def _shapes(svg, size):
    # type: (Any, int) -> Iterator[Tuple[Shape, Dict[str, str], float]]
    """The shapes in pixels, each with its attributes and the scale."""
    try:
        root = ElementTree.fromstring(svg.encode("utf-8"))
    except ElementTree.ParseError as error:
        raise Unknown("this is no SVG: %s" % error)
    left, top, width, _ = [float(word) for word in root.get("viewBox", "0 0 16 16").split()]
    scale = size / width
    for element, attributes in _elements(root, {}):
        for points, closed in _outline(element):
            yield ([((x - left) * scale, (y - top) * scale) for x, y in points], closed), attributes, scale


def _elements(element, inherited):
    # type: (Any, Dict[str, str]) -> Iterator[Tuple[Any, Dict[str, str]]]
    attributes = dict(inherited, **element.attrib)
    name = element.tag.rpartition("}")[2]
    if "transform" in element.attrib or "style" in element.attrib:
        raise Unknown("no transform, no style")
    if name in ("svg", "g"):
        for child in element:
            for found in _elements(child, attributes):
                yield found
    elif name not in ("title", "desc"):
        yield element, attributes


def _outline(element):
    # type: (Any) -> List[Shape]
    name = element.tag.rpartition("}")[2]

    def number(key):
        # type: (str) -> float
        return float(element.get(key, 0))

    if name in ("circle", "ellipse"):
        across, down = (number("r"),) * 2 if name == "circle" else (number("rx"), number("ry"))
        turns = [math.pi * step / (2 * STEPS) for step in range(4 * STEPS)]
        return [([(number("cx") + across * math.cos(turn), number("cy") + down * math.sin(turn)) for turn in turns], True)]
    if name == "line":
        return [([(number("x1"), number("y1")), (number("x2"), number("y2"))], False)]
    if name == "rect":
        x, y, width, height = number("x"), number("y"), number("width"), number("height")
        return [([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], True)]
    if name in ("polygon", "polyline"):
        values = [float(word) for word in _WORD.findall(element.get("points", ""))]
        return [(list(zip(values[::2], values[1::2])), name == "polygon")]
    if name == "path":
        return _path(_WORD.findall(element.get("d", "")))
    raise Unknown("no element %r" % name)


def _path(words):
    # type: (List[str]) -> List[Shape]
    shapes, points = [], []  # type: List[Shape], List[Point]
    command, at, control = "M", 0, None  # type: str, int, Any
    while at < len(words):
        if words[at].isalpha():
            command, at = words[at], at + 1
        kind, takes = command.upper(), _TAKES.get(command.upper())
        if takes is None or at + takes > len(words):
            raise Unknown("no path %r" % " ".join(words))
        here = points[-1] if points else (0.0, 0.0)
        numbers, at = [float(word) for word in words[at:at + takes]], at + takes
        if command.islower():  # relative to where we are
            numbers = _absolute(kind, here, numbers)
        if kind == "Z":
            shapes.append((points, True))
            points = points[:1]
        elif kind == "M":
            shapes.append((points, False))
            points, command = [(numbers[0], numbers[1])], "l" if command == "m" else "L"
        else:
            corners = _corners(kind, here, numbers, control)
            control = corners[-2] if kind in "CSQT" else None
            points = points + (_arc(here, numbers) if kind == "A" else _curve([here] + corners) if len(corners) > 1 else corners)
    # What a "z" closed begins a new shape at its corner, which is none of its own.
    ended = bool(words) and words[-1] in "zZ"
    return [shape for shape in shapes + ([] if ended else [(points, False)]) if shape[0]]


def _absolute(kind, here, numbers):
    # type: (str, Point, List[float]) -> List[float]
    if kind == "A":  # only the end of an arc is a place
        return numbers[:5] + [numbers[5] + here[0], numbers[6] + here[1]]
    return [number + here[1 if kind == "V" else 0 if kind == "H" else index % 2] for index, number in enumerate(numbers)]


def _corners(kind, here, numbers, control):
    # type: (str, Point, List[float], Any) -> List[Point]
    """The points that a command of a path names, the last of them its end."""
    if kind == "H":
        return [(numbers[0], here[1])]
    if kind == "V":
        return [(here[0], numbers[0])]
    if kind == "A":
        return [(numbers[5], numbers[6])]
    corners = list(zip(numbers[::2], numbers[1::2]))
    if kind in "ST":  # the first control point mirrors the last one
        before = control or here
        corners.insert(0, (2 * here[0] - before[0], 2 * here[1] - before[1]))
    return corners


def _curve(corners):
    # type: (List[Point]) -> List[Point]
    """Points on a Bezier curve, without its beginning."""
    found = []
    for step in range(1, STEPS + 1):
        part, level = step / STEPS, corners
        while len(level) > 1:
            level = [(a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part) for a, b in zip(level, level[1:])]
        found.append(level[0])
    return found


def _arc(begin, numbers):
    # type: (Point, List[float]) -> List[Point]
    """Points on an arc of an ellipse that is not turned, as the SVG specification finds its centre (appendix B.2.4)."""
    across, down, turned, large, sweep, x, y = numbers
    if turned:
        raise Unknown("no turned ellipse")
    if not across or not down:
        return [(x, y)]
    # In units of the radii: a circle of radius 1.
    ax, ay, bx, by = begin[0] / across, begin[1] / down, x / across, y / down
    chord = math.hypot(bx - ax, by - ay)
    radius = max(1.0, chord / 2)
    off = math.sqrt(max(0.0, radius * radius - chord * chord / 4)) * (1 if large != sweep else -1) / (chord or 1.0)
    cx, cy = (ax + bx) / 2 - (by - ay) * off, (ay + by) / 2 + (bx - ax) * off
    first, last = math.atan2(ay - cy, ax - cx), math.atan2(by - cy, bx - cx)
    turn = (last - first) % (2 * math.pi) - (0 if sweep else 2 * math.pi)
    steps = max(1, int(abs(turn) / (math.pi / 2 / STEPS) + 0.5))
    angles = [first + turn * step / steps for step in range(1, steps)]
    return [((cx + radius * math.cos(angle)) * across, (cy + radius * math.sin(angle)) * down) for angle in angles] + [(x, y)]


def _edges(points, closed):
    # type: (List[Point], bool) -> List[Tuple[Point, Point]]
    following = points[1:] + points[:1] if closed or len(points) == 1 else points[1:]
    return list(zip(points, following))


def _dashes(points, closed, pattern, scale):
    # type: (List[Point], bool, Any, float) -> Iterator[Shape]
    """A line cut up into its dashes."""
    lengths = [float(word) * scale for word in _WORD.findall(pattern or "")]
    if not lengths or min(lengths) < 0 or sum(lengths) <= 0:
        yield points, closed
        return
    index, left, piece = 0, lengths[0], []  # type: int, float, List[Point]
    for begin, end in _edges(points, closed):
        length, at = math.hypot(end[0] - begin[0], end[1] - begin[1]), 0.0
        piece = piece or [begin]
        while length - at > left:
            at += left
            cut = (begin[0] + (end[0] - begin[0]) * at / length, begin[1] + (end[1] - begin[1]) * at / length)
            if index % 2 == 0:
                yield piece + [cut], False
            index, piece = index + 1, [cut]
            left = max(lengths[index % len(lengths)], 1e-3)
        left -= length - at
        piece.append(end)
    if index % 2 == 0 and piece:
        yield piece, False


def _paint(rows, edges, colour, half, inside):
    # type: (List[bytearray], Any, Tuple[int, int, int], float, bool) -> None
    """Paint what is nearer to an edge than ``half``, or lies inside."""
    xs, ys = [a[0] for edge in edges for a in edge], [a[1] for edge in edges for a in edge]
    margin = half + 1
    for y in range(max(0, int(min(ys) - margin)), min(len(rows), int(max(ys) + margin) + 1)):
        for x in range(max(0, int(min(xs) - margin)), min(len(rows), int(max(xs) + margin) + 1)):
            distance = _distance(x + 0.5, y + 0.5, edges, inside)
            cover = min(1.0, half + 0.5 - distance)
            if cover > 0:
                _blend(rows[y], 4 * x, colour, cover)


def _distance(x, y, edges, inside):
    # type: (float, float, Any, bool) -> float
    """How far a point is from the nearest edge; negative within a filled shape."""
    nearest, odd = 1e18, False
    for (ax, ay), (bx, by) in edges:
        dx, dy = bx - ax, by - ay
        square = dx * dx + dy * dy
        part = ((x - ax) * dx + (y - ay) * dy) / square if square else 0.0
        part = 0.0 if part < 0 else 1.0 if part > 1 else part
        away = (x - ax - part * dx) ** 2 + (y - ay - part * dy) ** 2
        if away < nearest:
            nearest = away
        if inside and (ay > y) != (by > y) and x < ax + (y - ay) * dx / dy:
            odd = not odd
    return -math.sqrt(nearest) if odd else math.sqrt(nearest)


def _blend(row, at, colour, cover):
    # type: (bytearray, int, Tuple[int, int, int], float) -> None
    """Paint one pixel over what is there."""
    under = row[at + 3] / 255.0 * (1 - cover)
    for index in range(3):
        row[at + index] = int((colour[index] * cover + row[at + index] * under) / (cover + under) + 0.5)
    row[at + 3] = int((cover + under) * 255 + 0.5)


def _rgb(text):
    # type: (str) -> Tuple[int, int, int]
    named = {"black": "#000000", "white": "#ffffff"}
    text = named.get(text, text)
    if re.match("#[0-9a-fA-F]{3}$", text):
        text = "#" + "".join(2 * digit for digit in text[1:])
    if not re.match("#[0-9a-fA-F]{6}$", text):
        raise Unknown("no colour %r" % text)
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _encode(rows, size):
    # type: (List[bytearray], int) -> bytes
    def chunk(name, data):
        # type: (bytes, bytes) -> bytes
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data) & 0xFFFFFFFF)

    lines = b"".join(b"\0" + bytes(row) for row in rows)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))
