"""The window of one sink over one hop: the sender's half (:class:`Outlet`) and the receiver's half (:class:`Inlet`).

A *sink* is whatever takes messages at the far end: a subscription, a replier, a state. Whoever opens a sink names its
window in bytes. The sender starts with that much credit, spends the cost of each message, and gets it back when the
application at the far end has consumed the message; so what is in flight plus what waits there never exceeds the
window. One exception keeps long messages possible: when the window is whole, a message of any length may go, and the
credit is negative until it has been consumed.

At every moment, for every hop: credit + in flight + held at the receiver = window.

A sender that has messages but no credit asks for it (WANT). The receiver hands back at a quarter of the window, so
that a grant costs little, or, once asked, soon after the application consumed anything.

For a sink with ``block`` nothing is ever queued at the publisher beyond the credit; a relay may hold what upstream's
window let through, one window at the most.
"""
from __future__ import absolute_import, division, print_function

from _collections import deque  # type: ignore[import-not-found]  # C: the module around it costs a kernel 2 ms at its start

from ..errors import RemoteProtocolError
from . import frames
from .positions import NEW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Deque, Iterable, List, Optional, Sequence, Tuple

    from .positions import Standing

#: What a message costs besides its bytes: about what the interpreter needs to hold one, so that a million empty
#: messages are bounded too.
OVERHEAD = 32

# What a sink does when its window is used up.
BLOCK, DROP_OLDEST, LATEST = 0, 1, 2
POLICIES = (BLOCK, DROP_OLDEST, LATEST)

# What a sink is.
SUBSCRIPTION, REPLIER, STATE = 1, 2, 3
KINDS = (SUBSCRIPTION, REPLIER, STATE)

#: Grants go out at this fraction of the window: the sender still has three quarters to work with.
GRANT_FRACTION = 4


class Batch(object):
    """Messages of one publisher with consecutive numbers, encoded.

    Attributes:
        source: the publisher's epoch (16 bytes); for a request its time limit in ms (int).
        number (int): the number of the first message; for a request its id.
        lengths: the messages' lengths in bytes.
        data (bytes): the messages, end to end.
        cost (int): what they cost in window.
        origin (Inlet or None): where a relay hands the window back once the batch has been forwarded.
    """

    __slots__ = ("source", "number", "lengths", "data", "cost", "origin", "_packed")

    def __init__(self, source, number, lengths, data, origin=None):
        # type: (Any, int, Sequence[int], bytes, Any) -> None
        self.source = source
        self.number = number
        self.lengths = lengths
        self.data = data
        self.cost = len(data) + OVERHEAD * len(lengths)
        self.origin = origin
        self._packed = None  # type: Optional[bytes]

    @property
    def end(self):
        # type: () -> int
        """The number after the last message."""
        return self.number + len(self.lengths)

    @property
    def packed(self):
        # type: () -> bytes
        """The lengths as DATA carries them, made once for all links."""
        if self._packed is None:
            self._packed = frames.pack_lengths(self.lengths)
        return self._packed

    def fit(self, room):
        # type: (int) -> int
        """How many messages from the start cost at most ``room`` bytes."""
        count = 0
        for length in self.lengths:
            room -= length + OVERHEAD
            if room < 0:
                break
            count += 1
        return count

    def hand_back(self):
        # type: () -> None
        """It leaves this context, or is dropped: a relay hands its window back upstream."""
        if self.origin is not None:
            self.origin.owner.consume(self.origin, self.cost)

    def without(self, limit):
        # type: (int) -> List[Batch]
        """Its messages of at most ``limit`` bytes; the window of the others is handed back."""
        parts, rest, at = [], self, 0  # type: List[Batch], Batch, int
        for length in self.lengths:
            if length <= limit:
                at += 1
                continue
            before, rest = rest.split(at)
            too_long, rest = rest.split(1)
            too_long.hand_back()
            parts.append(before)
            at = 0
        return [part for part in parts + [rest] if part.lengths]

    def split(self, count):
        # type: (int) -> Tuple[Batch, Batch]
        """The first ``count`` messages, and the others."""
        at = sum(self.lengths[:count])
        return (Batch(self.source, self.number, self.lengths[:count], self.data[:at], self.origin),
                Batch(self.source, self.number + count, self.lengths[count:], self.data[at:], self.origin))


