"""What a terminal would show of a text: colours, progress bars, erased lines. Pure, incremental, bounded.

A `Console` is fed with what a program writes, in pieces that may end anywhere, and keeps lines of styled text that any toolkit
can draw. Of the control sequences of a terminal it knows those that programs use to write lines: colours and faces (SGR, with 256
and true colours), ``\\r``, backspace, tabulators, erasing, and moving to lines just above. It is no screen of fixed height: what
is addressed by row is ignored, "clear" forgets everything, and all other sequences vanish.

Everything is bounded: the number of lines, their length, an escape sequence that never ends, and how far up the cursor goes.
"""
from __future__ import absolute_import, division, print_function

import re

from .styles import PLAIN, select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Tuple
    from .styles import Style

#: Lines that are kept: a few screens of a talkative build, and drawn anew in milliseconds.
LINES = 5000
#: Characters in a line before it is broken, as a terminal breaks it at its margin: toolkits draw longer ones slowly.
WIDTH = 4000
#: Characters that are kept in all lines together: a toolkit needs tens of bytes for each.
SIZE = 2000000
#: Lines that the cursor can go up, for several progress bars below each other.
REACH = 100
#: Characters of an escape sequence that has not ended yet; a longer one is none.
ESCAPE = 1024

#: Kinds of text that are the frontend's own, and begin a line of their own, in no colour of the program's.
OWN = frozenset((u"prompt", u"note"))

_TEXT = re.compile(u"[^\x00-\x08\x0b-\x1f\x7f\x9b]+")  # with newlines and tabulators
_SEQUENCE = re.compile(u"(?:\x1b\\[|\x9b)([0-?]*)[ -/]*([@-~])"    # CSI, with its parameters and its final byte
                       u"|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)"    # OSC: titles, links
                       u"|\x1b[PX^_][^\x1b]*\x1b\\\\"              # strings of other kinds
                       u"|\x1b[ -/]*[0-OQ-WYZ\\\\`-~]")            # short ones
_BEGUN = re.compile(u"(?:(?:\x1b\\[|\x9b)[0-?]*[ -/]*|\x1b\\][^\x07\x1b]*\x1b?|\x1b[PX^_][^\x1b]*\x1b?|\x1b[ -/]*)\\Z")


class Line(object):
    """One line: ``runs`` are pairs of a text and its `Style`, ``length`` is the number of characters."""

    __slots__ = ("runs", "length")

    def __init__(self, text=u"", style=PLAIN):
        # type: (Any, Style) -> None
        self.runs = [(text, style)] if text else []  # type: List[Tuple[Any, Style]]
        self.length = len(text)

    @property
    def text(self):
        # type: () -> Any
        """The characters alone."""
        return u"".join(text for text, _ in self.runs)

    def write(self, text, style, at):
        # type: (Any, Style, int) -> None
        """Write over what stands from column ``at`` on; blanks fill the way there."""
        if at > self.length:
            self._append(u" " * (at - self.length), PLAIN)
        if at < self.length:
            left, right = self._cut(0, at), self._cut(at + len(text), self.length)
            self.runs, self.length = left, at
            self._append(text, style)
            for piece, its_style in right:
                self._append(piece, its_style)
        else:
            self._append(text, style)

    def erase(self, begin, end):
        # type: (int, int) -> None
        """Blanks from ``begin`` to ``end``; at the end of the line, nothing instead of blanks."""
        if end >= self.length:
            self.runs, self.length = self._cut(0, begin), min(begin, self.length)
        elif end > begin:
            self.write(u" " * (end - begin), PLAIN, begin)

    def delete(self, begin, end):
        # type: (int, int) -> None
        """Take characters out; what follows moves up."""
        right = self._cut(end, self.length)
        self.erase(begin, self.length)
        for text, style in right:
            self._append(text, style)

    def _append(self, text, style):
        # type: (Any, Style) -> None
        if self.runs and self.runs[-1][1] == style:
            self.runs[-1] = (self.runs[-1][0] + text, style)
        elif text:
            self.runs.append((text, style))
        self.length += len(text)

    def _cut(self, begin, end):
        # type: (int, int) -> List[Tuple[Any, Style]]
        found, at = [], 0
        for text, style in self.runs:
            piece = text[max(0, begin - at):max(0, end - at)]
            if piece:
                found.append((piece, style))
            at += len(text)
        return found


