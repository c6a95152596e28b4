"""What is to be done at some time."""
from __future__ import absolute_import, division, print_function

import heapq

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Optional


class Timer(object):
    """One thing to do, unless it is cancelled. Timers order by their deadline."""

    __slots__ = ("deadline", "function")

    def __init__(self, deadline, function):
        # type: (float, Optional[Callable[[], None]]) -> None
        self.deadline = deadline
        self.function = function

    def cancel(self):
        # type: () -> None
        """Leave it undone."""
        self.function = None

    def __lt__(self, other):
        # type: (Timer) -> bool
        return self.deadline < other.deadline


class Timers(object):
    """The timers of a context."""

    def __init__(self):
        # type: () -> None
        self._heap = []  # type: List[Timer]

    def add(self, deadline, function):
        # type: (float, Callable[[], None]) -> Timer
        """Have ``function`` called at ``deadline`` (monotonic seconds)."""
        timer = Timer(deadline, function)
        heapq.heappush(self._heap, timer)
        return timer

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
            function = heapq.heappop(self._heap).function
            if function is not None:
                function()
