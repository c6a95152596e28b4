"""File descriptors that the user does not stumble over: high numbers, closed on exec, waited for without polling."""
from __future__ import absolute_import, division, print_function

import errno
import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Tuple

#: Programs that count or close "all" descriptors mostly stop well below this one, and new files get the lowest free number.
FIRST = 200


def move_high(fd):
    # type: (int) -> int
    """Move a descriptor to the first free number from ``FIRST`` on, closed on exec.

    Where the process may not have that many descriptors, it stays where it is.
    """
    high = FIRST
    while _is_open(high):
        high += 1
    try:
        _duplicate(fd, high)
    except EnvironmentError:
        set_private(fd)
        return fd
    os.close(fd)
    return high


def private_pipe():
    # type: () -> Tuple[int, int]
    """A pipe of our own: (read end, write end)."""
    reader, writer = os.pipe()
    return move_high(reader), move_high(writer)


def reopen(fd):
    # type: (int) -> int
    """A second, non-blocking open file description of the pipe behind ``fd``.

    A child that sets O_NONBLOCK on the one that it inherited, or clears it, then changes nothing for us. Systems without
    ``/proc`` share one description: writers wait for EAGAIN in any case.
    """
    try:
        return move_high(os.open("/proc/self/fd/%d" % fd, os.O_WRONLY | os.O_NONBLOCK))
    except EnvironmentError:
        return move_high(os.dup(fd))


def read(fd, size):
    # type: (int, int) -> bytes
    """``os.read`` as it is on Python 3: goes on after a signal, unless its handler raises."""
    while True:
        try:
            return os.read(fd, size)
        except EnvironmentError as error:
            if error.errno != errno.EINTR:
                raise


def wait_writable(fd):
    # type: (int) -> None
    """Wait until ``fd`` takes bytes, or a signal handler ran."""
    waiter = select.poll()
    waiter.register(fd, select.POLLOUT)
    try:
        waiter.poll()
    except (EnvironmentError, select.error) as error:
        if error.args[0] != errno.EINTR:
            raise


def identity(fd):
    # type: (int) -> Tuple[int, int]
    """What file is behind ``fd``; a redirected descriptor has another identity."""
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


def _is_open(fd):
    # type: (int) -> bool
    try:
        os.fstat(fd)
    except EnvironmentError:
        return False
    return True


if hasattr(os, "set_inheritable"):

    def _duplicate(fd, target):
        # type: (int, int) -> None
        os.dup2(fd, target, False)

    def set_private(fd):
        # type: (int) -> None
        """Close ``fd`` on exec."""
        os.set_inheritable(fd, False)
else:

    def _duplicate(fd, target):
        # type: (int, int) -> None
        os.dup2(fd, target)
        set_private(target)

    def set_private(fd):
        # type: (int) -> None
        """Close ``fd`` on exec."""
        import fcntl
        fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.fcntl(fd, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)
