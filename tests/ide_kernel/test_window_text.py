# -*- coding: utf-8 -*-
"""The pure parts of the window: what a terminal would show, pictures, history and completions, which button when."""
from __future__ import absolute_import, division, print_function

import select
import struct
import threading
import zlib

import ide_kernel
import pytest
from ide_kernel import vocabulary
from ide_kernel.frontends import backlog as backlog_module
from ide_kernel.frontends import console as console_module
from ide_kernel.frontends import controls, pictures
from ide_kernel.frontends.background import Background
from ide_kernel.frontends.backlog import Backlog
from ide_kernel.frontends.console import Console, is_plain
from ide_kernel.frontends.editing import Completion, History, next_stop, previous_stop
from ide_kernel.frontends.styles import PLAIN, colour
from ide_kernel.frontends.styles import select as select_style

# What is written, and the lines that stand there then.
SHOWN = [
    (u"one\ntwo\n", [u"one", u"two", u""]),
    (u"no newline", [u"no newline"]),
    (u"", [u""]),
    (u"dos\r\nlines\r\n", [u"dos", u"lines", u""]),
    (u" 10%\r 20%\r100%", [u"100%"]),
    (u"long\rab", [u"abng"]),
    (u"long\r\x1b[Kab", [u"ab"]),
    (u"long\rab\x1b[K", [u"ab"]),
    (u"abc\x1b[1K", [u""]),
    (u"abcdef\x1b[3G\x1b[1Kx", [u"  xdef"]),
    (u"abc\x1b[2K", [u""]),
    (u"abc\b\bX", [u"aXc"]),
    (u"\b\b\bX", [u"X"]),
    (u"a\tb\tc", [u"a       b       c"]),
    (u"abcdefgh\tx", [u"abcdefgh        x"]),
    (u"a\x07b\x00c\x7fd", [u"abcd"]),
    (u"\x1b[31mred\x1b[0m", [u"red"]),
    (u"\x1b]0;title\x07text", [u"text"]),
    (u"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", [u"link"]),
    (u"\x1bPstring\x1b\\text", [u"text"]),
    (u"\x1b(Btext\x1b=\x1b7", [u"text"]),
    (u"\x1b[?25l\x1b[?1049htext\x1b[?25h", [u"text"]),
    (u"\x1b[5Cx", [u"     x"]),
    (u"abcdef\x1b[4DX", [u"abXdef"]),
    (u"abcdef\r\x1b[2P", [u"cdef"]),
    (u"one\ntwo\n\x1b[2A1\x1b[B2", [u"1ne", u"t2o", u""]),
    (u"bar 1\nbar 2\n\x1b[2F\x1b[2Kdone\x1b[E\x1b[2Kdone\n", [u"done", u"done", u""]),
    (u"a\nb\nc\x1b[2A\rx\x1b[J", [u"x"]),
    (u"a\n\x1b[99Ax", [u"x", u""]),
    (u"old\nolder\x1b[H\x1b[2J\x1b[3Jnew", [u"new"]),
    (u"a\x0cb", [u"a", u"b"]),
    (u"a\x1b", [u"a"]),
    (u"a\x1b[12;", [u"a"]),
    (u"a\x1b\x1b[1mb", [u"ab"]),
    (u"\x9b31mred", [u"red"]),
    (u"\x1b[99999999999999999999Cx", [u"", u"x"]),
    (u"überall \u65e5\u672c", [u"überall \u65e5\u672c"]),
]


def texts(console):
    return [line.text for line in console.lines]


def fed(pieces, **settings):
    console = Console(**settings)
    for piece in pieces:
        console.feed(piece)
    return console


@pytest.mark.parametrize("written, shown", SHOWN)
def test_lines_are_what_a_terminal_shows(written, shown):
    whole = fed([written])
    assert texts(whole) == shown
    one_by_one = fed(written)
    assert texts(one_by_one) == shown
    assert [line.runs for line in one_by_one.lines] == [line.runs for line in whole.lines]
    for middle in range(len(written)):
        assert texts(fed([written[:middle], written[middle:]])) == shown
    assert all(line.length == len(line.text) for line in whole.lines)


