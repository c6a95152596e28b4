"""Subscribing: messages of every publisher of the same name and type, as the application takes them.

Theory of operation. Batches wait encoded, within the window. ``recv`` decodes one at a time into ``_ready`` and then
pops from it without a lock; the last message of a batch is kept apart, so that taking it is noticed and the window
of the batch is handed back. When a publisher waits although part of a batch has been taken, that part is handed back
after :data:`RELENT` seconds, and from then on message by message (``_slow`` holds the batch instead of ``_ready``),
until the publisher has got some.
"""
from __future__ import absolute_import, division, print_function

from .._compat import monotonic
from ..dispatch import Signal
from ..errors import Closed, DecodeError, WouldBlock, too_late
from ..protocol.arrivals import Arrivals, Gap
from ..protocol.codecs import BINARY, OBJECT, TEXT, decode_message
from ..protocol.credit import BLOCK, DROP_OLDEST, LATEST, OVERHEAD, SUBSCRIPTION, Batch
from ..protocol.positions import ALL, Positions
from ..protocol.settings import whole
from ..transport.waiting import deadline_after
from .base import Channel, looks_for_forks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, List, Optional, Set

    from ..protocol.credit import Inlet

_POLICIES = {"block": BLOCK, "drop_oldest": DROP_OLDEST, "latest": LATEST}
#: Seconds from a publisher's call for window to an answer that a quarter of the window has not given before: long
#: against the time in which a busy subscriber takes a batch, short for a person.
RELENT = 0.005
#: Callbacks in a row before others get their turn in process_events().
CALLBACKS_A_TURN = 1000
_NOTHING = object()


