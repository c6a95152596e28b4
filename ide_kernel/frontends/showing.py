"""The thread that shows a kernel's news while the main thread reads a line or waits."""
from __future__ import absolute_import, division, print_function

import os
import threading

from .._compat import monotonic
from ..client.waiting import wait_readable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

#: Seconds within which a signal has had its effect, or never will.
SIGNAL_LIMIT = 0.02


class Showing(object):
    """Runs the kernel's callbacks and refreshes the screen after them, until `stop`.

    It also sees signals that the line editor has swallowed in the main thread, and sends them once more.
    """

    def __init__(self, kernel, screen, lines):
        # type: (Any, Any, Any) -> None
        self._kernel = kernel
        self._screen = screen
        self._lines = lines
        self._stop_read, self._stop_write = os.pipe()
        self._runs = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="ide-kernel-events")
        self._thread.daemon = True

    def start(self):
        # type: () -> None
        """From here on callbacks run in that thread alone: in another one nobody would refresh the screen after them."""
        self._thread.start()
        self._runs.wait()

    def stop(self):
        # type: () -> None
        """End the thread."""
        os.write(self._stop_write, b"x")
        self._thread.join()

    def _follow(self):
        # type: () -> None
        fds, signals = [self._kernel.fileno(), self._stop_read], self._lines.signal_fd
        due = None  # type: Optional[float]  # when a signal that came should have had its effect
        try:
            self._kernel.process_events()
        finally:
            self._runs.set()
        wait = self._screen.refresh()  # type: Optional[float]  # until that is due again
        while True:
            if due is None:
                ready = wait_readable(fds + [signals], wait)
            else:
                left = max(0.0, due - monotonic())
                ready = wait_readable(fds, left if wait is None else min(left, wait))
            if self._stop_read in ready:
                return
            if signals in ready:
                due = monotonic() + SIGNAL_LIMIT
            elif due is not None and monotonic() >= due:
                due = None
                if wait_readable([signals], 0):
                    self._lines.send_again()
            self._kernel.process_events()
            wait = self._screen.refresh()
