"""Where a subscription stands with each publisher: the number of the message that it awaits next.

Whoever forwards or takes messages of a subscription keeps these; they go with OPEN over a link that comes up, so that
a publisher with a history goes on where this end stands. A relay stands behind what it has forwarded, because that
is on its way; so each hop resumes by itself, whichever link is lost.

An epoch says who publishes, with the name of the context, and which instance that is. So a publisher that comes after the
link of another one with the same name was lost, without a goodbye, is taken for that one, restarted: what that one had
sent besides is missing, and nobody knows how much.

What was there before is recognized by its number and dropped, so a position that is out of date, or forgotten, costs a
repetition on the wire and never one at the application. What is missing is counted.
"""
from __future__ import absolute_import, division, print_function

from collections import OrderedDict, namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Optional, Set, Tuple

    from .credit import Batch

#: Publishers that a subscription remembers: those attached last. OPEN names them all, 24 bytes each.
MAX_POSITIONS = 1024
#: Bytes at the front of an epoch that say who publishes.
WHO = 4
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

    __slots__ = ("_next", "_feeds", "_away")

    def __init__(self, known=()):
        # type: (Iterable[Tuple[bytes, int]]) -> None
        self._next = OrderedDict(known)  # type: Dict[bytes, int]
        self._feeds = {}  # type: Dict[bytes, Any]  # publisher -> the inlet that it feeds
        self._away = set()  # type: Set[bytes]  # those lost without a goodbye

    def known(self):
        # type: () -> List[Tuple[bytes, int]]
        """(epoch, number of the next message) of each publisher, those attached last at the end."""
        return list(self._next.items())

    def attached(self, source, number, inlet, anew=False):
        # type: (bytes, int, Any, bool) -> bool
        """A publisher feeds the subscription; if it is new here, beginning with that number.

        Returns whether it is new in the place of one that was lost, as ``anew`` says if that was noticed on the way.
        """
        is_new = source not in self._next
        self._next[source] = self._next.pop(source, number)
        self._feeds[source] = inlet
        self._away.discard(source)
        if len(self._next) > MAX_POSITIONS:
            oldest = next(iter(self._next))
            del self._next[oldest]
            self._feeds.pop(oldest, None)
            self._away.discard(oldest)
        lost = [other for other in self._away if other[:WHO] == source[:WHO]] if is_new else []
        self._away.difference_update(lost[:1])
        return is_new and (anew or bool(lost))

    def lost(self, inlet):
        # type: (Any) -> None
        """A link is gone, and with it, for now or for good, those that fed the subscription over it."""
        lost = [source for source, feeds in self._feeds.items() if feeds is inlet]
        for source in lost:
            del self._feeds[source]
        if not inlet.owner.goodbye:
            self._away.update(lost)

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
