"""The window: credit + in flight + held = window under any operations; what is split, fits, and is dropped."""
from __future__ import absolute_import, division, print_function

import random

import pytest

from yotonlike.errors import RemoteProtocolError
from yotonlike.protocol import frames
from yotonlike.protocol.credit import (BLOCK, DROP_OLDEST, GRANT_FRACTION, LATEST, OVERHEAD, REPLIER, SUBSCRIPTION,
                                       Batch, Inlet, Outlet)

EPOCH = b"e" * 16


def outlet(policy=BLOCK, window=1000, kind=SUBSCRIPTION):
    return Outlet(1, kind, policy, window, "news", "text")


def batch(number, *lengths, **other):
    return Batch(other.get("source", EPOCH), number, list(lengths), b"x" * sum(lengths), other.get("origin"))


def take_all(sender):
    """Whole batches that may leave."""
    found = []
    while True:
        piece = sender.take()
        if piece is None:
            return found
        if piece[2] == len(piece[0].data):
            found.append(piece[0])


class Hop(object):
    """One hop: an outlet, an inlet, and what is on its way between them, in both directions."""

    def __init__(self, policy, window):
        self.outlet, self.inlet = outlet(policy, window), Inlet(1, window)
        self.pieces, self.grants, self.waiting = [], [], []
        self.got, self.dropped, self.expected = [], 0, {}
        self.sent = {}

    def publish(self, source, lengths):
        number = self.sent.get(source, 0)
        self.sent[source] = number + len(lengths)
        self.outlet.push(batch(number, *lengths, source=source))

    def send(self):
        piece = self.outlet.take()
        if piece is not None:
            assert piece[2] - piece[1] <= frames.MAX_FRAGMENT
            self.pieces.append(piece)

    def arrive(self):
        if self.pieces:
            each, start, end = self.pieces.pop(0)
            if start == 0:
                self.inlet.received(each.cost)
            if end == len(each.data):
                expected = self.expected.get(each.source, 0)
                assert each.number >= expected, "a message came twice or out of order"
                self.dropped += each.number - expected
                self.expected[each.source] = each.end
                self.got += [(each.source, number) for number in range(each.number, each.end)]
                self.waiting.append(each)

    def consume(self):
        if self.waiting:
            self._grant(self.inlet.consumed(self.waiting.pop(0).cost))

    def release(self):
        self._grant(self.inlet.release())

    def _grant(self, amount):
        if amount:
            self.grants.append(amount)

    def granted(self):
        if self.grants:
            self.outlet.granted(self.grants.pop(0))

    def check(self):
        flying = sum([each.cost for each, start, _ in self.pieces if start == 0])  # lists: most of the time goes here
        assert self.outlet.credit + flying + self.inlet.held + sum(self.grants) == self.outlet.window
        assert self.outlet.queued == sum([each.cost for each in self.outlet.queue]) - (
            self.outlet.queue[0].cost if self.outlet._sent else 0)
        assert 0 <= self.inlet.freed <= self.inlet.held
        assert self.outlet.room() == self.outlet.credit - self.outlet.queued

    def settle(self):
        while True:
            before = len(self.got), len(self.outlet.queue), self.outlet._sent
            for _ in range(5):
                self.send()
                self.arrive()
                self.consume()
                self.release()
                self.granted()
            if before == (len(self.got), len(self.outlet.queue), self.outlet._sent) and not (
                    self.pieces or self.waiting or self.grants):
                return


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("policy", [BLOCK, DROP_OLDEST, LATEST])
def test_the_invariant_holds_whatever_happens(policy, seed):
    generator = random.Random(seed)
    window = generator.choice((1, 50, 1000, 100000))
    hop = Hop(policy, window)
    sources = [b"a" * 16, b"b" * 16][:generator.choice((1, 1, 2))]
    steps = [hop.send, hop.arrive, hop.consume, hop.release, hop.granted]
    for _ in range(600):
        if generator.random() < 0.3:
            largest = generator.choice((0, 10, 300, 3000)) if generator.random() < 0.95 else 200000
            hop.publish(generator.choice(sources), [generator.randint(0, largest)
                                                    for _ in range(generator.choice((1, 1, 2, 20)))])
        else:
            generator.choice(steps)()
        hop.check()
    hop.settle()
    hop.check()
    sent = sum(hop.sent.values())
    assert not hop.outlet.queue and hop.outlet.credit == window
    if policy == BLOCK:
        assert hop.dropped == 0 and len(hop.got) == sent
    if policy != DROP_OLDEST or len(sources) == 1:  # the newest of each publisher came, so every gap was seen
        assert len(hop.got) + hop.dropped == sent
    for source in sources:
        numbers = [number for each, number in hop.got if each == source]
        assert numbers == sorted(set(numbers))
        if policy != DROP_OLDEST and source in hop.sent:
            assert numbers[-1] == hop.sent[source] - 1


