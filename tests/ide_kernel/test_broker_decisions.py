"""The broker's pure parts as tables: lifecycle, diagnosis, executions, who is attached."""
from __future__ import absolute_import, division, print_function

import itertools
import os
import signal

import pytest

from ide_kernel.broker import executions, exits, lifecycle
from ide_kernel.broker.frontends import FIRST, Frontends
from ide_kernel.broker.lifecycle import (ALIVE, ASKED, CLEARING, DEAD, ENDING, GONE, INTERRUPTED, KILLED, LEAVE, LEAVING, OVER,
                                         RESTART, RUNNING, STARTING, STAY, TERMED)


# -- lifecycle ----------------------------------------------------------------------------------------------------

def at(state, purpose=STAY):
    cycle = lifecycle.Lifecycle()
    cycle.state = state
    cycle.purpose = purpose
    return cycle


EXPECTED = {
    # (state, event): (next, actions) for the purpose "stay"; what is missing changes nothing
    (STARTING, "ready"): (RUNNING, ()),
    (STARTING, "end"): (ASKED, ("ask",)),
    (RUNNING, "end"): (ASKED, ("ask",)),
    (RUNNING, "leaves"): (LEAVING, ()),
    (LEAVING, "end"): (ENDING, ()),
    (ASKED, "leaves"): (ENDING, ()),
    (INTERRUPTED, "leaves"): (ENDING, ()),
    (ASKED, "deadline"): (INTERRUPTED, ("sigint",)),
    (ENDING, "deadline"): (INTERRUPTED, ("sigint",)),
    (INTERRUPTED, "deadline"): (TERMED, ("sigterm",)),
    (TERMED, "deadline"): (KILLED, ("sigkill",)),
    (DEAD, "vanished"): (GONE, ()),
    (CLEARING, "vanished"): (GONE, ()),
}
for _state in ALIVE:
    EXPECTED[_state, "exited"] = (DEAD, ("report",))
    EXPECTED[_state, "vanished"] = (GONE, ("report",))
    if _state != KILLED:
        EXPECTED[_state, "kill"] = (KILLED, ("kill",))


@pytest.mark.parametrize("state, event", list(itertools.product(lifecycle.STATES, lifecycle.EVENTS)))
def test_every_state_with_every_event(state, event):
    cycle = at(state)
    expected = EXPECTED.get((state, event), (state, ()))
    actions = cycle.handle(event, 100.0)
    assert (cycle.state, actions) == expected


@pytest.mark.parametrize("state, event, purpose",
                         list(itertools.product(lifecycle.STATES, lifecycle.EVENTS, [RESTART, LEAVE])))
def test_what_a_purpose_adds(state, event, purpose):
    cycle = at(state, purpose)
    after, actions = EXPECTED.get((state, event), (state, ()))
    after, more = {
        (DEAD, RESTART): (CLEARING, ("clear",)), (DEAD, LEAVE): (CLEARING, ("clear",)),
        (GONE, RESTART): (STARTING, ("start",)), (GONE, LEAVE): (OVER, ("stop",)),
    }.get((after, purpose), (after, ()))
    assert (cycle.handle(event, 100.0), cycle.state) == (actions + more, after)
    if after == STARTING and state != STARTING:
        assert cycle.purpose == STAY  # the next kernel is not restarted again


def test_the_escalation_takes_its_time_from_the_clock_that_it_is_given():
    cycle = at(RUNNING)
    assert cycle.handle("end", 50.0, polite=7.0) == ("ask",)
    assert (cycle.deadline, cycle.step) == (57.0, u"asked to end")
    assert cycle.handle("end", 51.0) == () and cycle.deadline == 57.0  # asking twice does not start again
    assert cycle.handle("deadline", 57.0) == ("sigint",)
    assert cycle.deadline == 57.0 + lifecycle.STEP
    assert cycle.handle("deadline", 59.0) == ("sigterm",)
    assert cycle.handle("deadline", 61.0) == ("sigkill",)
    assert cycle.deadline is None and cycle.alive
    assert cycle.handle("exited", 61.1) == ("report",)
    assert cycle.step is None and not cycle.alive


