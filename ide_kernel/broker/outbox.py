"""Events on their way to the frontends, in one order.

A frontend that does not read uses up its window; then a publisher that waits for it refuses, the message waits here, and
`on_blocked` tells whoever makes more to stop. What can be here is one read of each pipe, the reserve of an interrupt, what a
dead kernel left in its pipes, and the frontends' own requests, which are bounded by the queue of executions.
"""
from __future__ import absolute_import, division, print_function

import collections

from yotonlike import Closed, WouldBlock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Deque


class Outbox(object):
    """Sends events as fast as the slowest frontend takes them.

    Args:
        send_nowait: sends one message or raises WouldBlock.
        on_blocked, on_free: called when the frontends take no more, and when they do again.
    """

    def __init__(self, send_nowait, on_blocked, on_free):
        # type: (Callable[[Any], Any], Callable[[], None], Callable[[], None]) -> None
        self._send = send_nowait
        self._on_blocked = on_blocked
        self._on_free = on_free
        self._waiting = collections.deque()  # type: Deque[Any]

    @property
    def blocked(self):
        # type: () -> bool
        """Whether the kernel's output has to wait."""
        return bool(self._waiting)

    def put(self, message):
        # type: (Any) -> None
        """Send a message, the events of a turn, after all that wait."""
        if self._waiting:
            self._waiting.append(message)
        elif not self._sent(message):
            self._waiting.append(message)
            self._on_blocked()

    def pump(self):
        # type: () -> None
        """Frontends may have room again: send what waits."""
        if not self._waiting:
            return
        while self._waiting:
            if not self._sent(self._waiting[0]):
                return
            self._waiting.popleft()
        self._on_free()

    def _sent(self, message):
        # type: (Any) -> bool
        try:
            self._send(message)
        except WouldBlock:
            return False
        except Closed:  # the broker is ending: nobody is there who could miss it
            return True
        return True
