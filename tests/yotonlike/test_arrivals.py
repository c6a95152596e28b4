"""What waits at a subscription: batches, gaps, and with "latest" only the newest of each publisher."""
from __future__ import absolute_import, division, print_function

import random

from yotonlike.protocol.arrivals import Arrivals, Gap
from yotonlike.protocol.credit import Batch

A, B = b"a" * 16, b"b" * 16


class Origin(object):
    """Counts the messages whose window is handed back."""

    def __init__(self):
        self.owner, self.returned = self, 0

    def consume(self, inlet, cost):
        self.returned += cost


def batch(source, number, count, origin=None):
    return Batch(source, number, [0] * count, b"", origin)


def seen(arrivals):
    return [each.missed if type(each) is Gap else (each.source[:1], each.number, each.end) for each in arrivals]


def test_batches_and_gaps_wait_in_their_order():
    arrivals = Arrivals(False, True)
    assert arrivals.add(batch(A, 0, 3), 0) == 0 and arrivals.add(batch(B, 7, 1), 2) == 2
    assert seen(arrivals) == [(b"a", 0, 3), 2, (b"b", 7, 8)]
    assert [each.number for each in arrivals.batches()] == [0, 7]


def test_the_newest_takes_the_place_of_what_it_replaces():
    arrivals, origin = Arrivals(True, True), Origin()
    assert arrivals.add(batch(A, 0, 3, origin), 0) == 2
    assert seen(arrivals) == [2, (b"a", 2, 3)] and origin.returned == 2 * 32
    assert arrivals.add(batch(B, 0, 1, origin), 0) == 0
    assert arrivals.add(batch(A, 5, 2, origin), 2) == 4
    assert seen(arrivals) == [6, (b"a", 6, 7), (b"b", 0, 1)] and origin.returned == 4 * 32
    assert arrivals.popleft().missed == 6
    assert arrivals.add(batch(A, 7, 1, origin), 0) == 1
    assert seen(arrivals) == [1, (b"a", 7, 8), (b"b", 0, 1)]
    assert arrivals.add(batch(B, 1, 1, origin), 0) == 1
    assert seen(arrivals) == [1, (b"a", 7, 8), 1, (b"b", 1, 2)]


def test_without_gaps_the_number_is_all_there_is():
    arrivals = Arrivals(True, False)
    assert [arrivals.add(batch(A, 0, 5), 3), arrivals.add(batch(A, 9, 1), 4)] == [7, 5]
    assert seen(arrivals) == [(b"a", 9, 10)]


def test_room_that_brings_the_next_batch_at_once_finds_all_in_order():
    """In one context a message that gives window back lets the next one come before that call returns."""
    arrivals, more = Arrivals(True, True), [batch(A, 2, 1)]

    class Prompt(Origin):
        def consume(self, inlet, cost):
            if more:
                arrivals.add(more.pop(), 0)

    arrivals.add(batch(A, 0, 1, Prompt()), 0)
    arrivals.add(batch(A, 1, 1), 0)
    assert seen(arrivals) == [2, (b"a", 2, 3)]


def test_whatever_comes_each_message_is_taken_or_counted_before_the_next_of_its_publisher():
    chance = random.Random(3)
    for _ in range(50):
        arrivals, numbers, taken, gap = Arrivals(True, True), {A: 0, B: 0}, {A: 0, B: 0}, 0
        for _ in range(100):
            source, missed = chance.choice((A, B)), chance.choice((0, 0, 3))
            fresh = batch(source, numbers[source] + missed, chance.randint(1, 4))
            numbers[source] = fresh.end
            arrivals.add(fresh, missed)
            for _ in range(chance.choice((0, 0, 1, 2))):
                each = arrivals.popleft() if arrivals else None
                if type(each) is Gap:
                    gap += each.missed
                elif each is not None:
                    assert taken[each.source] + gap == each.number and len(each.lengths) == 1
                    taken[each.source], gap = each.end, 0
            assert len(arrivals.batches()) <= 2