def test_leaving_is_final():
    cycle = at(RUNNING)
    cycle.aim(LEAVE)
    cycle.aim(RESTART)
    assert cycle.purpose == LEAVE


def test_exit_functions_and_threads_get_their_time():
    cycle = at(RUNNING)
    cycle.handle("end", 50.0, polite=7.0)
    assert cycle.following == u"SIGINT" and cycle.handle("leaves", 51.0) == ()
    assert cycle.deadline == 51.0 + lifecycle.GRACE and not cycle.leaving and u"exit functions" in cycle.step
    assert cycle.handle("deadline", cycle.deadline) == ("sigint",)  # no longer than that


def test_who_names_a_time_means_it():
    cycle = at(RUNNING)
    cycle.handle("end", 50.0, polite=3.0, grace=0.0)
    cycle.handle("leaves", 51.0)
    assert cycle.deadline == 53.0


def test_an_end_that_nobody_asked_for_may_take_for_ever():
    cycle = at(RUNNING)
    cycle.handle("leaves", 50.0)
    assert cycle.leaving and cycle.deadline is None and cycle.step is None
    assert cycle.handle("end", 60.0) == () and cycle.deadline == 60.0 + lifecycle.GRACE  # it ends already: do not ask again


# -- how it ended -------------------------------------------------------------------------------------------------

def wait_status(code):
    pid = os.fork()
    if pid == 0:
        if code < 0:
            signal.signal(-code, signal.SIG_DFL) if -code not in (signal.SIGKILL, signal.SIGSTOP) else None
            os.kill(os.getpid(), -code)
        os._exit(code)
    return os.waitpid(pid, 0)[1]


@pytest.mark.parametrize("code, expected", [
    (0, (0, None, None)), (3, (3, None, None)), (255, (255, None, None)),
    (-signal.SIGKILL, (None, 9, u"SIGKILL")), (-signal.SIGTERM, (None, 15, u"SIGTERM")),
    (-signal.SIGUSR1, (None, int(signal.SIGUSR1), u"SIGUSR1")),
])
def test_exits(code, expected):
    record = exits.exit_of(wait_status(code))
    assert (record[u"code"], record[u"signal"], record[u"name"]) == expected


def test_what_is_known_beside_the_status():
    killed = wait_status(-signal.SIGKILL)
    assert u"from outside" in exits.exit_of(killed)[u"reason"]
    reason = exits.exit_of(killed, u"the machine", 300 << 20)[u"reason"]
    assert u"out of memory" in reason and u"the machine" in reason and u"300 MiB" in reason
    assert u"memory" not in exits.exit_of(wait_status(-signal.SIGTERM), u"the machine")[u"reason"]
    record = exits.exit_of(wait_status(1), crash=u"of another process", tail=b"\xff".join([b"a\nb"] * 30))
    assert record[u"traceback"] == u"" and len(record[u"output"].splitlines()) == exits.LINES


def test_names_of_signals():
    assert exits.signal_name(11) == u"SIGSEGV"
    assert exits.signal_name(6) == u"SIGABRT"
    assert exits.signal_name(17 if signal.SIGCHLD == 17 else 20) == u"SIGCHLD"
    assert exits.signal_name(int(signal.SIGRTMIN) + 3) == u"SIGRTMIN+3"


# -- executions ---------------------------------------------------------------------------------------------------

def spec(code=u"1"):
    return {u"mode": u"cell", u"code": code, u"filename": None, u"line": 1, u"argv": []}


def test_one_execution_at_a_time_and_finished_only_on_both_ways():
    queue = executions.Executions()
    first, second = queue.submit(u"a", u"t1", spec()), queue.submit(u"b", u"t2", spec())
    assert (first.id, second.id) == (1, 2)
    assert queue.send_next() is first and queue.send_next() is None
    assert queue.start_seen(1) is first and queue.charged == 1
    assert queue.start_seen(1) is None  # once
    assert queue.take_finished() is None
    queue.result_came({u"execution": 1, u"ok": True})
    assert queue.take_finished() is None  # its output may still be in the pipe
    queue.end_seen(1)
    assert queue.charged is None
    assert queue.take_finished() is first and queue.take_finished() is None
    assert queue.send_next() is second


