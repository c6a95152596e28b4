"""What has come to a subscription and was not taken yet: batches, and gaps in the places of messages that are missing.

A subscription to the latest conflates here too, as senders do with what waits for window: a message that comes replaces
the one of the same publisher that waits, whose window goes back at once. So only newest messages wait, and the
publisher finds room for a newer one.
"""
from __future__ import absolute_import, division, print_function

from collections import deque

from .credit import Batch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List


class Gap(object):
    """Messages that were published and will not come, in the place where they would have come.

    Attributes:
        missed (int): how many.
        exact (bool): whether those are all. They are not where a publisher was lost, and one of the same context's name came in
            its place: what the lost one had sent besides what came, nobody knows.
    """

    __slots__ = ("missed", "exact")

    def __init__(self, missed, exact=True):
        # type: (int, bool) -> None
        self.missed = missed
        self.exact = exact

    def __repr__(self):
        # type: () -> str
        return "<Gap of %d messages%s>" % (self.missed, "" if self.exact else " or more")


class Arrivals(deque):  # type: ignore[type-arg]
    """Batches and gaps, the next one first.

    Args:
        latest (bool): only the newest message of each publisher stays.
        gaps (bool): whether gaps are wanted.
    """

    def __init__(self, latest, gaps):
        # type: (bool, bool) -> None
        super(Arrivals, self).__init__()
        self._latest = latest
        self._gaps = gaps

    def add(self, batch, missed, exact=True):
        # type: (Batch, int, bool) -> int
        """A batch came, and ``missed`` messages before it will not; returns how many are missed now that were not before."""
        if self._latest:
            return self._replace(batch, missed, exact)
        if self._gaps and (missed or not exact):
            self.append(Gap(missed, exact))
        self.append(batch)
        return missed

    def _replace(self, batch, missed, exact):
        # type: (Batch, int, bool) -> int
        """:meth:`add`; the newest message takes the place of the one that waits, so that nobody's goes back in the queue."""
        at, gap, replaced = self._find(batch.source), missed, []  # type: int, int, List[Batch]
        self.rotate(-at)
        if at < len(self):
            if type(self[0]) is Gap:
                before = self.popleft()
                gap, exact = gap + before.missed, before.exact
            replaced.append(self.popleft())
        if len(batch.lengths) > 1:
            older, batch = batch.split(len(batch.lengths) - 1)
            replaced.append(older)
        count = sum(len(each.lengths) for each in replaced)
        self.appendleft(batch)
        if self._gaps and (gap + count or not exact):
            self.appendleft(Gap(gap + count, exact))
        self.rotate(at)
        for each in replaced:  # last, because room may bring the next batch at once
            each.hand_back()
        return missed + count

    def _find(self, source):
        # type: (bytes) -> int
        """Where the message of a publisher waits, with the gap before it; the end when there is none."""
        for at, each in enumerate(self):
            if type(each) is Batch and each.source == source:
                return at - 1 if at and type(self[at - 1]) is Gap else at
        return len(self)

    def batches(self):
        # type: () -> List[Batch]
        """Without the gaps."""
        return [each for each in self if type(each) is Batch]

    def take_apart(self, batch):
        # type: (Batch) -> None
        """Put each message of a batch back by itself."""
        for _ in batch.lengths[1:]:
            batch, last = batch.split(len(batch.lengths) - 1)
            self.appendleft(last)
        self.appendleft(batch)
