"""Where one statement of a program ends and the next begins, told from its text alone. Pure.

Only what all Pythons agree on is looked at: strings, brackets, comments, joined lines, and what starts in the first column. So a
frontend can cut up a program for a kernel whose grammar it does not know.
"""
from __future__ import absolute_import, division, print_function

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional, Tuple
    Block = Tuple[Any, int]

#: Statements that may have more lines below, also when this line looks finished ("if x: pass" may have an "else").
_COMPOUND = frozenset(("if", "while", "for", "try", "with", "def", "class", "async"))
#: No statement begins with these: they go on with the one above.
_GOES_ON = frozenset(("else", "elif", "except", "finally"))
_WORD = re.compile(r"\w+")


class Scanner(object):
    """Follows strings, brackets and joined lines through a text that is fed line by line.

    Attributes:
        last (str): the last character outside of comments and white space, or ``""``.
        last_at (int): where that is, counted from the beginning.
        joined (bool): whether the text ends with a backslash that joins its last line with the next.
    """

    def __init__(self):
        # type: () -> None
        self.last = ""
        self.last_at = -1
        self._depth = 0
        self._quote = ""
        self.joined = False
        self._fed = 0

    @property
    def open(self):
        # type: () -> bool
        """Whether the next line goes on with this one, whatever it looks like."""
        return bool(self._quote) or self._depth > 0 or self.joined

    def feed(self, text):
        # type: (Any) -> None
        """Take more of the text: whole lines, with their newlines."""
        self.joined = False
        at, end = 0, len(text)
        while at < end:
            at = self._string(text, at) if self._quote else self._code(text, at)
        self._fed += end

    def _note(self, text, at):
        # type: (Any, int) -> None
        self.last, self.last_at = text[at], self._fed + at

    def _string(self, text, at):
        # type: (Any, int) -> int
        if text[at] == "\\":
            if text[at + 1:at + 2] in ("\n", ""):
                self.joined = len(self._quote) == 1
            return at + 2
        if text.startswith(self._quote, at):
            at += len(self._quote)
            self._note(text, at - 1)
            self._quote = ""
            return at
        if text[at] == "\n" and len(self._quote) == 1:
            self._quote = ""  # never closed: the compiler will say so
        return at + 1

    def _code(self, text, at):
        # type: (Any, int) -> int
        char = text[at]
        if char == "#":
            newline = text.find("\n", at)
            return len(text) if newline < 0 else newline
        if char == "\\" and text[at + 1:at + 2] in ("\n", ""):
            self.joined = True
            return at + 2
        if char.isspace():
            self.joined = False
            return at + 1
        self._note(text, at)
        self.joined = False
        if char in "\"'":
            self._quote = char * 3 if text.startswith(char * 3, at) else char
            return at + len(self._quote)
        if char in "([{":
            self._depth += 1
        elif char in ")]}":
            self._depth = max(0, self._depth - 1)
        return at + 1


class Blocks(object):
    """Cuts a program into the pieces that an interactive interpreter would run one after the other.

    A simple statement is given out with its last line; a compound one when the next statement begins, so that the blank
    lines in it do not matter.
    """

    def __init__(self):
        # type: () -> None
        self._number = 0
        self._reset()

    def _reset(self):
        # type: () -> None
        self._lines = []  # type: List[Any]
        self._first = self._number + 1
        self._scanner = Scanner()
        self._compound = False
        self._decorator = False

    def feed(self, line):
        # type: (Any) -> List[Block]
        """Take one line, with or without its newline.

        Returns:
            What is complete now: pairs of a text and the number of its first line, from 1.
        """
        line = line.rstrip("\r\n") + "\n"
        found = []  # type: List[Block]
        if self._lines and not self._scanner.open and self._begins(line):
            found += self.finish()
        self._number += 1
        if not self._lines:
            if not line.strip() or line.lstrip().startswith("#"):
                return found
            self._first = self._number
        self._add(line)
        if not self._scanner.open and not self._compound:
            found += self.finish()
        return found

    def finish(self):
        # type: () -> List[Block]
        """What is left at the end of the program."""
        found = [("".join(self._lines), self._first)] if self._lines else []
        self._reset()
        return found

    def _begins(self, line):
        # type: (Any) -> bool
        if self._decorator or line[0].isspace() or line[0] == "#":
            return False
        word = _WORD.match(line)
        return word is None or word.group() not in _GOES_ON

    def _add(self, line):
        # type: (Any) -> None
        if not self._scanner.open and not line[0].isspace() and line[0] != "#":
            word = _WORD.match(line)
            self._decorator = line[0] == "@"
            self._compound = self._compound or self._decorator or (word is not None and word.group() in _COMPOUND)
        self._lines.append(line)
        self._scanner.feed(line)
        if not self._scanner.open and self._scanner.last == ":":
            self._compound = True


def split_background(code):
    # type: (Any) -> Tuple[Any, bool]
    """Take the ``;`` at the end of an input off, which asks to run it in the background.

    Returns:
        The code without it, and whether it was there (and ends code, not a comment or a string).
    """
    scanner = Scanner()
    scanner.feed(code)
    if scanner.last != ";" or scanner.open or not code[:scanner.last_at].strip():
        return code, False
    return code[:scanner.last_at] + code[scanner.last_at + 1:], True


def is_open(code):
    # type: (Any) -> bool
    """Whether a string, a bracket or a joined line goes on below ``code``."""
    return _scanned(code).open


def is_complete(code, ask):
    # type: (Any, Callable[[Any], Any]) -> bool
    """Whether an input is to be run as it stands, by the rule of Python's own shell.

    A simple statement is complete with its last line, a compound one with a blank line, since it might go on with ``else``; what
    is wrong already can only become an error.

    Args:
        code: the input: lines without a newline at the end.
        ask: says of a text whether it is ``"complete"``, ``"incomplete"`` or ``"invalid"`` in the Python that is to run it. Below
            indented lines it may wait for a blank one.
    """
    if _scanned(code).joined:  # 2.7 would compile it
        return False
    blocks = Blocks()
    for line in code.split("\n"):
        blocks.feed(line)
    if not blocks.finish():
        return ask(code + "\n") != "incomplete"
    state = ask(code)
    return state == "invalid" or (state == "complete" and not code.rpartition("\n")[2].strip())


def _scanned(code):
    # type: (Any) -> Scanner
    scanner = Scanner()
    scanner.feed(code + "\n")
    return scanner


def complete_here(code):
    # type: (Any) -> bool
    """A guess at `is_complete`, for the moment when the kernel cannot say."""
    return is_complete(code, lambda text: "incomplete" if is_open(text) else "complete")


def indent_here(code):
    # type: (Any) -> Any
    """A guess at what a line below ``code`` begins with."""
    line = code.rpartition("\n")[2]
    return line[:len(line) - len(line.lstrip())] + ("    " if line.rstrip().endswith(":") else "")


def first_line(code, width=60):
    # type: (Optional[Any], int) -> Any
    """Code in one line, to name it in a notice."""
    lines = (code or u"").strip().splitlines() or [u""]
    return lines[0] if len(lines) == 1 and len(lines[0]) <= width else lines[0][:width] + u" ..."
