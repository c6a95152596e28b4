"""Asking: requests to whichever replier of the channel has least to do, and futures for the answers."""
from __future__ import absolute_import, division, print_function

from .._compat import monotonic, quoted
from ..errors import Closed, DecodeError, MessageTooBig, NoReplier, PeerLost, RemoteError, Timeout
from ..futures import Future
from ..protocol import requests
from ..protocol.codecs import OBJECT, decode_message, encode_message
from ..protocol.credit import REPLIER
from ..transport.waiting import deadline_after
from .base import Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional

    from ..protocol.credit import Outlet

#: Seconds that a request without a time limit waits for a replier to appear. Announcements cross a network in
#: milliseconds; a program that starts takes a second; a misspelt name should not wait for ever.
PATIENCE = 5.0
#: A request's first byte: what follows is a message of the channel's type, or an OBJECT [method, args, kwargs].
PLAIN, CALL = b"\x00", b"\x01"
#: The time limit in milliseconds that stands for none, or for one of more than 49 days.
NO_LIMIT = 0xffffffff


class _Request(Future):
    """A request on its way, and the future of its answer: one object, since each costs time."""

    number = None  # type: Optional[int]  # once it has been sent
    timer = None  # type: Any

    def __init__(self, channel, data, deadline):
        # type: (ReqChannel, bytes, Optional[float]) -> None
        super(_Request, self).__init__(channel.context)
        self._channel = channel
        self.data = data
        self.deadline = deadline

    def _decode(self, data):
        # type: (bytes) -> Any
        if data[:1] == CALL:
            return OBJECT.decode(data[1:])
        return decode_message(self._channel.message_type, data[1:])

    def _give_up(self):
        # type: () -> None
        self._channel._abandon(self)

    def answered(self, status, data):
        # type: (int, bytes) -> None
        """Under the guard."""
        self._channel._finish(self)
        if status == requests.OK:
            self.settle(None, data)
        else:
            self.settle(self._channel._failure(status, data))