class Outlet(object):
    """The sender's half: credit, and what waits for it.

    Attributes:
        sink (int): the peer's number for it, unique on its link.
        kind, policy, window, name, type_name: as the peer opened it.
        credit (int): bytes that may still be sent; negative after a message longer than the window.
        positions (dict): epoch -> number of the message that the subscription awaits next; until it is taken up.
        history (int): bytes that it wants of the histories of publishers that are new to it.
        queued (int): cost of what waits here.
        lagging (int): publishers that have more for it in their histories.
        asked (bool): whether WANT has been sent since the last grant.
    """

    __slots__ = ("sink", "kind", "policy", "window", "name", "type_name", "positions", "history", "credit", "queue",
                 "queued", "lagging", "asked", "scheduled", "owner", "relay", "publishers", "pending", "_newest", "_sent")

    def __init__(self, sink, kind, policy, window, name, type_name, standing=NEW):
        # type: (int, int, int, int, str, str, Standing) -> None
        self.sink = sink
        self.kind = kind
        self.policy = policy
        self.window = window
        self.name = name
        self.type_name = type_name
        self.positions = dict(standing.positions)
        self.history = standing.history
        self.credit = window - standing.used
        self.queue = deque()  # type: Deque[Batch]
        self.queued = 0
        self.lagging = 0
        self.asked = False
        self.scheduled = False      # whether the connection has it in its round
        self.owner = None           # type: Any  # the carrier that moves it: a link, or a channel of this context
        self.relay = None           # type: Any  # the sink that this context opened elsewhere on its behalf
        self.publishers = []        # type: Any  # channels of this context that feed it
        self.pending = 0            # requests sent and not answered, for choosing among repliers
        self._newest = {}  # type: Any  # with DROP_OLDEST: publisher -> end of its newest batch
        self._sent = 0              # bytes of queue[0] that already left as fragments

    def room(self):
        # type: () -> int
        """Bytes that may still be pushed before somebody has to wait."""
        return self.credit - self.queued

    def accepts(self, cost):
        # type: (int) -> bool
        """Whether a message of that cost need not wait."""
        return (self.policy != BLOCK or cost <= self.credit - self.queued
                or (self.credit == self.window and not self.queue))

    def push(self, batch):
        # type: (Batch) -> None
        """Queue a batch; what the policy drops shows as a gap in the numbers."""
        if self.policy == LATEST:
            batch = self._conflate(batch)
        if self.policy == DROP_OLDEST:
            if not self.queue:
                self._newest.clear()
            self._newest[batch.source] = batch.end
        self.queue.append(batch)
        self.queued += batch.cost
        if self.queued > self.window and self.policy == DROP_OLDEST:
            self._drop_oldest()

    def _conflate(self, batch):
        # type: (Batch) -> Batch
        """The newest message of a batch, after what waits of the same publisher was dropped.

        Another publisher's newest stays: nobody would tell that it is missing, and a state's may be the valid one.
        A message whose first fragments are gone already stays too.
        """
        if len(batch.lengths) > 1:
            older, batch = batch.split(len(batch.lengths) - 1)
            older.hand_back()
        first = 1 if self._sent else 0
        for _ in range(len(self.queue)):
            queued = self.queue.popleft()
            if first or queued.source != batch.source:
                self.queue.append(queued)
            else:
                self.queued -= queued.cost
                queued.hand_back()
            first = 0
        return batch

    def withdraw(self, number):
        # type: (int) -> bool
        """Take a request back that nobody waits for any more; False when it has left, or began to."""
        for at in range(1 if self._sent else 0, len(self.queue)):
            batch = self.queue[at]
            if batch.number == number:
                del self.queue[at]
                self.queued -= batch.cost
                batch.hand_back()
                return True
        return False

    def _drop_oldest(self):
        # type: () -> None
        """Let at most a window wait, and the newest message of each publisher: nobody would tell that it is missing."""
        at = 1 if self._sent else 0
        while self.queued > self.window and at < len(self.queue):
            batch = self.queue[at]
            over, count = self.queued - self.window, 0
            for length in batch.lengths:
                count += 1
                over -= length + OVERHEAD
                if over <= 0:
                    break
            if count == len(batch.lengths) and self._newest[batch.source] == batch.end:
                count -= 1
                if not count:
                    at += 1
                    continue
            lost, rest = batch.split(count)
            self.queued -= lost.cost
            lost.hand_back()
            if rest.lengths:
                self.queue[at] = rest
            else:
                del self.queue[at]

    def take(self):
        # type: () -> Optional[Tuple[Batch, int, int]]
        """The next piece that may leave: (batch, start, end of its bytes), or None: nothing there, or no credit.

        A piece that is not the whole batch is a fragment; its batch holds one message.
        """
        if not self.queue:
            return None
        batch = self.queue[0]  # type: Any
        if not self._sent:
            batch = self._affordable(batch)
            if batch is None:
                return None
            self.credit -= batch.cost
            self.queued -= batch.cost
        start, size = self._sent, len(batch.data)
        end = min(size, start + frames.MAX_FRAGMENT)
        if end == size:
            self.queue.popleft()
            self._sent = 0
        else:
            self.queue[0] = batch
            self._sent = end
        return batch, start, end

    def _affordable(self, batch):
        # type: (Batch) -> Optional[Batch]
        """What of the first batch may leave now; the rest is put back as the new first one."""
        count = len(batch.lengths)
        limit = frames.MAX_FRAGMENT
        if batch.cost > self.credit or (count > 1 and len(batch.data) + 4 * count > limit):
            fitting = batch.fit(min(self.credit, limit))
            if fitting == 0:
                if batch.lengths[0] + OVERHEAD > self.credit != self.window:
                    return None
                fitting = 1
            if fitting < count:
                batch, self.queue[0] = batch.split(fitting)
                self.queue.appendleft(batch)
        return batch

    def granted(self, amount):
        # type: (int) -> None
        """The peer hands back ``amount`` bytes.

        Raises:
            RemoteProtocolError: that is more than was spent.
        """
        if self.credit + amount > self.window:
            raise RemoteProtocolError("The peer handed back more window of sink %d than was spent." % self.sink)
        self.credit += amount
        self.asked = False

    def tell_granted(self):
        # type: () -> None
        """Tell the publishers that window came back, each time another one first, because the first may use it all."""
        publishers = self.publishers
        if len(publishers) > 1:
            publishers.append(publishers.pop(0))
        for publisher in list(publishers):
            publisher.granted(self)


