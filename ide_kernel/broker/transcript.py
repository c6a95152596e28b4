"""The events of a broker as one numbered record. Pure.

Each message says how many messages, bytes of output and lines of output came before it. So whoever misses some knows how
much that is, whatever it was that lost them, and who wants only the end of the record finds where that begins.
"""
from __future__ import absolute_import, division, print_function

import bisect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

#: Bytes of output from one landmark to the next: a frontend that wants the last lines gets up to so much more, and drops it.
STRIDE = 64 << 10
#: Landmarks; beyond that each second one goes.
LANDMARKS = 4096
#: What of executions that are over is kept for frontends that missed their end: enough for all but a frontend that sends
#: executions by the hundred and reads none of their results.
OUTCOMES = 200
OUTCOMES_SIZE = 256 << 10


class Transcript(object):
    """Numbers what happens.

    Attributes:
        number (int): of the next message.
        bytes, lines (int): of output so far.
    """

    def __init__(self):
        # type: () -> None
        self.number = self.bytes = self.lines = 0
        self._numbers = [0]  # type: List[int]  # landmarks: a message, and the lines before it
        self._lines = [0]    # type: List[int]
        self._passed = 0     # the bytes at the last one
        self._outcomes = []  # type: List[Dict[Any, Any]]
        self._sizes = []     # type: List[int]
        self._size = 0       # their sum

    def message(self, events):
        # type: (List[Dict[Any, Any]]) -> Dict[Any, Any]
        """The next message, with these events."""
        message = {u"number": self.number, u"bytes": self.bytes, u"lines": self.lines, u"events": events}
        if self.bytes - self._passed >= STRIDE:
            self._numbers.append(self.number)
            self._lines.append(self.lines)
            self._passed = self.bytes
            if len(self._numbers) > LANDMARKS:
                self._numbers, self._lines = self._numbers[::2], self._lines[::2]
        for event in events:
            kind = event[u"event"]
            if kind == u"output":
                self.bytes += len(event[u"data"])
                self.lines += event[u"data"].count(b"\n")
            elif kind in (u"finished", u"cancelled"):
                self._remember(event)
        self.number += 1
        return message

    def start(self, lines, first):
        # type: (int, int) -> int
        """The number from which on a reader finds the last ``lines`` lines, and not much more.

        Args:
            lines: how many; 0 for none.
            first: the number of the oldest message that is kept.
        """
        gone = bisect.bisect_right(self._numbers, first) - 1
        if gone > 0:
            del self._numbers[:gone], self._lines[:gone]
        if lines <= 0:
            return self.number
        at = bisect.bisect_left(self._lines, self.lines - lines)
        return max(first, self._numbers[max(0, at - 1)])

    def outcomes(self):
        # type: () -> List[Dict[Any, Any]]
        """How the latest executions ended: their *finished* and *cancelled* events."""
        return list(self._outcomes)

    def _remember(self, event):
        # type: (Dict[Any, Any]) -> None
        error = event.get(u"error") or {}
        size = 200 + len(event.get(u"value") or u"") + len(error.get(u"message") or u"") + len(error.get(u"traceback") or u"")
        self._outcomes.append(event)
        self._sizes.append(size)
        self._size += size
        while len(self._sizes) > OUTCOMES or self._size > OUTCOMES_SIZE:
            self._size -= self._sizes[0]
            del self._outcomes[0], self._sizes[0]