@pytest.mark.parametrize("codes, expected", [
    (u"1", dict(bold=True)), (u"2", dict(dim=True)), (u"3", dict(italic=True)), (u"4", dict(underline=True)),
    (u"7", dict(inverse=True)), (u"9", dict(strike=True)), (u"31", dict(fg=1)), (u"97", dict(fg=15)), (u"44", dict(bg=4)),
    (u"100", dict(bg=8)), (u"1;31;42", dict(bold=True, fg=1, bg=2)), (u"38;5;208", dict(fg=u"#ff8700")),
    (u"48;5;250", dict(bg=u"#bcbcbc")), (u"38;5;9", dict(fg=9)), (u"38;2;1;2;300;1", dict(fg=u"#0102ff", bold=True)),
    (u"38:2::1:2:3", dict(fg=u"#010203")), (u"38:5:208", dict(fg=u"#ff8700")), (u"31;39", {}), (u"41;49", {}), (u"1;2;22", {}),
    (u"1;3;4;7;9;23;24;27;29", dict(bold=True)), (u"31;", {}), (u"", {}), (u"0", {}), (u"38;5", {}), (u"38", {}), (u"999", {}),
])
def test_colours_and_faces(codes, expected):
    console = fed([u"\x1b[%smx" % codes])
    assert console.lines[0].runs == [(u"x", PLAIN._replace(kind=u"stdout", **expected))]


def test_the_256_colours():
    assert [colour(number) for number in (0, 15, 16, 21, 231, 232, 255)] == [
        0, 15, u"#000000", u"#0000ff", u"#ffffff", u"#080808", u"#eeeeee"]
    assert select_style(PLAIN, []) == PLAIN


def test_a_colour_goes_on_over_lines_and_streams_and_ends_where_the_frontend_writes():
    console = Console()
    console.feed(u"\x1b[31mred\nstill ")
    console.feed(u"error", u"stderr")
    console.feed(u"a note\n", u"note")
    console.feed(u"plain")
    assert texts(console) == [u"red", u"still error", u"a note", u"plain"]
    assert [(text, style.fg, style.kind) for line in console.lines for text, style in line.runs] == [
        (u"red", 1, u"stdout"), (u"still ", 1, u"stdout"), (u"error", 1, u"stderr"), (u"a note", None, u"note"),
        (u"plain", None, u"stdout")]


def test_a_note_ends_an_unfinished_line_and_sequence():
    console = fed([u"50%\r"])
    console.feed(u"note\n", u"note")
    console.feed(u"\x1b[3")
    console.feed(u"note\n", u"note")
    assert texts(console) == [u"50%", u"note", u"note", u""]
    assert console.unfinished == u""


def test_writing_over_keeps_the_styles_beside():
    console = fed([u"\x1b[31mabcdef\x1b[0m\r\x1b[2Cxy"])
    assert [(text, style.fg) for text, style in console.lines[0].runs] == [(u"ab", 1), (u"xy", None), (u"ef", 1)]


def test_old_lines_go_and_numbers_stay():
    console = fed([u"%d\n" % number for number in range(25)], limit=10)
    assert (console.first, console.end) == (16, 26)
    assert texts(console) == [u"%d" % number for number in range(16, 25)] + [u""]


@pytest.mark.parametrize("lines", [9, 10, 11, 109, 110, 111, 500])
def test_more_at_once_than_is_kept_counts_as_if_it_came_by_lines(lines):
    text = u"begun " + u"".join(u"%d\n" % number for number in range(lines)) + u"unfinished"
    whole, by_lines = fed([u"above\n", text], limit=10), fed([u"above\n"] + text.split(u"\n")[:1], limit=10)
    for piece in text.split(u"\n")[1:]:
        by_lines.feed(u"\n" + piece)
    assert (texts(whole), whole.first, whole.end) == (texts(by_lines), by_lines.first, by_lines.end)


def test_nothing_grows_without_bound():
    console = Console(limit=100)
    console.feed(u"x" * 1000000)
    console.feed(u"\n" * 1000000)
    console.feed(u"\x1b]0;" + u"never ended " * 10000)
    assert len(console._begun) <= console_module.ESCAPE
    assert len(console.lines) <= 100
    for _ in range(300):
        console.feed(u"\x1b[1000C.\x1b[1000A")
    assert max(line.length for line in console.lines) <= console_module.WIDTH
    assert console.end - console._row <= console_module.REACH


def drawn(console, rows, first):
    """What a frontend does with `Console.changes`: drop what is gone, replace what has changed."""
    begin, lines = console.changes()
    del rows[:console.first - first[0]]
    first[0] = console.first
    rows[begin - console.first:] = [line.text for line in lines] if lines else rows[begin - console.first:]
    return rows


