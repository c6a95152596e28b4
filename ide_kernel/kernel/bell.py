"""What the main thread waits at until the I/O thread has something for it.

It waits in ``os.read`` of a pipe: signal handlers run at once on every Python, nothing polls, and it is faster than a lock. A
signal that comes when Python has looked for signals and has not begun to read yet does not end the read; so Python writes to
that pipe, too, for each signal that comes.
"""
from __future__ import absolute_import, division, print_function

import errno
import os

from .._compat import set_nonblocking
from .descriptors import private_pipe, read
from .interrupt import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

#: Rings that one read takes.
_RINGS = 4096


class Bell(object):
    """One thread waits, another one rings."""

    def __init__(self):
        # type: () -> None
        self._reader, self._writer = private_pipe()
        set_nonblocking(self._writer)  # Python 3 takes no other for signals

    def ring(self):
        # type: () -> None
        """Make who waits look again."""
        try:
            os.write(self._writer, b"r")
        except EnvironmentError as error:
            if error.errno != errno.EAGAIN:  # full of rings that nobody has heard yet
                raise

    def wait(self, until):
        # type: (Callable[[], Any]) -> None
        """Return when ``until()`` is true; it is looked at first, and after each ring.

        Raises:
            EnvironmentError: EBADF, as user code has closed the pipe.
            BaseException: what a signal handler raises.
        """
        self._let_signals_ring(self._writer)
        try:
            while not until():
                if not read(self._reader, _RINGS):
                    raise EnvironmentError(errno.EBADF, "the pipe that the kernel waits at was closed")
        finally:
            self._let_signals_ring(-1)

    def _let_signals_ring(self, fd):
        # type: (int) -> None
        """Have signals write to ``fd``, in the main thread, unless the user has them write elsewhere."""
        try:
            before = signal.set_wakeup_fd(fd)
            if before not in (-1, self._writer):
                signal.set_wakeup_fd(before)
        except ValueError:  # another thread, to which no signal goes
            pass
