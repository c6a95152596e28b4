"""One link of a context: a socket, and the connection that speaks over it."""
from __future__ import absolute_import, division, print_function

import os
import random
import socket

from .._compat import monotonic, quoted, shown
from ..errors import AddressError, AuthenticationFailed, Closed, CycleError, Error, PeerLost, too_late
from ..protocol import connection as protocol
from ..protocol.frames import MAX_FRAGMENT
from ..protocol.settings import Settings
from . import streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Set

CONNECTING, ALIVE, SILENT, CLOSED = "connecting", "alive", "silent", "closed"

# Why a link ends, as BYE carries it.
BYE_CLOSED, BYE_PROTOCOL, BYE_CYCLE, BYE_ALL_SENT = 0, 1, 2, 3

#: Seconds before the first and at most before a later attempt to connect again; doubled each time, with jitter, so
#: that many clients of a restarted server do not come at the same moment.
FIRST_RETRY, LAST_RETRY = 0.05, 2.0
#: Seconds for the end of what a peer sent to show after it has ceased to take anything; usually it shows at once.
LAST_WORDS = 1.0


class Link(object):
    """What ``context.connect`` returns, and ``context.links`` holds.

    Attributes:
        peer (str): the name of the context at the other end, None until it is known.
        closed_reason (Error): why it is closed, or was closed last; None at first.
        address (str): where it leads, or where it was accepted.
    """

    def __init__(self, context, address, initiator, reconnect=False):
        # type: (Any, Any, bool, bool) -> None
        self.address = str(address)
        self.peer = None  # type: Optional[str]
        self.closed_reason = None  # type: Optional[Exception]
        self.connection = None  # type: Any  # a Connection while there is a socket
        self.initiator = initiator
        self.up = False             # announced to each other: channels have met
        self.met = False            # has been up once; before that nobody connects again
        self.tells = False          # `link_closed` tells also when it does not come up: nobody waits for that
        self.introduced = False     # told which contexts are on our side
        self.nodes = set()  # type: Set[bytes]  # what the peer said is on its side, until the link joins
        self.waiters = []  # type: List[Any]
        self.opening = None  # type: Any  # settings of the attempt under way
        self._address = address
        self._context = context
        self._reconnect = reconnect
        self._retry = FIRST_RETRY
        self._socket = None  # type: Any  # a socket, from connecting or accepting on
        self._connecting = False
        self._unsent = b""  # type: Any
        self._writes = False
        self._deaf = False          # the peer takes nothing any more
        self._read_size = streams.SMALL_READ
        self._gone = False
        self._parting = None  # type: Optional[Closed]  # we have said goodbye
        self._timer = None  # type: Any

    @property
    def state(self):
        # type: () -> str
        """``"connecting"``, ``"alive"``, ``"silent"`` (nothing heard for three heartbeats) or ``"closed"``."""
        if self._gone:
            return CLOSED
        return self.connection.liveness.state if self.up and self.connection is not None else CONNECTING

    def __repr__(self):
        # type: () -> str
        return "<Link to %s at %s, %s>" % (shown(self.peer or "?"), self.address, self.state)

    def close(self):
        # type: () -> None
        """Close the link at once; what was not sent yet is lost, and the peer is told."""
        self._context.guard.do(self._close)

    def _close(self):
        # type: () -> None
        self._reconnect = False
        self.end(Closed("The link to %s was closed at this end." % self.address), BYE_CLOSED)

    # -- coming up; everything from here on runs under the context's guard ------------------------------------------

    def connect(self):
        # type: () -> None
        """Begin to connect.

        Raises:
            AddressError: refused at once.
        """
        self._socket = streams.begin_connect(self._address)
        self._connecting = True
        self._context.loop.watch(self._socket.fileno(), self, False, True)

    def accepted(self, stream):
        # type: (socket.socket) -> None
        """Serve a connection that came in."""
        self._socket = stream
        try:
            self._begin(True)
        except (EnvironmentError, socket.error):  # a reset while it waited: it has no address any more
            self._lost(PeerLost("%s: the peer was gone before it was served." % self.address))

    def adopted(self, stream):
        # type: (socket.socket) -> None
        """Serve a connection whose other end is trusted, without a handshake."""
        self._socket = stream
        self._begin(False)

    def _begin(self, authenticate):
        # type: (bool) -> None
        context, now = self._context, monotonic()
        self.opening = Settings(context.id, os.urandom(16), context.name, context.heartbeat, context.max_message)
        handshake = None
        if authenticate:
            from ..protocol import handshake as shaking
            mine, other = streams.names(self._socket, self._address, not self.initiator)
            limits = shaking.Limits(context.max_message, max(1, int(context.heartbeat * 1000)))
            handshake = shaking.Handshake("client" if self.initiator else "server", context.key, mine, other,
                                          os.urandom(32), limits, now)
        self.connection = protocol.Connection(self.opening, now, handshake, lambda: context.dirty.append(self))
        self._connecting = False
        self._writes = False
        context.loop.watch(self._socket.fileno(), self)
        self._schedule_tick()
        context.dirty.append(self)

    def _schedule_tick(self):
        # type: () -> None
        deadline = self.connection.next_deadline()
        if deadline is not None:  # also at each heartbeat: a handshake that is over soon leaves its own deadline behind
            deadline = min(deadline, monotonic() + self._context.heartbeat)
            self._timer = self._context.timers.add(deadline, self._tick)

    def _tick(self):
        # type: () -> None
        if self.connection is not None:
            self.connection.tick(monotonic())
            self._context.network.handle(self)
            self._after()
            if self.connection is not None:
                self._schedule_tick()

    # -- data -------------------------------------------------------------------------------------------------------

    def on_ready(self, readable, writable, now):
        # type: (bool, bool, float) -> None
        """The socket is ready."""
        if self._connecting:
            try:
                streams.end_connect(self._socket, self._address)
                self._begin(True)
            except AddressError as error:
                self._lost(error)
            except (EnvironmentError, socket.error):
                self._lost(PeerLost("%s closed the connection at once." % self.address))
            return
        if readable:
            bulk = self._read_size == streams.LARGE_READ
            if bulk and streams.VIEWS and self.connection.state == protocol.OPEN:
                data = streams.read_into(self._socket, self._context.loop.buffer())
            else:
                data = streams.read(self._socket, self._read_size)
            if data:
                if len(data) == self._read_size:
                    self._read_size = streams.LARGE_READ
                elif len(data) < streams.SMALL_READ:
                    self._read_size = streams.SMALL_READ
                self.connection.receive_data(data, now)
            elif data is not None:
                self.connection.receive_eof()
            self._context.network.handle(self)
        if writable and self._writes:
            self._context.dirty.append(self)
        if self.connection is not None and self.connection.state == protocol.CLOSED:
            self._after()  # what is to be sent goes with the owner's tick

    def transmit(self):
        # type: () -> None
        """Write what waits, as far as the socket takes it."""
        connection = self.connection
        while connection is not None and not self._deaf:
            left_over = self._unsent
            data = left_over or connection.data_to_send()
            sent = streams.write(self._socket, data) if data else 0
            if sent < 0:
                self._peer_takes_no_more(connection)
                break
            if sent < len(data):
                self._unsent = memoryview(data)[sent:]
                self._watch_writes(True)
                break
            self._unsent = b""
            if len(data) < MAX_FRAGMENT and not left_over:  # less than we asked for, so that was all
                if self._writes:
                    self._watch_writes(False)
                break
        if connection is not None and connection.state == protocol.CLOSED:
            self._after()

    def _peer_takes_no_more(self, connection):
        # type: (protocol.Connection) -> None
        """What it sent before is still in the socket, goodbyes included; the end of the link is the end of that."""
        self._deaf, self._unsent = True, b""
        self._watch_writes(False)
        self._context.at(monotonic() + LAST_WORDS, lambda: self._last_words_over(connection))

    def _last_words_over(self, connection):
        # type: (protocol.Connection) -> None
        if connection is self.connection:
            connection.receive_eof()
            self._after()

    def _watch_writes(self, writes):
        # type: (bool) -> None
        if writes != self._writes:
            self._writes = writes
            self._context.loop.watch(self._socket.fileno(), self, True, writes)

    def authenticated(self):
        # type: () -> bool
        """Whether the peer need not prove anything any more (also when it is gone)."""
        return self.connection is None or self.connection.state != protocol.HANDSHAKING

    def drop(self, why):
        # type: (str) -> None
        """Cut off a peer that has not proved who it is."""
        self._lost(AuthenticationFailed("The peer %s." % why))

    def idle(self):
        # type: () -> bool
        """Whether nothing waits to be sent."""
        connection = self.connection
        return connection is None or not (self._unsent or connection.has_output()
                                          or any(outlet.queue or outlet.lagging
                                                 for outlet in connection.outlets.values()))

    # -- going down -------------------------------------------------------------------------------------------------

    def _after(self):
        # type: () -> None
        """Notice that the connection has ended."""
        if self.connection is not None and self.connection.state == protocol.CLOSED:
            self._say_why()
            self._lost(self.connection.error)

    def _say_why(self):
        # type: () -> None
        """Write what is left to say to the peer, as far as the socket takes it."""
        words = memoryview(self._unsent).tobytes() + self.connection.data_to_send()
        if words:
            streams.write(self._socket, words)

    def end(self, error, code):
        # type: (Exception, int) -> None
        """Close from this side; the peer is told why as far as the socket takes it."""
        if self._gone:
            return
        if self.connection is not None:
            self.connection.close(error, code)
            self._say_why()
        self._lost(error)

    def give_up(self, timeout):
        # type: (Any) -> Error
        """It has not come up in time; why it is closed now."""
        late = too_late(timeout, "%s did not answer within %s s." % (self.address, timeout))
        self.end(late, BYE_CLOSED)
        return late

    def farewell(self):
        # type: () -> None
        """Say goodbye after everything else and wait for the peer to close, so that nothing under way is lost."""
        reason = "The context %s was closed." % quoted(self._context.name)
        if self.connection is None or not self.up:
            return self.end(Closed(reason), BYE_CLOSED)
        self._reconnect = False
        self._parting = Closed(reason)
        self.connection.say_bye(BYE_ALL_SENT, reason)

    def on_bye(self, code, reason):
        # type: (int, str) -> None
        """The peer ends the link."""
        reason = shown(reason)
        self.connection.goodbye = code == BYE_ALL_SENT
        if code == BYE_CYCLE:
            error = CycleError(reason)  # type: Error
        elif code == BYE_PROTOCOL:
            error = PeerLost("%s closed the link because of what it got from here: %s" % (self.address, reason))
        else:
            error = PeerLost(reason)
        self._lost(error)

    def _lost(self, error):
        # type: (Exception) -> None
        """The link is down, for now or for good."""
        if self._gone:
            return
        if self._socket is not None:
            self._context.loop.forget(self._socket.fileno())
            self._socket.close()
            self._socket = None
        if self._timer is not None:
            self._timer.cancel()
        connection, self.connection, was_up, self.up = self.connection, None, self.up, False
        self.introduced = self._connecting = self._writes = self._deaf = False
        self.nodes, self._unsent = set(), b""
        self.closed_reason = self._parting or error  # after our goodbye it is the other end that closes
        # Also after a failed handshake, which is all that a server that is just ending lets us see, and after a loop,
        # which may be one that others close and open at this moment: this link was good once.
        again = self._reconnect and self.met and not isinstance(error, Closed)
        self._gone = not again
        self._context.network.left(self, connection, was_up)
        if again:
            if was_up:
                self._retry = FIRST_RETRY
            delay, self._retry = self._retry, min(LAST_RETRY, self._retry * 2)
            self._context.timers.add(monotonic() + delay * random.uniform(0.5, 1.0), self._connect_again)
        self._context.loop.notify(self.waiters)

    def _connect_again(self):
        # type: () -> None
        if self._gone or not self._reconnect:
            return
        try:
            self.connect()
        except AddressError as error:
            self._lost(error)

    def forget(self):
        # type: () -> None
        """The socket belongs to another process (we are a forked child): close our copy and say nothing."""
        if self._socket is not None:
            self._socket.close()
        self.connection, self._socket, self._gone = None, None, True
        del self.waiters[:]
        self.closed_reason = Closed("The link to %s is the parent process's." % self.address)