def test_drawing_the_changes_alone_shows_the_same():
    pieces = [written for written, _ in SHOWN] + [u"%d\n" % number for number in range(30)] + [u"x\n" * 50, u"\x1b[5Ax"]
    console, rows, first = Console(limit=12), [], [0]
    for number, piece in enumerate(pieces * 3):
        console.feed(piece)
        if number % 10 == 7:
            console.feed(u"note\n", u"note")
        if number % 17 == 3:
            console.clear()
        if number % 3:
            assert drawn(console, rows, first) == texts(console)
    drawn(console, rows, first)
    assert console.changes() == (console.end, [])


def test_clear_keeps_the_unfinished_line():
    console = fed([u"a\nb\nname? "])
    console.clear()
    console.feed(u"Ada")
    assert texts(console) == [u"name? Ada"]
    assert console.first == 2


def test_long_lines_are_fewer():
    console = Console()
    for _ in range(1000):
        console.feed(u"x" * 3999 + u"\n")
        console.feed(u"\r" + u"y" * 3999)
    assert sum(line.length for line in console.lines) <= console_module.SIZE
    assert len(console.lines) > 400


# What waits

def taken(backlog):
    pieces = []
    while backlog:
        pieces.append(backlog.take())
    assert backlog.size == 0 and backlog._newlines == 0
    return pieces


def test_what_waits_comes_in_order_and_in_pieces():
    backlog = Backlog()
    for text, kind in ((u"a", u"stdout"), (u"b", u"stdout"), (u"c", u"stderr"), (u"n\n", u"note"), (u"o\n", u"note")):
        backlog.add(text, kind)
    assert len(backlog) == 5
    assert taken(backlog) == [(u"ab", u"stdout"), (u"c", u"stderr"), (u"n\n", u"note"), (u"o\n", u"note")]
    red = u"\x1b[31mred" * 5000
    backlog.add(red, u"stdout")
    backlog.add(u"x" * 100000, u"stdout")
    pieces = [text for text, _ in taken(backlog)]
    assert u"".join(pieces) == red + u"x" * 100000 and len(pieces) > 10


@pytest.mark.parametrize("size", [1, 7, 50, 3000])
def test_a_flood_is_shown_as_if_nothing_had_been_forgotten(size):
    numbers = range(0, 3000, size)
    pieces = [(u"".join(u"\x1b[%dm%d\x1b[%dm:\t%d\n" % (31 + n % 7, n, 41 + n % 3, n) for n in range(begin, begin + size)),
               u"stdout" if size > 1 or begin % 5 else u"stderr") for begin in numbers] + [(u"unfinished", u"stdout")]
    all_at_once, bounded, backlog = Console(limit=20), Console(limit=20), Backlog(lines=30)
    for text, kind in pieces:
        all_at_once.feed(text, kind)
        backlog.add(text, kind)
        assert backlog._newlines <= 30 + backlog_module.SLACK
    assert len(backlog._pieces) < len(pieces) or size == 3000
    for text, kind in taken(backlog):
        bounded.feed(text, kind)
    assert [line.runs for line in bounded.lines] == [line.runs for line in all_at_once.lines]


def test_a_note_among_what_is_forgotten_ends_its_colours():
    backlog = Backlog(lines=10)
    backlog.add(u"\x1b[31m" + u"red\n" * 500, u"stdout")
    backlog.add(u"note\n", u"note")
    backlog.add(u"plain\n" * 600, u"stdout")
    backlog.add(u"plain\n", u"stdout")
    assert u"\x1b" not in u"".join(text for text, _ in taken(backlog))


def test_what_is_remembered_of_colours_is_bounded():
    backlog = Backlog(lines=10)
    for number in range(5000):
        backlog.add(u"\x1b[38;5;%dmx\n" % (number % 256), u"stdout")
    assert len(backlog._colours) <= backlog_module.MOST


def test_plain_is_what_has_no_controls():
    assert is_plain(u"a\tb\nc") and is_plain(u"")
    assert not any(is_plain(u"a" + char) for char in u"\r\x1b\b\x00\x9b")


# Pictures

