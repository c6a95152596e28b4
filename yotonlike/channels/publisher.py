"""Publishing: messages to every subscription of the same name and type, with backpressure.

Theory of operation. ``send`` stages the message and usually returns at once. A stage leaves as one batch: when it has
grown to :data:`STAGE` bytes the sender itself sends it; a first message after a quiet moment leaves within its
``send``, because then nobody would gain by waiting; what is left the I/O thread sends as soon as it runs, or, after full
stages, when no other has followed for :data:`FLOW` seconds. So a single message is not delayed and a stream of them
costs little each.

While the loop's turn to look after the stage is to come (``_scheduled``), ``send`` stages without a lock, which would
cost more than all the rest of it. Three rules make that safe. A sender only ever adds: to ``_spent``, the sum of all
costs, and to the end of the list; everything else is done under the guard, which takes messages from the front of the
list and sets ``_limit``, up to which ``_spent`` may grow. Two senders that add at the same moment may count one message
too few, by which a window is overdrawn until the next stage. And a sender looks after it has added whether a turn is
still to come, while the loop takes the stage only after it has called its turn off: one of the two sees the other.

Up to ``_full_at`` the stage need not leave; up to ``_room_end`` no subscription with ``block`` is out of window. Both
are set anew whenever the stage leaves or window comes back. Beyond the latter, ``send`` waits.
"""
from __future__ import absolute_import, division, print_function

import binascii
import os
import struct

from .._compat import SURROGATES, monotonic, quoted, shown, text_type
from ..dispatch import Signal
from ..errors import MessageTooBig, too_late
from ..protocol.codecs import BINARY, TEXT, encode_message
from ..protocol.credit import BLOCK, OVERHEAD, SUBSCRIPTION
from ..protocol.history import History, check_store
from ..protocol.positions import WHO
from ..protocol.publication import DROP, LAG, KeptPublication, Publication
from ..protocol.settings import whole
from ..transport.waiting import deadline_after
from .base import Channel, looks_for_forks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional, Tuple

    from ..protocol.credit import Outlet

#: Bytes that make a stage leave: half a fragment, so that a batch is always one frame.
STAGE = 32768
#: Seconds without a departure after which a message leaves at once: some ten times what a departure costs.
QUIET = 0.0002
#: Seconds after the departure of a full stage in which the I/O thread leaves the next one to the sender: in a stream it
#: would only take a part of it, and the switches between the two threads cost more than the sending.
FLOW = 0.002
_WHEN_SLOW = {"block": BLOCK, "lag": LAG, "drop": DROP}


class Subscriber(object):
    """One subscription, as a publisher sees it.

    Attributes:
        peer (str): the context next on the way to it (the publisher's own for a local one).
        on_full (str): ``"block"``, ``"drop_oldest"`` or ``"latest"``.
        window (int): bytes.
        left (int): bytes of the window that are left.
        behind (int): messages that it has yet to get from the history.
        blocking (bool): whether it holds the publisher up now.
    """

    __slots__ = ("peer", "on_full", "window", "left", "behind", "blocking")

    def __init__(self, peer, outlet, publication):
        # type: (str, Outlet, Publication) -> None
        self.peer = peer
        self.on_full = ("block", "drop_oldest", "latest")[outlet.policy]
        self.window = outlet.window
        self.left = outlet.room()
        self.behind = publication.behind(outlet)
        self.blocking = outlet in publication.held_by

    def __repr__(self):
        # type: () -> str
        return "<Subscriber at %s, %s, %d of %d bytes left%s%s>" % (
            shown(self.peer), self.on_full, self.left, self.window,
            ", %d messages behind" % self.behind if self.behind else "", ", blocking" if self.blocking else "")