class Inlet(object):
    """The receiver's half: what is held here, and what may be handed back.

    Attributes:
        sink (int): this end's number for it.
        window (int): bytes.
        held (int): cost of what arrived and has not been handed back.
        freed (int): the part of ``held`` that the application has consumed.
        wanted (bool): the sender waits.
        eager (bool): whether a sender that waits gets back every bit at once; else it is left to :meth:`release`.
        target: whoever opened the sink; the protocol only carries it.
        lost (bool): its link is gone. What is still held of it is taken over by the next link, see :func:`orphans`.
    """

    __slots__ = ("sink", "window", "held", "freed", "wanted", "eager", "target", "owner", "partial", "for_requests",
                 "lost")

    def __init__(self, sink, window, target=None, held=0):
        # type: (int, int, Any, int) -> None
        self.sink = sink
        self.window = window
        self.held = held
        self.freed = 0
        self.wanted = False
        self.eager = False
        self.target = target
        self.for_requests = getattr(target, "kind", None) == REPLIER
        self.owner = None      # type: Any  # the connection that it belongs to
        self.partial = None    # type: Any  # a long message that is still arriving
        self.lost = False

    def received(self, cost):
        # type: (int) -> None
        """Account for what arrived.

        Raises:
            RemoteProtocolError: the sender had not that much credit.
        """
        if self.held and self.held + cost > self.window:
            raise RemoteProtocolError("The peer sent %d bytes more than sink %d has window for."
                                      % (self.held + cost - self.window, self.sink))
        self.held += cost

    def consumed(self, cost):
        # type: (int) -> int
        """The application consumed ``cost``; returns what to grant now, often 0."""
        self.freed += cost
        if self.freed * GRANT_FRACTION >= self.window or (self.wanted and self.eager):
            return self.release()
        return 0

    def release(self):
        # type: () -> int
        """Everything consumed so far, to be granted now."""
        amount, self.freed = self.freed, 0
        self.held -= amount
        if amount:
            self.wanted = self.eager = False
        return amount


def orphans(batches):
    # type: (Iterable[Batch]) -> List[Batch]
    """Those that came over links that are gone, and are still held.

    The next link takes them over: it opens the sink with that much of the window used, and gets it back as they are
    consumed. Otherwise each link that is lost would let one more window wait.
    """
    return [batch for batch in batches if batch.origin is not None and batch.origin.lost]
