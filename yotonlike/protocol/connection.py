"""One link as a state machine: composes handshake, frames, credit and liveness.

Theory of operation. A connection is ``handshaking``, then ``open``, then ``closed``; without a handshake (an
inherited socket needs none) it starts ``open``. While it is handshaking no frame is parsed and none is sent; what is
queued waits. Once it is closed, for whatever reason, bytes that arrive are ignored and none are made; ``error`` says
why, as a typed exception.

What leaves is pulled by the transport with :meth:`Connection.data_to_send`: first every control frame, then bulk (a
batch, a fragment, a reply) from one outlet after the other, a fragment each, so that a flood on one channel delays
the others by at most one fragment and a control frame by what the transport already took.
"""
from __future__ import absolute_import, division, print_function

from .._compat import quoted
from ..errors import PeerLost, RemoteProtocolError
from . import credit, events, frames
from .incoming import Incoming
from .liveness import Liveness
from .outgoing import Outgoing
from .positions import MAX_POSITIONS, NEW
from .requests import TOO_BIG
from .settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional

    from .positions import Standing

HANDSHAKING, OPEN, CLOSED = "handshaking", "open", "closed"

#: Sinks that a peer may open on one link: each costs this end about a kilobyte.
MAX_SINKS = 1 << 16


class Connection(object):
    """The protocol of one link.

    Attributes:
        state (str): ``"handshaking"``, ``"open"`` or ``"closed"``.
        error (Error or None): why it is closed.
        goodbye (bool): whether the peer said that it leaves and has sent everything.
        inlets (dict): our sinks, by number.
        outlets (dict): the peer's sinks, by number.
        liveness (Liveness): heartbeats and silence.
        peer_max (int): bytes of the longest message that the peer takes.
    """

    def __init__(self, settings, now, handshake=None, on_output=None):
        # type: (Settings, float, Any, Optional[Callable[[], None]]) -> None
        """
        Args:
            settings: what to tell the peer.
            now: monotonic seconds.
            handshake: a started Handshake, or None where the peer is known already.
            on_output: called when there is something to send after there was nothing.
        """
        self.settings = settings
        self.error = None  # type: Optional[Exception]
        self.goodbye = False
        self.inlets = {}  # type: Dict[int, credit.Inlet]
        self.outlets = {}  # type: Dict[int, credit.Outlet]
        self.peer = None  # type: Optional[events.Hello]
        self.peer_max = settings.max_message
        self.state = OPEN if handshake is None else HANDSHAKING
        self.liveness = Liveness(now, settings.heartbeat, settings.heartbeat)
        self._handshake = handshake
        self._on_output = on_output
        self._parser = frames.FrameParser()
        self.outgoing = Outgoing()
        self._events = []  # type: List[events.Event]
        self.incoming = Incoming(self.inlets, settings.max_message, self._report)
        self._handlers = {frames.HELLO: self._on_hello, frames.BYE: self._on_bye}  # type: Dict[int, Any]
        self._put(frames.hello(settings.context_id, settings.nonce, int(settings.heartbeat * 1000),
                               settings.max_message, settings.name.encode("utf-8")))

    # -- bytes in -------------------------------------------------------------------------------------------------

    def receive_data(self, data, now):
        # type: (bytes, float) -> None
        """Take bytes from the peer; :meth:`events` then tells what they meant. Errors close the connection."""
        if self.state == CLOSED:
            return
        if self.liveness.state != "alive":
            self._report(events.Heard())
        self.liveness.received(now)
        try:
            if self.state == HANDSHAKING:
                data = self._shake(data, now)
                if not data:
                    return
            for kind, fields in self._parser.feed(data):
                handler = self._handlers.get(kind)
                if handler is None:
                    raise RemoteProtocolError("The peer sent %s before it introduced itself." % frames.NAMES[kind])
                handler(*fields)
                if self.state == CLOSED:
                    return
        except RemoteProtocolError as error:
            self.close(error, code=1)

    def receive_eof(self):
        # type: () -> None
        """The peer's end of the stream is closed."""
        if self.state == HANDSHAKING:
            self._handshake.receive_eof()
            self._end(self._handshake.error)
        elif self.state == OPEN:
            self._end(PeerLost("The link to %s was closed by the other end." % self._who()))

    def _shake(self, data, now):
        # type: (bytes, float) -> bytes
        handshake = self._handshake
        handshake.receive_data(data, now)
        if handshake.error is not None:
            self._end(handshake.error)
            return b""
        if not handshake.done:
            self._notify()
            return b""
        self.state = OPEN
        self._notify()
        return handshake.trailing

    def _report(self, event):
        # type: (events.Event) -> None
        self._events.append(event)

    def events(self):
        # type: () -> List[events.Event]
        """What happened since the last call, in order."""
        found, self._events = self._events, []
        return found

    # -- bytes out ------------------------------------------------------------------------------------------------

    def data_to_send(self, limit=frames.MAX_FRAGMENT):
        # type: (int) -> bytes
        """The next bytes for the peer: all control frames, then bulk until ``limit`` bytes are reached."""
        if self._handshake is not None:
            shaken = self._handshake.data_to_send()
            if self.state == HANDSHAKING:
                return shaken
            self._handshake = None
            self.outgoing.control.insert(0, shaken)
        return self.outgoing.take(limit)

    def has_output(self):
        # type: () -> bool
        """Whether :meth:`data_to_send` would return anything."""
        if self.state == HANDSHAKING:
            return self._handshake.has_output()
        return bool(self.outgoing or self._handshake is not None)

    def _put(self, frame):
        # type: (bytes) -> None
        self.outgoing.control.append(frame)
        self._notify()

    def _notify(self):
        # type: () -> None
        if self._on_output is not None:
            self._on_output()

    # -- what this end does ---------------------------------------------------------------------------------------

    def open_sink(self, sink, kind, policy, window, name, type_name, target=None, standing=NEW):
        # type: (int, int, int, int, str, str, Any, Standing) -> credit.Inlet
        """Open a sink of ours: the peer may send that many bytes of messages to it."""
        inlet = self.inlets[sink] = credit.Inlet(sink, window, target, standing.used)
        inlet.owner = self
        self._put(frames.open_sink(sink, kind, policy, window, name.encode("utf-8"), type_name.encode("ascii"),
                                   standing))
        return inlet

    def close_sink(self, sink):
        # type: (int) -> None
        """Close a sink of ours; what is still under way to it is dropped."""
        inlet = self.inlets.pop(sink, None)
        if inlet is None:
            return
        if inlet.for_requests:
            self.outgoing.push_after_replies(frames.close_sink(sink))
            self._notify()
        else:
            self._put(frames.close_sink(sink))

    def attach(self, outlet, source, number, anew=False):
        # type: (credit.Outlet, bytes, int, bool) -> None
        """Tell the peer that a publisher feeds its sink, from that number on; ``anew`` if in the place of a lost one."""
        introduction = []  # type: List[bytes]
        alias = self.outgoing.alias(source, introduction)
        for frame in introduction + [frames.attach(outlet.sink, alias, number, anew)]:
            self._put(frame)

    def push(self, outlet, batch):
        # type: (credit.Outlet, credit.Batch) -> None
        """Queue messages for one of the peer's sinks, but for those that are too long for it: they are missed there."""
        if len(batch.data) > self.peer_max:
            for part in batch.without(self.peer_max):
                if self.outgoing.push(outlet, part):
                    self._notify()
        elif self.outgoing.push(outlet, batch):
            self._notify()

    def schedule(self, outlet):
        # type: (Any) -> None
        """Give an outlet its turn."""
        if self.outgoing.schedule(outlet):
            self._notify()

    def ask(self, outlet):
        # type: (credit.Outlet) -> None
        """Tell the peer, once per grant, that somebody waits for window of its sink."""
        if not outlet.asked:
            outlet.asked = True
            self._put(frames.want(outlet.sink))

    def consume(self, inlet, cost):
        # type: (credit.Inlet, int) -> None
        """The application consumed messages of one of our sinks."""
        amount = inlet.consumed(cost)
        if amount and inlet.sink in self.inlets:
            self._put(frames.grant(inlet.sink, amount))

    def release(self, inlet):
        # type: (credit.Inlet) -> bool
        """Hand back what was consumed at once, because the peer waits; says whether there was any."""
        amount = inlet.release()
        if amount and inlet.sink in self.inlets:
            self._put(frames.grant(inlet.sink, amount))
        return bool(amount)

    def send_reply(self, request, status, data):
        # type: (int, int, bytes) -> None
        """Answer a request of the peer."""
        if len(data) > self.peer_max:
            status, data = TOO_BIG, b""
        self.outgoing.push_reply(request, status, data)
        self._notify()

    def cancel(self, request):
        # type: (int) -> None
        """Tell the peer that nobody waits for that answer any more."""
        self._put(frames.cancel(request))

    def send_nodes(self, joined, ids):
        # type: (bool, List[bytes]) -> None
        """Tell which contexts can, or no longer can, be reached through this end."""
        if ids:
            self._put(frames.nodes(joined, ids))

    def send_synced(self):
        # type: () -> None
        """Tell that everything known so far has been announced."""
        self._put(frames.frame(frames.SYNCED))

    def say_bye(self, code, reason):
        # type: (int, str) -> None
        """Announce the end, after which the peer closes the link."""
        self._put(frames.bye(code, reason.encode("utf-8", "replace")))

    def close(self, error, code=0):
        # type: (Exception, int) -> None
        """End the link from this side; the peer is told ``code`` and the error's text."""
        if self.state == OPEN:
            self.say_bye(code, u"%s" % error)
            self._end(error, keep_control=True)
        elif self.state == HANDSHAKING:
            self._end(error)

    def _end(self, error, keep_control=False):
        # type: (Exception, bool) -> None
        self.error = error
        self.state = CLOSED
        self._handshake = None
        self.outgoing.clear(keep_control)

    def _who(self):
        # type: () -> str
        return quoted(self.peer.name) if self.peer is not None else "a peer that had not introduced itself"

    # -- time -----------------------------------------------------------------------------------------------------

    def next_deadline(self):
        # type: () -> Optional[float]
        """When :meth:`tick` wants to be called next (monotonic seconds), or None."""
        if self.state == HANDSHAKING:
            return self._handshake.next_deadline()
        return self.liveness.next_deadline() if self.state == OPEN else None

    def tick(self, now):
        # type: (float) -> None
        """Do what is due: heartbeats, the handshake's deadline."""
        if self.state == HANDSHAKING:
            self._handshake.tick(now)
            if self._handshake.error is not None:
                self._end(self._handshake.error)
        elif self.state == OPEN:
            before = self.liveness.state
            if self.liveness.tick(now):
                self._put(frames.frame(frames.HEARTBEAT))
            if self.liveness.state != before:
                self._report(events.Silent())

    # -- frames in ------------------------------------------------------------------------------------------------

    def _on_hello(self, context_id, nonce, heartbeat, max_message, name):
        # type: (bytes, bytes, int, int, bytes) -> None
        if self.peer is not None:
            raise RemoteProtocolError("The peer introduced itself twice.")
        self.peer = events.Hello(context_id, nonce, name.decode("utf-8", "replace"))
        self._handlers.update(self._later_handlers())
        self.liveness.peer_interval = max(heartbeat, 1) / 1000.0
        self.peer_max = max_message
        self._report(self.peer)

    def _on_heartbeat(self):
        # type: () -> None
        """Its arrival is all that it says, and liveness has seen that."""

    def _on_open(self, sink, kind, policy, window, name, type_name, standing):
        # type: (int, int, int, int, bytes, bytes, Standing) -> None
        if sink in self.outlets or len(self.outlets) >= MAX_SINKS:
            raise RemoteProtocolError("The peer opened sink %d twice, or more than %d." % (sink, MAX_SINKS))
        if kind not in credit.KINDS or policy not in credit.POLICIES or len(standing.positions) > MAX_POSITIONS:
            raise RemoteProtocolError("The peer opened a sink of unknown kind %d, policy %d, or with more than %d "
                                      "positions." % (kind, policy, MAX_POSITIONS))
        try:
            outlet = credit.Outlet(sink, kind, policy, window, name.decode("utf-8"), type_name.decode("ascii"),
                                   standing)
        except UnicodeDecodeError:
            raise RemoteProtocolError("The peer opened a sink whose name is not text.")
        outlet.owner = self
        self.outlets[sink] = outlet
        self._report(events.Opened(outlet))

    def _on_close(self, sink):
        # type: (int) -> None
        outlet = self.outlets.pop(sink, None)
        if outlet is None:
            raise RemoteProtocolError("The peer closed sink %d, which was not open." % sink)
        self.forget(outlet)
        self._report(events.Closed(outlet))

    def forget(self, outlet):
        # type: (credit.Outlet) -> None
        """Drop what waits for a sink that is gone; a relay hands its window back upstream."""
        for batch in outlet.queue:
            if batch.origin is not None:
                batch.origin.owner.consume(batch.origin, batch.cost)
        outlet.queue.clear()
        outlet.queued = 0

    def _on_grant(self, sink, amount):
        # type: (int, int) -> None
        outlet = self.outlets.get(sink)
        if outlet is not None:  # it may have been closed by us while this was under way
            outlet.granted(amount)
            if outlet.queue:
                self.schedule(outlet)
            self._report(events.Granted(outlet))

    def _on_want(self, sink):
        # type: (int) -> None
        inlet = self.inlets.get(sink)
        if inlet is not None:
            inlet.wanted = True
            self._report(events.Wanted(inlet))

    def _on_bye(self, code, reason):
        # type: (int, bytes) -> None
        self._report(events.Bye(code, reason.decode("utf-8", "replace")))

    def _later_handlers(self):
        # type: () -> Dict[int, Any]
        """Who takes the frames of each kind once the peer has introduced itself."""
        report, incoming = self._report, self.incoming
        return {
            frames.HEARTBEAT: self._on_heartbeat, frames.OPEN: self._on_open, frames.CLOSE: self._on_close,
            frames.GRANT: self._on_grant, frames.WANT: self._on_want,
            frames.SOURCE: incoming.on_source, frames.ATTACH: incoming.on_attach, frames.DATA: incoming.on_data,
            frames.LARGE: incoming.on_large, frames.MORE: incoming.on_more, frames.REPLY: incoming.on_reply,
            frames.LARGEREPLY: incoming.on_large_reply,
            frames.NODES: lambda joined, ids: report(events.Nodes(joined, ids)),
            frames.SYNCED: lambda: report(events.Synced()),
            frames.CANCEL: lambda request: report(events.Cancel(request)),
        }
