"""What waits to be shown, for a frontend that shows it in pieces. Pure, bounded.

A program writes faster than a toolkit draws. What waits is no more than would be kept once it was shown: of a flood of lines the
first are forgotten unread, since they would have scrolled out, and only the colours that they switched on are remembered.
"""
from __future__ import absolute_import, division, print_function

import collections
import re

from .console import LINES, OWN, REACH, is_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Deque, List, Tuple

#: Characters with colours and the like that are taken in one go, about a millisecond's worth; plain text takes much less.
PIECE = 1 << 12
#: Lines too many that are borne: less often forgotten is more at once.
SLACK = 1000
#: Characters that a piece counts besides its own, because each has to be handled.
COST = 50
_SELECT = re.compile(u"\x1b\\[[0-9;:]*m")
_RESETS = (u"\x1b[0m", u"\x1b[m")
#: Sequences of colours that are remembered; more in a row without a reset are none that matter.
MOST = 50


class Backlog(object):
    """Pieces of text, each with its kind (see `styles.Style`), in order.

    Args:
        lines: how many lines are kept at least.

    Attributes:
        size (int): a measure of what waits: its characters and a little for each piece.
    """

    def __init__(self, lines=LINES + REACH):
        # type: (int) -> None
        self.size = 0
        self._limit = lines
        self._pieces = collections.deque()  # type: Deque[Tuple[Any, Any, int]]  # text, kind, newlines
        self._newlines = 0
        self._colours = []  # type: List[Any]  # what was forgotten has selected these

    def __len__(self):
        # type: () -> int
        return len(self._pieces)

    def add(self, text, kind):
        # type: (Any, Any) -> None
        """Have a text shown."""
        self._pieces.append((text, kind, text.count(u"\n")))
        self._count(self._pieces[-1], 1)
        if self._newlines > self._limit + SLACK:
            self._forget()

    def take(self):
        # type: () -> Tuple[Any, Any]
        """The next text to show, with its kind: as much as takes about the same time."""
        piece = self._pop()
        text, kind, _ = piece
        if len(text) > PIECE and not is_plain(text):
            self._push(text[PIECE:], kind)
            text = text[:PIECE]
        elif kind not in OWN:
            texts, size = [text], len(text)
            while self._pieces and self._pieces[0][1] == kind and size + len(self._pieces[0][0]) <= PIECE:
                texts.append(self._pop()[0])
                size += len(texts[-1])
            text = u"".join(texts)
        colours, self._colours = self._colours, []
        return (text if kind in OWN else u"".join(colours) + text), kind

    def _pop(self):
        # type: () -> Tuple[Any, Any, int]
        piece = self._pieces.popleft()
        self._count(piece, -1)
        return piece

    def _push(self, text, kind):
        # type: (Any, Any) -> None
        self._pieces.appendleft((text, kind, text.count(u"\n")))
        self._count(self._pieces[0], 1)

    def _count(self, piece, sign):
        # type: (Tuple[Any, Any, int], int) -> None
        self.size += sign * (len(piece[0]) + COST)
        self._newlines += sign * piece[2]

    def _forget(self):
        # type: () -> None
        """Drop lines from the beginning; what remains begins with the newline of the last of them."""
        while self._newlines > self._limit:
            text, kind, newlines = self._pop()
            excess = self._newlines + newlines - self._limit
            if newlines > excess:
                rest = u"\n" + text.split(u"\n", excess)[-1]
                self._remember(text[:len(text) - len(rest)], kind)
                self._push(rest, kind)
                return
            self._remember(text, kind)

    def _remember(self, text, kind):
        # type: (Any, Any) -> None
        if kind in OWN:  # these end all colours
            self._colours = []
        elif u"\x1b" in text:
            reset = max(text.rfind(each) for each in _RESETS)
            before = self._colours if reset < 0 else []
            self._colours = (before + _SELECT.findall(text, max(0, reset)))[-MOST:]
