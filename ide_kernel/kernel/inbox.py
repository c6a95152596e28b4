"""What the broker wants the main thread to do next."""
from __future__ import absolute_import, division, print_function

import errno
import os

from .descriptors import private_pipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List


class Inbox(object):
    """Messages from the I/O thread to the main thread, in order.

    The main thread waits in ``os.read`` of a pipe: signal handlers run at once on every Python, nothing polls, and it is faster
    than a lock.
    """

    def __init__(self):
        # type: () -> None
        self._messages = []  # type: List[Dict[str, Any]]
        self._reader, self._writer = private_pipe()

    def put(self, message):
        # type: (Dict[str, Any]) -> None
        """In the I/O thread: add a message."""
        self._messages.append(message)
        os.write(self._writer, b"m")

    def wait(self):
        # type: () -> None
        """Return when there is a message.

        Raises:
            BaseException: what a signal handler raises; no message is lost.
        """
        while not self._messages:
            try:
                if not os.read(self._reader, 4096):
                    raise SystemExit(1)  # both ends closed under us: nobody will ever write
            except EnvironmentError as error:
                if error.errno == errno.EBADF:  # user code closed it, and with it our line to the broker
                    raise SystemExit(1)
                if error.errno != errno.EINTR:
                    raise

    def has_message(self):
        # type: () -> bool
        """Whether ``pop`` has something to give."""
        return bool(self._messages)

    def pop(self):
        # type: () -> Dict[str, Any]
        """The next message, after ``wait``."""
        return self._messages.pop(0)
