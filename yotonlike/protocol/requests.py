"""Requests that wait for an answer, at every context on their way.

Each context gives a request a number of its own and notes who asked here, and under which number: a callback for a
channel of this context, or the link that the request came over. An answer, a cancellation, the loss of either side:
each takes the entry out, so that exactly one thing becomes of a request.
"""
from __future__ import absolute_import, division, print_function

from . import credit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional, Tuple

# What became of a request, as a reply carries it.
OK, RAISED, LOST, TOO_BIG = 0, 1, 2, 3


class Requests(object):
    """The table of one context."""

    def __init__(self):
        # type: () -> None
        self._last = 0
        #: Our number -> (outlet, asker, the asker's number). An asker is a callback, which has no number for it, or
        #: the connection that the request came over.
        self._table = {}  # type: Dict[int, Tuple[credit.Outlet, Any, Optional[int]]]
        self._relayed = {}  # type: Dict[Tuple[Any, int], int]  # (link, its number) -> ours

    def __len__(self):
        # type: () -> int
        return len(self._table)

    def send(self, outlet, milliseconds, data, answered):
        # type: (credit.Outlet, int, bytes, Callable[[int, bytes], None]) -> int
        """Send a request; ``answered(status, data)`` is called once, unless it is cancelled. Returns its number."""
        number = self._remember(outlet, answered, None)
        self._push(outlet, credit.Batch(milliseconds, number, (len(data),), data))
        return number

    def relay(self, outlet, inlet, batch):
        # type: (credit.Outlet, credit.Inlet, credit.Batch) -> None
        """Send a request on that came over a link."""
        number = self._remember(outlet, inlet.owner, batch.number)
        self._push(outlet, credit.Batch(batch.source, number, batch.lengths, batch.data, inlet))

    def _push(self, outlet, batch):
        # type: (credit.Outlet, credit.Batch) -> None
        if len(batch.data) > outlet.owner.peer_max:
            batch.hand_back()
            self.replied(outlet.owner, batch.number, TOO_BIG, b"")
        else:
            outlet.owner.push(outlet, batch)

    def _remember(self, outlet, asker, number):
        # type: (credit.Outlet, Any, Optional[int]) -> int
        """Note who asks; returns this context's number of the request."""
        self._last += 1
        self._table[self._last] = outlet, asker, number
        if number is not None:
            self._relayed[asker, number] = self._last
        outlet.pending += 1
        return self._last

    def replied(self, connection, number, status, data):
        # type: (Any, int, int, bytes) -> None
        """An answer arrived over that link, or it is clear that none will come over it.

        Answers to what nobody waits for are dropped, and so are those of somebody who was not asked.
        """
        request = self._table.get(number)
        if request is None or request[0].owner is not connection:
            return
        _, asker, number_there = self._take(number)
        if number_there is None:
            asker(status, data)
        else:
            asker.send_reply(number_there, status, data)

    def cancel(self, number):
        # type: (int) -> None
        """Nobody waits for that answer any more; the replier is told, unless the request has not even left."""
        request = self._take(number)
        if request is not None and not request[0].withdraw(number):
            request[0].owner.cancel(number)

    def cancelled(self, connection, number):
        # type: (Any, int) -> bool
        """The same for a request that came over a link; False when none did under that number."""
        own = self._relayed.get((connection, number))
        if own is None:
            return False
        self.cancel(own)
        return True

    def abandoned_by(self, connection):
        # type: (Any) -> None
        """A link is gone, and with it whoever asked over it."""
        for link, number in [key for key in self._relayed if key[0] is connection]:
            self.cancelled(link, number)

    def lost(self, outlet):
        # type: (credit.Outlet) -> None
        """A replier, or the way to it, is gone: what it had not answered fails."""
        for number in [number for number, request in self._table.items() if request[0] is outlet]:
            self.replied(outlet.owner, number, LOST, b"")

    def _take(self, number):
        # type: (int) -> Any
        request = self._table.pop(number, None)
        if request is not None:
            outlet, asker, number_there = request
            outlet.pending -= 1
            if number_there is not None:
                self._relayed.pop((asker, number_there), None)  # a peer may have used the number twice
        return request
