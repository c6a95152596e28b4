"""Where a context can be reached: accepts any number of peers."""
from __future__ import absolute_import, division, print_function

import errno
import os
import random
import socket

from . import streams
from .link import Link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List

#: Peers that have not proved who they are yet. One more pushes out one of them at random: refusing the newcomer
#: would let 64 silent strangers lock everybody out.
MAX_HALF_OPEN = 64
#: Connections taken at a time, so that a storm of them delays the others' messages only so long.
ACCEPTS_A_ROUND = 32


class Listener(object):
    """What ``context.bind`` returns.

    Attributes:
        address (str): with the port that was chosen; pass it to ``connect``.
    """

    def __init__(self, context, address):
        # type: (Any, Any) -> None
        """
        Raises:
            AddressError: it cannot be listened on.
        """
        self._context = context
        stream, self._address = streams.listen(address)
        self._socket = stream  # type: Any
        self._file = _identity(self._address)
        self.address = str(self._address)
        self._half_open = []  # type: List[Link]
        self._spare = _spare_descriptor()

    def __repr__(self):
        # type: () -> str
        return "<Listener at %s>" % self.address

    def fileno(self):
        # type: () -> int
        """The listening socket's descriptor."""
        return self._socket.fileno()

    def on_ready(self, readable, writable, now):
        # type: (bool, bool, float) -> None
        """Connections wait."""
        self._half_open = [link for link in self._half_open if not link.authenticated()]
        for _ in range(ACCEPTS_A_ROUND):
            stream = self._accept()
            if stream is None:
                break
            if len(self._half_open) >= MAX_HALF_OPEN:
                evicted = self._half_open.pop(random.randrange(MAX_HALF_OPEN))
                evicted.drop("gave way to a newer peer before it had proved who it is")
            link = Link(self._context, self._address, initiator=False)
            self._half_open.append(link)
            self._context.accept(link, stream)

    def _accept(self):
        # type: () -> Any
        try:
            return streams.accept(self._socket)
        except (EnvironmentError, socket.error) as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
        # The table of descriptors is full, and the connection that waits would wake us for ever: use the spare one
        # to take it and turn it away.
        if self._spare is not None:
            os.close(self._spare)
            try:
                stream = streams.accept(self._socket)
                if stream is not None:
                    stream.close()
            finally:
                self._spare = _spare_descriptor()
        return None

    def close(self):
        # type: () -> None
        """Accept no more; links that are up stay."""
        self._context.guard.do(self.end)

    def end(self):
        # type: () -> None
        """The same, under the context's guard."""
        if self._socket is None:
            return
        self._context.loop.forget(self._socket.fileno())
        try:
            self._socket.shutdown(socket.SHUT_RDWR)  # now, and not when the poll is over that still holds it
        except (EnvironmentError, socket.error) as error:
            if error.errno != errno.ENOTCONN:  # BSD refuses; there a poll holds nothing
                raise
        if self._file is not None and self._file == _identity(self._address):  # and not another's that came later
            os.unlink(self._address.path)
        self.forget()
        if self in self._context.listeners:
            self._context.listeners.remove(self)

    def forget(self):
        # type: () -> None
        """Give the descriptors back; all that a forked child does."""
        self._socket.close()
        self._socket = None
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None


def _identity(address):
    # type: (Any) -> Any
    """Which file a Unix socket's is; None for others, and when it is gone."""
    if address.kind != "unix":
        return None
    try:
        status = os.lstat(address.path)
    except EnvironmentError:
        return None
    return status.st_dev, status.st_ino


def _spare_descriptor():
    # type: () -> Any
    try:
        return os.open(os.devnull, os.O_RDONLY)
    except EnvironmentError:
        return None
