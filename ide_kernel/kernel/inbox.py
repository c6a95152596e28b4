"""What the broker wants the main thread to do next."""
from __future__ import absolute_import, division, print_function

import errno

from .bell import Bell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List


class Inbox(object):
    """Messages from the I/O thread to the main thread, in order."""

    def __init__(self):
        # type: () -> None
        self._messages = []  # type: List[Dict[str, Any]]
        self._bell = Bell()

    def put(self, message):
        # type: (Dict[str, Any]) -> None
        """In the I/O thread: add a message."""
        self._messages.append(message)
        self._bell.ring()

    def wait(self):
        # type: () -> None
        """Return when there is a message.

        Raises:
            BaseException: what a signal handler raises; no message is lost.
        """
        try:
            self._bell.wait(self.has_message)
        except EnvironmentError as error:
            if error.errno == errno.EBADF:  # user code closed it, and with it our line to the broker
                raise SystemExit(1)
            raise

    def has_message(self):
        # type: () -> bool
        """Whether ``pop`` has something to give."""
        return bool(self._messages)

    def pop(self):
        # type: () -> Dict[str, Any]
        """The next message, after ``wait``."""
        return self._messages.pop(0)
