"""Waiting for descriptors: spinning for a moment first, with time moved by the polls themselves; and for as long as one likes."""
from __future__ import absolute_import, division, print_function

import select
import sys
import threading

import pytest
import yotonlike

from yotonlike.testing import LinkedContexts
from yotonlike.transport import waiting
from yotonlike.transport.waiting import LONGEST, MOST_SKIPPED, SPIN, Poller, Wakeup, deadline_after, remaining


class Script(object):
    """Stands for ``select.poll``: each look costs a tenth of a spin; ``answers`` says at which look something is ready."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        self.wakeup = Wakeup()
        self.looks = []     # the timeouts asked for since the last wait began, in milliseconds
        self.ready_at = None  # the number of the look that finds something; None: the one that sleeps
        monkeypatch.setattr(waiting, "monotonic", lambda: self.now)

    def poll(self, timeout):
        self.looks.append(timeout)
        self.now += SPIN / 10
        if timeout != 0 or len(self.looks) - 1 == self.ready_at:
            return [(7, 1)]
        return []

    def wait(self, poller, timeout, ready_at=None):
        """One wait; returns how often it looked before it slept, and whether it slept."""
        self.looks, self.ready_at = [], ready_at
        assert poller.poll_eagerly(timeout, self.wakeup) or timeout == 0
        return len([look for look in self.looks if look == 0]), self.looks[-1] != 0


@pytest.fixture
def script(monkeypatch):
    script = Script(monkeypatch)
    yield script
    script.wakeup.close()


@pytest.fixture
def poller(script):
    poller = Poller()
    poller._poll = script
    return poller


def test_what_comes_soon_is_found_without_sleep(script, poller):
    for look in (0, 3, 1, 9):
        assert script.wait(poller, None, look) == (look + 1, False)


def test_spinning_ends(script, poller):
    assert script.wait(poller, None) == (10, True)
    assert script.wait(poller, 5.0) == (0, True)


def test_in_vain_it_is_tried_less_and_less(script, poller):
    spins = [number for number in range(400) if script.wait(poller, 1.0)[0]]
    gaps = [later - earlier - 1 for earlier, later in zip(spins, spins[1:])]
    assert gaps[:8] == [1, 2, 4, 8, 16, 32, MOST_SKIPPED, MOST_SKIPPED]


def test_after_a_success_it_is_tried_again_at_once(script, poller):
    while not script.wait(poller, None)[0] or poller._skipped < MOST_SKIPPED:
        pass
    while poller._skip:
        assert script.wait(poller, None, 2) == (0, True)
    assert script.wait(poller, None, 2) == (3, False)
    assert script.wait(poller, None, 2) == (3, False)
    assert script.wait(poller, None) == (10, True)
    assert poller._skip == 1


def test_no_longer_than_the_time_limit(script, poller):
    assert script.wait(poller, SPIN / 4) == (3, True)
    poller._skip = 0
    assert script.wait(poller, 0) == (1, False)  # which is no wait, and says nothing about the next


def test_it_sees_a_real_descriptor():
    wakeup, poller = Wakeup(), Poller()
    poller.watch(wakeup.fileno(), True, False)
    assert poller.poll_eagerly(0.001, wakeup) == []
    wakeup.set()
    for _ in range(3):
        assert [fd for fd, _ in poller.poll_eagerly(None, wakeup)] == [wakeup.fileno()]
    wakeup.close()


@pytest.mark.parametrize("timeout", [25 * 86400, 1e300, float("inf"), 10 ** 400, 0, -1, float("-inf")], ids=repr)
def test_any_time_limit_can_be_polled_for(timeout):
    wakeup, poller = Wakeup(), Poller()
    poller.watch(wakeup.fileno(), True, False)
    wakeup.set()
    assert [fd for fd, _ in poller.poll(remaining(deadline_after(timeout)))] == [wakeup.fileno()]
    assert [fd for fd, _ in poller.poll_eagerly(timeout, wakeup)] == [wakeup.fileno()]
    wakeup.close()


def test_a_day_of_a_long_wait_at_a_time(script, poller):
    for timeout in (LONGEST / 2, LONGEST * 2, float("inf"), None):
        poller.poll(timeout)
    assert script.looks == [43200000, 86400000, 86400000, None]


def test_nan_is_no_time_limit():
    with pytest.raises(ValueError):
        deadline_after(float("nan"))


@pytest.mark.parametrize("timeout", [2.2e6, 1e7, 1e300, float("inf"), 10 ** 400], ids=repr)
def test_every_call_waits_long_if_it_is_told_to(timeout, monkeypatch):
    """With 2.2e6 s, 25.5 days, the I/O thread polls for the deadline of the request; it must neither fail nor spin."""
    failures = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: failures.append(error))
    later, got = yotonlike.Future(), []
    with LinkedContexts(2) as (one, other):
        pub, sub = yotonlike.PubChannel(one, u"news"), yotonlike.SubChannel(other, u"news")
        rep = yotonlike.RepChannel(one, u"calc", handler=lambda message: later if message else message)
        assert pub.wait_for_subscriber(timeout) == 1
        pub.send(u"text", timeout)
        assert sub.recv(timeout) == u"text"
        req = yotonlike.ReqChannel(other, u"calc")
        assert req.request(0, timeout).result(timeout) == 0
        pending = req.request(1, timeout)
        sub.received.connect(got.append)
        pub.send(u"by the I/O thread, after it has looked at that deadline")
        assert select.select([other.fileno()], [], [], 20)[0]
        assert other.wait(timeout) == ([], [])
        other.process_events()
        while not got:  # another call has waited, and was the first
            assert other.wait(20) == ([], []) and other.process_events()
        threading.Thread(target=lambda: later.set_result(2)).start()
        assert later.result(timeout) == pending.result(timeout) == 2
        one.flush(timeout)
        rep.close()
        assert one.close(timeout)
    assert len(got) == 1 and failures == []
