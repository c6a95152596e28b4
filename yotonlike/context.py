"""A context: one node of a network, with its links, its channels and its loop."""
from __future__ import absolute_import, division, print_function

import os

from . import exits
from ._compat import quoted, start_new_thread
from .channels.base import checked_name
from .dispatch import Dispatcher, Handlers, Signal
from .errors import AddressError, Closed, Timeout, WouldBlock, too_late
from .network import Network
from .protocol.routing import Node
from .protocol.settings import MAX_MESSAGE, beat, whole
from .transport import addresses
from .transport.guard import interrupted
from .transport.link import BYE_CLOSED, Link
from .transport.listener import Listener
from .transport.loop import Loop
from .transport.timers import Timers
from .transport.waiting import deadline_after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, List, Optional, Tuple


class Context(object):
    """A node: bind it, connect it, and make channels on it. All public methods are safe from any thread.

    Use it as a context manager, or :meth:`close` it.

    Args:
        name (str): for people; peers see it as ``link.peer``.
        key (bytes): the secret that both ends of a link share, at least 16 bytes. None makes one of 32 bytes, see
            ``context.key``.
        heartbeat (float): seconds between two heartbeats on each link, at least a millisecond.
        max_message (int): the longest message in bytes, sent or received.
        thread (bool): False for a program that is always in :meth:`wait` and goes back to it soon: there is no I/O thread,
            which spares switches between threads. Nothing goes on but while some thread waits, and what is sent leaves
            then, all of it together.

    Attributes:
        link_opened, link_closed (Signal): called with the Link in ``process_events()``.
        link_silent, link_heard (Signal): the same when nothing has come for three of the peer's heartbeats, and then something.
    """

    def __init__(self, name=u"", key=None, heartbeat=1.0, max_message=MAX_MESSAGE, thread=True):
        # type: (str, Optional[bytes], float, int, bool) -> None
        if key is None:
            key = os.urandom(32)
        else:
            from .protocol.handshake import check_key
            check_key(key)
        self.name = checked_name("context", name)
        self.key = key
        self.heartbeat = beat(heartbeat)
        self.max_message = whole("max_message", max_message, 1)
        self._gathers = not thread  # what is sent leaves in the next wait
        self.id = os.urandom(16)
        self.closed = False
        self._drained = False  # whether all that was sent had left when it was closed
        self.dispatcher = Dispatcher(self)
        self.handlers = Handlers()
        self.link_opened = Signal(self.dispatcher)
        self.link_closed = Signal(self.dispatcher)
        self.link_silent = Signal(self.dispatcher)
        self.link_heard = Signal(self.dispatcher)
        self.timers = Timers()
        self.next_deadline = self.timers.next_deadline  # when tick has something to do, as Loop asks
        self.node = Node()
        self.dirty = []  # type: List[Link]  # links that have something to send
        self.unflushed = []  # type: List[Any]  # channels that hold staged messages
        self.listeners = []  # type: List[Listener]
        self.channels = []  # type: List[Any]
        self.waiters = []  # type: List[Any]  # threads in flush() and close()
        self._links = []  # type: List[Link]
        self.network = Network(self, self._links)
        self.loop = Loop(self, thread)
        self.guard = self.loop.guard
        exits.contexts.add(self)

    def __repr__(self):
        # type: () -> str
        return "<Context %s, %d links%s>" % (quoted(self.name), len(self._links), ", closed" if self.closed else "")

    def __enter__(self):
        # type: () -> Context
        return self

    def __exit__(self, *_):
        # type: (*Any) -> None
        self.close()

    # -- the network ------------------------------------------------------------------------------------------------

    @property
    def links(self):
        # type: () -> List[Link]
        """The links, those that are connecting included."""
        with self.guard:
            return list(self._links)

    def bind(self, address):
        # type: (str) -> Listener
        """Listen for peers.

        Args:
            address: ``"tcp://127.0.0.1:0"`` (port 0 chooses one) or ``"unix:///path"``.

        Raises:
            AddressError: not an address, not a local one, or it cannot be listened on.
            Closed: the context is closed.
        """
        with self.guard:
            self.check_open()
            listener = Listener(self, addresses.parse(address))
            self.listeners.append(listener)
            self.loop.watch(listener.fileno(), listener)
        return listener

    def connect(self, address, timeout=5.0, reconnect=False, wait=True):
        # type: (str, Optional[float], bool, bool) -> Link
        """Link to a context that listens at ``address``; returns when the channels of both sides have met.

        Args:
            timeout: seconds; None waits for ever.
            reconnect: whether to connect again, with growing pauses, when the link is lost later.
            wait: False for a program that must not wait: it returns at once, and `link_opened` tells when they have met, or
                `link_closed` that they have not, with all but a refusal at once.

        Raises:
            AddressError: not an address, or nobody listens there.
            AuthenticationFailed: the other end has another key.
            CycleError: the two contexts reach each other already.
            Timeout, for 0 WouldBlock: it took too long.
            PeerLost, ProtocolError: the other end closed the link, or speaks another protocol.
        """
        link = Link(self, addresses.parse(address), initiator=True, reconnect=reconnect)
        link.tells = not wait
        with self.guard:
            self.check_open()
            self._links.append(link)
            try:
                link.connect()
            except AddressError:
                self._links.remove(link)
                raise
            deadline = deadline_after(timeout)
            if not wait and deadline is not None:
                self.at(deadline, lambda: link.met or link.give_up(timeout))
        return self._await(link, timeout) if wait else link

    def adopt(self, stream, initiator, timeout=5.0):
        # type: (Any, bool, Optional[float]) -> Link
        """Link over a connected stream socket whose other end is known to be trusted, such as one end of a
        ``socketpair`` that a child inherited. There is no handshake.

        Args:
            initiator: True at exactly one of the two ends.
            timeout: seconds to wait until the channels have met; 0 does not wait.
        """
        stream.setblocking(False)
        link = Link(self, "fd://%d" % stream.fileno(), initiator=initiator)
        with self.guard:
            self.check_open()
            self._links.append(link)
            link.adopted(stream)
            self.transmit()
        return self._await(link, timeout) if timeout != 0 else link

    def _await(self, link, timeout):
        # type: (Link, Optional[float]) -> Link
        done = False
        try:
            self.loop.wait(lambda: link.met or link.closed_reason is not None, link.waiters, deadline_after(timeout))
            done = link.met
        finally:
            with self.guard:
                failure = link.closed_reason
                if not done and failure is None:  # too late, or Ctrl-C
                    failure = link.give_up(timeout)
        if failure is not None and not done:
            raise failure
        return link

    def accept(self, link, stream):
        # type: (Link, Any) -> None
        """Serve a connection that a listener took; under the guard."""
        self._links.append(link)
        link.accepted(stream)
        self.transmit()

    def flush(self, timeout=5.0):
        # type: (Optional[float]) -> None
        """Wait until everything sent so far has left this process: what waits for window, when subscribers have taken enough.

        Raises:
            Timeout, for 0 WouldBlock: some of it has not, such as to a subscriber that is stalled.
            Closed: the context is closed; if that happened meanwhile, some of it is lost.
        """
        self.check_open()

        def left():
            # type: () -> bool
            if not self._drained:
                self.check_open()
            for channel in self.channels:
                if channel.holds():
                    channel.flush_stage()
            self.write()
            return all(link.idle() for link in self._links)

        if not self.loop.wait(left, self.waiters, deadline_after(timeout)):
            raise too_late(timeout, "Messages still wait to leave %r after %s s: a peer or a subscriber does not take them."
                           % (self, timeout))

    def close(self, timeout=5.0):
        # type: (Optional[float]) -> bool
        """Send what waits, say goodbye on every link, and end. Closing again does nothing.

        In a handler of a RepChannel it returns at once: the context closes when the handler has returned, and its
        answer is part of what waits. Also in a signal handler and ``__del__``: if those have interrupted a call of a
        context, which has to go on first, a thread of its own closes this one, and False is returned at once.

        Returns:
            Whether everything left in time; what did not is lost.
        """
        if self.closed or self.handlers.put_off(lambda: self.close(timeout)):
            return True
        if interrupted():
            start_new_thread(self.close, (timeout,))
            return False
        deadline, drained = deadline_after(timeout), False
        try:
            self.flush(timeout)
            with self.guard:
                for listener in list(self.listeners):  # who is told goodbye may connect again at once, and would be waited for
                    listener.end()
                for link in list(self._links):
                    link.farewell()
                self.write()
            drained = self.loop.wait(lambda: not self._links, self.waiters, deadline)
        except (Timeout, WouldBlock, Closed):  # too late; or another thread, which closes it too, was
            pass
        finally:
            self._end(drained)
        return drained

    def _end(self, drained):
        # type: (bool) -> None
        reason = Closed("The context %s was closed." % quoted(self.name))
        with self.guard:
            if self.closed:  # by another thread meanwhile
                return
            self.closed, self._drained = True, drained
            for channel in list(self.channels):
                channel.end(reason)
            for listener in list(self.listeners):
                listener.end()
            for link in list(self._links):
                link.end(reason, BYE_CLOSED)
            self.loop.stop()
            self.loop.notify(self.waiters)
            self.dispatcher.close()
        self.loop.join()

    def check_open(self):
        # type: () -> None
        """
        Raises:
            Closed: it is not.
        """
        if self.closed:
            raise Closed("The context %s is closed." % quoted(self.name))

    # -- host event loops -------------------------------------------------------------------------------------------

    def fileno(self):
        # type: () -> int
        """A descriptor that is readable while callbacks wait: for Qt, Tk, asyncio, ``select``."""
        return self.dispatcher.fileno()

    def process_events(self):
        # type: () -> int
        """Run the callbacks that wait, in this thread; returns how many calls that were. Never blocks."""
        return self.dispatcher.run()

    def post(self, function):
        # type: (Callable[[], Any]) -> None
        """Have ``function()`` called by :meth:`process_events`, after what waits already; never, once the context is closed.

        Also in a signal handler and ``__del__``.
        """
        self.guard.do(lambda: self.dispatcher.post(function))

    @property
    def pending(self):
        # type: () -> int
        """How many calls wait for :meth:`process_events`."""
        return len(self.dispatcher)

    def wait(self, timeout=None, read=(), write=(), until=None):
        # type: (Optional[float], Iterable[Any], Iterable[Any], Optional[Callable[[], Any]]) -> Tuple[List[Any], List[Any]]
        """Wait until there is something for :meth:`process_events`: the event loop of a program that has none.

        It is faster than a wait for :meth:`fileno`: this thread itself reads the sockets. Ctrl-C ends it, nothing is lost.

        Args:
            timeout: seconds; None waits for ever, 0 only looks.
            read, write: descriptors of the program's own, or what has ``fileno()``, which end the wait when they can be read
                from (or have ended), or written to.
            until: what to wait for instead of callbacks. It is called with the context locked, so it must be quick, and
                use nothing of the context but :attr:`pending`; each time that a callback comes, and at :meth:`wake`.

        Returns:
            Those of ``read`` and of ``write`` that are ready. Call process_events() whatever it is.

        Raises:
            Closed: the context is closed, maybe meanwhile.
            TypeError, ValueError: one of them is no descriptor, or is not open.
        """
        return self.dispatcher.wait(timeout, read, write, until)

    def wake(self):
        # type: () -> None
        """Have all threads that are in :meth:`wait` look again whether their ``until`` is true. Also in a signal handler."""
        self.guard.do(self.dispatcher.let_go)

    # -- what the loop and the channels call; under the guard ---------------------------------------------------------

    def pressing(self):
        # type: () -> bool
        """Whether :meth:`tick` has something to do at once."""
        return bool(self.unflushed or self.dirty)

    def tick(self, now):
        # type: (float) -> None
        """Do what is due, and send what has gathered."""
        if self.loop.deadline is not None and now >= self.loop.deadline:
            self.timers.run(now)
        if self.unflushed:
            unflushed, self.unflushed = self.unflushed, []
            for channel in unflushed:
                channel.take_turn(now)
        if self.dirty:
            self.write()
        if self.waiters:
            self.loop.notify(self.waiters)

    def transmit(self):
        # type: () -> None
        """Write what the links have to send; without an I/O thread the next wait does."""
        if not self._gathers:
            self.write()
        elif self.dirty:
            self.loop.kick()  # another thread may be in it already

    def write(self):
        # type: () -> None
        """Write it now."""
        while self.dirty:
            dirty, self.dirty = self.dirty, []
            for link in dirty:
                link.transmit()

    def at(self, deadline, function):
        # type: (float, Any) -> Any
        """Have ``function`` called under the guard at a monotonic time; returns a Timer."""
        timer = self.timers.add(deadline, function)
        if self.loop.deadline is None or deadline < self.loop.deadline:
            self.loop.kick()
        return timer

    def peer_of(self, connection):
        # type: (Any) -> str
        """The name of the context that a connection leads to, our own for the way to local channels."""
        return self.name if connection is self.node.local else connection.peer.name

    def forget(self):
        # type: () -> None
        """We are a forked child: all is the parent's, so drop our copies, say nothing, and be closed."""
        if self.closed:
            return
        self.closed = True
        self.loop.abandon()
        reason = Closed("The context %s is the parent process's; a forked child has to make one of its own."
                        % quoted(self.name))
        for channel in self.channels:
            channel.forget(reason)
        for each in self._links + self.listeners:
            each.forget()
        del self._links[:], self.listeners[:], self.channels[:], self.waiters[:], self.dirty[:], self.unflushed[:]
        self.dispatcher.forget()
