"""Where a subscription stands: what is new, what was there, what is missing, and how much is remembered."""
from __future__ import absolute_import, division, print_function

import random

import pytest

from yotonlike.protocol.credit import OVERHEAD, Batch
from yotonlike.protocol.positions import MAX_POSITIONS, WHO, Positions

A, B = b"a" * 16, b"b" * 16


class Origin(object):
    """Counts what is handed back."""

    def __init__(self):
        self.returned, self.owner = 0, self

    def consume(self, inlet, cost):
        self.returned += cost


def batch(source, number, count, origin=None):
    data = b"".join(str(at % 10).encode("ascii")
                    for at in range(number, number + count))
    return Batch(source, number, [1] * count, data, origin)


@pytest.mark.parametrize("number, count, new, missed", [
    (5, 3, (5, 8), 0), (6, 3, (6, 9), 1), (100, 1, (100, 101), 95), (0, 5, None, 0), (4, 1, None, 0), (2, 5, (5, 7), 0),
    (4, 2, (5, 6), 0), (0, 6, (5, 6), 0)])
def test_what_is_new(number, count, new, missed):
    positions, origin = Positions([(A, 5), (B, 50)]), Origin()
    found, gap = positions.take(batch(A, number, count, origin))
    assert gap == missed
    if new is None:
        assert found is None and positions.known() == [(A, 5), (B, 50)]
    else:
        assert (found.number, found.end) == new and found.data == batch(A, new[0], new[1] - new[0]).data
        assert positions.known() == [(A, new[1]), (B, 50)]
    kept = 0 if found is None else found.cost
    assert origin.returned == count * (1 + OVERHEAD) - kept


def test_a_publisher_begins_where_it_says_if_it_is_new():
    positions = Positions()
    positions.attached(A, 7, None)
    positions.attached(A, 0, None)
    assert positions.known() == [(A, 7)] and positions.take(batch(A, 9, 1))[1] == 2
    assert positions.take(batch(B, 30, 2))[1] == 0 and positions.known() == [(A, 10), (B, 32)]


def test_those_attached_last_are_remembered():
    positions = Positions()
    positions.attached(A, 1, None)
    for number in range(MAX_POSITIONS - 1):
        positions.attached(("%016d" % number).encode("ascii"), number, None)
    positions.attached(A, 99, None)
    positions.attached(B, 3, None)
    known = positions.known()
    assert len(known) == MAX_POSITIONS and known[-2:] == [(A, 1), (B, 3)] and known[0][1] == 1


class Inlet(object):
    """Of a link that is lost, with a goodbye or without."""

    def __init__(self, goodbye=False):
        self.owner, self.goodbye = self, goodbye


def instance(name, number):
    """An epoch."""
    return name * WHO + ("%02d" % number).encode("ascii") * 6


def test_a_publisher_takes_the_place_of_one_of_its_name_that_was_lost():
    positions, inlet, other = Positions(), Inlet(), Inlet()
    assert not positions.attached(instance(b"a", 1), 0, inlet) and not positions.attached(instance(b"b", 1), 0, inlet)
    positions.lost(inlet)
    assert not positions.attached(instance(b"c", 1), 0, other), "of another name"
    assert not positions.attached(instance(b"b", 1), 0, other), "back itself"
    assert not positions.attached(instance(b"b", 2), 0, other), "so this one is merely new"
    assert positions.attached(instance(b"a", 2), 0, other)
    assert not positions.attached(instance(b"a", 2), 0, other) and not positions.attached(instance(b"a", 3), 0, other)


def test_nobody_takes_the_place_of_one_that_said_goodbye_or_is_reached_another_way():
    positions, polite, lost, inlet = Positions(), Inlet(True), Inlet(), Inlet()
    positions.attached(instance(b"a", 1), 0, polite)
    positions.attached(instance(b"b", 1), 0, lost)
    positions.attached(instance(b"b", 1), 0, inlet)
    positions.lost(polite)
    positions.lost(lost)
    assert not positions.attached(instance(b"a", 2), 0, inlet) and not positions.attached(instance(b"b", 2), 0, inlet)


def test_what_was_noticed_on_the_way_counts_where_it_is_new():
    positions = Positions()
    assert positions.attached(A, 0, None, True) and not positions.attached(A, 0, None, True)


@pytest.mark.parametrize("seed", range(10))
def test_whatever_is_repeated_each_message_is_new_once(seed):
    generator, positions, new, missed = random.Random(seed), Positions([(A, 0)]), [], 0
    for _ in range(200):
        number = max(0, generator.randint(-20, 5) + len(new) + missed)
        found, gap = positions.take(batch(A, number, generator.randint(1, 20)))
        missed += gap
        if found is not None:
            assert found.number == len(new) + missed
            new += range(found.number, found.end)
    assert new == sorted(set(new)) and len(new) + missed == positions.known()[0][1]
