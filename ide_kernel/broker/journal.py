"""What the frontends may still want to read: in memory up to a bound, then in a spool file up to a cap. Pure but for the file.

A store for ``yotonlike.PubChannel(history=...)``. Messages come in order and are numbered. They gather in a block; blocks whose
sum is beyond the memory's bound move to the spool, the oldest first, and what is beyond the spool's cap is gone: `first` says
where the kept ones begin, so whoever wants an older one learns exactly how many are missing. The newest message always stays.
The file is a ring of `cap` bytes; a few words for each of its blocks remain in memory, so that even a large cap costs little.

When the disk is full (or fails otherwise) the spool is given up: nothing more is written there. What it holds can still be read,
until the next block would have to leave the memory; from then on only the memory is kept. A reader for whom the publisher waits
therefore loses nothing to a full disk.
"""
from __future__ import absolute_import, division, print_function

import binascii
import bisect
import errno
import os
import struct

from yotonlike.protocol.credit import OVERHEAD

from .guardian import close_on_exec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional, Sequence, Tuple

#: Bytes kept in memory: with the window of a frontend that has stopped reading, all that a broker grows by.
MEMORY = 256 << 10
#: Bytes kept in the spool: about a million lines of 60 characters; disks have it, and a frontend has read it in a second.
SPOOL = 64 << 20
#: Bytes that make a block full: few enough reads and writes, and small beside the memory's bound.
BLOCK = 64 << 10
#: The length of a message in a record.
_LENGTH = struct.calcsize("=I")


class SpoolFile(object):
    """A file of the user's alone that has no name any more, so that it is gone with its process, however that ends.

    Raises:
        EnvironmentError: it cannot be made.
    """

    def __init__(self, directory=None):
        # type: (Any) -> None
        path = os.path.join(directory or spool_directory(),
                            "ide-kernel-spool-%d-%s" % (os.getpid(), binascii.hexlify(os.urandom(8)).decode("ascii")))
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        close_on_exec(self._fd)
        self._path = None
        try:
            os.unlink(path)
        except EnvironmentError:  # the system does not let go of a name in use
            self._path = path

    def write_at(self, offset, data):
        # type: (int, bytes) -> None
        """Write all of it.

        Raises:
            EnvironmentError: the disk does not take it.
        """
        os.lseek(self._fd, offset, os.SEEK_SET)
        while data:
            data = data[os.write(self._fd, data):]

    def read_at(self, offset, size):
        # type: (int, int) -> bytes
        """Exactly ``size`` bytes that were written before.

        Raises:
            EnvironmentError: the disk does not give them.
        """
        os.lseek(self._fd, offset, os.SEEK_SET)
        pieces = []
        while size:
            piece = os.read(self._fd, size)
            if not piece:
                raise EnvironmentError(errno.EIO, "the spool file is shorter than what was written to it")
            size -= len(piece)
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self):
        # type: () -> None
        """Give it back to the system."""
        os.close(self._fd)
        if self._path is not None:
            os.unlink(self._path)


def spool_directory():
    # type: () -> Any
    """Where spool files lie: not in /tmp, unless somebody says so, for that is in memory on many systems."""
    for path in (os.environ.get("TMPDIR", ""), "/var/tmp"):
        if os.path.isabs(path) and os.access(path, os.W_OK | os.X_OK):
            return path
    return "/tmp"


class Block(object):
    """Messages with consecutive numbers, no more of which will come.

    Attributes:
        number (int): of the first one.
        count (int): how many.
        cost (int): what they cost: their bytes, and `OVERHEAD` each.
        before (int): what all messages before them cost.
        record (bytes | None): all lengths, then all messages; None when it is in the spool.
        size (int): of the record.
        at (int): where it begins in the spool, counted without the ring's turns.
    """

    __slots__ = ("number", "count", "cost", "before", "record", "size", "at")

    def __init__(self, number, lengths, pieces, before, cost):
        # type: (int, List[int], List[bytes], int, int) -> None
        self.number = number
        self.count = len(lengths)
        self.cost = cost
        self.before = before
        self.record = b"".join([struct.pack("=%dI" % self.count, *lengths)] + pieces)  # type: Optional[bytes]
        self.size = len(self.record)
        self.at = 0


