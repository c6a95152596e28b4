"""How text in a terminal looks: colours and faces, and the parameters of the control sequence that selects them (SGR). Pure."""
from __future__ import absolute_import, division, print_function

import collections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Tuple

#: How a piece of text looks. ``kind`` says where it comes from (``"stdout"``, ``"stderr"``, or what the frontend likes); a colour
#: is None (the default of that kind), a number from 0 to 15 (the palette is the frontend's) or ``"#rrggbb"``.
Style = collections.namedtuple("Style", "kind fg bg bold dim italic underline inverse strike")

#: No colour and no face.
PLAIN = Style(u"", None, None, False, False, False, False, False, False)
_FACES = {1: ("bold", True), 2: ("dim", True), 3: ("italic", True), 4: ("underline", True), 7: ("inverse", True),
          9: ("strike", True), 21: ("underline", True), 23: ("italic", False), 24: ("underline", False),
          27: ("inverse", False), 29: ("strike", False)}  # type: Dict[int, Tuple[str, bool]]


def select(style, numbers):
    # type: (Style, List[int]) -> Style
    """A style after "select graphic rendition" (SGR) with these parameters."""
    numbers = list(numbers) or [0]
    while numbers:
        number = max(0, numbers.pop(0))
        if number == 0:
            style = PLAIN._replace(kind=style.kind)
        elif number in _FACES:
            name, value = _FACES[number]
            style = style._replace(**{name: value})
        elif number == 22:
            style = style._replace(bold=False, dim=False)
        elif number in (38, 48):
            colour, numbers = _extended(numbers)
            style = style._replace(fg=colour) if number == 38 else style._replace(bg=colour)
        elif 30 <= number <= 39 or 90 <= number <= 97:
            style = style._replace(fg=None if number == 39 else number - 30 if number < 40 else number - 82)
        elif 40 <= number <= 49 or 100 <= number <= 107:
            style = style._replace(bg=None if number == 49 else number - 40 if number < 50 else number - 92)
    return style


def _extended(numbers):
    # type: (List[int]) -> Tuple[Any, List[int]]
    """The colour in ``5;N`` or ``2;R;G;B``, and the parameters behind it."""
    if numbers[:1] == [5] and len(numbers) > 1:
        return colour(numbers[1]), numbers[2:]
    if numbers[:1] == [2] and len(numbers) > 3:
        rest = numbers[1:]
        if rest[0] == -1 and len(rest) > 3:  # "2::R:G:B": a colour space that nobody names
            rest = rest[1:]
        return u"#%02x%02x%02x" % tuple(min(255, max(0, part)) for part in rest[:3]), rest[3:]
    return None, []


def colour(number):
    # type: (int) -> Any
    """One of the 256 colours, as `Style` has it."""
    if number < 16:
        return max(0, number)
    if number >= 232:
        return u"#%02x%02x%02x" % ((8 + 10 * (min(number, 255) - 232),) * 3)
    steps = (0, 95, 135, 175, 215, 255)
    return u"#%02x%02x%02x" % (steps[(number - 16) // 36], steps[(number - 16) // 6 % 6], steps[(number - 16) % 6])