class SubChannel(Channel):
    """Receives what is published.

    Args:
        context (Context): where it lives.
        name (str): of the channel.
        message_type (MessageType): TEXT, BINARY, OBJECT or your own.
        on_full (str): what happens when the window is used up. ``"block"``: the publisher waits, nothing is missed.
            ``"drop_oldest"``: of what waits for window at the publisher the oldest go; what has come stays.
            ``"latest"``, full or not: what waits, here too, is replaced by what comes, so only the newest message of each
            publisher is there. Either way what is gone is counted in :attr:`dropped`.
        window (int): bytes of messages (each costs 32 more) that may be under way or wait here, per link. ``"latest"`` needs
            room for two messages: where one fills it, the next one waits at the publisher until that is taken.
        gaps (bool): give a :class:`Gap` in the place of messages that are missing, or may be after a publisher's restart.
        history (int): bytes of old messages that it wants of each publisher, as far as that keeps them; None for all.

    Attributes:
        received (Signal): called with each message in ``process_events()``; use this or :meth:`recv`.
        dropped (int): messages that are known to have been published and will not come.
    """

    def __init__(self, context, name, message_type=TEXT, on_full="block", window=1 << 20, gaps=False, history=None):
        # type: (Any, str, Any, str, int, bool, Optional[int]) -> None
        super(SubChannel, self).__init__(context, name, message_type)
        if on_full not in _POLICIES:
            raise ValueError("on_full is %s, not %r." % (", ".join(map(repr, sorted(_POLICIES))), on_full))
        window = whole("A window", window, 1)
        self.kind = SUBSCRIPTION
        self.history = ALL if history is None else whole("A part of a history", history)
        self.received = Signal(context.dispatcher, self._schedule_unguarded)
        self.dropped = 0
        self.positions = Positions()
        self._anew = set()  # type: Set[bytes]  # publishers that took the place of lost ones, and have sent nothing yet
        self._latest = on_full == "latest"
        self._batches = Arrivals(self._latest, gaps)  # and errors that recv_all left for the next call
        self._ready = []  # type: List[Any]  # messages of the batch in hand but the last, the next one at the end
        self._slow = []  # type: List[Any]   # the same, while each is accounted for by itself
        self._last = _NOTHING  # type: Any   # the last message of the batch in hand
        self._hand = None  # type: Optional[Batch]
        self._paid = 0              # messages of the batch in hand whose window is back
        self._dispatching = False   # a call of _dispatch waits
        # A message type of the user's must not run under the guard, so its messages are decoded when they are taken.
        self._is_foreign = self.message_type not in (TEXT, BINARY, OBJECT)
        self._decoder = BINARY if self._is_foreign else self.message_type
        with self._guard:
            self._register()
            self._sink = context.node.open_sink(SUBSCRIPTION, _POLICIES[on_full], window, self.name,
                                                self.message_type.name, self)
            context.transmit()

    # -- receiving ----------------------------------------------------------------------------------------------------

    @looks_for_forks
    def recv(self, timeout=None):
        # type: (Optional[float]) -> Any
        """The next message.

        Args:
            timeout: seconds; None waits for ever, 0 not at all.

        Raises:
            Timeout: none came in time.
            WouldBlock: none is there, and the timeout is 0.
            DecodeError: this message is none of the channel's type; the next call gives the next one.
            Closed: the channel is closed, and everything that had come was taken.
        """
        try:
            message = self._ready.pop()
        except IndexError:
            message = self._wait(timeout)
        return self._finish(message) if self._is_foreign else message

    def _finish(self, message):
        # type: (Any) -> Any
        """A message of the user's own type, decoded."""
        if isinstance(message, DecodeError):
            raise message
        return message if type(message) is Gap else decode_message(self.message_type, message)

    def _wait(self, timeout):
        # type: (Optional[float]) -> Any
        """:meth:`recv` when nothing is ready."""
        taken = []  # type: List[Any]
        try:
            found = self.context.loop.wait(lambda: self._take(taken), self._waiters, deadline_after(timeout))
        except BaseException:
            if taken:  # Ctrl-C came while it was taken, and strikes when the guard is left: it is the next one again
                with self._guard:
                    self._ready.append(taken[0])
            raise
        if found:
            return found[0]
        raise too_late(timeout, "No message came to %r within %s s." % (self, timeout))

    def recv_nowait(self):
        # type: () -> Any
        """:meth:`recv`, or WouldBlock."""
        return self.recv(0)

    def recv_all(self):
        # type: () -> List[Any]
        """All messages that have come, maybe none. It stops before one that cannot be decoded, which the next call meets.

        Raises:
            DecodeError: the first message is none of the channel's type; the next call gives the next ones.
            Closed: there are none, and none will come.
        """
        messages = []  # type: List[Any]
        try:
            while True:
                messages.append(self.recv(0))
        except WouldBlock:
            pass
        except (Closed, DecodeError) as error:
            if not messages:
                raise
            if isinstance(error, DecodeError):
                self._put_back(error)
        return messages

    def _put_back(self, error):
        # type: (DecodeError) -> None
        """Have the next call raise it."""
        with self._guard:
            if self._is_foreign:  # one of a batch in hand
                self._ready.append(error)
            else:
                self._batches.appendleft(error)

    def __iter__(self):
        # type: () -> Iterator[Any]
        """The messages, until the channel or its context is closed. After a DecodeError it goes on."""
        return self

    def __next__(self):
        # type: () -> Any
        """:meth:`recv`, for iteration."""
        try:
            return self.recv()
        except Closed:
            raise StopIteration

    next = __next__  # 2.7's name for it

    @property
    def pending(self):
        # type: () -> int
        """Messages that have come and were not taken."""
        with self._guard:
            return (sum(len(batch.lengths) for batch in self._batches.batches()) + len(self._ready) + len(self._slow)
                    + (self._last is not _NOTHING))

    def _take(self, taken):
        # type: (List[Any]) -> List[Any]
        """Put the next message into ``taken``, if there is one, and return that; under the guard."""
        while not taken:
            if self._ready:
                try:
                    taken.append(self._ready.pop())
                except IndexError:  # another thread took it without the guard
                    pass
            elif self._slow:
                taken.append(self._slow.pop())
                self._pay()
            elif self._last is not _NOTHING:
                taken.append(self._last)
                self._last = _NOTHING
                self._pay()
            elif not self._batches:
                if self._closed is not None:
                    raise Closed(str(self._closed))
                break
            elif type(self._batches[0]) is Gap:
                taken.append(self._batches.popleft())
            elif isinstance(self._batches[0], DecodeError):
                raise self._batches.popleft()
            else:
                self._load()
        return taken

    def _load(self):
        # type: () -> None
        """Take the next batch in hand."""
        self._hand, self._paid = self._batches.popleft(), 0
        try:
            messages = self._decoder.decode_batch(self._hand.lengths, self._hand.data)
        except DecodeError:
            if len(self._hand.lengths) > 1:  # find out which one, and lose no other
                self._batches.take_apart(self._hand)
                return
            self._pay()
            raise
        self._last = messages.pop()
        messages.reverse()
        inlet = self._hand.origin
        if inlet.wanted and inlet.eager:
            self._slow = messages
        else:
            self._ready = messages

    def _pay(self):
        # type: () -> None
        """Hand back the window of what was taken of the batch in hand."""
        batch = self._hand
        if batch is None:
            return
        taken = len(batch.lengths) - len(self._ready) - len(self._slow) - (self._last is not _NOTHING)
        if taken > self._paid:
            cost = sum(batch.lengths[self._paid:taken]) + OVERHEAD * (taken - self._paid)
            self._paid = taken
            inlet = batch.origin
            inlet.owner.consume(inlet, cost)
            if self._slow and not inlet.wanted:
                self._ready, self._slow = self._slow, []
            self.context.transmit()

    # -- what the network brings; under the guard -----------------------------------------------------------------------

    def attached(self, inlet, source, number, anew=False):
        # type: (Inlet, bytes, int, bool) -> None
        """A publisher feeds this subscription, beginning with that number, and maybe in the place of one that was lost."""
        if self.positions.attached(source, number, inlet, anew):
            self._anew.add(source)

    def deliver(self, inlet, batch):
        # type: (Inlet, Batch) -> None
        """Messages arrived."""
        new, missed = self.positions.take(batch)
        if new is None:
            return
        exact = new.source not in self._anew
        self._anew.discard(new.source)
        dropped = self._batches.add(new, missed, exact)
        self.dropped += dropped
        self.context.loop.notify(self._waiters)
        if self.received:
            self._schedule()

    def held(self):
        # type: () -> List[Batch]
        """What has come and was not taken."""
        if self._hand is not None and self._paid:
            self._hand, self._paid = self._hand.split(self._paid)[1], 0
        return ([self._hand] if self._hand is not None else []) + self._batches.batches()

    def wanted(self, inlet):
        # type: (Inlet) -> None
        """A publisher waits for window."""
        if self._latest:
            self._relent(inlet)  # nobody is in the middle of a batch
        else:
            self.context.at(monotonic() + RELENT, lambda: self._relent(inlet))

    def _relent(self, inlet):
        # type: (Inlet) -> None
        if not inlet.wanted or self._closed is not None:
            return
        if self._hand is not None and self._hand.origin is inlet:
            self._slow_down()
            self._pay()
        if not inlet.owner.release(inlet) and inlet.wanted:
            inlet.eager = True
        elif self._slow:
            self._ready, self._slow = self._slow, []
        self.context.transmit()

    def _slow_down(self):
        # type: () -> None
        """From now on messages are taken one by one under the guard.

        Other threads take from ``_ready`` without it, so messages leave there from its far end, each in one step: none
        is taken twice, and what is taken meanwhile comes before what is moved.
        """
        ready, moved = self._ready, []
        try:
            while True:
                moved.append(ready.pop(0))
        except IndexError:
            self._slow = moved + self._slow

    def lost(self, inlet):
        # type: (Inlet) -> None
        """A link is gone; what had come over it can still be taken, and its window goes back over the next one."""
        self.positions.lost(inlet)

    def cancelled(self, connection, request):
        # type: (Any, int) -> None
        """Never happens to a subscription."""

    def forget(self, reason):
        # type: (Exception) -> None
        """See Channel; what has come is the parent's too."""
        super(SubChannel, self).forget(reason)
        self._batches.clear()
        self._ready, self._slow, self._last, self._hand = [], [], _NOTHING, None

    def _withdraw(self):
        # type: () -> None
        self.context.node.close_sink(self._sink)
        if self.received:
            self._schedule()

    # -- callbacks --------------------------------------------------------------------------------------------------------

    def _schedule(self):
        # type: () -> None
        if not self._dispatching:
            self._dispatching = True
            self.context.dispatcher.post(self._dispatch)

    def _schedule_unguarded(self):
        # type: () -> None
        with self._guard:
            self._schedule()

    def _dispatch(self):
        # type: () -> None
        self._dispatching = False
        try:
            for _ in range(CALLBACKS_A_TURN):
                if not self.received:  # nobody wants them any more: they stay for recv
                    return
                try:
                    message = self.recv(0)
                except (WouldBlock, Closed):
                    return
                self.received.call(message)
        except BaseException:
            self._schedule_unguarded()  # the others are called all the same
            raise
        self._schedule_unguarded()