def is_plain(text):
    # type: (Any) -> bool
    """Whether a text has nothing that takes a `Console` long: no controls but newlines and tabulators."""
    return _TEXT.sub(u"", text, 1) == u""


class Console(object):
    """The lines of a terminal.

    Lines are numbered from 0 on, and keep their numbers when old ones are dropped.

    Args:
        limit: how many lines are kept.

    Attributes:
        first (int): the number of the first line that is kept.
        lines (list[Line]): those that are kept.
    """

    def __init__(self, limit=LINES):
        # type: (int) -> None
        self.first = 0
        self.lines = [Line()]
        self._limit = limit
        self._row = 0  # the cursor, in the numbers of lines
        self._column = 0
        self._style = PLAIN
        self._begun = u""  # of a sequence, or a "\r" that may belong to a "\n"
        self._chars = 0
        self._changed = 0  # the first line that was changed since `changes`
        self._controls = {
            u"m": self._select, u"K": self._erase_line, u"J": self._erase_below, u"G": self._to_column, u"C": self._right,
            u"D": self._left, u"A": self._up, u"B": self._down, u"F": self._line_up, u"E": self._line_down,
            u"P": self._delete,
        }

    @property
    def end(self):
        # type: () -> int
        """One more than the number of the last line."""
        return self.first + len(self.lines)

    @property
    def unfinished(self):
        # type: () -> Any
        """The text of the last line."""
        return self.lines[-1].text

    def feed(self, text, kind=u"stdout"):
        # type: (Any, Any) -> None
        """Take a piece of what is written.

        Args:
            text: the piece; characters that cannot be shown (halves of surrogate pairs) should have been replaced.
            kind: where it comes from, for `Style.kind`; one of `OWN` begins a line.
        """
        if kind in OWN:
            self.settle()
        text, self._begun = self._begun + text, u""
        if self._style.kind != kind:
            self._style = self._style._replace(kind=kind)
        at, end = 0, len(text)
        while at < end:
            found = _TEXT.match(text, at)
            if found is not None:
                self._write(found.group())
                at = found.end()
            else:
                at = self._control(text, at)
        self._trim()

    def settle(self):
        # type: () -> None
        """End what the program has begun: an unfinished line, an escape sequence, a colour."""
        self._begun = u""
        self._style = PLAIN
        self._move(self.end - 1, 0)
        if self.lines[-1].length:
            self._newline()

    def clear(self):
        # type: () -> None
        """Forget all lines, but the unfinished one."""
        self.first, self.lines = self.end - 1, self.lines[-1:]
        self._changed = self.first
        self._move(self.first, min(self._column, self.lines[0].length))

    def changes(self):
        # type: () -> Tuple[int, List[Line]]
        """What to draw anew.

        Returns:
            The number of the first line that has changed since the last call, and the lines from there on. Lines before
            ``first`` are gone.
        """
        begin, self._changed = max(self._changed, self.first), self.end
        return begin, self.lines[begin - self.first:]

    # Writing

    def _write(self, text):
        # type: (Any) -> None
        """Characters with newlines and tabulators. Whole lines at the end are many, and quick."""
        skipped = text.count(u"\n") - self._limit
        # Fewer would not be worth it, and what stands below the cursor is written over then.
        pieces = text.split(u"\n") if skipped < REACH else self._last_pieces(text, skipped)
        last = len(pieces) - 1
        for number, piece in enumerate(pieces):
            if 0 < number < last and self._row == self.end - 1 and len(piece) < WIDTH and u"\t" not in piece:
                self._move(self.end, len(piece))
                self.lines.append(Line(piece, self._style))  # most lines: as what follows would do it, but quick
                self._chars += len(piece)
                continue
            if number:
                self._newline()
            if u"\t" in piece:
                piece = self._expand(piece)
            if self._column + len(piece) <= WIDTH:
                self._put(piece)
            else:
                self._break(piece)

    def _last_pieces(self, text, skipped):
        # type: (Any, int) -> List[Any]
        """More lines than are kept: the first are skipped, and counted as if they had been there."""
        self.first, self.lines = self._row + skipped, [Line()]
        self._changed = min(self._changed, self.first)
        self._move(self.first, 0)
        return text.split(u"\n", skipped)[-1].split(u"\n")

    def _put(self, text):
        # type: (Any) -> None
        if not text:
            return
        self._touch()
        self._chars += len(text)
        self.lines[self._row - self.first].write(text, self._style, self._column)
        self._column += len(text)

    def _break(self, text):
        # type: (Any) -> None
        while text:
            room = WIDTH - self._column
            if room > 0:
                self._put(text[:room])
                text = text[room:]
            if text:
                self._newline()

    def _expand(self, text):
        # type: (Any) -> Any
        before = u" " * (self._column % 8)
        return (before + text).expandtabs(8)[len(before):]

    def _newline(self):
        # type: () -> None
        self._move(self._row + 1, 0)
        if self._row == self.end:
            self.lines.append(Line())
            self._touch()

    def _move(self, row, column):
        # type: (int, int) -> None
        self._row, self._column = row, column

    def _touch(self):
        # type: () -> None
        self._changed = min(self._changed, self._row)

    def _trim(self):
        # type: () -> None
        excess = len(self.lines) - self._limit
        if self._chars > SIZE:  # perhaps: what was written over was counted, too
            self._chars = sum(line.length for line in self.lines[max(0, excess):])
            while self._chars > SIZE:
                self._chars -= self.lines[max(0, excess)].length
                excess = max(0, excess) + 1
        if excess > 0:
            del self.lines[:excess]
            self.first += excess
            self._row = max(self._row, self.first)

    # Control characters

    def _control(self, text, at):
        # type: (Any, int) -> int
        """Do what the control character at ``at`` says; where the text goes on."""
        char = text[at]
        if char in u"\x1b\x9b":
            return self._escape(text, at)
        if char == u"\r":
            if at + 1 == len(text):
                self._begun = char
            elif text[at + 1] != u"\n":
                self._column = 0
        elif char == u"\b":
            self._column = max(0, self._column - 1)
        elif char in u"\x0b\x0c":
            self._newline()
        return at + 1

    def _escape(self, text, at):
        # type: (Any, int) -> int
        found = _SEQUENCE.match(text, at)
        if found is None:
            if len(text) - at < ESCAPE and _BEGUN.match(text, at):
                self._begun = text[at:]
                return len(text)
            return at + 1
        control = self._controls.get(found.group(2) or u"")
        if control is not None:
            control(_numbers(found.group(1)))
        return found.end()

    def _select(self, numbers):
        # type: (List[int]) -> None
        self._style = select(self._style, numbers)

    def _erase_line(self, numbers):
        # type: (List[int]) -> None
        line, what = self.lines[self._row - self.first], _number(numbers, 0)
        self._touch()
        line.erase(self._column if what == 0 else 0, self._column + 1 if what == 1 else line.length)

    def _erase_below(self, numbers):
        # type: (List[int]) -> None
        if _number(numbers, 0) in (2, 3):  # "clear": the unfinished line goes, too
            self.clear()
            self.lines[0].erase(0, self.lines[0].length)
            self._move(self.first, 0)
        elif _number(numbers, 0) == 0:
            self._erase_line([0])
            del self.lines[self._row - self.first + 1:]

    def _to_column(self, numbers):
        # type: (List[int]) -> None
        self._column = min(max(0, _number(numbers, 1) - 1), WIDTH)

    def _right(self, numbers):
        # type: (List[int]) -> None
        self._column = min(self._column + max(1, _number(numbers, 1)), WIDTH)

    def _left(self, numbers):
        # type: (List[int]) -> None
        self._column = max(0, self._column - max(1, _number(numbers, 1)))

    def _up(self, numbers):
        # type: (List[int]) -> None
        self._row = max(self.first, self.end - REACH, self._row - max(1, _number(numbers, 1)))

    def _down(self, numbers):
        # type: (List[int]) -> None
        self._row = min(self.end - 1, self._row + max(1, _number(numbers, 1)))

    def _line_up(self, numbers):
        # type: (List[int]) -> None
        self._up(numbers)
        self._column = 0

    def _line_down(self, numbers):
        # type: (List[int]) -> None
        self._down(numbers)
        self._column = 0

    def _delete(self, numbers):
        # type: (List[int]) -> None
        self._touch()
        self.lines[self._row - self.first].delete(self._column, self._column + max(1, _number(numbers, 1)))


def _numbers(parameters):
    # type: (Optional[Any]) -> List[int]
    """The parameters of a sequence; one that was left out is -1, and private ones are none."""
    if not parameters or parameters[0] in u"<=>?":
        return []
    return [int(word[:6]) if word.isdigit() else -1 for word in parameters.replace(u":", u";").split(u";")]


def _number(numbers, default):
    # type: (List[int], int) -> int
    return numbers[0] if numbers and numbers[0] >= 0 else default
