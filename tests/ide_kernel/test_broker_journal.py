"""The journal, compared with a plain list of all messages, and on disks that fail."""
from __future__ import absolute_import, division, print_function

import errno
import fcntl
import os
import random
import stat
import subprocess
import sys

import pytest

from histories import Everything, append, cost, cut, read_all
from ide_kernel.broker.journal import BLOCK, Journal, SpoolFile, spool_directory

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class FakeFile(object):
    """A spool file in memory, on a disk that is full after so many bytes, and reads as often as it is told to."""

    def __init__(self, room=1 << 40, reads=1 << 40):
        self.data = bytearray()
        self.room = room
        self.reads = reads
        self.closed = False

    def write_at(self, offset, data):
        self.room -= len(data)
        if self.room < 0:
            raise EnvironmentError(errno.ENOSPC, "No space left on device")
        self.data[len(self.data):offset] = b"\0" * (offset - len(self.data))
        self.data[offset:offset + len(data)] = data

    def read_at(self, offset, size):
        self.reads -= 1
        if self.reads < 0:
            raise EnvironmentError(errno.EIO, "Input/output error")
        assert offset + size <= len(self.data)
        return bytes(self.data[offset:offset + size])

    def close(self):
        assert not self.closed
        self.closed = True


@pytest.mark.parametrize("seed", range(25))
def test_it_is_the_end_of_a_list(seed):
    generator = random.Random(seed)
    memory, cap = generator.choice((0, 100000, 300000)), generator.choice((0, 70000, 200000, 1000000))
    spool = FakeFile(generator.choice((1 << 40, 1 << 40, 0, 150000, 500000)))
    journal, everything = Journal(memory, cap, lambda: spool), Everything()
    largest = generator.choice((0, 60, 3000, 40000))
    for _ in range(150):
        messages = [bytes(bytearray([generator.randrange(256)])) * generator.randint(0, largest)
                    for _ in range(generator.choice((1, 1, 3, 300)) if largest <= 60 else 1)]
        number = generator.randint(journal.first, journal.next)
        room = journal.room(number)
        append(journal, *messages)
        everything.add(messages)
        if cost(messages) <= room and journal.failure is None:
            assert journal.first <= number, "it went although there was room"
        assert journal.next == len(everything) and journal.first < journal.next
        assert journal.size == everything.cost_from(journal.first)
        assert journal.in_spool <= cap and len(spool.data) <= cap
        assert journal.in_memory <= max(memory, BLOCK) + BLOCK + cost(messages)
        tail_limit = generator.choice((0, 500, 100000, 400000))
        tail = journal.tail(tail_limit)
        assert journal.first <= tail < journal.next
        assert everything.cost_from(tail) <= tail_limit or tail == journal.next - 1
        assert tail == journal.first or everything.cost_from(tail - 1) > tail_limit
        number, limit = generator.randint(journal.first, journal.next - 1), generator.choice((1, 5000, 1 << 20))
        messages = cut(*journal.read(number, limit))
        assert messages == everything[number:number + len(messages)]
        assert cost(messages) <= limit or len(messages) == 1
    assert read_all(journal) == read_all(journal, 1) == everything[journal.first:]
    journal.close()
    assert (journal.first, journal.size) == (journal.next, 0) and journal.read(journal.next - 1, 10) is None


def test_what_goes_is_made_up_for_by_what_comes():
    """Beyond the cap blocks go, not everything: what is kept stays near memory and cap."""
    journal = Journal(BLOCK, 20 * BLOCK, FakeFile)
    for number in range(20000):
        append(journal, b"%07d\n" % number * 20)
    assert 20 * BLOCK <= journal.size <= 22 * BLOCK
    assert cut(*journal.read(journal.first, 1))[0] == b"%07d\n" % journal.first * 20


def test_the_newest_message_stays_whatever_its_length():
    journal = Journal(BLOCK, 2 * BLOCK, FakeFile)
    append(journal, b"a")
    append(journal, b"x" * 10 * BLOCK)
    assert journal.next == 2 and read_all(journal)[-1] == b"x" * 10 * BLOCK
    append(journal, b"b")
    assert (journal.first, read_all(journal)) == (2, [b"b"])


# -- a disk that fails ----------------------------------------------------------------------------------------------

def fill(journal, count):
    for _ in range(count):
        append(journal, b"%010d" % journal.next * 1000)


