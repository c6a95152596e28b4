"""Where the kernel's main thread waits: a signal ends that, whenever it comes."""
from __future__ import absolute_import, division, print_function

import os
import select
import signal

import pytest

from ide_kernel.kernel import bell as bells
from ide_kernel.kernel.bell import Bell
from ide_kernel.kernel.descriptors import read
from ide_kernel.kernel.inbox import Inbox
from ide_kernel.kernel.stdin import InputRequests


def waits_for_input(bring):
    requests = InputRequests(lambda message: None, lambda: (None, u"", None))
    bring.append(lambda: requests.answer(1, b"line\n"))
    assert requests.ask() == b"line\n"


def waits_for_work(bring):
    inbox = Inbox()
    bring.append(lambda: inbox.put({u"kind": u"exit"}))
    inbox.wait()
    assert inbox.pop() == {u"kind": u"exit"}


@pytest.fixture
def handled():
    """How often SIGUSR1 was handled."""
    found = []
    before = signal.signal(signal.SIGUSR1, lambda *_: found.append(1))
    yield found
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("users", [False, True])
@pytest.mark.parametrize("waits", [waits_for_input, waits_for_work])
def test_a_signal_just_before_the_wait_ends_it(waits, users, handled, monkeypatch):
    """Python looks for signals, and then reads; one that comes in between only sets a flag."""
    reads, bring = [], []

    def strike_and_read(fd, size):
        reads.append(fd)
        os.kill(os.getpid(), signal.SIGUSR1)
        readable = bool(select.select([fd], [], [], 0)[0])
        bring[0]()
        assert readable is not users
        return read(fd, size)

    monkeypatch.setattr(bells, "read", strike_and_read)
    user = Bell()
    signal.set_wakeup_fd(user._writer if users else -1)
    try:
        waits(bring)
    finally:
        assert signal.set_wakeup_fd(-1) == (user._writer if users else -1), "as it was before"
    assert len(reads) == len(handled) == 1


def test_a_bell_that_rings_although_nobody_listens():
    bell = Bell()
    for _ in range(1 << 17):
        bell.ring()
    bell.wait(lambda: not select.select([bell._reader], [], [], 0)[0])


def test_a_bell_that_was_taken_away():
    inbox = Inbox()
    os.close(inbox._bell._writer)
    os.close(inbox._bell._reader)
    with pytest.raises(SystemExit):
        inbox.wait()
