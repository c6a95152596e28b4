"""What a publisher keeps of what it sent, for those who come late or come back.

Messages are kept encoded, in chunks: short ones are gathered, so that a million of them cost little more than their
bytes, and long ones stand alone, as they came. The oldest message goes first, one at a time; the newest one always
stays, whatever its length, so that whoever comes learns how many it has missed.

Everything is counted as windows are: a message costs its length and :data:`~yotonlike.protocol.credit.OVERHEAD`.

:class:`History` is also the interface of a store that a program brings itself (``PubChannel(history=store)``): any
object with the public attributes and methods of this one, but ``limit``. They are called one at a time, under the lock
of the publisher's context, so they should be quick and must not call the context.
"""
from __future__ import absolute_import, division, print_function

from array import array
from bisect import bisect_left, bisect_right

from .credit import OVERHEAD
from .settings import whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Sequence, Tuple

#: What short messages are gathered to, in bytes: half a fragment, so that a reader gets a frame's worth from two.
CHUNK = 32768


class _Chunk(object):
    """Messages with consecutive numbers.

    Attributes:
        lengths: their lengths in bytes.
        data: the messages, end to end.
        room (int): what may still be gathered here, in bytes; 0 for what stands alone.
    """

    __slots__ = ("lengths", "data", "room")

    def __init__(self, lengths, data, room):
        # type: (Any, Any, int) -> None
        self.lengths = lengths
        self.data = data
        self.room = room


class History(object):
    """Keeps messages in memory.

    Args:
        limit (int): bytes; each message costs its length and 32.

    Attributes:
        first (int): number of the oldest message kept; ``next`` when there is none.
        next (int): number of the message that comes next.
        size (int): bytes that what is kept costs.
    """

    def __init__(self, limit):
        # type: (int) -> None
        self.limit = whole("A history", limit)
        self.first = 0
        self.next = 0
        self.size = 0
        self._total = 0  # what all messages so far have cost
        self._chunks = []  # type: List[_Chunk]
        self._numbers = []  # type: List[int]  # of the first message of each chunk, also when that one is gone
        self._bases = []  # type: List[int]    # _total before it

    def append(self, lengths, data):
        # type: (Sequence[int], bytes) -> None
        """Keep messages, numbered from ``next`` on; the oldest ones beyond the limit go.

        Never fails: a store that cannot keep them counts them all the same, and lets ``first`` go up.

        Args:
            lengths: at least one.
            data: the messages, end to end.
        """
        cost = len(data) + OVERHEAD * len(lengths)
        last = self._chunks[-1] if self._chunks else None
        if last is None or cost > last.room:
            short = cost < CHUNK // 2
            last = _Chunk(array("L"), bytearray(), CHUNK) if short else _Chunk(array("L", lengths), data, 0)
            self._chunks.append(last)
            self._numbers.append(self.next)
            self._bases.append(self._total)
        if last.room:
            last.lengths.extend(lengths)
            last.data += data
            last.room -= cost
        self.next += len(lengths)
        self.size += cost
        self._total += cost
        self._evict()

    def _evict(self):
        # type: () -> None
        gone = 0
        while self.size > self.limit and self.first < self.next - 1:
            chunk, number = self._chunks[gone], self._numbers[gone]
            self.size -= chunk.lengths[self.first - number] + OVERHEAD
            self.first += 1
            if self.first == number + len(chunk.lengths):
                gone += 1
        del self._chunks[:gone], self._numbers[:gone], self._bases[:gone]

    def read(self, number, limit):
        # type: (int, int) -> Optional[Tuple[Sequence[int], bytes]]
        """Messages from ``number`` on.

        Args:
            number: ``first`` to ``next`` - 1.
            limit: bytes that they cost at most; one message may cost more.

        Returns:
            (lengths, the messages end to end), fewer than there are if that is easier, but at least one. None when
            ``number`` is not kept any more after all; ``first`` has gone up then.
        """
        if not self.first <= number < self.next:
            return None
        at = bisect_right(self._numbers, number) - 1
        chunk, begin = self._chunks[at], number - self._numbers[at]
        end = begin
        for length in chunk.lengths[begin:]:
            limit -= length + OVERHEAD
            if limit < 0 and end > begin:
                break
            end += 1
        lengths = chunk.lengths[begin:end]
        start = sum(chunk.lengths[:begin])
        if len(lengths) == len(chunk.lengths):
            return lengths, bytes(chunk.data)
        return lengths, bytes(chunk.data[start:start + sum(lengths)])

    def room(self, number):
        # type: (int) -> int
        """What may be appended before message ``number`` goes, in bytes.

        Args:
            number: ``first`` to ``next``.
        """
        return max(0, self.limit - self._total + self._before(number))

    def _before(self, number):
        # type: (int) -> int
        """``_total`` as it was when ``number`` was the next one."""
        if number >= self.next:
            return self._total
        at = bisect_right(self._numbers, number) - 1
        count = number - self._numbers[at]
        return self._bases[at] + sum(self._chunks[at].lengths[:count]) + OVERHEAD * count

    def tail(self, limit):
        # type: (int) -> int
        """The number from which on what is kept costs at most ``limit`` bytes, or that of the newest message."""
        fits_from = self._total - limit
        at = bisect_left(self._bases, fits_from)
        if at == 0:
            return self.first
        number, before = self._numbers[at - 1], self._bases[at - 1]
        for length in self._chunks[at - 1].lengths:
            if before >= fits_from:
                break
            before += length + OVERHEAD
            number += 1
        return max(self.first, min(number, self.next - 1))

    def close(self):
        # type: () -> None
        """The publisher is closed: let everything go."""
        self.first, self.size = self.next, 0
        del self._chunks[:], self._numbers[:], self._bases[:]


def check_store(store):
    # type: (Any) -> None
    """
    Raises:
        TypeError: it has not all that a store needs.
    """
    missing = [name for name in ("first", "next", "append", "read", "room", "tail", "close") if not hasattr(store, name)]
    if missing:
        raise TypeError("A history is a number of bytes, or a store such as yotonlike.History: %s has no %s."
                        % (type(store).__name__, ", ".join(missing)))
