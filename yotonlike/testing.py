"""For tests, of this package and of programs that use it: a clock that is moved by hand, and links without a network.

Nothing here sleeps or opens a port.
"""
from __future__ import absolute_import, division, print_function

import os
import socket

from .context import Context
from .protocol.connection import Connection
from .protocol.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Tuple


class FakeClock(object):
    """Time that stands still until it is moved.

    Attributes:
        now (float): seconds.
    """

    def __init__(self, now=1000.0):
        # type: (float) -> None
        self.now = now

    def __call__(self):
        # type: () -> float
        """As ``time.monotonic()``."""
        return self.now

    def advance(self, seconds):
        # type: (float) -> float
        """Let time pass; returns what it is then.

        Raises:
            ValueError: it would go backwards.
        """
        if seconds < 0:
            raise ValueError("A monotonic clock does not go back by %r s." % -seconds)
        self.now += seconds
        return self.now


class LinkedConnections(object):
    """The protocol of both ends of one link, without sockets: bytes move when :meth:`pump` is called.

    Attributes:
        one, other (Connection): the ends.
        clock (FakeClock): the time that both are told.
    """

    def __init__(self, heartbeat=1.0, max_message=1 << 30):
        # type: (float, int) -> None
        self.clock = FakeClock()
        self.one, self.other = [
            Connection(Settings(os.urandom(16), os.urandom(16), name, heartbeat, max_message), self.clock())
            for name in (u"one", u"other")]

    def pump(self, chunk=1 << 20):
        # type: (int) -> Tuple[List[Any], List[Any]]
        """Move bytes to and fro, ``chunk`` at a time, until both are silent; returns the events of both."""
        events = [], []  # type: Tuple[List[Any], List[Any]]
        ends = self.one, self.other
        busy = True
        while busy:
            busy = False
            for sender, receiver, found in ((ends[0], ends[1], events[1]), (ends[1], ends[0], events[0])):
                data = sender.data_to_send()
                busy = busy or bool(data)
                for at in range(0, len(data), chunk):
                    receiver.receive_data(data[at:at + chunk], self.clock())
                found.extend(receiver.events())
        return events

    def advance(self, seconds):
        # type: (float) -> None
        """Let time pass for both ends, who do what is due."""
        self.clock.advance(seconds)
        for end in (self.one, self.other):
            end.tick(self.clock())


class LinkedContexts(object):
    """Contexts in a chain, each linked to the next over a pair of sockets; a context manager that closes them.

    ::

        with LinkedContexts(2) as (one, other):
            pub, sub = PubChannel(one, u"news"), SubChannel(other, u"news")

    Args:
        count (int): of contexts.
        options: for each ``Context``, such as ``heartbeat``.
    """

    def __init__(self, count=2, **options):
        # type: (int, **Any) -> None
        key = os.urandom(32)
        self.contexts = [Context(u"context %d" % number, key, **options) for number in range(count)]
        for one, other in zip(self.contexts, self.contexts[1:]):
            ends = socket.socketpair()
            one.adopt(ends[0], initiator=False, timeout=0)
            other.adopt(ends[1], initiator=True)  # returns once both ends have met

    def __iter__(self):
        # type: () -> Any
        return iter(self.contexts)

    def __enter__(self):
        # type: () -> List[Context]
        return self.contexts

    def __exit__(self, *_):
        # type: (*Any) -> None
        self.close()

    def close(self):
        # type: () -> None
        """Close them all."""
        for context in self.contexts:
            context.close()
