"""The line to the broker: its channels, and errors of the messaging layer translated into those of a kernel's client."""
from __future__ import absolute_import, division, print_function

import time

import yotonlike

from .. import errors
from .. import vocabulary as names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional

#: Bytes of events that may be under way to us: what a frontend that has stopped reading costs the broker.
WINDOW = 1 << 20
#: Seconds between heartbeats to the broker: nobody acts on them, and each wakes it.
HEARTBEAT = 5.0
#: Bytes of events that one call of `process_events` takes: what is taken no longer counts as waiting, so without a bound a slow
#: callback would let any amount pile up behind it.
TAKEN = 1 << 18
#: Bytes that an event counts besides its output: to decode it takes about as long as that many bytes of output.
EVENT = 1 << 10
#: Seconds for a broker to answer when the link to it was cut. It is on this machine.
AGAIN = 2.0
_LOST = (yotonlike.PeerLost, yotonlike.Closed, yotonlike.NoReplier)
#: Errors that the broker raises and that mean the same here.
_KNOWN = dict((kind.__name__, kind) for kind in (errors.KernelDied, errors.InterpreterNotFound, errors.BrokerFailed,
                                                 errors.StartError))


class Line(object):
    """A link to a broker.

    Args:
        connection: what the connection file says.
        name: of this frontend.
        limit: seconds for the broker to answer.
        on_events, on_status: called in `process_events`, with a message of events, with a status.
        on_back: called there when the link was cut and made again: what was asked meanwhile may be lost, events are not.
        on_lost: called there with the link when the broker cannot be reached any more.
        on_full: what the events' publisher does when we do not read: ``"block"`` or ``"drop_oldest"``; None to take no events:
            one who does not follow the kernel must not hold its output up.
        history: bytes of old events that are wanted; None for all.
        on_silence: called there when the broker has fallen silent, and when it is heard again.

    Attributes:
        context: yotonlike's, for those who wait.
        silent_since (float | None): by the wall clock, when that was noticed; None while the broker is heard.

    Raises:
        NoConnection: nobody answers at that address, or somebody without the key.
    """

    def __init__(self, connection, name, limit, on_events, on_status, on_back, on_lost, on_full=None,
                 history=None, on_silence=None):
        # type: (Any, Any, float, Callable[..., Any], Callable[..., Any], Callable[..., Any], Callable[..., Any], Any, Any, Any) -> None
        self.context = yotonlike.Context(name=name, key=connection.key, heartbeat=HEARTBEAT)
        self.fileno = self.context.fileno
        self._on_events = on_events
        self._taken = 0
        self._address = connection.address
        self._on_back, self._on_lost = on_back, on_lost
        self._on_silence = on_silence
        self.silent_since = None  # type: Optional[float]
        self._cut = None  # type: Any  # the link that is down, while we connect again
        self.context.link_closed.connect(self._closed)
        self.context.link_opened.connect(self._opened)
        if on_silence is not None:
            self.context.link_silent.connect(self._fell_silent)
            self.context.link_heard.connect(self._heard)
        self._requests = yotonlike.ReqChannel(self.context, names.REQUESTS)
        self._status = yotonlike.StateChannel(self.context, names.STATUS, yotonlike.OBJECT)
        self._status.changed.connect(on_status)
        if on_full is not None:
            self._events = yotonlike.SubChannel(self.context, names.EVENTS, yotonlike.OBJECT, on_full=on_full, window=WINDOW,
                                                history=history)
            self._events.received.connect(self._event)
        try:
            self._link = self.context.connect(connection.address, timeout=limit)
        except yotonlike.Error as error:
            self.context.close(0.0)
            raise errors.NoConnection("no broker answers for %s: %s" % (connection.path, error))
        except BaseException:
            self.context.close(0.0)
            raise

    @property
    def silent(self):
        # type: () -> bool
        """Whether nothing has come from the broker for three of its heartbeats. It may be stopped; that closes nothing."""
        return self.silent_since is not None and self._link.state == "silent"

    @property
    def closed(self):
        # type: () -> bool
        """Whether the link is closed, whoever did it, and whether or not that was told yet."""
        return self._link.closed_reason is not None

    def _fell_silent(self, link):
        # type: (Any) -> None
        self.silent_since = time.time()
        self._on_silence()

    def _heard(self, link):
        # type: (Any) -> None
        self.silent_since = None
        self._on_silence()

    def process_events(self):
        # type: () -> None
        """Make the calls that wait, but not for more events than may be taken at once: `fileno` stays readable then."""
        self._taken = 0
        self.context.process_events()
        if self._taken >= TAKEN:
            self._events.received.connect(self._event)

    def _closed(self, link):
        # type: (Any) -> None
        """The link is down. If the broker has not closed it, but something between us, it is there at once."""
        if self._cut is None and not isinstance(link.closed_reason, yotonlike.Closed):
            self._cut = link
            try:
                self.context.connect(self._address, timeout=AGAIN, wait=False)  # comes here again if that fails
                return
            except yotonlike.Error:
                pass  # refused at once if the broker is gone
        self._on_lost(self._cut or link)

    def _opened(self, link):
        # type: (Any) -> None
        """A link is there: the first one, of which those know who wait for it, or one after a cut."""
        self._link = link
        self.silent_since = None
        if self._cut is not None:
            self._cut = None
            self._on_back()

    def _event(self, message):
        # type: (Dict[str, Any]) -> None
        self._taken += sum(len(event.get(u"data") or b"") + EVENT for event in message[u"events"])
        if self._taken >= TAKEN:
            self._events.received.disconnect(self._event)
        self._on_events(message)

    @property
    def status(self):
        # type: () -> Optional[Dict[Any, Any]]
        """The last status that the broker told, or None before the first."""
        return self._status.value

    def follow_beats(self, callback):
        # type: (Callable[[Any], Any]) -> None
        """Call back with each beat of the kernel's heart that the broker tells; costs nothing before somebody asks for it."""
        self._beat = yotonlike.StateChannel(self.context, names.BEAT, yotonlike.OBJECT)
        self._beat.changed.connect(callback)

    def request(self, method, *arguments):
        # type: (Any, *Any) -> Any
        """Ask the broker; a future."""
        return self._requests.call(method, *arguments)

    def outcome(self, future, timeout=None):
        # type: (Any, Optional[float]) -> Any
        """The reply in a future, waiting for it if need be.

        Raises:
            BrokerLost, KernelDied, RequestFailed: what became of the request.
            yotonlike.Timeout: no reply in time.
        """
        try:
            return future.result(timeout)
        except _LOST as error:
            raise errors.BrokerLost("the broker cannot be reached: %s" % error)
        except yotonlike.RemoteError as error:
            kind = _KNOWN.get(error.type)
            if kind is errors.KernelDied:
                raise errors.KernelDied(None, error.message)
            if kind is not None:
                raise kind(error.message)
            raise errors.RequestFailed("%s" % error.message, error.type, error.traceback)

    def close(self, timeout):
        # type: (float) -> None
        """Give the link up."""
        self.context.close(timeout)
