"""Where a subscription stands with each publisher: the number of the message that it awaits next.

Whoever forwards or takes messages of a subscription keeps these; they go with OPEN over a link that comes up, so that
a publisher with a history goes on where this end stands. A relay stands behind what it has forwarded, because that
is on its way; so each hop resumes by itself, whichever link is lost.

What was there before is recognized by its number and dropped, so a position that is out of date, or forgotten, costs a
repetition on the wire and never one at the application. What is missing is counted.
"""
from __future__ import absolute_import, division, print_function

from collections import OrderedDict, namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, List, Optional, Tuple

    from .credit import Batch

#: Publishers that a subscription remembers: those attached last. OPEN names them all, 24 bytes each.
MAX_POSITIONS = 1024
#: A subscription that wants all of a history, however long.
ALL = (1 << 64) - 1

#: How a subscription stands when it is opened over a link: the positions that it has, the bytes of its window that are
#: used by what came over links that are gone, and the bytes that it wants of the histories of publishers that are new to it.
Standing = namedtuple("Standing", "positions used history")
NEW = Standing((), 0, ALL)


class Positions(object):
    """The positions of one subscription.

    Args:
        known: (epoch, number) of publishers, as :meth:`known` returns them.
    """

    __slots__ = ("_next",)

    def __init__(self, known=()):
        # type: (Iterable[Tuple[bytes, int]]) -> None
        self._next = OrderedDict(known)  # type: Dict[bytes, int]

    def known(self):
        # type: () -> List[Tuple[bytes, int]]
        """(epoch, number of the next message) of each publisher, those attached last at the end."""
        return list(self._next.items())

    def attached(self, source, number):
        # type: (bytes, int) -> None
        """A publisher feeds the subscription; if it is new here, beginning with that number."""
        self._next[source] = self._next.pop(source, number)
        if len(self._next) > MAX_POSITIONS:
            del self._next[next(iter(self._next))]

    def take(self, batch):
        # type: (Batch) -> Tuple[Optional[Batch], int]
        """A batch came: (what of it is new, or None; how many messages before it are missing)."""
        source, number = batch.source, batch.number
        expected = self._next.get(source, number)
        if expected == number:
            self._next[source] = batch.end
            return batch, 0
        if expected < number:
            self._next[source] = batch.end
            return batch, number - expected
        return self._without_known(batch, expected), 0

    def _without_known(self, batch, expected):
        # type: (Batch, int) -> Optional[Batch]
        if expected >= batch.end:
            batch.hand_back()
            return None
        self._next[batch.source] = batch.end
        known, rest = batch.split(expected - batch.number)
        known.hand_back()
        return rest