def test_the_mark_first_the_result_later():
    queue = executions.Executions()
    first = queue.submit(u"a", u"t", spec())
    queue.send_next()
    queue.end_seen(1)
    assert queue.take_finished() is None
    queue.result_came({u"execution": 1, u"ok": True})
    assert queue.take_finished() is first


def test_a_mark_that_cannot_come_is_not_waited_for():
    queue = executions.Executions()
    first = queue.submit(u"a", u"t", spec())
    queue.send_next()
    queue.pipe_is_empty()
    assert queue.take_finished() is None
    queue.result_came({u"execution": 1, u"ok": True})
    queue.pipe_is_empty()
    assert queue.take_finished() is first


def test_marks_and_results_of_others_change_nothing():
    queue = executions.Executions()
    queue.end_seen(5)
    queue.result_came({u"execution": 5})
    assert queue.start_seen(5) is None
    queue.submit(u"a", u"t", spec())
    queue.send_next()
    queue.end_seen(2)
    queue.result_came({u"execution": 2})
    assert queue.start_seen(2) is None and queue.take_finished() is None and queue.charged is None


def test_cancel_takes_back_what_waits_and_nothing_else():
    queue = executions.Executions()
    for _ in range(3):
        queue.submit(u"a", u"t", spec())
    queue.send_next()
    assert [queue.cancel(number) for number in (1, 2, 2, 9)] == [False, True, False, False]
    assert [execution.id for execution in queue.queued] == [3]
    queue.lose_all()
    assert queue.queued == [] and queue.active is None


def test_the_queue_is_bounded(monkeypatch):
    monkeypatch.setattr(executions, "MAX_QUEUED", 2)
    monkeypatch.setattr(executions, "MAX_QUEUED_CODE", 10)
    queue = executions.Executions()
    with pytest.raises(executions.TooMany):
        queue.submit(u"a", u"t", spec(u"x" * 11))
    queue.submit(u"a", u"t", spec(u"x" * 8))
    with pytest.raises(executions.TooMany):
        queue.submit(u"a", u"t", spec(u"x" * 3))
    queue.submit(u"a", u"t", spec(u"x"))
    with pytest.raises(executions.TooMany):
        queue.submit(u"a", u"t", spec(u""))
    queue.send_next()
    queue.submit(u"a", u"t", spec(u"x" * 9))
    assert queue.cancel(2) and queue.submit(u"a", u"t", spec(u"x"))


# -- who is attached ----------------------------------------------------------------------------------------------

def test_nobody_ever_came():
    assert Frontends(100.0).deadline(dead=False) == 100.0 + FIRST
    assert Frontends(100.0).deadline(dead=True) == 100.0 + FIRST  # the first one shall see how it died
    assert Frontends(100.0, keep=True).deadline(dead=False) is None


def test_the_last_one_leaves():
    there = Frontends(0.0, linger=600.0)
    there.hello(u"a", 1)
    there.hello(u"b", 2)
    assert there.deadline(dead=False) is None and there.deadline(dead=True) is None
    there.leave(u"a", 5.0)
    there.link_lost(1, 6.0)
    assert there.deadline(dead=False) is None and there.names == [u"b"]
    there.leave(u"b", 7.0)
    assert there.deadline(dead=False) == 7.0


def test_the_last_one_vanishes_and_another_comes():
    there = Frontends(0.0, linger=600.0)
    there.hello(u"a", 1)
    there.link_lost(1, 10.0)
    assert there.deadline(dead=False) == 610.0
    assert there.deadline(dead=True) == 0.0  # nobody is left who could look at it
    there.hello(u"b", 2)
    assert there.deadline(dead=False) is None
    there.leave(u"b", 20.0)
    assert there.deadline(dead=False) == 20.0


def test_kept_for_ever_unless_dead():
    there = Frontends(0.0, keep=True)
    there.hello(u"a", 1)
    there.leave(u"a", 10.0)
    assert there.deadline(dead=False) is None
    assert there.deadline(dead=True) == 0.0


def test_strangers_change_nothing():
    there = Frontends(0.0)
    there.hello(u"a", 1)
    there.leave(u"b", 1.0)
    there.link_lost(7, 1.0)
    assert len(there) == 1 and there.deadline(dead=False) is None
