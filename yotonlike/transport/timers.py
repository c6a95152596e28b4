"""What is to be done at some time.

A timer that is cancelled stays in the heap until its time comes, or until most of them are such: what answered requests
leave behind is in proportion to what is pending, however long their time limits.
"""
from __future__ import absolute_import, division, print_function

import heapq

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Optional


#: Timers that may be cancelled before it is worth to look through them all.
SPARE = 64


class Timer(object):
    """One thing to do, unless it is cancelled. Timers order by their deadline."""

    __slots__ = ("deadline", "function", "_timers")

    def __init__(self, deadline, function, timers):
        # type: (float, Optional[Callable[[], None]], Timers) -> None
        self.deadline = deadline
        self.function = function
        self._timers = timers

    def cancel(self):
        # type: () -> None
        """Leave it undone, if it is not done yet."""
        if self.function is not None:
            self.function = None
            self._timers.cancelled()

    def __lt__(self, other):
        # type: (Timer) -> bool
        return self.deadline < other.deadline


class Timers(object):
    """The timers of a context."""

    def __init__(self):
        # type: () -> None
        self._heap = []  # type: List[Timer]
        self._pending = 0  # those of them that are not cancelled

    def __len__(self):
        # type: () -> int
        return len(self._heap)

    def add(self, deadline, function):
        # type: (float, Callable[[], None]) -> Timer
        """Have ``function`` called at ``deadline`` (monotonic seconds)."""
        timer = Timer(deadline, function, self)
        heapq.heappush(self._heap, timer)
        self._pending += 1
        return timer

    def cancelled(self):
        # type: () -> None
        """One of them was."""
        self._pending -= 1
        if len(self._heap) > 2 * self._pending + SPARE:
            self._heap = [timer for timer in self._heap if timer.function is not None]
            heapq.heapify(self._heap)

    def next_deadline(self):
        # type: () -> Optional[float]
        """When the first is due."""
        while self._heap and self._heap[0].function is None:
            heapq.heappop(self._heap)
        return self._heap[0].deadline if self._heap else None

    def run(self, now):
        # type: (float) -> None
        """Do what is due."""
        while self._heap and (self._heap[0].deadline <= now or self._heap[0].function is None):
            timer = heapq.heappop(self._heap)
            function, timer.function = timer.function, None
            if function is not None:
                self._pending -= 1
                function()
