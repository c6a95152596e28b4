"""The links of a context: how they join the network and leave it, and what they report.

The rules of joining are in protocol/membership.py, the routes in protocol/routing.py; this brings them and the links
together. Everything here runs under the context's guard.
"""
from __future__ import absolute_import, division, print_function

from ._compat import quoted
from .errors import CycleError, PeerLost
from .protocol import events
from .protocol.membership import Membership
from .transport.link import BYE_CLOSED, BYE_CYCLE, CLOSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List

    from .transport.link import Link


class Network(object):
    """One context's part in the network.

    Args:
        context (Context): the one.
        links: the list of its links, shared with it.
    """

    def __init__(self, context, links):
        # type: (Any, List[Link]) -> None
        self._context = context
        self._links = links
        self._membership = Membership(context.id)

    def handle(self, link):
        # type: (Link) -> None
        """Do what a link's connection reports."""
        connection = link.connection
        for event in connection.events():
            _HANDLERS[type(event)](self, link, event)
            if link.connection is not connection:
                break

    def _on_hello(self, link, event):
        # type: (Link, events.Hello) -> None
        link.peer = event.name
        if event.context_id == self._context.id:
            return self._refuse(link)
        link.nodes.add(event.context_id)
        if not link.initiator:
            link.connection.send_nodes(True, self._membership.reachable(self._older(link)))
            link.connection.send_synced()
            link.introduced = True

    def _on_nodes(self, link, event):
        # type: (Link, events.Nodes) -> None
        # Our own id comes back when two join at two places at once. Each of them sees the other twice then, and they
        # agree on which link stays; who refused a link for seeing itself would cut the second one as well.
        ids = [node for node in event.ids if node != self._context.id]
        if not self._membership.joined(link):
            (link.nodes.update if event.joined else link.nodes.difference_update)(ids)
        elif not event.joined:
            self._tell_others(link, False, self._membership.remove(link, ids))
        elif self._settle_loop(link, ids, True):
            self._membership.add(link, ids)
            self._tell_others(link, True, ids)

    def _rank(self, link):
        # type: (Link) -> Any
        peer = link.connection.peer
        return (self._context.id, link.opening.nonce) if link.initiator else (peer.context_id, peer.nonce)

    def _settle_loop(self, link, ids, by_rank):
        # type: (Link, Any, bool) -> bool
        """Whether ``ids`` may be reached through ``link``. Of two links that form a loop one is closed, maybe this."""
        while True:
            other = self._membership.loop(ids)
            if other is None or other is link:
                return True
            if other is self._older(link):
                other.end(PeerLost("%s has connected anew: its end of the older link was lost." % quoted(link.peer)),
                          BYE_CLOSED)
            elif by_rank and self._membership.loser(other, self._rank(link)):
                self._refuse(other)
            else:
                self._refuse(link)
                return False

    def _older(self, link):
        # type: (Link) -> Any
        """A joined link that the same peer began; it has none any more, or it would not have begun ``link``."""
        for other in self._links:
            if (not link.initiator and not other.initiator and other is not link and self._membership.joined(other)
                    and other.connection.peer.context_id == link.connection.peer.context_id):
                return other
        return None

    def _refuse(self, link):
        # type: (Link) -> None
        link.end(CycleError("A link between %s and %s would close a loop: they reach each other already."
                            % (link.address, quoted(self._context.name))), BYE_CYCLE)

    def _on_synced(self, link, event):
        # type: (Link, events.Synced) -> None
        if self._membership.joined(link):
            self._up(link)
            return
        if not self._settle_loop(link, link.nodes, not link.initiator):
            return
        if link.initiator:
            link.connection.send_nodes(True, self._membership.reachable())
            link.introduced = True
        nodes, link.nodes = list(link.nodes), set()
        self._membership.join(link, self._rank(link), nodes)
        self._tell_others(link, True, nodes)  # before the sinks: a loop shows before anything can take two ways
        self._context.node.join(link.connection)
        link.connection.send_synced()
        if not link.initiator:
            self._up(link)

    def _up(self, link):
        # type: (Link) -> None
        link.up = link.met = True
        self._context.loop.notify(link.waiters)
        self._context.link_opened.emit(link)

    def _tell_others(self, link, joined, nodes):
        # type: (Link, bool, List[bytes]) -> None
        for other in self._links:
            if other is not link and other.introduced and other.connection is not None:
                other.connection.send_nodes(joined, nodes)

    def left(self, link, connection, was_up):
        # type: (Link, Any, bool) -> None
        """A link is down."""
        if connection is not None:
            gone = self._membership.leave(link)
            self._context.node.leave(connection)
            self._tell_others(link, False, gone)
        if link.state == CLOSED and link in self._links:
            self._links.remove(link)
        if was_up or (link.tells and not link.met):
            self._context.link_closed.emit(link)
        self._context.loop.notify(self._context.waiters)

    def _on_granted(self, link, event):
        # type: (Link, events.Granted) -> None
        event.outlet.tell_granted()

    def _on_opened(self, link, event):
        # type: (Link, events.Opened) -> None
        if self._membership.joined(link):
            self._context.node.opened(event.outlet)


_HANDLERS = {
    events.Hello: Network._on_hello,
    events.Nodes: Network._on_nodes,
    events.Synced: Network._on_synced,
    events.Silent: lambda self, link, event: self._context.link_silent.emit(link),
    events.Heard: lambda self, link, event: self._context.link_heard.emit(link),
    events.Opened: Network._on_opened,
    events.Closed: lambda self, link, event: self._context.node.closed(event.outlet),
    events.Granted: Network._on_granted,
    events.Wanted: lambda self, link, event: event.inlet.target.wanted(event.inlet),
    events.Attached: lambda self, link, event: event.inlet.target.attached(event.inlet, event.source, event.number, event.anew),
    events.Data: lambda self, link, event: event.inlet.target.deliver(event.inlet, event.batch),
    events.Reply: lambda self, link, event: self._context.node.requests.replied(
        link.connection, event.request, event.status, event.data),
    events.Cancel: lambda self, link, event: self._context.node.cancelled(link.connection, event.request),
    events.Bye: lambda self, link, event: link.on_bye(event.code, event.reason),
}  # type: Any
