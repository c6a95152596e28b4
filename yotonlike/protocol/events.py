"""What a :class:`~yotonlike.protocol.connection.Connection` reports."""
from __future__ import absolute_import, division, print_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Tuple


class Event(object):
    """A record with the fields that ``__slots__`` names."""

    __slots__ = ()  # type: Tuple[str, ...]

    def __init__(self, *values):
        # type: (*Any) -> None
        for name, value in zip(self.__slots__, values):
            setattr(self, name, value)

    if TYPE_CHECKING:  # what ``__slots__`` names
        def __getattr__(self, name):
            # type: (str) -> Any
            """A field."""

    def __repr__(self):
        # type: () -> str
        return "%s(%s)" % (type(self).__name__,
                           ", ".join("%s=%r" % (name, getattr(self, name)) for name in self.__slots__))


class Hello(Event):
    """The peer introduced itself: its context id, the link's nonce as it chose it, its name."""

    __slots__ = ("context_id", "nonce", "name")


class Nodes(Event):
    """Contexts that can, or no longer can, be reached through the peer."""

    __slots__ = ("joined", "ids")


class Synced(Event):
    """The peer has announced all that it knew."""

    __slots__ = ()


class Silent(Event):
    """Nothing has come from the peer for three of its heartbeats."""

    __slots__ = ()


class Heard(Event):
    """... and now something has."""

    __slots__ = ()


class Opened(Event):
    """The peer opened a sink: messages may be pushed into the outlet."""

    __slots__ = ("outlet",)


class Closed(Event):
    """The peer closed a sink."""

    __slots__ = ("outlet",)


class Attached(Event):
    """A publisher feeds one of our sinks, beginning with that number, and maybe in the place of one that was lost."""

    __slots__ = ("inlet", "source", "number", "anew")


class Granted(Event):
    """The peer handed window back to an outlet."""

    __slots__ = ("outlet",)


class Wanted(Event):
    """The peer waits for window of one of our sinks."""

    __slots__ = ("inlet",)


class Data(Event):
    """Messages for one of our sinks."""

    __slots__ = ("inlet", "batch")

    def __init__(self, inlet, batch):  # as Event's, and much faster
        # type: (Any, Any) -> None
        self.inlet = inlet
        self.batch = batch


class Reply(Event):
    """The answer to a request of ours."""

    __slots__ = ("request", "status", "data")

    def __init__(self, request, status, data):
        # type: (int, int, bytes) -> None
        self.request = request
        self.status = status
        self.data = data


class Cancel(Event):
    """The peer no longer waits for the answer to a request."""

    __slots__ = ("request",)


class Bye(Event):
    """The peer ends the link and says why."""

    __slots__ = ("code", "reason")
