"""Events on their way to the frontends, in one order.

A frontend that does not read uses up its window; then the publisher refuses, the message waits here, and `on_blocked`
tells whoever makes more to stop. What can be here is one read of each pipe, the reserve of an interrupt, what a dead
kernel left in its pipes, and the frontends' own requests, which are bounded by the queue of executions.
"""
from __future__ import absolute_import, division, print_function

import collections

from yotonlike import Closed, WouldBlock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Deque

#: Events that are held before the kernel's output has to wait: each holds what one read of a pipe gave.
HELD = 16


class Outbox(object):
    """Sends events as fast as the slowest frontend takes them.

    Args:
        send_nowait: sends one event or raises WouldBlock.
        on_blocked, on_free: called when the frontends take no more, and when they do again.
        held: whether to keep all events until `release`: until somebody is there to hear how the kernel started.
    """

    def __init__(self, send_nowait, on_blocked, on_free, held=False):
        # type: (Callable[[Any], Any], Callable[[], None], Callable[[], None], bool) -> None
        self._held = held
        self._send = send_nowait
        self._on_blocked = on_blocked
        self._on_free = on_free
        self._waiting = collections.deque()  # type: Deque[Any]

    @property
    def blocked(self):
        # type: () -> bool
        """Whether the kernel's output has to wait."""
        return len(self._waiting) >= (HELD if self._held else 1)

    def put(self, event):
        # type: (Any) -> None
        """Send a message, the events of a turn, after all that wait."""
        if self._waiting and not self._held:
            self._waiting.append(event)
        elif not self._sent(event):
            self._waiting.append(event)
            if not self._held or len(self._waiting) == HELD:
                self._on_blocked()

    def release(self):
        # type: () -> None
        """Somebody is there: send what was held."""
        if self._held:
            self._held = False
            self.pump()
            if self._waiting:
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

    def _sent(self, event):
        # type: (Any) -> bool
        if self._held:
            return False
        try:
            self._send(event)
        except WouldBlock:
            return False
        except Closed:  # the broker is ending: nobody is there who could miss it
            return True
        return True
