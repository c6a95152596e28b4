"""Heartbeats and silence, with time moved by hand."""
from __future__ import absolute_import, division, print_function

import random

import pytest

from yotonlike.protocol.liveness import SILENT_AFTER, TRANSITIONS, Liveness

START = 1000.0


def run(liveness, until, step=None, heard_every=None):
    """Tick at each deadline (or each ``step``) up to ``until``; returns the times of our heartbeats."""
    beats = []
    now = START
    heard = START
    while True:
        now = now + step if step else liveness.next_deadline()
        if now > until:
            return beats
        if heard_every and now >= heard + heard_every:
            heard = now
            liveness.received(now)
        if liveness.tick(now):
            beats.append(now)


def test_heartbeats_keep_their_rhythm():
    beats = run(Liveness(START, 1.0, 1.0), START + 10)
    assert beats == [START + number for number in range(1, 11)]


def test_heartbeats_do_not_depend_on_traffic_or_on_extra_ticks():
    for heard_every in (None, 0.01, 0.7):
        beats = run(Liveness(START, 0.5, 0.5), START + 10.001, step=0.015625, heard_every=heard_every)
        assert beats == [START + 0.5 * number for number in range(1, 21)]


def test_a_slightly_late_tick_does_not_shift_the_rhythm():
    liveness = Liveness(START, 1.0, 1.0)
    assert liveness.tick(START + 1.25)
    assert not liveness.tick(START + 1.5)
    assert liveness.next_deadline() == START + 2.0


def test_a_heartbeat_that_was_missed_is_not_made_up_for():
    liveness = Liveness(START, 1.0, 1.0)
    assert liveness.tick(START + 2.0) and not liveness.tick(START + 2.0)
    assert liveness.next_deadline() == START + 3.0


def test_a_peer_is_silent_after_three_of_its_intervals():
    liveness = Liveness(START, 1.0, 0.5)
    liveness.received(START + 0.25)
    silent_at = START + 0.25 + SILENT_AFTER * 0.5
    liveness.tick(START + 1.0)
    assert liveness.next_deadline() == silent_at
    liveness.tick(silent_at - 0.01)
    assert liveness.state == "alive"
    liveness.tick(silent_at)
    assert liveness.state == "silent" and liveness.last_received == START + 0.25
    assert liveness.next_deadline() == START + 2.0  # Only our own heartbeat is left to wait for.


def test_any_byte_makes_it_alive_again():
    liveness = Liveness(START, 1.0, 1.0)
    run(liveness, START + 7)
    assert liveness.state == "silent"
    liveness.received(START + 7.5)
    assert liveness.state == "alive" and liveness.last_received == START + 7.5
    run_on = [START + 8, START + 9, START + 10]
    assert [liveness.tick(now) for now in run_on] == [True] * 3 and liveness.state == "alive"
    liveness.tick(START + 10.5)
    assert liveness.state == "silent"


def test_a_busy_peer_is_never_silent():
    liveness = Liveness(START, 1.0, 0.1)
    for number in range(1, 2000):
        now = START + number * 0.05
        liveness.received(now)
        liveness.tick(now)
        assert liveness.state == "alive"


@pytest.mark.parametrize("late", [3.01, 10.0, 3600.0, 86400.0 * 365])
def test_who_was_late_blames_itself(late):
    liveness = Liveness(START, 1.0, 1.0)
    liveness.tick(START + 1)
    now = START + 1 + late
    assert liveness.tick(now) and liveness.state == "alive"
    assert liveness.last_received == START  # What is known is not made up.
    assert liveness.next_deadline() == now + 1.0  # No burst of the heartbeats that were missed.
    liveness.tick(now + 1)
    liveness.tick(now + 2)
    assert liveness.state == "alive"
    liveness.tick(now + 3)
    assert liveness.state == "silent"


def test_just_within_an_interval_is_not_late():
    liveness = Liveness(START, 1.0, 1.0)
    for now in (START + 1, START + 2, START + 3.5):
        liveness.tick(now)
    assert liveness.state == "silent"


def test_lateness_is_measured_by_the_shorter_interval():
    # A wait of one second is no lateness against our ten, but hides twenty heartbeats of the peer's.
    liveness = Liveness(START, 10.0, 0.05)
    liveness.tick(START + 1.0)
    assert liveness.state == "alive"


@pytest.mark.parametrize("back", [0.001, 1.0, 86400.0 * 365])
def test_a_clock_that_jumps_back_is_no_silence(back):
    liveness = Liveness(START, 1.0, 1.0)
    liveness.tick(START + 1)
    now = START + 1 - back
    assert liveness.tick(now) and liveness.state == "alive"
    assert liveness.next_deadline() == now + 1.0
    for number in (1, 2, 3):
        assert liveness.state == "alive"
        liveness.tick(now + number)
    assert liveness.state == "silent"


def test_a_silent_peer_stays_silent_until_it_is_heard():
    liveness = Liveness(START, 1.0, 1.0)
    run(liveness, START + 5)
    liveness.tick(START + 500)
    assert liveness.state == "silent"
    liveness.tick(START + 10)
    assert liveness.state == "silent"
    liveness.received(START + 10)
    assert liveness.state == "alive"


def test_the_peers_interval_may_be_learnt_later():
    liveness = Liveness(START, 1.0, 1.0)
    liveness.peer_interval = 0.1
    assert liveness.next_deadline() == pytest.approx(START + 0.3)
    liveness.peer_interval = 20
    assert liveness.next_deadline() == START + 1.0 and liveness.peer_interval == 20


@pytest.mark.parametrize("wrong", [0, -1, float("nan")])
def test_intervals_are_positive(wrong):
    for arguments in ((wrong, 1.0), (1.0, wrong)):
        with pytest.raises(ValueError):
            Liveness(START, *arguments)


def test_every_input_in_every_state():
    def make(state):
        liveness = Liveness(START, 1.0, 1.0)
        for now in (1, 2, 3) if state == "silent" else ():
            liveness.tick(START + now)
        assert liveness.state == state
        return liveness, START + (3 if state == "silent" else 0)

    def silence(liveness, now):
        for number in range(1, 5):
            liveness.tick(now + number)

    inputs = {"bytes": lambda liveness, now: liveness.received(now + 0.1),
              "late": lambda liveness, now: liveness.tick(now + 100), "silence": silence}
    for state in TRANSITIONS:
        assert set(TRANSITIONS[state]) == set(inputs)
        for name in inputs:
            liveness, now = make(state)
            inputs[name](liveness, now)
            assert liveness.state == TRANSITIONS[state][name]


def test_random_times_never_blame_a_peer_that_was_heard():
    source = random.Random(4)
    liveness = Liveness(START, 0.5, 0.25)
    now = START
    for _ in range(5000):
        now += source.choice([0.0, 0.01, 0.2, 0.7, 5.0, -3.0, 1e7])
        liveness.received(now)
        liveness.tick(now)
        assert liveness.state == "alive" and now < liveness.next_deadline() <= now + 0.75