def test_a_full_disk_gives_the_spool_up_and_the_memory_goes_on():
    spool = FakeFile(room=10 * BLOCK)
    journal = Journal(4 * BLOCK, 100 * BLOCK, lambda: spool)
    while journal.failure is None:
        assert journal.first == 0
        fill(journal, 1)
    assert u"No space left" in journal.failure
    assert journal.first == 0, "who is behind loses nothing at that moment"
    assert [int(message[:10]) for message in read_all(journal)] == list(range(journal.next))
    assert journal.room(0) == 0 and not spool.closed
    fill(journal, 1)
    assert journal.first > 0 and journal.in_spool == 0 and spool.closed
    fill(journal, 100)
    assert [int(message[:10]) for message in read_all(journal)] == list(range(journal.first, journal.next))
    assert journal.in_memory <= 4 * BLOCK


def test_a_reader_for_whom_somebody_waits_loses_nothing_to_a_full_disk():
    spool = FakeFile(room=5 * BLOCK)
    journal = Journal(2 * BLOCK, 100 * BLOCK, lambda: spool)
    number, size, seen, generator = 0, 10032, [], random.Random(1)
    for _ in range(2000):
        if journal.room(number) >= size or number == journal.next:
            fill(journal, 1)
        if generator.random() < 0.4 and number < journal.next:
            for message in cut(*journal.read(number, 30000)):
                seen.append(int(message[:10]))
                number += 1
    assert journal.failure is not None and seen == list(range(len(seen))) and len(seen) > 300


def test_a_disk_that_does_not_give_back_what_it_took():
    spool = FakeFile(reads=0)
    journal = Journal(2 * BLOCK, 100 * BLOCK, lambda: spool)
    fill(journal, 50)
    assert journal.first == 0 and journal.read(0, 1) is None
    assert u"Input/output" in journal.failure and spool.closed and journal.first > 0
    assert [int(message[:10]) for message in read_all(journal)] == list(range(journal.first, journal.next))


def test_a_spool_that_cannot_be_made():
    def fail():
        raise EnvironmentError(errno.EACCES, "Permission denied")
    journal = Journal(2 * BLOCK, 100 * BLOCK, fail)
    fill(journal, 50)
    assert u"Permission denied" in journal.failure and 0 < journal.in_memory <= 2 * BLOCK and journal.first > 0


# -- the file -------------------------------------------------------------------------------------------------------

def test_the_file_is_the_users_alone_and_has_no_name(tmpdir):
    spool = SpoolFile(str(tmpdir))
    assert tmpdir.listdir() == []
    found = os.fstat(spool._fd)
    assert stat.S_IMODE(found.st_mode) == 0o600 and found.st_nlink == 0
    assert fcntl.fcntl(spool._fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC, "it is not the next kernel's"
    spool.write_at(5, b"abcdef")
    spool.write_at(0, b"12345")
    assert spool.read_at(3, 6) == b"45abcd"
    with pytest.raises(EnvironmentError):
        spool.read_at(8, 10)
    spool.close()


def test_where_it_lies(tmpdir, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmpdir))
    assert spool_directory() == str(tmpdir)
    monkeypatch.setenv("TMPDIR", "/no/such/directory")
    assert spool_directory() in ("/var/tmp", "/tmp")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_really_full_disk():
    spool = SpoolFile()
    os.dup2(os.open("/dev/full", os.O_RDWR), spool._fd)
    journal = Journal(BLOCK, 10 * BLOCK, lambda: spool)
    fill(journal, 50)
    assert u"No space left" in journal.failure
    assert [int(message[:10]) for message in read_all(journal)] == list(range(journal.first, journal.next))


def test_a_limit_of_the_file_size():
    """Nobody is killed by SIGXFSZ."""
    code = ("import resource, sys; sys.path.insert(0, %r); resource.setrlimit(resource.RLIMIT_FSIZE, (200000, 200000))\n"
            "from ide_kernel.broker.journal import Journal, BLOCK\n"
            "journal = Journal(BLOCK, 100 * BLOCK)\n"
            "for _ in range(100): journal.append([10000], b'x' * 10000)\n"
            "print([journal.failure is not None, journal.next, 0 < journal.size <= 2 * BLOCK])" % ROOT)
    assert subprocess.check_output([sys.executable, "-c", code]).strip() == b"[True, 100, True]"
