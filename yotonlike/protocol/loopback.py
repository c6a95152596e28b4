"""The way from a channel to another one of the same context: a connection without bytes.

It has the surface of :class:`~yotonlike.protocol.connection.Connection` that routing uses, and moves messages at
once, by the same credit.
"""
from __future__ import absolute_import, division, print_function

from . import credit
from .positions import NEW
from .settings import MOST_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from .positions import Standing


class Loopback(object):
    """Joins the outlets and the inlets of one context.

    Attributes:
        inlets, outlets (dict): by number of the sink, as a connection has them.
    """

    #: What the publisher's context lets through, the subscriber's takes: it is the same.
    peer_max = MOST_BYTES

    def __init__(self, node):
        # type: (Any) -> None
        self.inlets = {}  # type: Dict[int, credit.Inlet]
        self.outlets = {}  # type: Dict[int, credit.Outlet]
        self._node = node

    def open_sink(self, sink, kind, policy, window, name, type_name, target, standing=NEW):
        # type: (int, int, int, int, str, str, Any, Standing) -> credit.Inlet
        """Open both halves."""
        inlet = self.inlets[sink] = credit.Inlet(sink, window, target)
        outlet = self.outlets[sink] = credit.Outlet(sink, kind, policy, window, name, type_name, standing)
        inlet.owner = outlet.owner = self
        self._node.opened(outlet)
        return inlet

    def close_sink(self, sink):
        # type: (int) -> None
        """Close both halves."""
        self.inlets.pop(sink, None)
        outlet = self.outlets.pop(sink, None)
        if outlet is not None:
            self._node.closed(outlet)

    def attach(self, outlet, source, number, anew=False):
        # type: (credit.Outlet, bytes, int, bool) -> None
        """A publisher of this context feeds the sink."""
        inlet = self.inlets.get(outlet.sink)
        if inlet is not None:
            inlet.target.attached(inlet, source, number, anew)

    def push(self, outlet, batch):
        # type: (credit.Outlet, credit.Batch) -> None
        """Queue messages and deliver what the credit allows."""
        outlet.push(batch)
        self.schedule(outlet)

    def schedule(self, outlet):
        # type: (credit.Outlet) -> None
        """Deliver what the credit allows."""
        inlet = self.inlets.get(outlet.sink)
        while inlet is not None:
            piece = outlet.take()
            if piece is None:
                break
            batch, _, end = piece
            if end == len(batch.data):
                inlet.received(batch.cost)
                inlet.target.deliver(inlet, credit.Batch(batch.source, batch.number, batch.lengths, batch.data, inlet))
        if outlet.queue:
            self.ask(outlet)

    def ask(self, outlet):
        # type: (credit.Outlet) -> None
        """Somebody waits for window of that sink."""
        inlet = self.inlets.get(outlet.sink)
        if inlet is not None and not outlet.asked:
            outlet.asked = inlet.wanted = True
            inlet.target.wanted(inlet)

    def consume(self, inlet, cost):
        # type: (credit.Inlet, int) -> None
        """The application consumed messages."""
        self._grant(inlet, inlet.consumed(cost))

    def release(self, inlet):
        # type: (credit.Inlet) -> bool
        """Hand back what was consumed at once."""
        amount = inlet.release()
        self._grant(inlet, amount)
        return bool(amount)

    def _grant(self, inlet, amount):
        # type: (credit.Inlet, int) -> None
        outlet = self.outlets.get(inlet.sink)
        if amount and outlet is not None:
            outlet.granted(amount)
            self.schedule(outlet)
            outlet.tell_granted()

    def send_reply(self, request, status, data):
        # type: (int, int, bytes) -> None
        """Answer a request of this context."""
        self._node.requests.replied(self, request, status, data)

    def cancel(self, request):
        # type: (int) -> None
        """Tell the replier of this context that nobody waits any more."""
        self._node.cancelled(self, request)
