"""What waits to leave on one link, and in which order it goes.

Control frames first, in their order. Then bulk in rounds: each outlet that has something to send gives one frame, then
the next outlet, so that nobody is starved; an answer to a request takes its turn among the outlets.
"""
from __future__ import absolute_import, division, print_function

from _collections import deque  # type: ignore[import-not-found]  # C: the module around it costs a kernel 2 ms at its start

from . import frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Deque, Dict, List

    from .credit import Batch, Outlet

#: Publishers that one link tells apart at a time; the oldest alias is given anew after that.
MAX_ALIASES = 1 << 14


try:
    b"".join([memoryview(b"")])  # type: ignore[list-item]
    _view = memoryview  # type: Any  # spares a copy of each fragment
except TypeError:  # 2.7
    def _view(data):
        # type: (bytes) -> bytes
        return data


class PendingReply(object):
    """A reply on its way out; takes its turn among the outlets."""

    __slots__ = ("request", "status", "data", "sent", "scheduled")

    def __init__(self, request, status, data):
        # type: (int, int, bytes) -> None
        self.request = request
        self.status = status
        self.data = data
        self.sent = 0
        self.scheduled = False  # as an outlet has it: whether it is in the round


class _AfterReplies(object):
    """A frame that leaves behind all replies; takes its turn among them."""

    __slots__ = ("frame", "scheduled")

    def __init__(self, frame):
        # type: (bytes) -> None
        self.frame = frame
        self.scheduled = False


class Outgoing(object):
    """The order of departure.

    Attributes:
        control (list): whole frames that leave before all others: control, and bulk that found nothing before it.
    """

    def __init__(self):
        # type: () -> None
        self.control = []  # type: List[bytes]
        self._round = deque()  # type: Deque[Any]
        self._aliases = {}  # type: Dict[bytes, int]
        self._alias_order = []  # type: List[bytes]
        self._next_alias = 0

    def __bool__(self):
        # type: () -> bool
        return bool(self.control or self._round)

    __nonzero__ = __bool__  # 2.7's name for it

    def schedule(self, entry):
        # type: (Any) -> bool
        """Give an outlet or a reply its turn; False when it is in the round already."""
        if entry.scheduled:
            return False
        entry.scheduled = True
        self._round.append(entry)
        return True

    def push(self, outlet, batch):
        # type: (Outlet, Batch) -> bool
        """Take a batch for an outlet; whether there is something to send that was not there before.

        While nothing else waits, nobody's turn comes before it: then its frame is made at once.
        """
        data = batch.data
        if (batch.cost <= outlet.credit and not self.control and not self._round and not outlet.queue
                and len(data) + 4 * len(batch.lengths) <= frames.MAX_FRAGMENT):
            outlet.credit -= batch.cost
            alias = self.alias(batch.source, self.control)
            if len(batch.lengths) == 1:
                self.control.append(frames.single(outlet.sink, alias, batch.number, data))
            else:
                self.control.append(frames.data(outlet.sink, alias, batch.number, batch.lengths, batch.packed, data))
            if batch.origin is not None:
                batch.origin.owner.consume(batch.origin, batch.cost)
            return True
        outlet.push(batch)
        return self.schedule(outlet)

    def push_reply(self, request, status, data):
        # type: (int, int, bytes) -> None
        """Take an answer, in the same way."""
        if len(data) <= frames.MAX_FRAGMENT and not self.control and not self._round:
            self.control.append(frames.reply(request, status, data))
        else:
            self.schedule(PendingReply(request, status, data))

    def push_after_replies(self, frame):
        # type: (bytes) -> None
        """Take the frame that closes a replier: what it has answered comes first."""
        if any(type(entry) is PendingReply for entry in self._round):
            self.schedule(_AfterReplies(frame))
        else:
            self.control.append(frame)

    def clear(self, keep_control):
        # type: (bool) -> None
        """Forget what waits."""
        self._round.clear()
        if not keep_control:
            self.control = []

    def take(self, limit):
        # type: (int) -> bytes
        """All control frames, then bulk until ``limit`` bytes are reached."""
        out, self.control = self.control, []
        if not self._round:
            return out[0] if len(out) == 1 else b"".join(out)
        size = sum(map(len, out))
        while self._round and size < limit:
            entry = self._round.popleft()
            pieces = _EMITTERS.get(type(entry), Outgoing._emit)(self, entry)
            out.extend(pieces)
            size += sum(map(len, pieces))
        return b"".join(out)

    def _emit(self, outlet):
        # type: (Outlet) -> List[bytes]
        """One frame of an outlet, and its next turn."""
        piece = outlet.take()
        if piece is None:
            outlet.scheduled = False
            if outlet.queue and not outlet.asked:
                outlet.asked = True
                return [frames.want(outlet.sink)]
            return []
        batch, start, end = piece
        out = []  # type: List[Any]
        if end - start == len(batch.data):
            alias = self.alias(batch.source, out)
            out.append(frames.data(outlet.sink, alias, batch.number, batch.lengths, batch.packed, batch.data))
        elif start == 0:
            alias = self.alias(batch.source, out)
            fixed = frames.large(outlet.sink, alias, batch.number, len(batch.data))
            out += [frames.HEADER.pack(len(fixed) + end, frames.LARGE), fixed, _view(batch.data)[:end]]
        else:
            fixed = frames.more(0, outlet.sink)
            out += [frames.HEADER.pack(len(fixed) + end - start, frames.MORE), fixed, _view(batch.data)[start:end]]
        if end == len(batch.data) and batch.origin is not None:
            batch.origin.owner.consume(batch.origin, batch.cost)
        if outlet.queue:
            self._round.append(outlet)
        else:
            outlet.scheduled = False
        return out

    def _emit_reply(self, reply):
        # type: (PendingReply) -> List[bytes]
        data, start = reply.data, reply.sent
        end = reply.sent = min(len(data), start + frames.MAX_FRAGMENT)
        if start:
            fixed, kind = frames.more(1, reply.request), frames.MORE
        elif end == len(data):
            return [frames.reply(reply.request, reply.status, data)]
        else:
            fixed, kind = frames.large_reply(reply.request, reply.status, len(data)), frames.LARGEREPLY
        if end < len(data):
            self._round.append(reply)
        return [frames.HEADER.pack(len(fixed) + end - start, kind), fixed, _view(data)[start:end]]

    def _emit_after_replies(self, entry):
        # type: (_AfterReplies) -> List[bytes]
        if any(type(other) is PendingReply for other in self._round):
            self._round.append(entry)
            return []
        return [entry.frame]

    def alias(self, source, out):
        # type: (Any, List[bytes]) -> int
        """The number of a publisher on this link, introduced in ``out`` when it is new here."""
        if not isinstance(source, bytes):
            return source  # a request: its time limit stands in this place
        alias = self._aliases.get(source)
        if alias is None:
            alias = self._next_alias % MAX_ALIASES
            self._next_alias += 1
            if alias < len(self._alias_order):
                del self._aliases[self._alias_order[alias]]
                self._alias_order[alias] = source
            else:
                self._alias_order.append(source)
            self._aliases[source] = alias
            out.append(frames.source(alias, source))
        return alias


_EMITTERS = {PendingReply: Outgoing._emit_reply, _AfterReplies: Outgoing._emit_after_replies}  # type: Dict[Any, Any]
