"""The main loop of the broker's process: a context, descriptors and timers, one thread.

It waits in ``context.wait()``, so this thread itself reads what frontends send. Callbacks run one after the other and must
not block. An error that a callback lets through ends the loop.
"""
from __future__ import absolute_import, division, print_function

import heapq
import itertools

from .._compat import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple


class Timer(object):
    """Something to be called at a time, unless it is cancelled before."""

    def __init__(self, when, callback):
        # type: (float, Callable[[], None]) -> None
        self.when = when
        self.callback = callback  # type: Optional[Callable[[], None]]

    def cancel(self):
        # type: () -> None
        """Do not call; nothing happens when it is over already."""
        self.callback = None


class Loop(object):
    """Calls back when descriptors are ready, times have come, and the context has callbacks.

    Args:
        context: a yotonlike context without a thread of its own.
        clock: gives monotonic seconds.
    """

    def __init__(self, context, clock=monotonic):
        # type: (Any, Callable[[], float]) -> None
        self.now = clock
        self._context = context
        self._readers = {}  # type: Dict[int, Callable[[], None]]
        self._writers = {}  # type: Dict[int, Callable[[], None]]
        self._timers = []  # type: List[Tuple[float, int, Timer]]
        self._order = itertools.count()  # so that timers of the same time are not compared
        self._later = []  # type: List[Callable[[], None]]  # for the end of this turn
        self._running = False

    def watch(self, fd, callback):
        # type: (int, Optional[Callable[[], None]]) -> None
        """Call back whenever ``fd`` is readable or at its end; None stops that."""
        _set(self._readers, fd, callback)

    def watch_write(self, fd, callback):
        # type: (int, Optional[Callable[[], None]]) -> None
        """Call back whenever ``fd`` takes bytes; None stops that."""
        _set(self._writers, fd, callback)

    def call_at(self, when, callback):
        # type: (float, Callable[[], None]) -> Timer
        """Call once when the clock shows ``when``."""
        timer = Timer(when, callback)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def call_after(self, callback):
        # type: (Callable[[], None]) -> None
        """Call once at the end of this turn, however often that is asked for."""
        if callback not in self._later:
            self._later.append(callback)

    def run(self):
        # type: () -> None
        """Call back until `stop`."""
        self._running = True
        while self._running:
            self.run_once()

    def stop(self):
        # type: () -> None
        """Leave `run` after the callback that is running."""
        self._running = False

    def run_once(self):
        # type: () -> None
        """Wait for something to happen and call back for all that did."""
        readable, writable = self._context.wait(self._timeout(), self._readers, self._writers)
        for fds, table in ((readable, self._readers), (writable, self._writers)):
            for fd in fds:
                callback = table.get(fd)  # an earlier callback may have taken it away
                if callback is not None:
                    callback()
        self._context.process_events()
        self._run_timers()
        while self._later:
            self._later.pop(0)()

    def _timeout(self):
        # type: () -> Optional[float]
        if self._later:  # asked for before the first turn
            return 0.0
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        return max(0.0, self._timers[0][0] - self.now())

    def _run_timers(self):
        # type: () -> None
        now = self.now()
        while self._timers and self._timers[0][0] <= now:
            callback = heapq.heappop(self._timers)[2].callback
            if callback is not None:
                callback()


def _set(table, fd, callback):
    # type: (Dict[int, Callable[[], None]], int, Optional[Callable[[], None]]) -> None
    if callback is None:
        table.pop(fd, None)
    else:
        table[fd] = callback