class PubChannel(Channel):
    """Publishes messages.

    Args:
        context (Context): where it lives.
        name (str): of the channel.
        message_type (MessageType): TEXT, BINARY, OBJECT or your own.
        history: bytes of messages (each costs 32 more) that are kept, for subscriptions that come late or come back;
            or a store of your own, see :class:`~yotonlike.protocol.history.History`.
        when_slow (str): what a subscription with ``on_full="block"`` does that is slow. ``"block"``: it holds the publisher,
            which may send half as much as one takes that still reads the history. With a history also ``"lag"``: it reads
            from there later and misses what is gone by then; ``"drop"``: it misses what is more than its window.

    Attributes:
        writable (Signal): called when there is room again after a message found none.
    """

    def __init__(self, context, name, message_type=TEXT, history=0, when_slow="block"):
        # type: (Any, str, Any, Any, str) -> None
        super(PubChannel, self).__init__(context, name, message_type)
        self._publication = _publication(history, when_slow, context.name)
        self.writable = Signal(context.dispatcher)
        self._is_text = self.message_type is TEXT
        #: The type of messages that are staged as they are, and what tells that such a one is as many bytes long.
        self._native = text_type if self._is_text else bytes if self.message_type is BINARY else None
        self._is_plain = _is_ascii if self._is_text else _is_bytes  # type: Callable[[Any], bool]
        self._max = context.max_message
        self._stage_size = min(STAGE, self._max + OVERHEAD + 1)  # what costs as much may be too big, so it is looked at
        self._key = SUBSCRIPTION, self.name, self.message_type.name
        self._count = 0             # subscriptions, for send to return
        self._stage = []  # type: List[Any]  # texts of TEXT, else encoded messages
        self._spent = 0             # what all messages so far have cost
        self._limit = 0             # up to where messages are staged without a lock
        self._full_at = 0           # where the stage is big enough to leave
        self._room_end = -1         # where some subscription has no window left
        self._scheduled = False     # the I/O thread will look after the stage
        self._departed = 0.0        # when a stage left last
        self._filled = 0.0          # when a full one left last
        self._refused = False       # somebody wants to know when there is room
        with self._guard:
            self._register()
            context.node.add_feeder(self._key, self)
            context.transmit()

    @looks_for_forks
    def send(self, message, timeout=None):
        # type: (Any, Optional[float]) -> int
        """Send a message to all subscriptions; waits while one with ``block`` has no window left.

        Args:
            timeout: seconds; None waits for ever, 0 not at all.

        Returns:
            The number of subscriptions it went to; with none it is gone.

        Raises:
            Timeout: it had to wait too long, and was not sent.
            WouldBlock: it would have to wait, and the timeout is 0.
            EncodeError, MessageTooBig: it is no message of this channel.
            Closed: the channel is closed.
        """
        if type(message) is self._native:
            cost = OVERHEAD + (len(message) if self._is_plain(message) else len(message.encode("utf-8", SURROGATES)))  # type: ignore[union-attr,arg-type]
        else:
            message, cost = self._prepare(message)
        spent = self._spent + cost
        if spent < self._limit:
            self._spent = spent
            self._stage.append(message)
            return self._count if self._scheduled else self._look_after()
        return self._send_guarded(message, cost, timeout)

    def send_nowait(self, message):
        # type: (Any) -> int
        """:meth:`send`, or WouldBlock."""
        return self.send(message, 0)

    def _prepare(self, message):
        # type: (Any) -> Tuple[Any, int]
        """What to stage, and its cost."""
        data = encode_message(self.message_type, message)
        return (data.decode("utf-8") if self._is_text else data), len(data) + OVERHEAD

    def _send_guarded(self, item, cost, timeout):
        # type: (Any, int, Optional[float]) -> int
        """Stage it and see to it that it leaves, if there is room."""
        with self._guard:
            spent = self._spent + cost
            if spent <= self._room_end and cost - OVERHEAD <= self._max:
                if cost >= STAGE:
                    self._depart_alone(item)
                    return self._count
                self._spent = spent
                self._stage.append(item)
                self._depart_or_schedule(spent >= self._full_at)
                return self._count
        return self._send_slowly(item, cost, timeout)

    def _look_after(self):
        # type: () -> int
        """Send what was staged at the very moment when the loop had looked after it for the last time."""
        with self._guard:
            self._check_open()
            self.flush_stage()
            self.context.transmit()
            return self._count

    def _depart_or_schedule(self, full):
        # type: (bool) -> None
        now = monotonic()
        if full or now - self._departed > QUIET:
            self.flush_stage()
            self.context.transmit()
            if full:
                self._filled = now
        elif not self._scheduled:
            self._scheduled = True
            self._limit = min(self._full_at, self._room_end)
            self.context.unflushed.append(self)
            self.context.loop.kick()

    def _send_slowly(self, item, cost, timeout):
        # type: (Any, int, Optional[float]) -> int
        if cost - OVERHEAD > self._max:
            raise MessageTooBig("A message of %d bytes is longer than max_message of %s, %d bytes."
                                % (cost - OVERHEAD, quoted(self.context.name), self._max))
        ready = lambda: self._try(item, cost)  # noqa: E731
        deadline = deadline_after(timeout)
        sent = self.context.loop.wait(ready, self._waiters, deadline)
        if sent:
            return self._count
        raise too_late(timeout, "%r has no room for a message of %d bytes after %s s: a subscriber is slow."
                       % (self, cost - OVERHEAD, timeout))

    def _try(self, item, cost):
        # type: (Any, int) -> bool
        """Send now if there is room; under the guard."""
        self._check_open()
        self.flush_stage()
        room = self._publication.has_room(cost)
        if room:
            self._depart_alone(item)
        else:
            self._refused = True  # here, under the guard: room that comes back a moment later must not go unnoticed
        self.context.transmit()
        return room

    def flush_stage(self):
        # type: () -> None
        """Send what is staged, as one batch; under the guard."""
        spent = self._spent  # first: what is staged from now on is on top of it
        stage = self._stage[:]
        if stage:
            del self._stage[:len(stage)]
            self._push(stage)
        self._measure(spent)

    def _depart_alone(self, item):
        # type: (Any) -> None
        """Send a message as a batch of its own, for only such a one may be cut into fragments."""
        self.flush_stage()
        self._push([item])
        self._measure(self._spent)
        self.context.transmit()

    def _push(self, items):
        # type: (List[Any]) -> None
        """Send them as one batch."""
        if self._is_text:
            lengths, data = TEXT.encode_batch(items)
        else:
            lengths, data = list(map(len, items)), b"".join(items) if len(items) > 1 else items[0]
        self._departed = monotonic()
        self._publication.publish(lengths, data)

    def take_turn(self, now):
        # type: (float) -> None
        """The loop's turn to look after the stage; under the guard."""
        if self._stage and now < self._filled + FLOW:
            self.context.at(now + FLOW, lambda: self.context.unflushed.append(self))
        else:
            self._scheduled = False
            self.flush_stage()

    def _measure(self, spent):
        # type: (int) -> None
        """Compute the room anew; the stage was empty at ``spent``."""
        self._full_at = spent + self._stage_size
        self._room_end = spent + (self._publication.room() if self._closed is None else -1)
        self._limit = min(self._full_at, self._room_end) if self._scheduled else 0

    def holds(self):
        # type: () -> bool
        """See Channel."""
        return bool(self._stage)

    # -- subscribers ------------------------------------------------------------------------------------------------

    @property
    def subscribers(self):
        # type: () -> List[Subscriber]
        """Who subscribes, what is left of each window, and who holds the publisher up."""
        with self._guard:
            self.flush_stage()
            self.context.transmit()
            return [Subscriber(self.context.peer_of(outlet.owner), outlet, self._publication)
                    for outlet in self._publication.outlets]

    def wait_for_subscriber(self, timeout=None):
        # type: (Optional[float]) -> int
        """Wait until somebody subscribes; returns how many do.

        Raises:
            Timeout, for 0 WouldBlock: nobody did within ``timeout`` seconds.
            Closed: the channel is closed.
        """
        def subscribed():
            # type: () -> int
            self._check_open()
            return self._count

        count = self.context.loop.wait(subscribed, self._waiters, deadline_after(timeout))
        if not count:
            raise too_late(timeout, "Nobody subscribed to %r within %s s." % (self, timeout))
        return count

    def attach(self, outlet):
        # type: (Outlet) -> None
        """A subscription appeared."""
        self.flush_stage()
        self._publication.attach(outlet)
        self._count = len(self._publication.outlets)
        self.flush_stage()  # again, because it also measures the room
        self._room_again()

    def detach(self, outlet):
        # type: (Outlet) -> None
        """A subscription is gone; it holds nobody up any more."""
        self._publication.detach(outlet)
        self._count = len(self._publication.outlets)
        self.flush_stage()
        self._room_again()

    def granted(self, outlet):
        # type: (Outlet) -> None
        """A subscription handed window back."""
        self._publication.granted(outlet)
        if not self._stage:
            self._measure(self._spent)
        self._room_again()

    def _room_again(self):
        # type: () -> None
        self.context.loop.notify(self._waiters)
        if self._refused:
            self._refused = False
            self.writable.emit()

    def forget(self, reason):
        # type: (Exception) -> None
        """See Channel."""
        super(PubChannel, self).forget(reason)
        self._count, self._scheduled = 0, False
        del self._stage[:]
        self._measure(self._spent)

    def _withdraw(self):
        # type: () -> None
        self.flush_stage()
        self.context.node.remove_feeder(self._key, self)
        self._publication.close()
        self._count, self._scheduled = 0, False
        self._measure(self._spent)


