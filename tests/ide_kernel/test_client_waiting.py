"""Who takes events, who runs callbacks, and how Ctrl-C gets through."""
from __future__ import absolute_import, division, print_function

import itertools
import os
import select
import signal
import threading
import time

import pytest

import yotonlike
from ide_kernel.client import waiting
from ide_kernel.client.waiting import Turns, wait_readable
from yotonlike import Timeout, WouldBlock

LIMIT = 20.0


class Source(object):
    """Events over a channel, with a callback for each."""

    def __init__(self, context):
        self.context = context
        self.taken = []
        self.ran = []
        self.turns = Turns(context, context.process_events, self.handle)
        self.callback = lambda item: self.ran.append((item, threading.current_thread()))
        self.channel = yotonlike.PubChannel(context, u"events", yotonlike.OBJECT)
        self.events = yotonlike.SubChannel(context, u"events", yotonlike.OBJECT)
        self.events.received.connect(self.turns.post)

    def put(self, item):
        assert self.channel.send(item, LIMIT) == 1

    def handle(self, item):
        self.taken.append(item)
        return [(self.callback, item)]


@pytest.fixture
def source():
    with yotonlike.Context() as context:
        yield Source(context)


def start(function, *args):
    thread = threading.Thread(target=function, args=args)
    thread.daemon = True
    thread.start()
    return thread


def test_a_condition_that_holds_does_not_wait(source):
    source.turns.wait(lambda: True, 0)


def test_a_wait_runs_callbacks_in_its_own_thread(source):
    start(source.put, 1)
    source.turns.wait(lambda: source.ran, LIMIT)
    assert source.ran == [(1, threading.current_thread())]


def test_what_came_before_the_wait_is_taken_even_without_waiting(source):
    source.put(1)
    source.turns.wait(lambda: source.taken, 0)


def test_time_runs_out(source):
    with pytest.raises(Timeout):
        source.turns.wait(lambda: False, 0.01)
    with pytest.raises(WouldBlock):
        source.turns.wait(lambda: False, 0)


def test_several_threads_wait_and_each_gets_its_own(source):
    done = []

    def wait_for(number):
        source.turns.wait(lambda: number in source.taken, LIMIT)
        done.append(number)

    threads = [start(wait_for, number) for number in range(8)]
    for number in range(8):
        source.put(number)
    for thread in threads:
        thread.join(LIMIT)
    assert sorted(done) == list(range(8))
    assert [item for item, _ in source.ran] == list(range(8))


def test_with_an_event_loop_callbacks_run_there_only(source):
    source.turns.loop_step()
    me = threading.current_thread()
    waiting = start(source.turns.wait, lambda: source.taken)
    source.put(1)
    waiting.join(0.05)
    assert waiting.is_alive() and not source.taken
    source.turns.loop_step()
    waiting.join(LIMIT)
    assert not waiting.is_alive() and source.ran == [(1, me)]


def test_a_callback_may_wait_itself(source):
    inner = []

    def callback(item):
        if item == 1:
            source.put(2)
            source.turns.wait(lambda: 2 in source.taken, LIMIT)
        inner.append(item)

    source.callback = callback
    source.put(1)
    source.turns.wait(lambda: 1 in inner, LIMIT)
    assert inner == [2, 1]


def test_callbacks_never_overlap(source):
    running, overlaps = [], []

    def callback(item):
        running.append(item)
        overlaps.append(len(running))
        threading.Event().wait(0.001)
        running.pop()

    source.callback = callback
    threads = [start(source.turns.wait, lambda: len(overlaps) >= 40) for _ in range(4)]
    for number in range(40):
        source.put(number)
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive()
    assert set(overlaps) == {1} and source.taken == list(range(40))


@pytest.fixture
def slow(source, monkeypatch):
    """A source whose callbacks take half of a turn each, by a clock that nothing else moves."""
    clock = [0.0]

    def callback(item):
        source.ran.append(item)
        clock[0] += waiting.TURN / 2

    monkeypatch.setattr(waiting, "monotonic", lambda: clock[0])
    source.callback = callback
    return source


def is_readable(context):
    return bool(select.select([context.fileno()], [], [], 0)[0])


def test_a_turn_of_an_event_loop_ends_when_its_time_is_over(slow):
    slow.turns.loop_step()
    slow.turns.post_all(list(range(5)))
    for turn in ([0, 1], [0, 1, 2, 3], [0, 1, 2, 3, 4]):
        assert is_readable(slow.context)
        slow.turns.loop_step()
        assert slow.ran == turn
    assert not is_readable(slow.context)


def test_nothing_is_taken_before_what_is_left_is_done(slow):
    slow.turns.loop_step()
    slow.turns.post_all(list(range(4)))
    slow.turns.loop_step()
    slow.context.post(lambda: slow.turns.post(4))
    slow.turns.loop_step()
    assert slow.ran == [0, 1, 2, 3] and is_readable(slow.context)
    slow.turns.loop_step()
    assert slow.ran == [0, 1, 2, 3, 4]


def test_a_turn_takes_again_while_there_is_time(source, monkeypatch):
    """What comes while its callbacks run needs no turn of its own."""
    def callback(item):
        source.ran.append(item)
        if item < 3:
            source.context.post(lambda: source.turns.post(item + 1))

    monkeypatch.setattr(waiting, "monotonic", lambda: 0.0)
    source.turns.loop_step()
    source.callback = callback
    source.turns.post(0)
    source.turns.loop_step()
    assert source.ran == [0, 1, 2, 3]