class Journal(object):
    """Keeps the newest messages. Sizes count each message with `OVERHEAD` bytes, as windows do, which is more than it takes.

    Args:
        memory: bytes kept in memory; a block at least.
        cap: bytes kept in the spool beyond that; 0 for none.
        open_file: makes the file when it is first needed.

    Attributes:
        first (int): the number of the oldest message that is kept.
        next (int): the number that the next message will get.
        in_memory, in_spool (int): bytes that are kept there.
        failure (text | None): why the spool was given up.
    """

    def __init__(self, memory=MEMORY, cap=SPOOL, open_file=SpoolFile):
        # type: (int, int, Callable[[], Any]) -> None
        self._bound = max(memory, BLOCK)
        self._cap = cap
        self._open_file = open_file
        self._file = None  # type: Any
        self.failure = None  # type: Any
        self.first = self.next = 0
        self.in_memory = self.in_spool = 0
        self._blocks = []  # type: List[Block]  # the oldest first; those in the spool come before those in memory
        self._numbers = []  # type: List[int]   # of the same blocks
        self._spooled = 0   # how many of them are in the spool
        self._end = 0       # of what is in the spool, counted without the ring's turns
        self._lengths = []  # type: List[int]   # of the block that gathers
        self._pieces = []  # type: List[bytes]  # its messages
        self._gathered = 0  # what it costs
        self._total = 0     # what all messages so far have cost
        self._opened = None  # type: Any  # the block that was read last, with what was in it

    @property
    def size(self):
        # type: () -> int
        """Bytes that are kept."""
        return self.in_memory + self.in_spool

    @property
    def _spools(self):
        # type: () -> bool
        return self._cap > 0 and self.failure is None

    # -- writing --------------------------------------------------------------------------------------------------------

    def append(self, lengths, data):
        # type: (Sequence[int], bytes) -> None
        """Keep messages, which get the numbers from `next` on.

        Args:
            lengths: of each one, in bytes.
            data: the messages, end to end.
        """
        cost = len(data) + OVERHEAD * len(lengths)
        self._make_room(cost)
        self._lengths.extend(lengths)
        self._pieces.append(data)
        self.next += len(lengths)
        self._gathered += cost
        self._total += cost
        self.in_memory += cost
        if self._gathered >= BLOCK:
            self._seal()

    def room(self, number):
        # type: (int) -> int
        """How many bytes may be appended for sure before message ``number`` is lost; 0 when that is near."""
        at = self._find(number)
        kept = self._gathered if at is None else self._total - self._blocks[at].before
        if self._spools:  # all of it may have to go there
            return max(0, self._cap - kept)
        return max(0, self._bound - min(kept, self.in_memory))  # what is still in the spool goes when the memory is full

    def _make_room(self, cost):
        # type: (int) -> None
        """Bring the memory below its bound, as it will be with that much more."""
        while self.in_memory + cost > self._bound and self.in_memory:
            if self._spooled == len(self._blocks):
                self._seal()
            if not self._spools:
                self._evict(self._spooled + 1)
            elif not self._spool(self._blocks[self._spooled]):
                return  # it stays in memory this once: who is behind may still read what is in the spool

    def _seal(self):
        # type: () -> None
        """The block that gathers is full."""
        block = Block(self.next - len(self._lengths), self._lengths, self._pieces,
                      self._total - self._gathered, self._gathered)
        self._blocks.append(block)
        self._numbers.append(block.number)
        self._lengths, self._pieces, self._gathered = [], [], 0

    def _spool(self, block):
        # type: (Block) -> bool
        """Move the oldest block of the memory to the spool; False when the spool had to be given up."""
        if block.cost > self._cap:
            self._evict(self._spooled + 1)
            return True
        left, going = self.in_spool, 0
        while left + block.cost > self._cap:
            left -= self._blocks[going].cost
            going += 1
        self._evict(going)
        try:
            if self._file is None:
                self._file = self._open_file()
            at = self._end % self._cap
            record = block.record or b""
            self._file.write_at(at, record[:self._cap - at])
            self._file.write_at(0, record[self._cap - at:])
        except EnvironmentError as error:
            self._give_up(error)
            return False
        block.record, block.at = None, self._end
        self._end += block.size
        self._spooled += 1
        self.in_memory -= block.cost
        self.in_spool += block.cost
        return True

    def _give_up(self, error):
        # type: (EnvironmentError) -> None
        self.failure = u"%s" % (error.strerror or error)
        if not self._spooled:
            self._release()

    def _evict(self, count):
        # type: (int) -> None
        """Forget the oldest blocks."""
        for block in self._blocks[:count]:
            if block.record is None:
                self.in_spool -= block.cost
                self._spooled -= 1
            else:
                self.in_memory -= block.cost
        del self._blocks[:count], self._numbers[:count]
        self.first = self._numbers[0] if self._numbers else self.next - len(self._lengths)
        self._opened = None
        if not self._spools and not self._spooled:
            self._release()

    def _release(self):
        # type: () -> None
        if self._file is not None:
            self._file.close()
            self._file = None

    # -- reading --------------------------------------------------------------------------------------------------------

    def read(self, number, limit):
        # type: (int, int) -> Optional[Tuple[Sequence[int], bytes]]
        """Messages from a number on.

        Args:
            number: of the first one, from `first` up to the one before `next`.
            limit: bytes that they may cost; one message may cost more.

        Returns:
            (lengths, the messages end to end): at least one message. None when that one is lost, to the disk's failure; then
            `first` has gone up.
        """
        if not self.first <= number < self.next:
            return None
        begin, lengths, data = self._open(number)
        if not lengths:
            return None
        start = sum(lengths[:number - begin])
        end = start
        count = position = number - begin
        while position < len(lengths):
            limit -= lengths[position] + OVERHEAD
            if limit < 0 and position > count:
                break
            end += lengths[position]
            position += 1
        return lengths[count:position], data[start:end]

    def tail(self, limit):
        # type: (int) -> int
        """The number from which on what is kept costs at most ``limit`` bytes, or that of the newest message."""
        left, at = limit - self._gathered, len(self._blocks)
        while left >= 0 and at:
            at -= 1
            left -= self._blocks[at].cost
        if left >= 0:
            return self.first
        number = self._numbers[at] if self._gathered <= limit else self.next - 1
        begin, lengths, _ = self._open(number)
        position = 0
        while left < 0 and position < len(lengths):
            left += lengths[position] + OVERHEAD
            position += 1
        return max(self.first, min(begin + position, self.next - 1))

    def _find(self, number):
        # type: (int) -> Optional[int]
        """The index of the block with that message; None when it is in the one that gathers, or still to come."""
        if number >= self.next - len(self._lengths):
            return None
        return max(0, bisect.bisect_right(self._numbers, number) - 1)

    def _open(self, number):
        # type: (int) -> Tuple[int, Sequence[int], bytes]
        """The block with that message: its first number, lengths, bytes. No lengths when the disk does not give it."""
        at = self._find(number)
        if at is None:
            self._pieces = [b"".join(self._pieces)]
            return self.next - len(self._lengths), self._lengths, self._pieces[0]
        block = self._blocks[at]
        if self._opened is None or self._opened[0] != block.number:  # who has little window comes back for the rest of it
            try:
                record = self._record(block)
            except EnvironmentError as error:
                self._give_up(error)
                self._evict(self._spooled)
                return number, (), b""
            self._opened = block.number, struct.unpack_from("=%dI" % block.count, record), record[_LENGTH * block.count:]
        return self._opened

    def _record(self, block):
        # type: (Block) -> bytes
        if block.record is not None:
            return block.record
        at = block.at % self._cap
        size = min(block.size, self._cap - at)
        record = self._file.read_at(at, size)
        return record if size == block.size else record + self._file.read_at(0, block.size - size)

    def close(self):
        # type: () -> None
        """Keep nothing any more; the file is gone."""
        self._evict(len(self._blocks))
        self.in_memory -= self._gathered
        self._lengths, self._pieces, self._gathered, self.first = [], [], 0, self.next
        self._release()