def _who(name):
    # type: (str) -> bytes
    """What tells a publisher that was restarted from others: the context's name, if it has one."""
    return struct.pack(">I", binascii.crc32(name.encode("utf-8")) & 0xffffffff) if name else os.urandom(WHO)


def _publication(history, when_slow, name):
    # type: (Any, str, str) -> Publication
    """
    Raises:
        TypeError, ValueError: there is no such way to publish.
    """
    if when_slow not in _WHEN_SLOW:
        raise ValueError("when_slow is %s, not %r." % (", ".join(map(repr, sorted(_WHEN_SLOW))), when_slow))
    epoch = _who(name) + os.urandom(16 - WHO)
    if not hasattr(history, "append"):
        history = whole("A history", history)
        if not history and when_slow != "block":
            raise ValueError("when_slow=%r needs a history." % when_slow)
        if not history:
            return Publication(epoch)
        history = History(history)
    check_store(history)
    return KeptPublication(epoch, history, _WHEN_SLOW[when_slow])


def _is_bytes(data):
    # type: (bytes) -> bool
    return True


if hasattr(text_type, "isascii"):
    _is_ascii = text_type.isascii
else:
    def _is_ascii(text):  # type: ignore[misc]
        # type: (str) -> bool
        try:
            text.encode("ascii")
        except UnicodeError:
            return False
        return True
