"""When the broker looks at a kernel that is silent. Time, the system and what a look takes are made up."""
from __future__ import absolute_import, division, print_function

import pytest

from ide_kernel.broker import watch
from ide_kernel.broker.loop import Timer
from ide_kernel.broker.system import Facts
from ide_kernel.broker.watch import COST, LATE, OFTEN, SUSPECT, SUSPECT_IDLE, Watch


class World(object):
    """A clock, the timers of a loop, a kernel to look at."""

    def __init__(self):
        self.time = 1000.0
        self.spent = 0.0  # of our processor time
        self.takes = self.costs = 0.0  # what each look does: seconds, and of our processor time
        self.idle = False
        self.looks, self.late, self.timers = [], [], []
        self.watch = Watch(self, self, lambda: self.idle, lambda: None, self.late.append)

    # as a Loop

    def now(self):
        return self.time

    def call_at(self, when, callback):
        self.timers.append(Timer(when, callback))
        return self.timers[-1]

    # as a System

    def look(self, pid, thread=None):
        self.looks.append(self.time)
        self.time += self.takes
        self.spent += self.costs
        return Facts(u"R", {pid: self.time})

    def memory(self, pid):
        return 1

    def children(self, pid):
        return 0

    def out_of_memory_kills(self, pid):
        return {}

    def run(self, seconds):
        """Let time pass, and call what is due."""
        end = self.time + seconds
        while True:
            due = sorted((timer for timer in self.timers if timer.callback is not None), key=lambda timer: timer.when)
            if not due or max(due[0].when, self.time) > end:
                break
            self.time = max(self.time, due[0].when) + 1e-6  # nothing happens at once
            callback, due[0].callback = due[0].callback, None
            callback()
        self.time = end


@pytest.fixture
def world(monkeypatch):
    world = World()
    monkeypatch.setattr(watch, "processor_time", lambda: world.spent)
    world.watch.start(1)
    return world


def test_a_kernel_that_beats_is_not_looked_at(world):
    for _ in range(100):
        world.run(0.1)
        world.watch.heard()
    assert not world.looks and not world.late


@pytest.mark.parametrize("idle", [False, True])
def test_one_that_falls_silent_is_looked_at_often(world, idle):
    world.idle = idle
    world.watch.heard()
    world.run(1.0)
    assert world.looks[0] == pytest.approx(1000.0 + (SUSPECT_IDLE if idle else SUSPECT), abs=1e-4)
    assert [later - earlier for earlier, later in zip(world.looks, world.looks[1:])] == pytest.approx(
        [OFTEN] * (len(world.looks) - 1), abs=1e-4)


def test_looks_that_cost_much_are_fewer(world):
    world.takes = world.costs = 0.02
    world.run(4.0)
    assert [later - earlier for earlier, later in zip(world.looks, world.looks[1:])] == pytest.approx(
        [0.02 / COST] * (len(world.looks) - 1), abs=1e-4)
    assert 0.0 < world.spent <= 4.0 * COST and not world.late


def test_to_be_kept_from_the_processor_in_a_look_is_no_reason_to_look_less(world):
    """But that we were late: what came meanwhile was not read."""
    world.run(SUSPECT + 2 * OFTEN)
    world.takes, world.costs = 0.5, 0.0001
    world.run(0.5)
    world.takes = 0.0
    count = len(world.looks)
    world.run(2 * OFTEN)
    assert len(world.looks) - count >= 1 and world.late and world.late[0] == pytest.approx(0.5 - OFTEN, abs=1e-4)
    assert world.late[0] > LATE
