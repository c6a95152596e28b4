"""The main loop of the broker's process: descriptors and timers, one thread.

Callbacks run one after the other and must not block. An error that a callback lets through ends the loop.
"""
from __future__ import absolute_import, division, print_function

import heapq
import itertools
import math
import select

from .._compat import monotonic
from .guardian import retry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple

_READ = select.POLLIN | select.POLLHUP | select.POLLERR | select.POLLNVAL


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
    """Calls back when descriptors are ready and times have come."""

    def __init__(self, clock=monotonic):
        # type: (Callable[[], float]) -> None
        self.now = clock
        self._poller = select.poll()
        self._readers = {}  # type: Dict[int, Callable[[], None]]
        self._writers = {}  # type: Dict[int, Callable[[], None]]
        self._timers = []  # type: List[Tuple[float, int, Timer]]
        self._order = itertools.count()  # so that timers of the same time are not compared
        self._later = []  # type: List[Callable[[], None]]  # for the end of this turn
        self._running = False

    def watch(self, fd, callback):
        # type: (int, Optional[Callable[[], None]]) -> None
        """Call back whenever ``fd`` is readable or at its end; None stops that."""
        self._set(self._readers, fd, callback)

    def watch_write(self, fd, callback):
        # type: (int, Optional[Callable[[], None]]) -> None
        """Call back whenever ``fd`` takes bytes; None stops that."""
        self._set(self._writers, fd, callback)

    def _set(self, table, fd, callback):
        # type: (Dict[int, Callable[[], None]], int, Optional[Callable[[], None]]) -> None
        if callback is None:
            if table.pop(fd, None) is None:
                return
        else:
            known = fd in table
            table[fd] = callback
            if known:
                return
        events = (select.POLLIN if fd in self._readers else 0) | (select.POLLOUT if fd in self._writers else 0)
        if events:
            self._poller.register(fd, events)
        else:
            self._poller.unregister(fd)

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
        for fd, events in retry(self._poller.poll, self._timeout()):
            if events & _READ:
                callback = self._readers.get(fd)
                if callback is not None:
                    callback()
            if events & ~select.POLLIN:
                callback = self._writers.get(fd)  # an earlier callback may have taken it away
                if callback is not None:
                    callback()
        self._run_timers()
        while self._later:
            self._later.pop(0)()

    def _timeout(self):
        # type: () -> Any
        if self._later:  # asked for before the first turn
            return 0
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        wait = self._timers[0][0] - self.now()
        return max(0, int(math.ceil(wait * 1000)))

    def _run_timers(self):
        # type: () -> None
        now = self.now()
        while self._timers and self._timers[0][0] <= now:
            callback = heapq.heappop(self._timers)[2].callback
            if callback is not None:
                callback()