def pixels(data):
    """Rows of (red, green, blue, alpha) of one of our PNG images."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    at, body = 8, b""
    while at < len(data):
        length, = struct.unpack(">I", data[at:at + 4])
        name, chunk = data[at + 4:at + 8], data[at + 8:at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0] == zlib.crc32(name + chunk) & 0xFFFFFFFF
        body += chunk if name == b"IDAT" else b""
        at += 12 + length
    rows = bytearray(zlib.decompress(body))
    size = 1 + 4 * width
    return [[tuple(rows[y * size + 1 + 4 * x:y * size + 5 + 4 * x]) for x in range(width)] for y in range(height)]


def draw(shape, size=16):
    return pixels(pictures.png(u'<svg viewBox="0 0 16 16">%s</svg>' % shape, size))


def covered(rows):
    """The area that is painted, in pixels."""
    return sum(pixel[3] for row in rows for pixel in row) / 255.0


@pytest.mark.parametrize("state", vocabulary.STATES)
def test_every_icon_can_be_drawn_in_its_colour(state):
    icon = ide_kernel.ICONS[state]
    rows = pixels(pictures.png(icon.svg, 22))
    strong = [pixel[:3] for row in rows for pixel in row if pixel[3] > 250]
    assert strong and len(rows) == len(rows[0]) == 22
    rgb = tuple(int(icon.colour[at:at + 2], 16) for at in (1, 3, 5))
    assert rgb in strong


@pytest.mark.parametrize("shape, area", [
    (u'<circle cx="8" cy="8" r="6"/>', 113.1),
    (u'<ellipse cx="8" cy="8" rx="6" ry="3"/>', 56.5),
    (u'<rect x="2" y="2" width="10" height="5" fill="#fff"/>', 50.0),
    (u'<path d="M2 2h12v12H2z"/>', 144.0),
    (u'<path d="m2 2l12 0 0 12-12 0z"/>', 144.0),
    (u'<path d="M2 2h4v4h-4zM8 8h4v4h-4z"/>', 32.0),
    (u'<polygon points="2,2 14,2 14,14"/>', 72.0),
    (u'<path d="M2 8a6 6 0 0 1 12 0z"/>', 56.5),
    (u'<path d="M2 8A6 6 0 1 0 14 8z"/>', 56.5),
    (u'<path d="M2 2Q8 2 8 8T14 14L2 14z"/>', 72.0),
    (u'<path d="M2 2C2 2 8 8 8 8S14 14 14 14L2 14z"/>', 72.0),
    (u'<g fill="none" stroke="black" stroke-width="2"><path d="M4 8H12"/></g>', 19.1),
    (u'<line x1="4" y1="8" x2="12" y2="8" fill="none" stroke="black" stroke-width="2"/>', 19.1),
    (u'<path d="M4 8H12" fill="none" stroke="black" stroke-width="2" stroke-dasharray="2 3"/>', 14.3),
    (u'<path d="M8 8v0" fill="none" stroke="black" stroke-width="4"/>', 12.6),
    (u'<g fill="none"><circle cx="8" cy="8" r="6"/></g>', 0.0),
])
def test_shapes_cover_their_area(shape, area):
    for size, scale in ((16, 1), (32, 4)):
        assert covered(draw(shape, size)) == pytest.approx(area * scale, abs=0.05 * area * scale)


def test_edges_are_smooth_and_colours_lie_over_each_other():
    rows = draw(u'<rect x="0" y="0" width="8.5" height="16" fill="#ff0000"/>'
                u'<rect x="0" y="0" width="4" height="4" fill="#0000ff"/>')
    assert rows[8][7] == (255, 0, 0, 255) and rows[8][9][3] == 0
    assert 100 < rows[8][8][3] < 160
    assert rows[1][1] == (0, 0, 255, 255)


@pytest.mark.parametrize("svg", [
    u"", u"<svg", u'<svg viewBox="0 0 16 16"><text>x</text></svg>', u'<svg viewBox="0 0 16 16"><path d="M1"/></svg>',
    u'<svg viewBox="0 0 16 16"><path d="M1 1B2 2"/></svg>', u'<svg viewBox="0 0 16 16"><g transform="scale(2)"/></svg>',
    u'<svg viewBox="0 0 16 16"><circle r="4" fill="url(#x)"/></svg>',
    u'<svg viewBox="0 0 16 16"><path d="M1 1a2 1 45 0 1 3 3"/></svg>',
])
def test_what_cannot_be_drawn_says_so(svg):
    with pytest.raises(pictures.Unknown):
        pictures.png(svg, 16)


# Controls

@pytest.mark.parametrize("state", vocabulary.STATES)
def test_every_state_has_its_controls(state):
    found = controls.TABLE[state]
    assert controls.controls(state) is found
    assert not (controls.KILL in found and controls.TERMINATE in found)
    if state == vocabulary.DEAD:
        assert found == frozenset([controls.RESTART])
    if state in (vocabulary.IDLE, vocabulary.STARTING):
        assert controls.INTERRUPT not in found
    if state in (vocabulary.BUSY, vocabulary.EXTENSION, vocabulary.STUCK, vocabulary.INPUT):
        assert controls.INTERRUPT in found


def test_a_state_that_is_not_known_holds_nothing_back():
    assert set(controls.TABLE) == set(vocabulary.STATES)
    assert controls.INTERRUPT in controls.controls(u"newer")


# Editing

def test_history_goes_back_and_forward_and_keeps_the_draft():
    history = History()
    assert history.back(u"draft") is None and history.forward() is None
    for code in (u"a", u"b", u"b", u"  ", u"c"):
        history.add(code)
    assert [history.back(u"draft"), history.back(u"c"), history.back(u"b"), history.back(u"a")] == [u"c", u"b", u"a", None]
    assert [history.forward(), history.forward(), history.forward(), history.forward()] == [u"b", u"c", u"draft", None]
    history.add(u"d")
    assert history.back(u"") == u"d"


def test_completions_narrow_while_one_types():
    reply = {u"start": 3, u"end": 5, u"matches": [u"path", u"pathsep", u"pardir", u"PATHS"]}
    completion = Completion(u"os.pa + 1", reply)
    assert completion.typed == u"pa" and completion.common == u"pa"
    assert completion.matches == [u"path", u"pathsep", u"pardir", u"PATHS"]
    assert completion.narrow(u"os.pat + 1") and completion.matches == [u"path", u"pathsep", u"PATHS"]
    assert completion.narrow(u"os. + 1") and len(completion.matches) == 4
    assert not completion.narrow(u"os.pax + 1")
    assert not completion.narrow(u"os + 1")
    assert not completion.narrow(u"os.pat + 2")


def test_what_completions_have_in_common():
    assert Completion(u"imp", {u"start": 0, u"end": 3, u"matches": [u"import_a", u"import_b"]}).common == u"import_"
    assert Completion(u"x", {u"start": 0, u"end": 1, u"matches": []}).common == u"x"
    assert Completion(u"ab", {u"start": 0, u"end": 2, u"matches": [u"Abc"]}).common == u"ab"


def test_tab_stops():
    assert [next_stop(column) for column in (0, 1, 3, 4, 5)] == [4, 3, 1, 4, 3]
    assert [previous_stop(blanks) for blanks in (1, 3, 4, 5, 8)] == [1, 3, 4, 1, 4]


# Background

def wait_for(background, condition):
    while not condition():
        assert select.select([background.fileno()], [], [], 20)[0], "nothing came"
        background.process_events()


def test_a_call_in_the_background_comes_back_where_events_are_processed():
    background, got = Background(), []

    def fail():
        raise ValueError("no")

    def note(value, error):
        got.append((value, repr(error), threading.current_thread()))

    background.run(lambda: 42, note)
    wait_for(background, lambda: got)
    background.run(fail, note)
    wait_for(background, lambda: len(got) == 2)
    assert got[0] == (42, "None", threading.current_thread())
    assert got[1][0] is None and "ValueError" in got[1][1]
    background.close()


def test_a_byte_that_comes_after_its_call_back_does_not_wake_for_ever():
    background, got = Background(), []
    background.run(lambda: 1, lambda value, error: got.append(value))
    assert select.select([background.fileno()], [], [], 20)[0]
    then, value, error = background._ready.popleft()  # as if the last round had taken it, just before
    background.process_events()
    assert not select.select([background.fileno()], [], [], 0)[0] and got == []
    background.process_events()
    background.close()


def test_what_a_closed_background_still_waits_for_goes_nowhere():
    background, go, ended, got = Background(), threading.Event(), threading.Event(), []

    def slow():
        go.wait(20)
        ended.set()

    background.run(slow, lambda value, error: got.append(value))
    background.close()
    go.set()
    assert ended.wait(20)
    background.process_events()
    assert got == []
