"""The reader of the output pipes with real pipes and a clock moved by hand, and the outbox behind it."""
from __future__ import absolute_import, division, print_function

import os

import pytest

import yotonlike
from ide_kernel.broker import guardian, pipes
from ide_kernel.broker.loop import Loop
from ide_kernel.broker.outbox import Outbox
from ide_kernel.broker.pipes import PipeReader


class Clock(object):
    """Time that only tests move."""

    def __init__(self):
        self.time = 1000.0

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def loop(clock):
    with yotonlike.Context(thread=False) as context:
        yield Loop(context, clock)


@pytest.fixture
def pipe():
    receiver, sender = os.pipe()
    guardian.nonblocking(receiver)
    guardian.nonblocking(sender)
    ends = [receiver, sender]
    yield ends
    for fd in ends:
        if fd is not None:
            os.close(fd)


class Taken(list):
    """What a reader handed on."""

    @property
    def data(self):
        return b"".join(self)


def turn(loop):
    """One turn of the loop that does not wait."""
    loop.call_at(loop.now(), lambda: None)
    loop.run_once()


def test_first_bytes_at_once_then_a_nap_that_gathers(loop, clock, pipe):
    taken, empty = Taken(), []
    PipeReader(loop, pipe[0], taken.append, lambda: empty.append(1))
    os.write(pipe[1], b"one")
    turn(loop)
    assert taken == [b"one"]
    os.write(pipe[1], b"two")
    turn(loop)
    os.write(pipe[1], b"three")
    turn(loop)
    assert taken == [b"one"]
    clock.time += pipes.NAP
    turn(loop)
    assert taken == [b"one", b"twothree"] and not empty
    clock.time += pipes.NAP
    turn(loop)
    assert empty
    os.write(pipe[1], b"four")
    turn(loop)
    assert taken[-1] == b"four"


def test_a_nap_is_cut_short_for_what_matters(loop, pipe):
    taken = Taken()
    reader = PipeReader(loop, pipe[0], taken.append)
    os.write(pipe[1], b"one")
    turn(loop)
    os.write(pipe[1], b"two")
    reader.read_all()
    assert taken == [b"one", b"two"]


def test_no_nap_while_the_pipe_is_full(loop, pipe, monkeypatch):
    monkeypatch.setattr(pipes, "SMALL_READ", 100)
    taken = Taken()
    PipeReader(loop, pipe[0], taken.append)
    for _ in range(3):
        os.write(pipe[1], b"x" * 200)
        turn(loop)
    assert len(taken) == 3


def test_a_paused_reader_leaves_the_bytes_in_the_pipe(loop, clock, pipe):
    taken = Taken()
    reader = PipeReader(loop, pipe[0], taken.append)
    os.write(pipe[1], b"one")
    turn(loop)
    reader.pause()
    os.write(pipe[1], b"two")
    clock.time += 1
    turn(loop)
    assert taken.data == b"one" and reader.available() == 3
    reader.resume()
    turn(loop)
    assert taken.data == b"onetwo"


def test_a_reader_may_pause_in_the_middle_of_what_it_hands_on(loop, clock, pipe):
    taken = Taken()

    def on_data(data):
        taken.append(data)
        reader.pause()

    reader = PipeReader(loop, pipe[0], on_data)
    os.write(pipe[1], b"one")
    turn(loop)
    os.write(pipe[1], b"two")
    clock.time += 1
    turn(loop)
    assert taken.data == b"one"


@pytest.mark.parametrize("size", [4096, 2049])
def test_whether_who_writes_has_to_wait(loop, pipe, size):
    """Also where lines do not fill the pages of a pipe, so that it is full with half of its bytes."""
    reader = PipeReader(loop, pipe[0], lambda data: None)
    reader.pause()
    assert not reader.is_full()
    with pytest.raises(EnvironmentError):
        while True:
            os.write(pipe[1], b"x" * size)
    assert reader.is_full()
    reader.resume()
    turn(loop)
    assert not reader.is_full()
    reader.close()
    assert not reader.is_full()


