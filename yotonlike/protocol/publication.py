"""One publisher's messages on their way to the outlets of its channel, at once or out of its history.

Theory of operation. Without a history a message is pushed into every outlet, whose policy says what becomes of it
there. With a history each outlet has a *reader*: the number up to which the outlet was given everything. A reader is
*live* when that is the number of the next message; then messages are pushed as without a history. Otherwise it takes
messages from the history, as its window allows and whenever window comes back, until it is live. So what waits for
window waits in the history, which is bounded, and not in an outlet.

A reader that *holds* has the publisher wait: a live one when its window is used up; one that is not live until it has
consumed twice as much. So it catches up however fast the publisher is, a slow publisher need not wait for it, and one
that does not read at all holds the publisher at once. The publisher waits, too, where the history (a store may shrink)
would lose what such a reader was not given yet, or has not handed back: if its link is lost, it needs that again. Any
other reader falls behind when its window is used up. What the history loses then, or what is more than the reader's
``backlog``, it misses; the numbers tell.
"""
from __future__ import absolute_import, division, print_function

from . import frames
from .credit import BLOCK, LATEST, Batch
from .positions import ALL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Sequence, Set

    from .credit import Outlet

# What a publisher does with a subscription that would hold it.
LAG, DROP = 1, 2

#: Bytes that a reader which holds must consume for each byte that is published while it catches up.
PACE = 2
#: Room when nobody sets a limit.
UNLIMITED = 1 << 40


class Publication(object):
    """A publisher without a history.

    Attributes:
        epoch (bytes): what tells it from all others.
        number (int): of the next message.
        outlets (list): where its messages go.
        held_by (set): outlets that had no room for a message, and have not got any since.
    """

    def __init__(self, epoch):
        # type: (bytes) -> None
        self.epoch = epoch
        self.number = 0
        self.outlets = []  # type: List[Outlet]
        self.held_by = set()  # type: Set[Outlet]

    def attach(self, outlet):
        # type: (Outlet) -> None
        """A subscription appeared."""
        self.outlets.append(outlet)
        outlet.owner.attach(outlet, self.epoch, self.number)

    def detach(self, outlet):
        # type: (Outlet) -> None
        """A subscription is gone; it holds nobody any more."""
        self.outlets.remove(outlet)
        self.held_by.discard(outlet)

    def granted(self, outlet):
        # type: (Outlet) -> None
        """A subscription handed window back."""
        self.held_by.discard(outlet)

    def publish(self, lengths, data):
        # type: (Sequence[int], bytes) -> None
        """Send messages, end to end in ``data``, to all subscriptions."""
        batch = Batch(self.epoch, self.number, lengths, data)
        self.number = batch.end
        for outlet in self.outlets:
            outlet.owner.push(outlet, batch)

    def room(self):
        # type: () -> int
        """Bytes that may be published before somebody holds the publisher; -1 when nobody takes anything."""
        if not self.outlets:
            return -1
        rooms = [outlet.room() for outlet in self.outlets if outlet.policy == BLOCK]
        return min(rooms) if rooms else UNLIMITED

    def has_room(self, cost):
        # type: (int) -> bool
        """Whether a message of that cost may be published; if not, those that hold the publisher are asked for room."""
        slow = [outlet for outlet in self.outlets if not self._accepts(outlet, cost)]
        self.held_by.update(slow)
        for outlet in slow:
            outlet.owner.ask(outlet)
        return not slow

    def _accepts(self, outlet, cost):
        # type: (Outlet, int) -> bool
        return outlet.accepts(cost)

    def behind(self, outlet):
        # type: (Outlet) -> int
        """Messages that the subscription has yet to get from the history."""
        return 0

    def close(self):
        # type: () -> None
        """Nothing more is published."""
        del self.outlets[:]


class _Reader(object):
    """How far a subscription has read.

    Attributes:
        next (int): the number of the message that it is given next.
        live (bool): whether that is the one that is published next.
        holds (bool): whether the publisher waits for it.
        given, grown (int): bytes that it was given since it is not live, and that were published meanwhile.
        backlog (int | None): bytes that it may be behind.
    """

    __slots__ = ("next", "live", "holds", "given", "grown", "backlog")

    def __init__(self, number, outlet, when_slow):
        # type: (int, Outlet, int) -> None
        self.next = number
        self.live = False
        self.holds = outlet.policy == BLOCK and when_slow == BLOCK
        self.given = self.grown = 0
        self.backlog = None  # type: Optional[int]
        if outlet.policy == LATEST:
            self.backlog = 0
        elif outlet.policy != BLOCK or when_slow == DROP:
            self.backlog = outlet.window