class ReqChannel(Channel):
    """Sends requests.

    Args:
        context (Context): where it lives.
        name (str): of the channel.
        message_type (MessageType): of requests and answers.
    """

    def __init__(self, context, name, message_type=OBJECT):
        # type: (Any, str, Any) -> None
        super(ReqChannel, self).__init__(context, name, message_type)
        self._key = REPLIER, self.name, self.message_type.name
        self._homeless = []  # type: List[_Request]  # no replier is known yet
        self._sent = set()  # type: Any
        with self._guard:
            self._register()
            context.node.add_feeder(self._key, self)

    def request(self, message, timeout=None):
        # type: (Any, Optional[float]) -> Future
        """Send a request; returns a Future at once, and never waits: what has no answer yet is kept, however much it is.

        Args:
            timeout: seconds until the future fails with Timeout and the replier need not begin; None for no limit.

        Raises:
            EncodeError, MessageTooBig: it is no message of this channel.
            Closed: the channel is closed.

        The future may raise RemoteError (the handler raised), PeerLost (the replier or the way to it is gone),
        NoReplier (none appeared within the time limit, or within 5 s if there is none), Timeout, Closed, DecodeError,
        MessageTooBig (it, or the answer, is longer than the ``max_message`` of a context on the way).
        """
        return self._request(PLAIN + encode_message(self.message_type, message), timeout)

    def call(*args, **kwargs):
        # type: (*Any, **Any) -> Future
        """``call(method, ...)``: call a method of the object that the replier has registered.

        All that follows the method's name is for the method, whatever the names of its parameters; arguments and result
        are OBJECT values. There is no time limit; ``result(timeout)`` has one.
        """
        if len(args) < 2:
            raise TypeError("call() takes the name of a method, and its arguments")
        self, method = args[:2]  # no parameters, since a remote one may have any name
        named = {_text(key): value for key, value in kwargs.items()}
        return self._request(CALL + OBJECT.encode([_text(method), list(args[2:]), named]), None)

    def _request(self, data, timeout):
        # type: (bytes, Optional[float]) -> Future
        if len(data) > self.context.max_message:
            raise MessageTooBig("A request of %d bytes is longer than max_message of %s, %d bytes."
                                % (len(data), quoted(self.context.name), self.context.max_message))
        pending = _Request(self, data, deadline_after(timeout))
        with self._guard:
            self._check_open()
            if pending.deadline is not None:
                pending.timer = self.context.at(pending.deadline, lambda: self._expire(pending, timeout))
            self._send(pending)
            self.context.transmit()
        return pending

    def _send(self, pending):
        # type: (_Request) -> None
        """To the replier with the fewest requests under way; under the guard."""
        repliers = self.context.node.repliers(self._key)
        if not repliers:
            self._homeless.append(pending)
            if pending.timer is None:
                pending.timer = self.context.at(monotonic() + PATIENCE, lambda: self._expire(pending, PATIENCE))
            return
        outlet = min(repliers, key=_load) if len(repliers) > 1 else repliers[0]
        limit = NO_LIMIT
        if pending.deadline is not None:
            limit = int(min(NO_LIMIT, max(0, (pending.deadline - monotonic()) * 1000)))
        elif pending.timer is not None:
            pending.timer.cancel()
        self._sent.add(pending)
        pending.number = self.context.node.requests.send(outlet, limit, pending.data, pending.answered)

    def _failure(self, status, data):
        # type: (int, bytes) -> Exception
        """What an answer means that is none."""
        if status == requests.LOST:
            return PeerLost("The replier of %r, or the way to it, was lost." % self)
        if status == requests.TOO_BIG:
            return MessageTooBig("The request to %r, or its answer, is longer than max_message of a context on the way." % self)
        try:
            kind, message, traceback = OBJECT.decode(data)
        except (DecodeError, ValueError):
            return DecodeError("The replier of %r sent an error that cannot be read." % self)
        return RemoteError(kind, message, traceback)

    def _expire(self, pending, timeout):
        # type: (_Request, Optional[float]) -> None
        if pending.number is None:
            error = NoReplier("No replier of %r appeared within %s s. Is its name right, and does the context reach "
                              "it?" % (self, timeout))  # type: Exception
        else:
            error = Timeout("%r had no answer within %s s." % (self, timeout))
        self._abandon(pending)
        pending.settle(error)

    def _abandon(self, pending):
        # type: (_Request) -> None
        """Nobody waits any more; under the guard."""
        if pending.number is not None and pending in self._sent:
            self.context.node.requests.cancel(pending.number)
            self.context.transmit()
        self._finish(pending)

    def _finish(self, pending):
        # type: (_Request) -> None
        """It needs no answer any more; under the guard."""
        self._sent.discard(pending)
        if self._homeless and pending in self._homeless:
            self._homeless.remove(pending)
        if pending.timer is not None:
            pending.timer.cancel()

    # -- repliers come and go; under the guard --------------------------------------------------------------------------

    def attach(self, outlet):
        # type: (Outlet) -> None
        """A replier appeared."""
        homeless, self._homeless = self._homeless, []
        for pending in homeless:
            self._send(pending)

    def detach(self, outlet):
        # type: (Outlet) -> None
        """A replier is gone; routing fails what was under way to it."""

    def granted(self, outlet):
        # type: (Outlet) -> None
        """A replier handed window back; requests that wait for it are in the outlet's own queue."""

    def forget(self, reason):
        # type: (Exception) -> None
        """See Channel."""
        super(ReqChannel, self).forget(reason)
        for pending in list(self._homeless) + list(self._sent):
            pending.forget(reason)
        self._homeless, self._sent = [], set()

    def _withdraw(self):
        # type: () -> None
        self.context.node.remove_feeder(self._key, self)
        for pending in list(self._homeless) + list(self._sent):
            self._abandon(pending)
            pending.settle(Closed("The channel %s was closed." % quoted(self.name)))


def _load(outlet):
    # type: (Outlet) -> int
    return outlet.pending


def _text(name):
    # type: (Any) -> str
    """A name as text: 2.7's native strings would arrive as bytes."""
    return name.decode("ascii") if isinstance(name, bytes) else name