def test_a_pipe_whose_other_end_cannot_be_looked_at(loop, pipe, monkeypatch):
    reader = PipeReader(loop, pipe[0], lambda data: None)

    def refuse(*arguments):
        raise EnvironmentError("no /proc here")

    monkeypatch.setattr(pipes.os, "open", refuse)
    assert not reader.is_full()
    os.write(pipe[1], b"x")
    assert reader.is_full(), "it may be"


def test_the_reserve_is_read_although_paused_and_ends(loop, clock, pipe, monkeypatch):
    monkeypatch.setattr(pipes, "RESERVE", 1000)
    taken = Taken()
    reader = PipeReader(loop, pipe[0], taken.append)
    reader.pause()
    reader.open_reserve()
    for _ in range(5):
        os.write(pipe[1], b"x" * 400)
        clock.time += 1
        turn(loop)
    assert len(taken.data) == 1200  # the read that ends the reserve is read whole
    reader.resume()
    turn(loop)
    assert len(taken.data) == 2000


def test_read_all_takes_what_is_there_and_no_more(loop, pipe):
    taken = Taken()

    def on_data(data):
        taken.append(data)
        os.write(pipe[1], b"another")  # as a child would that never stops

    reader = PipeReader(loop, pipe[0], on_data)
    os.write(pipe[1], b"one")
    reader.read_all()
    assert taken == [b"one"]


def test_the_end_of_a_pipe_is_no_busy_loop(loop, pipe):
    taken = Taken()
    reader = PipeReader(loop, pipe[0], taken.append)
    os.write(pipe[1], b"last")
    os.close(pipe[1])
    pipe[1] = None
    turn(loop)
    turn(loop)
    reader.read_all()
    assert taken == [b"last"]


# -- loop ---------------------------------------------------------------------------------------------------------

def test_timers_run_in_order_and_not_when_cancelled(loop, clock):
    called = []
    for delay in (3, 1, 2):
        loop.call_at(clock.time + delay, lambda delay=delay: called.append(delay))
    loop.call_at(clock.time + 1.5, lambda: called.append("cancelled")).cancel()
    clock.time += 2
    loop.run_once()
    assert called == [1, 2]
    clock.time += 1
    loop.run_once()
    assert called == [1, 2, 3]


def test_a_callback_that_takes_another_away(loop, pipe):
    other = os.pipe()
    called = []
    os.write(pipe[1], b"x")
    os.write(other[1], b"x")

    def once(fd, rest):
        def callback():
            called.append(fd)
            loop.watch(fd, None)
            loop.watch(rest, None)
        return callback

    loop.watch(pipe[0], once(pipe[0], other[0]))
    loop.watch(other[0], once(other[0], pipe[0]))
    loop.run_once()
    assert len(called) == 1
    for fd in other:
        os.close(fd)


# -- outbox -------------------------------------------------------------------------------------------------------

class Publisher(object):
    """Takes as many events as it has room for."""

    def __init__(self, room):
        self.room = room
        self.sent = []

    def send_nowait(self, event):
        if not self.room:
            raise yotonlike.WouldBlock("full")
        self.room -= 1
        self.sent.append(event)


def test_events_wait_in_order_for_room():
    publisher, told = Publisher(2), []
    outbox = Outbox(publisher.send_nowait, lambda: told.append("blocked"), lambda: told.append("free"))
    for number in range(5):
        outbox.put(number)
    assert publisher.sent == [0, 1] and told == ["blocked"] and outbox.blocked
    publisher.room = 1
    outbox.pump()
    assert publisher.sent == [0, 1, 2] and told == ["blocked"]
    publisher.room = 9
    outbox.pump()
    outbox.put(5)
    assert publisher.sent == [0, 1, 2, 3, 4, 5] and told == ["blocked", "free"] and not outbox.blocked


def test_nobody_minds_events_after_the_end():
    def closed(event):
        raise yotonlike.Closed("the context was closed")

    outbox = Outbox(closed, None, None)
    outbox.put(1)
    assert not outbox.blocked