# -- what may go --------------------------------------------------------------------------------------------------------


def test_messages_leave_while_there_is_credit():
    sender = outlet(window=3 * (10 + OVERHEAD))
    sender.push(batch(0, 10, 10))
    sender.push(batch(2, 10, 10, 10))
    assert [(each.number, len(each.lengths)) for each in take_all(sender)] == [(0, 2), (2, 1)]
    assert sender.credit == 0 and sender.queued == 2 * (10 + OVERHEAD) and sender.take() is None
    sender.granted(10 + OVERHEAD)
    assert [(each.number, list(each.lengths), each.data) for each in take_all(sender)] == [(3, [10], b"x" * 10)]


@pytest.mark.parametrize("policy", [BLOCK, DROP_OLDEST, LATEST])
def test_a_message_larger_than_the_window_goes_when_the_window_is_whole(policy):
    sender, receiver = outlet(policy, window=100), Inlet(1, 100)
    assert sender.accepts(5000 + OVERHEAD)
    sender.push(batch(0, 5000))
    (big,) = take_all(sender)
    assert sender.credit == 100 - 5000 - OVERHEAD
    receiver.received(big.cost)
    assert receiver.held == big.cost
    sender.push(batch(1, 1))
    assert sender.take() is None and (sender.accepts(1) == (policy != BLOCK))
    sender.granted(receiver.consumed(big.cost))
    assert sender.credit == 100 and receiver.held == 0
    assert [each.number for each in take_all(sender)] == [1]


def test_a_message_larger_than_the_window_waits_for_all_of_it():
    sender = outlet(window=100)
    sender.push(batch(0, 1))
    take_all(sender)
    assert not sender.accepts(101) and sender.accepts(100 - 1 - OVERHEAD)
    sender.push(batch(1, 5000))
    assert sender.take() is None
    sender.granted(1 + OVERHEAD)
    assert len(take_all(sender)) == 1


def test_a_long_first_message_of_a_batch_goes_when_its_credit_is_there():
    sender = outlet(window=1 << 20)
    sender.push(batch(0, 1))
    take_all(sender)
    sender.push(batch(1, frames.MAX_FRAGMENT + 1, 5))
    assert [(each.number, len(each.lengths)) for each in take_all(sender)] == [(1, 1), (2, 1)]


def test_a_batch_is_split_to_frames_of_one_fragment():
    sender = outlet(window=1 << 30)
    lengths = [0] * 20000 + [1000] * 200
    sender.push(batch(0, *lengths))
    found = take_all(sender)
    assert all(len(each.data) + 4 * len(each.lengths) <= frames.MAX_FRAGMENT for each in found)
    assert [length for each in found for length in each.lengths] == lengths
    assert [each.number for each in found[1:]] == [each.end for each in found[:-1]]


def test_splitting_loses_nothing():
    whole = Batch(EPOCH, 5, [1, 0, 3, 2], b"abbbcc")
    for count in range(1, 4):
        head, tail = whole.split(count)
        assert head.data + tail.data == whole.data and list(head.lengths) + list(tail.lengths) == [1, 0, 3, 2]
        assert head.cost + tail.cost == whole.cost and head.end == tail.number and tail.end == whole.end
        assert len(head.data) == sum(head.lengths)
    assert whole.packed is whole.packed


@pytest.mark.parametrize("room, count", [(0, 0), (OVERHEAD, 0), (OVERHEAD + 1, 1), (2 * OVERHEAD + 1, 2),
                                         (3 * OVERHEAD + 3, 2), (3 * OVERHEAD + 4, 3), (1 << 40, 3)])
def test_how_many_fit(room, count):
    assert Batch(EPOCH, 0, [1, 0, 3], b"abbb").fit(room) == count


# -- giving back --------------------------------------------------------------------------------------------------------


def test_window_comes_back_by_quarters():
    receiver = Inlet(1, 1000)
    receiver.received(1000)
    assert receiver.consumed(200) == 0 and receiver.consumed(49) == 0
    assert receiver.consumed(1) == 1000 // GRANT_FRACTION and receiver.held == 750 and receiver.freed == 0
    assert receiver.release() == 0


