"""Calls that wait, for a program whose event loop must not: each runs in a thread, and what it gave comes back into the loop."""
from __future__ import absolute_import, division, print_function

import collections
import errno
import os
import threading

from .._compat import set_nonblocking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Deque, Tuple


class Background(object):
    """Runs functions outside of the event loop.

    It has ``fileno()`` and ``process_events()`` as a kernel has, so what brings the one into an event loop brings the other.
    `close` may be called while threads still wait: what they find then goes nowhere, and they do not keep the process alive.
    """

    def __init__(self):
        # type: () -> None
        self._ready = collections.deque()  # type: Deque[Tuple[Callable[..., Any], Any, Any]]
        self._lock = threading.Lock()  # guards the write end against `close`
        self._read_fd, self._write_fd = os.pipe()
        set_nonblocking(self._read_fd)

    def fileno(self):
        # type: () -> int
        """A descriptor that is readable when `process_events` has something to do."""
        return self._read_fd

    def run(self, function, then):
        # type: (Callable[[], Any], Callable[[Any, Any], Any]) -> None
        """Run ``function()`` in a thread, then ``then(value, error)`` in `process_events`; one of the two is None."""
        thread = threading.Thread(target=self._work, args=(function, then), name="ide-kernel-background")
        thread.daemon = True
        thread.start()

    def process_events(self):
        # type: () -> None
        """Call back for all that is done, in this thread."""
        if self._read_fd < 0:
            return
        try:
            os.read(self._read_fd, 1 << 16)  # even where nothing is ready: it may have been called back for before its byte came
        except EnvironmentError as error:
            if error.errno != errno.EAGAIN:
                raise
        while self._ready:
            then, value, problem = self._ready.popleft()
            then(value, problem)

    def close(self):
        # type: () -> None
        """Call back for nothing any more."""
        with self._lock:
            os.close(self._write_fd)
            os.close(self._read_fd)
            self._read_fd = self._write_fd = -1
        self._ready.clear()

    def _work(self, function, then):
        # type: (Callable[[], Any], Callable[[Any, Any], Any]) -> None
        value, problem = None, None  # type: Any, Any
        try:
            value = function()
        except Exception as error:  # the caller is told
            problem = error
        with self._lock:
            if self._write_fd >= 0:
                self._ready.append((then, value, problem))
                os.write(self._write_fd, b"r")
