"""The line to the kernel in the broker's main loop: messages in both directions, and its signs of life."""
from __future__ import absolute_import, division, print_function

from yotonlike import Closed, ProtocolError

from ..wire import SMALL_READ, WINDOW, Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional

    from .loop import Loop, Timer

#: Seconds between our own heartbeats. The kernel draws no conclusions from our silence, and each one wakes it.
HEARTBEAT = 10.0


class Line(object):
    """The broker's end of the line.

    Args:
        loop: the main loop.
        fd: the socket; closed by `close`.
        on_message: called with each message of the kernel.
        on_heard: called with each sign of life.
        on_closed: called once when the other end is gone, which says nothing about the process.
    """

    def __init__(self, loop, fd, on_message, on_closed, on_heard):
        # type: (Loop, int, Callable[[Dict[Any, Any]], None], Callable[[], None], Callable[[], None]) -> None
        self._loop = loop
        self._wire = Wire(fd, u"broker", heartbeat=HEARTBEAT)
        self._on_message = on_message
        self._on_closed = on_closed
        self._on_heard = on_heard
        self._timer = None  # type: Optional[Timer]
        self.open = True
        loop.watch(fd, self._readable)
        self._wire.flush()
        self._arrange()

    def send(self, message):
        # type: (Dict[Any, Any]) -> bool
        """Send a message; False when the line is closed."""
        if self.open:
            self._wire.send(message)
            self._arrange()
        return self.open

    def read_all(self):
        # type: () -> None
        """Hand on what the kernel said before it ended: at most a window full."""
        for _ in range(WINDOW // SMALL_READ + 1):
            if self.open:
                self._readable()

    def close(self):
        # type: () -> None
        """Close our end."""
        if not self.open:
            return
        self.open = False
        if self._timer is not None:
            self._timer.cancel()
        self._loop.watch(self._wire.fileno(), None)
        self._loop.watch_write(self._wire.fileno(), None)
        self._wire.close()

    def _readable(self):
        # type: () -> None
        try:
            messages = self._wire.receive(self._loop.now())
        except (Closed, ProtocolError):
            self.close()
            self._on_closed()
            return
        self._on_heard()
        for message in messages:
            if isinstance(message, dict):  # the program can write to that descriptor too
                self._on_message(_text_keys(message))
        self._arrange()

    def _writable(self):
        # type: () -> None
        self._wire.flush()
        self._arrange()

    def _tick(self):
        # type: () -> None
        self._timer = None
        self._wire.tick(self._loop.now())
        self._arrange()

    def _arrange(self):
        # type: () -> None
        """Wait for what the wire waits for."""
        if not self.open:
            return
        self._loop.watch_write(self._wire.fileno(), self._writable if self._wire.wants_write() else None)
        deadline = self._wire.next_deadline()
        if deadline is not None and (self._timer is None or self._timer.when > deadline):
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(deadline, self._tick)


def _text_keys(value):
    # type: (Any) -> Any
    """``value`` with the keys of its dicts as text: a kernel under 2.7 writes its names as ``str``, which are bytes here."""
    if isinstance(value, list):
        return [_text_keys(item) for item in value]
    if not isinstance(value, dict):
        return value
    return dict((key.decode("ascii", "replace") if isinstance(key, bytes) else key, _text_keys(value[key])) for key in value)
