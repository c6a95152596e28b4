"""Whom Python tells of signals while the main thread waits, and before, and after."""
from __future__ import absolute_import, division, print_function

import os
import select
import signal
import threading

import pytest
from yotonlike.transport.waiting import Waiter, Wakeup

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no signal to send here")


@pytest.fixture(autouse=True)
def handled():
    """Signals that Python has handled."""
    handled = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: handled.append(number))
    yield handled
    assert signal.set_wakeup_fd(-1) == -1, "as it was before"
    signal.signal(signal.SIGUSR1, before)


@pytest.fixture
def program():
    """What a program has Python tell of signals."""
    program = Wakeup()
    signal.set_wakeup_fd(program._write)
    yield program
    assert signal.set_wakeup_fd(-1) == program._write, "as it was before"
    program.close()


@pytest.fixture
def waiter():
    waiter = Waiter()
    yield waiter
    waiter.close()


def send_signal():
    os.kill(os.getpid(), signal.SIGUSR1)


def told(wakeup):
    """What it was told since the last time."""
    data = b""
    while select.select([wakeup.fileno()], [], [], 0)[0]:
        data += os.read(wakeup.fileno(), 4096)
    return data


def signalled_just_before(waiter):
    """Have a signal come, and handled, just before each poll in which the waiter would sleep."""
    class Poll(object):
        real = waiter._poller._poll

        def poll(self, timeout):
            send_signal()
            return self.real.poll(timeout)

    waiter._poller._poll = Poll()


def test_a_signal_ends_a_wait(waiter, handled):
    signalled_just_before(waiter)
    for count in (1, 2, 3):
        assert waiter.wait(None) and len(handled) == count
    assert told(waiter.wakeup) == b""


def test_it_is_told_to_the_program_as_python_tells_it(waiter, program):
    send_signal()
    as_python_does = told(program)
    signalled_just_before(waiter)
    for _ in range(3):
        assert waiter.wait(None) and told(program) == as_python_does
    assert len(as_python_does) == 1


def test_what_others_say_is_not(waiter, program):
    waiter.set()
    assert waiter.wait(None) and told(program) == b""
    send_signal()
    assert len(told(program)) == 1 and not waiter.wait(0)


def test_what_others_say_stays_when_a_signal_is_told(waiter, program):
    waiter.wakeup.take_signals()
    send_signal()
    waiter.set()
    waiter.wakeup.leave_signals()
    assert len(told(program)) == 1 and waiter.wait(None) and not waiter.wait(0)


def test_a_handler_that_runs_meanwhile_may_have_its_program_told(waiter, program):
    other = Wakeup()
    signal.signal(signal.SIGUSR1, lambda number, frame: signal.set_wakeup_fd(other._write))
    signalled_just_before(waiter)
    assert waiter.wait(None)
    assert signal.set_wakeup_fd(program._write) == other._write
    other.close()


def test_a_look_takes_no_signals(waiter):
    signalled_just_before(waiter)
    assert not waiter.wait(0) and told(waiter.wakeup) == b""


def test_ctrl_c_in_a_wait_leaves_it_as_it_was(waiter, program):
    class Struck(Exception):
        pass

    def strike(number, frame):
        raise Struck

    signal.signal(signal.SIGUSR1, strike)
    signalled_just_before(waiter)
    with pytest.raises(Struck):
        waiter.wait(None)
    assert len(told(program)) == 1, "at once: the next wait may be much later"
    signal.signal(signal.SIGUSR1, lambda number, frame: None)
    send_signal()
    assert len(told(program)) == 1 and not told(waiter.wakeup)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_ctrl_c_around_a_wait_is_made_good_by_the_next(waiter, program, times):
    for _ in range(times):
        waiter.wakeup.take_signals()
    assert not waiter.wait(0.001)
    send_signal()
    assert len(told(program)) == 1 and told(waiter.wakeup) == b""


def test_ctrl_c_around_a_wait_and_then_a_program_that_wants_to_be_told(waiter):
    waiter.wakeup.take_signals()
    program = Wakeup()
    assert signal.set_wakeup_fd(program._write) == waiter.wakeup._write
    assert not waiter.wait(0.001)
    assert signal.set_wakeup_fd(-1) == program._write
    program.close()


def test_ctrl_c_around_a_wait_and_then_the_end(program):
    waiter = Waiter()
    waiter.wakeup.take_signals()
    waiter.close()
    assert signal.set_wakeup_fd(program._write) == program._write


def test_nobody_else_gets_a_descriptor_that_python_writes_to():
    """Another thread cannot have Python stop that."""
    wakeup = Wakeup()
    wakeup.take_signals()
    thread = threading.Thread(target=wakeup.close)
    thread.start()
    thread.join()
    send_signal()
    assert len(told(wakeup)) == 1
    wakeup.close()
    assert wakeup.fileno() == -1


def test_another_thread_waits_and_takes_no_signals(waiter, program):
    def wait():
        found.append(other.wait(0.001))
        other.wakeup.take_signals()
        send_signal()

    found, other = [], Waiter()
    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()
    assert found == [[]] and told(other.wakeup) == b"" and len(told(program)) == 1
    other.close()


def test_a_program_that_has_closed_its_descriptor(waiter):
    program = Wakeup()
    signal.set_wakeup_fd(program._write)
    waiter.wakeup.take_signals()
    program.close()
    waiter.wakeup.leave_signals()
    assert signal.set_wakeup_fd(-1) == -1
