"""Reads one of the kernel's output pipes without ever blocking.

The first bytes are handed on at once. After a small read the reader naps: a program that prints line by line would wake
it for each of them, and both processes would do little but switch (60 times the processor time, measured). Whoever knows
that something important is in the pipe (the kernel said that an execution is over) calls `PipeReader.read_all` and ends
the nap.

A paused reader leaves the bytes in the pipe; when that is full, the kernel's ``print`` waits. That is the backpressure.
The reserve is for the moment after an interrupt: its traceback has to get out although nobody reads.
"""
from __future__ import absolute_import, division, print_function

import array
import errno
import fcntl
import os
import select
import termios

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional

    from .loop import Loop, Timer

READ_SIZE = 128 << 10  # large enough for few calls, small enough that a control message waits no more than 1 ms
SMALL_READ = 16 << 10  # below this a nap gathers more; what a print flood writes in a nap is about 10 kB
NAP = 0.002  # seconds; a pipe of 256 KiB takes 100 MB/s meanwhile
FIRST_NAP = 0.001  # ... when somebody says that nothing important comes first
RESERVE = 1 << 20  # bytes that an interrupt may bring out of the pipe while the readers are paused

_count = array.array("i", [0])  # what the system fills in; made once, as it is asked twice for each execution


class PipeReader(object):
    """Hands on what a pipe holds.

    Args:
        loop: the main loop.
        fd: the pipe's end, non-blocking; it stays the caller's.
        on_data: called with bytes.
        on_empty: called when a nap brought nothing more.
    """

    def __init__(self, loop, fd, on_data, on_empty=None):
        # type: (Loop, int, Callable[[bytes], None], Optional[Callable[[], None]]) -> None
        self._loop = loop
        self._fd = fd
        self._on_data = on_data
        self._on_empty = on_empty
        self._nap = None  # type: Optional[Timer]
        self._paused = False
        self._reserve = 0  # bytes that may be read although paused
        self._open = True
        self._arrange()

    def pause(self):
        # type: () -> None
        """Leave the bytes in the pipe."""
        self._paused = True
        self._arrange()

    def resume(self):
        # type: () -> None
        """Read again."""
        self._paused = False
        self._reserve = 0
        self._arrange()

    def open_reserve(self):
        # type: () -> None
        """Read up to `RESERVE` bytes even while paused."""
        self._reserve = RESERVE
        self._arrange()

    def nap(self):
        # type: () -> None
        """Let what comes next gather for a moment."""
        if self._open and not self._paused:
            if self._nap is not None:
                self._nap.cancel()
            self._nap = self._loop.call_at(self._loop.now() + FIRST_NAP, self._wake)
            self._arrange()

    def read_all(self):
        # type: () -> None
        """Hand on what is in the pipe at this moment, paused or not, and no more: a child may write for ever."""
        left = self.available() if self._open else 0
        while left > 0:
            size = self._read(min(left, READ_SIZE))
            if size == 0:
                break
            left -= size

    def available(self):
        # type: () -> int
        """How many bytes are in the pipe."""
        fcntl.ioctl(self._fd, termios.FIONREAD, _count, True)
        return _count[0]

    def is_full(self):
        # type: () -> bool
        """Whether who writes has to wait: so says the pipe's other end, where the system lets us open it for a look."""
        if not self._open:
            return False
        try:
            fd = os.open("/proc/self/fd/%d" % self._fd, os.O_WRONLY | os.O_NONBLOCK)
        except EnvironmentError:
            return self.available() > 0
        try:
            poller = select.poll()
            poller.register(fd, select.POLLOUT)
            return not poller.poll(0)
        finally:
            os.close(fd)

    def close(self):
        # type: () -> None
        """Read no more."""
        self._open = False
        self._arrange()

    def _arrange(self):
        # type: () -> None
        """Wait for the pipe, or do not, as our state has it."""
        awake = self._open and (not self._paused or self._reserve > 0)
        if not awake and self._nap is not None:
            self._nap.cancel()
            self._nap = None
        self._loop.watch(self._fd, self._readable if awake and self._nap is None else None)

    def _readable(self):
        # type: () -> None
        size = self._read(READ_SIZE)
        if self._open and size < SMALL_READ and self._nap is None:
            self._nap = self._loop.call_at(self._loop.now() + NAP, self._wake)
        self._arrange()

    def _wake(self):
        # type: () -> None
        self._nap = None
        size = self._read(READ_SIZE)
        if size == 0 and self._on_empty is not None:
            self._on_empty()
        if self._open and 0 < size < SMALL_READ:
            self._nap = self._loop.call_at(self._loop.now() + NAP, self._wake)
        self._arrange()

    def _read(self, limit):
        # type: (int) -> int
        """Hand on up to ``limit`` bytes; how many there were."""
        try:
            data = os.read(self._fd, limit)
        except EnvironmentError as error:
            if error.errno in (errno.EAGAIN, errno.EINTR):
                return 0
            raise
        if not data:  # nobody holds the other end; whether the kernel lives is the guardian's to say
            self._open = False
            return 0
        if self._paused:
            self._reserve = max(0, self._reserve - len(data))
        self._on_data(data)
        return len(data)
