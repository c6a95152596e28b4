"""What one context knows of the network's sinks, and how messages cross it.

Theory of operation. Every sink of a channel is announced over every link, and each context passes the announcement
on, under a number of its own, to its other links. So a context sees each sink in the tree once, as an *outlet* of
the link that leads there. A message for a sink travels that chain of outlets hop by hop; at each hop the window of
that hop bounds what waits there, and window is handed back upstream only as messages are forwarded.

A request takes the same way to one replier; the answer finds back through the table in requests.py.

Local channels plug in as *feeders* (they push into outlets) and *targets* (they receive from sinks):

* feeder: ``attach(outlet)``, ``detach(outlet)``, ``granted(outlet)``
* target: ``kind``, ``deliver(inlet, batch)``, ``attached(inlet, source, number, anew)``, ``wanted(inlet)``,
  ``lost(inlet)``, ``cancelled(connection, request)``; of a subscription also ``positions``,
  ``history`` and ``held()``
"""
from __future__ import absolute_import, division, print_function

from . import credit
from .loopback import Loopback
from .positions import NEW, Positions, Standing
from .requests import Requests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Tuple


class Sink(object):
    """A sink that this context opened, for a channel of its own or on behalf of another context."""

    __slots__ = ("number", "kind", "policy", "window", "name", "type_name", "target", "inlets")

    def __init__(self, number, kind, policy, window, name, type_name, target):
        # type: (int, int, int, int, str, str, Any) -> None
        self.number = number
        self.kind = kind
        self.policy = policy
        self.window = window
        self.name = name
        self.type_name = type_name
        self.target = target
        self.inlets = {}  # type: Dict[Any, credit.Inlet]

    @property
    def key(self):
        # type: () -> Tuple[int, str, str]
        """What has to be equal for channels to meet."""
        return self.kind, self.name, self.type_name


class _Relay(object):
    """The target of a sink that forwards to an outlet of another link."""

    def __init__(self, node, outlet):
        # type: (Node, credit.Outlet) -> None
        self.kind = outlet.kind
        self.positions = Positions(outlet.positions.items())
        self.history = outlet.history
        self._node = node
        self._outlet = outlet

    def deliver(self, inlet, batch):
        # type: (credit.Inlet, credit.Batch) -> None
        new = batch  # type: Any
        if self.kind == credit.REPLIER:
            return self._node.requests.relay(self._outlet, inlet, batch)
        if self.kind == credit.SUBSCRIPTION:
            new, _ = self.positions.take(batch)
        if new is not None:
            self._outlet.owner.push(self._outlet, new)

    def attached(self, inlet, source, number, anew=False):
        # type: (credit.Inlet, bytes, int, bool) -> None
        anew = self.positions.attached(source, number, inlet, anew)
        self._outlet.owner.attach(self._outlet, source, number, anew)

    def held(self):
        # type: () -> Any
        return self._outlet.queue

    def wanted(self, inlet):
        # type: (credit.Inlet) -> None
        inlet.eager = True
        inlet.owner.release(inlet)

    def lost(self, inlet):
        # type: (credit.Inlet) -> None
        """What that link had sent and still waits here goes on; its window goes back over the next one."""
        self.positions.lost(inlet)

    def cancelled(self, connection, request):
        # type: (Any, int) -> None
        """Never comes here: the table of requests knows the way."""