class KeptPublication(Publication):
    """A publisher with a history.

    Args:
        history: see :class:`~yotonlike.protocol.history.History`.
        when_slow (int): BLOCK, LAG or DROP: what becomes of a subscription with the policy BLOCK that is slow.
    """

    def __init__(self, epoch, history, when_slow=BLOCK):
        # type: (bytes, Any, int) -> None
        super(KeptPublication, self).__init__(epoch)
        self.number = history.next
        self._history = history
        self._when_slow = when_slow
        self._readers = {}  # type: Any  # outlet -> _Reader
        self._closed = False

    def attach(self, outlet):
        # type: (Outlet) -> None
        """A subscription appeared: it goes on where it stands, or begins with as much as it wants of what is kept."""
        number = min(outlet.positions.get(self.epoch, self._beginning(outlet)), self.number)
        reader = self._readers[outlet] = _Reader(number, outlet, self._when_slow)
        self.outlets.append(outlet)
        outlet.lagging += 1
        outlet.owner.attach(outlet, self.epoch, number)
        self._feed(outlet, reader)

    def _beginning(self, outlet):
        # type: (Outlet) -> int
        """Where a subscription begins that is new here. Who wants all begins with what is not kept any more: a gap."""
        if outlet.history == ALL:
            return 0
        return self._history.tail(outlet.history) if outlet.history else self.number

    def detach(self, outlet):
        # type: (Outlet) -> None
        """See Publication."""
        super(KeptPublication, self).detach(outlet)
        reader = self._readers.pop(outlet)
        if not reader.live:
            outlet.lagging -= 1
        if self._closed and not self._readers:
            self._history.close()

    def granted(self, outlet):
        # type: (Outlet) -> None
        """See Publication."""
        self.held_by.discard(outlet)
        reader = self._readers[outlet]
        if not reader.live:
            self._feed(outlet, reader)

    def publish(self, lengths, data):
        # type: (Sequence[int], bytes) -> None
        """See Publication."""
        batch = Batch(self.epoch, self.number, lengths, data)
        self.number = batch.end
        self._history.append(lengths, data)
        for outlet in list(self.outlets):
            reader = self._readers[outlet]
            if not reader.live:
                reader.grown += batch.cost
                continue
            if reader.holds or batch.cost <= outlet.room():
                reader.next = batch.end
                outlet.owner.push(outlet, batch)
            else:
                reader.live = False
                outlet.lagging += 1
                self._feed(outlet, reader)

    def _feed(self, outlet, reader):
        # type: (Outlet, _Reader) -> None
        """Let a reader that is not live have what its window allows."""
        history = self._history
        while reader.next < self.number:
            room = outlet.room()
            if room <= 0:
                return
            if reader.backlog is not None:
                reader.next = max(reader.next, history.tail(reader.backlog))
            reader.next = max(reader.next, history.first)
            found = history.read(reader.next, min(room, frames.MAX_FRAGMENT))
            if found is None:
                if reader.next >= history.first:  # there is nothing more, whatever the store says
                    reader.next = self.number
                continue
            batch = Batch(self.epoch, reader.next, found[0], found[1])
            reader.next = batch.end  # first, because what is pushed may be consumed at once, which leads here again
            reader.given += batch.cost
            outlet.owner.push(outlet, batch)
        if not reader.live:
            reader.live = True
            outlet.lagging -= 1
            if self._closed:
                outlet.publishers.remove(self)
                self.detach(outlet)

    def room(self):
        # type: () -> int
        """See Publication; there is always one who takes it, the history."""
        rooms = [outlet.room() if reader.live else self._room_behind(outlet, reader)
                 for outlet, reader in self._readers.items() if reader.holds]
        return min(rooms) if rooms else UNLIMITED

    def _room_behind(self, outlet, reader):
        # type: (Outlet, _Reader) -> int
        under_way = outlet.window - outlet.room()
        return min(self._history.room(reader.next) - under_way, (reader.given - under_way) // PACE - reader.grown)

    def _accepts(self, outlet, cost):
        # type: (Outlet, int) -> bool
        reader = self._readers[outlet]
        if not reader.holds:
            return True
        return outlet.accepts(cost) if reader.live else cost <= self._room_behind(outlet, reader)

    def behind(self, outlet):
        # type: (Outlet) -> int
        """See Publication."""
        return self.number - self._readers[outlet].next

    def close(self):
        # type: () -> None
        """Nothing more is published. Those that are behind still get the rest; the last one lets the history go."""
        self._closed = True
        for outlet in list(self.outlets):
            if self._readers[outlet].live:
                self.detach(outlet)
            else:
                outlet.publishers.append(self)
        if not self._readers:
            self._history.close()