def test_each_turn_gets_on_however_late_it_is(source, monkeypatch):
    """On a busy machine its time may be over before it has taken anything."""
    times = itertools.count()
    monkeypatch.setattr(waiting, "monotonic", lambda: next(times) * waiting.TURN)
    source.context.post(lambda: source.turns.post_all([0, 1, 2]))
    for number in range(3):
        source.turns.wait(lambda: len(source.ran) > number, 0)
    assert source.taken == [0, 1, 2]


def test_a_wait_has_as_many_turns_as_it_needs(slow):
    slow.turns.post_all(list(range(20)))
    slow.turns.wait(lambda: len(slow.ran) == 20)
    assert slow.ran == list(range(20))


def test_who_waits_learns_of_each_turn(slow):
    """One thread has the turns; what the other one waits for happens in one in which nothing was taken."""
    go_on, clock, learning = threading.Event(), slow.callback, []

    def callback(item):
        clock(item)
        if item == 6 and threading.current_thread() not in learning:  # which may have come too late, to a turn of its own
            assert go_on.wait(LIMIT)

    def learn():
        learning.append(threading.current_thread())
        slow.turns.wait(lambda: go_on.is_set() or 4 in slow.ran)

    slow.callback = callback
    slow.turns.post_all(list(range(8)))
    other = start(learn)
    first = start(slow.turns.wait, lambda: len(slow.ran) == 8)
    other.join(LIMIT)
    assert not other.is_alive()
    go_on.set()
    first.join(LIMIT)
    assert slow.ran == list(range(8))


def test_what_is_posted_outside_of_a_turn_is_told_to_the_event_loop(source):
    source.turns.loop_step()
    assert not is_readable(source.context)
    source.turns.post(1)
    assert is_readable(source.context)
    source.turns.loop_step()
    assert source.taken == [1] and not is_readable(source.context)


def test_an_error_of_a_callback_loses_no_event(source):
    def callback(item):
        source.ran.append(item)
        if item == 1:
            raise ZeroDivisionError

    source.callback = callback
    source.put(1)
    source.put(2)
    with pytest.raises(ZeroDivisionError):
        source.turns.wait(lambda: 2 in source.ran, LIMIT)
    source.turns.wait(lambda: 2 in source.ran, LIMIT)
    assert source.ran == [1, 2]


def interrupt_soon():
    # Not a wait for something to happen: the moment itself is what is tried.
    def strike():
        threading.Event().wait(0.05)
        os.kill(os.getpid(), signal.SIGINT)
    return start(strike)


def test_ctrl_c_gets_through_a_wait_at_once(source):
    begun = time.time()
    interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        source.turns.wait(lambda: False, LIMIT)
    assert time.time() - begun < LIMIT / 2
    source.put(1)
    source.turns.wait(lambda: source.taken, LIMIT)  # and nothing is broken after it


def test_ctrl_c_in_a_stream_of_events_loses_none(source):
    """It strikes again and again, wherever the wait is; each time the wait is left, and taken up again."""
    total, hits, armed = [], [], []

    def handler(number, frame):
        if armed:
            armed.pop()
            hits.append(number)  # here: Python swallows what strikes in a __del__, and earlier tests have left garbage
            raise KeyboardInterrupt

    def feed():
        number = 0
        while len(hits) < 20:
            source.put(number)
            number += 1
        total.append(number)
        source.turns.wake()

    def strike():
        while not total:
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(0.002)

    def over():
        return total and len(source.taken) >= total[0]

    source.callback = lambda item: None
    old = signal.signal(signal.SIGINT, handler)
    try:
        threads = [start(feed), start(strike)]
        while not over():
            try:
                armed.append(1)
                source.turns.wait(over, LIMIT)
            except KeyboardInterrupt:
                continue
        del armed[:]
        for thread in threads:
            thread.join(LIMIT)
    finally:
        signal.signal(signal.SIGINT, old)
    assert source.taken == list(range(total[0]))


def test_who_did_not_get_the_turn_gets_what_comes_after_it(source):
    """One thread's callback holds the turn while more comes; then its own condition holds, and the rest is the other's."""
    entered, go_on = threading.Event(), threading.Event()

    def callback(item):
        if item == 1:
            entered.set()
            assert go_on.wait(LIMIT)

    source.callback = callback
    first = start(source.turns.wait, lambda: source.taken, LIMIT)
    source.put(1)
    assert entered.wait(LIMIT)
    second = start(source.turns.wait, lambda: 2 in source.taken, LIMIT)
    source.put(2)
    go_on.set()
    for thread in (first, second):
        thread.join(LIMIT)
        assert not thread.is_alive()
    assert source.taken == [1, 2]


def test_another_thread_wakes_who_waits(source):
    done = []
    waiting = start(source.turns.wait, lambda: done, LIMIT)
    done.append(1)
    source.turns.wake()
    waiting.join(LIMIT)
    assert not waiting.is_alive()


def test_the_end_of_the_context_ends_a_wait(source):
    raised = []

    def wait():
        try:
            source.turns.wait(lambda: False, LIMIT)
        except yotonlike.Closed as error:
            raised.append(error)

    waiting = start(wait)
    source.context.close()
    waiting.join(LIMIT)
    assert raised


def test_a_readable_descriptor_is_told_and_time_runs_out():
    reader, writer = os.pipe()
    try:
        assert wait_readable([reader], 0.01) == []
        os.write(writer, b"x")
        assert wait_readable([reader]) == [reader]
    finally:
        os.close(reader)
        os.close(writer)