def test_a_sender_that_waits_gets_every_bit_from_a_receiver_that_is_eager():
    receiver = Inlet(1, 1000)
    receiver.received(1000)
    receiver.wanted = True
    assert receiver.consumed(10) == 0
    receiver.eager = True
    assert receiver.consumed(10) == 20 and not receiver.wanted and not receiver.eager
    assert receiver.consumed(10) == 0


def test_too_much_either_way_is_the_peers_mistake():
    receiver = Inlet(1, 100)
    receiver.received(100)
    with pytest.raises(RemoteProtocolError):
        receiver.received(1)
    sender = outlet(window=100)
    sender.push(batch(0, 1))
    take_all(sender)
    with pytest.raises(RemoteProtocolError):
        sender.granted(2 + OVERHEAD)
    sender.asked = True
    sender.granted(1 + OVERHEAD)
    assert not sender.asked


# -- what is dropped ----------------------------------------------------------------------------------------------------


class Upstream(object):
    """Counts what a relay hands back."""

    def __init__(self):
        self.returned = 0
        self.owner = self

    def consume(self, inlet, cost):
        self.returned += cost


def test_the_oldest_go_when_more_waits_than_a_window():
    cost = 10 + OVERHEAD
    sender, upstream = outlet(DROP_OLDEST, 3 * cost), Upstream()
    sender.push(batch(0, 10, 10, 10, origin=upstream))
    take_all(sender)
    upstream.returned = 0
    for number in range(3, 10):
        sender.push(batch(number, 10, origin=upstream))
    assert sender.queued == 3 * cost and upstream.returned == 4 * cost
    sender.push(batch(10, 10, 10, origin=upstream))
    assert upstream.returned == 6 * cost
    sender.granted(3 * cost)
    assert [number for each in take_all(sender) for number in range(each.number, each.end)] == [9, 10, 11]


def test_part_of_a_batch_is_dropped_when_that_is_enough():
    cost = 10 + OVERHEAD
    sender, upstream = outlet(DROP_OLDEST, 3 * cost), Upstream()
    sender.credit = 0
    sender.push(batch(0, *[10] * 8, origin=upstream))
    assert upstream.returned == 5 * cost
    sender.credit = 3 * cost
    assert [(each.number, each.end) for each in take_all(sender)] == [(5, 8)]


def test_the_newest_stays_whatever_it_costs():
    for policy in (DROP_OLDEST, LATEST):
        sender = outlet(policy, 100)
        sender.push(batch(0, 10))
        take_all(sender)
        sender.push(batch(1, 10, 10, 10, 5000))
        assert [(each.number, each.end) for each in sender.queue] == [(4, 5)]
        sender.push(batch(5, 6000))
        assert [(each.number, each.end) for each in sender.queue] == [(5, 6)]


def test_latest_keeps_the_newest_of_each_publisher_and_hands_back_the_rest():
    cost = 10 + OVERHEAD
    sender, upstream = outlet(LATEST, cost), Upstream()
    sender.push(batch(0, 10, source=b"z" * 16))
    take_all(sender)
    for number in range(5):
        for source in (b"a" * 16, b"b" * 16):
            sender.push(batch(3 * number, 10, 10, 10, source=source, origin=upstream))
    assert [(each.source[:1], each.number) for each in sender.queue] == [(b"a", 14), (b"b", 14)]
    assert sender.queued == 2 * cost and upstream.returned == (30 - 2) * cost


@pytest.mark.parametrize("policy", [DROP_OLDEST, LATEST])
def test_a_message_that_has_begun_to_leave_is_not_dropped(policy):
    sender = outlet(policy, 1000)
    sender.push(batch(0, 3 * frames.MAX_FRAGMENT))
    assert sender.take()[1:] == (0, frames.MAX_FRAGMENT)
    for number in range(1, 50):
        sender.push(batch(number, 900))
    assert sender.take()[1:] == (frames.MAX_FRAGMENT, 2 * frames.MAX_FRAGMENT)
    assert sender.take()[0].number == 0 and sender.take() is None
    sender.granted(3 * frames.MAX_FRAGMENT + OVERHEAD)
    assert take_all(sender)[-1].number == 49


def test_a_request_that_waits_can_be_withdrawn():
    sender, upstream = outlet(BLOCK, 100, REPLIER), Upstream()
    sender.push(batch(7, 2 * frames.MAX_FRAGMENT))
    sender.take()
    sender.push(batch(8, 10, origin=upstream))
    sender.push(batch(9, 10, origin=upstream))
    assert sender.withdraw(8) and not sender.withdraw(8) and not sender.withdraw(7)
    assert sender.queued == upstream.returned == 10 + OVERHEAD
    assert [each.number for each in sender.queue] == [7, 9]