class Node(object):
    """The routes of one context. Not thread-safe: the context's lock guards it."""

    def __init__(self):
        # type: () -> None
        self.local = Loopback(self)
        self._connections = []  # type: List[Any]  # joined links
        self._sinks = {}  # type: Dict[int, Sink]
        self._feeders = {}  # type: Dict[Any, List[Any]]
        self._outlets = {}  # type: Dict[Any, List[credit.Outlet]]
        self.requests = Requests()
        self._sinks_opened = 0

    def _number(self):
        # type: () -> int
        self._sinks_opened = self._sinks_opened % 0xffffffff + 1
        return self._sinks_opened

    # -- local channels -------------------------------------------------------------------------------------------

    def open_sink(self, kind, policy, window, name, type_name, target):
        # type: (int, int, int, str, str, Any) -> Sink
        """Open a sink for a channel of this context, here and over every link."""
        sink = Sink(self._number(), kind, policy, window, name, type_name, target)
        self._sinks[sink.number] = sink
        for connection in [self.local] + self._connections:
            self._announce(connection, sink)
        return sink

    def close_sink(self, sink):
        # type: (Sink) -> None
        """Close it everywhere."""
        if self._sinks.pop(sink.number, None) is not None:
            for connection in list(sink.inlets):
                connection.close_sink(sink.number)
            sink.inlets.clear()

    def add_feeder(self, key, feeder):
        # type: (Any, Any) -> None
        """A channel that feeds sinks of that key; it is attached to those known and to those to come."""
        self._feeders.setdefault(key, []).append(feeder)
        for outlet in self._outlets.get(key, ()):
            self._attach(feeder, outlet)

    def remove_feeder(self, key, feeder):
        # type: (Any, Any) -> None
        """The channel is closed; what it has queued still goes."""
        self._feeders[key].remove(feeder)
        for outlet in self._outlets.get(key, ()):
            if feeder in outlet.publishers:
                outlet.publishers.remove(feeder)

    def _attach(self, feeder, outlet):
        # type: (Any, credit.Outlet) -> None
        outlet.publishers.append(feeder)
        feeder.attach(outlet)

    # -- links ----------------------------------------------------------------------------------------------------

    def join(self, connection):
        # type: (Any) -> None
        """A link is part of the network now: announce what is known, take up what it announced."""
        for sink in self._sinks.values():
            if self._behind(sink) is not connection:
                self._announce(connection, sink)
        self._connections.append(connection)
        for outlet in list(connection.outlets.values()):
            self.opened(outlet)

    def leave(self, connection):
        # type: (Any) -> None
        """A link is gone, with everything that lay behind it."""
        if connection not in self._connections:
            return
        self._connections.remove(connection)
        # By our own table: the connection has forgotten an outlet as soon as the peer's CLOSE came, handled or not.
        for outlet in [outlet for outlets in self._outlets.values() for outlet in outlets if outlet.owner is connection]:
            connection.forget(outlet)
            self.closed(outlet)
        for sink in list(self._sinks.values()):
            inlet = sink.inlets.pop(connection, None)
            if inlet is not None:
                inlet.lost = True
                sink.target.lost(inlet)
        self.requests.abandoned_by(connection)

    def _announce(self, connection, sink):
        # type: (Any, Sink) -> None
        standing, orphans, target = NEW, [], sink.target  # type: Any, List[credit.Batch], Any
        if sink.kind == credit.SUBSCRIPTION:
            orphans = credit.orphans(target.held())
            standing = Standing(target.positions.known(), sum(batch.cost for batch in orphans), target.history)
        inlet = connection.open_sink(sink.number, sink.kind, sink.policy, sink.window, sink.name, sink.type_name, target,
                                     standing)
        sink.inlets[connection] = inlet
        for batch in orphans:
            batch.origin = inlet

    def _behind(self, sink):
        # type: (Sink) -> Any
        """The link that a relayed sink leads to."""
        return sink.target._outlet.owner if isinstance(sink.target, _Relay) else None

    def opened(self, outlet):
        # type: (credit.Outlet) -> None
        """A joined link, or a channel of this context, opened a sink."""
        key = outlet.kind, outlet.name, outlet.type_name
        known = self._outlets.setdefault(key, [])
        if outlet in known:  # its announcement came in one read with what made the link join, which took it up
            return
        known.append(outlet)
        for feeder in self._feeders.get(key, ()):
            self._attach(feeder, outlet)
        if outlet.owner is not self.local:
            sink = Sink(self._number(), outlet.kind, outlet.policy, outlet.window, outlet.name,
                        outlet.type_name, _Relay(self, outlet))
            outlet.relay = self._sinks[sink.number] = sink
            for connection in self._connections:
                if connection is not outlet.owner:
                    self._announce(connection, sink)
        outlet.positions = {}  # whoever comes now is new to the subscription

    def closed(self, outlet):
        # type: (credit.Outlet) -> None
        """A sink is gone: nobody waits for it any more, and its requests fail."""
        key = outlet.kind, outlet.name, outlet.type_name
        if outlet not in self._outlets.get(key, ()):
            return
        self._outlets[key].remove(outlet)
        for feeder in list(outlet.publishers):
            feeder.detach(outlet)
        del outlet.publishers[:]
        if outlet.relay is not None:
            self.close_sink(outlet.relay)
        if outlet.kind == credit.REPLIER:
            self.requests.lost(outlet)

    # -- requests -------------------------------------------------------------------------------------------------

    def repliers(self, key):
        # type: (Any) -> List[credit.Outlet]
        """The repliers known for a channel."""
        return self._outlets.get(key, [])

    def cancelled(self, connection, request):
        # type: (Any, int) -> None
        """The peer no longer waits for its request."""
        if not self.requests.cancelled(connection, request):
            for sink in list(self._sinks.values()):
                if sink.kind == credit.REPLIER and connection in sink.inlets:
                    sink.target.cancelled(connection, request)
