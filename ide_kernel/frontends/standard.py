"""Our own descriptors 0, 1 and 2, and what plain Python does about them: they are there in any case, and what cannot be written
to stdout ends the program, in one line and with a status."""
from __future__ import absolute_import, division, print_function

import errno
import fcntl
import os
import select
import signal
import sys

from .._compat import set_nonblocking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional, Tuple

#: The exit status of Python itself when its output could not be written.
_NOT_WRITTEN = 120


class Unwritable(Exception):
    """Stdout takes no more: its disk is full, or its reader is gone.

    Attributes:
        status (int): what the program exits with.
        words (str): what it says then: nothing to a reader that is gone, as ``head`` is when it has enough.
    """

    def __init__(self, error):
        # type: (EnvironmentError) -> None
        gone = error.errno == errno.EPIPE
        self.status = 128 + signal.SIGPIPE if gone else _NOT_WRITTEN
        self.words = "" if gone else "cannot write to stdout: [Errno %s] %s" % (error.errno, error.strerror)
        super(Unwritable, self).__init__(self.words)


def open_missing():
    # type: () -> None
    """Open ``/dev/null`` for those that were closed when the program began, before a socket or a pipe gets their numbers."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except EnvironmentError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
            if getattr(sys, name) is None:
                setattr(sys, name, os.fdopen(number, "w" if number else "r"))


def say(text):
    # type: (Any) -> None
    """Write a text to stdout, at once.

    Raises:
        Unwritable: it cannot be.
    """
    write_all(1, _encoded(text, sys.stdout))


def complain(words):
    # type: (Any) -> None
    """Write a line to stderr, in the program's name."""
    warn("ide-kernel: %s\n" % words)


def warn(text):
    # type: (Any) -> None
    """Write a text to stderr; where that cannot be done, there is nobody to hear why."""
    try:
        write_all(2, _encoded(text, sys.stderr))
    except Unwritable:
        pass


def write_all(fd, data):
    # type: (int, bytes) -> None
    """Write everything to a blocking descriptor, however short its writes are.

    Raises:
        Unwritable: it cannot be.
    """
    try:
        while data:
            data = data[os.write(fd, data):]
    except EnvironmentError as error:
        raise Unwritable(error)


def wait_while_read(fd, timeout=None):
    # type: (int, Optional[float]) -> bool
    """Wait until ``fd`` is readable; whether it is within so many seconds.

    Raises:
        Unwritable: the reader of our stdout is gone. (A file has none that could go.)
    """
    ready = poll({fd: select.POLLIN, 1: 0}, timeout)
    if 1 in ready:
        raise Unwritable(EnvironmentError(errno.EPIPE, os.strerror(errno.EPIPE)))
    return bool(ready)


def poll(events, timeout=None):
    # type: (Dict[int, int], Optional[float]) -> Dict[int, int]
    """Wait for any of the ``events`` of descriptors (as ``select.poll`` names them), or for hang-up; Ctrl-C gets through."""
    poller = select.poll()
    for fd, wanted in events.items():
        poller.register(fd, wanted)
    while True:
        try:
            return dict(poller.poll(None if timeout is None else timeout * 1000))
        except (EnvironmentError, select.error) as error:  # 2.7 has no PEP 475, and its error is no EnvironmentError
            if error.args[0] != errno.EINTR:
                raise


def signal_pipe():
    # type: () -> Tuple[int, int]
    """A pipe by which Python tells of signals (``signal.set_wakeup_fd``): (read end, write end)."""
    ends = os.pipe()
    for fd in ends:
        fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.fcntl(fd, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)  # 2.7 would pass them on to every child
        set_nonblocking(fd)
    return ends


def _encoded(text, stream):
    # type: (Any, Any) -> bytes
    encoding = getattr(stream, "encoding", None) or "utf-8"  # 2.7 knows none but a terminal's
    return text if isinstance(text, bytes) else text.encode(encoding, "backslashreplace")
