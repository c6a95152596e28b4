"""What is to be done at some time: in order, once, and nothing is left of what was cancelled."""
from __future__ import absolute_import, division, print_function

import pytest
import yotonlike
from yotonlike.testing import LinkedContexts
from yotonlike.transport.timers import SPARE, Timers


@pytest.fixture
def timers():
    return Timers()


def test_what_is_due_is_done_in_order_and_once(timers):
    done = []
    for deadline in (3.0, 1.0, 2.0, 4.0):
        timers.add(deadline, lambda deadline=deadline: done.append(deadline))
    timers.run(3.0)
    timers.run(3.0)
    assert done == [1.0, 2.0, 3.0]
    assert timers.next_deadline() == 4.0


def test_what_is_cancelled_is_not_done(timers):
    done = []
    first, second = [timers.add(number, lambda: done.append(1)) for number in (1.0, 2.0)]
    first.cancel()
    first.cancel()
    assert timers.next_deadline() == 2.0
    timers.run(5.0)
    second.cancel()  # too late, which is no error
    assert done == [1] and len(timers) == 0 and timers.next_deadline() is None


def test_cancelled_ones_are_bounded_by_what_is_pending(timers):
    pending = [timers.add(1e9 + number, list) for number in range(100)]
    for number in range(10000):
        timers.add(number, list).cancel()
        assert len(timers) <= 2 * len(pending) + SPARE + 1
    for timer in pending[1:]:
        timer.cancel()
    assert len(timers) <= 2 + SPARE
    assert timers.next_deadline() == 1e9


def test_a_function_may_cancel_and_add_others(timers):
    done = []
    others = [timers.add(2.0, list) for _ in range(5 * SPARE)]
    timers.add(1.0, lambda: [timer.cancel() for timer in others] + [timers.add(1.5, lambda: done.append(1))])
    timers.run(1.5)
    assert done == [1] and len(timers) <= SPARE + 2


def test_nothing_is_left_of_answered_requests():
    with LinkedContexts(2) as (one, other):
        rep, req = yotonlike.RepChannel(one, u"echo", handler=lambda message: message), yotonlike.ReqChannel(other, u"echo")
        for _ in range(5):
            futures = [req.request(number, timeout=600) for number in range(100)]
            assert [future.result(20) for future in futures] == list(range(100))
        with other.guard:
            assert len(other.timers) <= SPARE + 10
        rep.close()
