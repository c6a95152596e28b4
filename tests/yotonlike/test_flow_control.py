"""The rules of docs/flow-control.md, each by its number; a test of the documentation sees that none is missing."""
from __future__ import absolute_import, division, print_function

import threading

import pytest
import simulation
import yotonlike
from yotonlike import BINARY, Gap, History, PubChannel, RepChannel, ReqChannel, StateChannel, SubChannel, WouldBlock
from yotonlike.errors import RemoteProtocolError
from yotonlike.protocol import events, frames
from yotonlike.protocol.connection import CLOSED
from yotonlike.protocol.credit import BLOCK, DROP_OLDEST, LATEST, OVERHEAD, SUBSCRIPTION, Batch, Inlet, Outlet
from yotonlike.protocol.positions import Positions
from yotonlike.testing import LinkedConnections, LinkedContexts

LIMIT = 20  # seconds that a test waits for what has to come
EPOCH = b"e" * 16
COST = 10 + OVERHEAD
KEY = b"0123456789abcdef0123456789abcdef"


class Target(object):
    """Whoever opened a sink; the connections of a test are asked directly."""

    kind = SUBSCRIPTION


class Hop(object):
    """A subscription over one link without sockets: the link, the sender's half and the receiver's."""

    def __init__(self, policy=BLOCK, window=10 * COST, sinks=1):
        self.link = LinkedConnections()
        self.inlets = [self.link.other.open_sink(number, SUBSCRIPTION, policy, window, u"news", "text", Target())
                       for number in range(1, sinks + 1)]
        found, _ = self.link.pump()
        self.outlets = [event.outlet for event in found if type(event) is events.Opened]
        self.inlet, self.outlet, self.number = self.inlets[0], self.outlets[0], 0

    def push(self, *sizes, **where):
        outlet = self.outlets[where.get("to", 0)]
        self.link.one.push(outlet, Batch(EPOCH, self.number, list(sizes), b"x" * sum(sizes)))
        self.number += len(sizes)

    def arrive(self):
        """Numbers of what arrives when all that may leaves."""
        _, found = self.link.pump()
        return [number for event in found if type(event) is events.Data
                for number in range(event.batch.number, event.batch.end)]

    def consume(self, cost):
        self.link.other.consume(self.inlet, cost)
        self.link.pump()


def fill(pub, message=b"x" * 10):
    """Send until there is no room; how many went."""
    for count in range(100000):
        try:
            pub.send_nowait(message)
        except WouldBlock:
            return count
    raise AssertionError("there is always room")


@pytest.fixture
def linked():
    with LinkedContexts(2) as contexts:
        yield contexts


@pytest.fixture
def returning():
    """Two contexts; the second one connects again by itself."""
    with yotonlike.Context(u"one", KEY) as one, yotonlike.Context(u"two", KEY) as two:
        two.connect(one.bind("tcp://127.0.0.1:0").address, reconnect=True)
        yield one, two


def wait_for(channel, ready):
    """Until ``ready()``, which looks at the channel's inside, since it runs under the guard."""
    channel.context.loop.wait(ready, channel._waiters, None)


def wait_for_messages(sub, count):
    wait_for(sub, lambda: sum(len(batch.lengths) for batch in sub._batches) == count)


def lose_link(context):
    link, = context.links
    link.close()


# -- credit ------------------------------------------------------------------------------------------------------------


def test_rule_1_a_message_costs_its_length_and_32(linked):
    sub, pub = SubChannel(linked[1], u"news", BINARY, window=3200), PubChannel(linked[0], u"news", BINARY)
    pub.wait_for_subscriber(LIMIT)
    assert fill(pub, b"") == 100
    sub.close()
    assert Batch(EPOCH, 0, [1, 2], b"abc").cost == 3 + 2 * 32


def test_rule_2_never_more_in_flight_than_granted():
    hop = Hop()
    for _ in range(100):
        hop.push(10)
    assert hop.arrive() == list(range(10)) and hop.outlet.credit == 0
    hop.consume(4 * COST)
    assert hop.inlet.held <= hop.inlet.window and hop.outlet.credit == 0 and hop.outlet.queued == 86 * COST


def test_rule_3_one_longer_than_the_window_goes_alone():
    hop = Hop(window=100)
    hop.push(10)
    hop.push(500000)
    hop.push(10)
    assert hop.arrive() == [0]
    hop.consume(COST)
    assert hop.arrive() == [] and hop.inlet.held == 500000 + OVERHEAD and not hop.outlet.accepts(1)
    hop.consume(500000 + OVERHEAD)
    assert hop.inlet.held == COST


@pytest.mark.parametrize("seed", range(100, 103))
def test_rule_4_the_parts_of_a_window_are_the_window(seed):
    simulation.simulate(seed, 3)


def test_rule_5_only_what_was_consumed_is_granted(linked):
    sub = SubChannel(linked[1], u"news", BINARY, window=10 * COST)
    pub = PubChannel(linked[0], u"news", BINARY)
    pub.wait_for_subscriber(LIMIT)
    assert fill(pub) == 10
    wait_for_messages(sub, 10)
    with pytest.raises(yotonlike.Timeout):
        pub.send(b"x" * 10, timeout=0.02)
    sub.recv_all()
    pub.send(b"x" * 10, timeout=LIMIT)


def test_rule_6_at_a_quarter_or_when_asked():
    hop = Hop(window=100 * COST)
    hop.push(*[10] * 100)
    hop.arrive()
    hop.consume(24 * COST)
    assert hop.outlet.credit == 0
    hop.consume(COST)
    assert hop.outlet.credit == 25 * COST
    hop.push(*[10] * 30)
    hop.arrive()
    assert hop.inlet.wanted
    hop.inlet.eager = True
    hop.consume(1)
    assert hop.inlet.freed == 0 and hop.outlet.credit == 1


def test_rule_7_sending_beyond_the_window_ends_the_link():
    hop = Hop()
    hop.push(*[10] * 10)
    hop.outlet.credit += 1000
    hop.push(10)
    hop.arrive()
    assert hop.link.other.state == CLOSED and isinstance(hop.link.other.error, RemoteProtocolError)


def test_rule_8_granting_more_than_was_spent_ends_the_link():
    hop = Hop()
    hop.push(10)
    hop.arrive()
    hop.link.other._put(frames.grant(1, COST + 1))
    hop.link.pump()
    assert hop.link.one.state == CLOSED and isinstance(hop.link.one.error, RemoteProtocolError)


# -- independence ------------------------------------------------------------------------------------------------------


def test_rule_9_control_goes_first_and_needs_no_credit():
    hop = Hop(window=1 << 20)
    for _ in range(20):
        hop.push(*[1000] * 60)  # more than there is credit for
    hop.link.one.data_to_send()
    hop.link.one.open_sink(1, SUBSCRIPTION, BLOCK, 1000, u"other", "text", Target())
    kinds = [kind for kind, _ in frames.FrameParser().feed(hop.link.one.data_to_send())]
    assert kinds[0] == frames.OPEN and frames.DATA in kinds[1:]


def test_rule_10_a_stalled_subscription_holds_its_own_publishers_only(linked):
    one, two = linked
    stalled = SubChannel(two, u"stalled", BINARY, window=1000)
    pub = PubChannel(one, u"stalled", BINARY)
    pub.wait_for_subscriber(LIMIT)
    fill(pub)
    sub, other = SubChannel(two, u"other", BINARY), PubChannel(one, u"other", BINARY)
    other.wait_for_subscriber(LIMIT)
    replier, state = RepChannel(two, u"calc", handler=lambda value: value + 1), StateChannel(two, u"mode")
    StateChannel(one, u"mode").send(5)
    for number in range(20):
        other.send(str(number).encode("ascii"), timeout=0)
        assert ReqChannel(one, u"calc").request(number).result(LIMIT) == number + 1
    assert [sub.recv(LIMIT) for _ in range(20)] == [str(number).encode("ascii") for number in range(20)]
    wait_for(state, lambda: state._data)
    assert state.value == 5 and not replier.closed and stalled.pending > 10
    stalled.close()


def test_rule_11_subscriptions_leave_in_turn():
    hop = Hop(window=1 << 30, sinks=2)
    for _ in range(50):
        hop.push(*[1000] * 60)
    hop.push(10, to=1)
    sent = hop.link.one.data_to_send() + hop.link.one.data_to_send() + hop.link.one.data_to_send()
    sinks = [fields[0] for kind, fields in frames.FrameParser().feed(sent) if kind == frames.DATA]
    assert 2 in sinks[:3]


def test_rule_12_a_relay_holds_at_most_a_window():
    with LinkedContexts(3) as (one, relay, two):
        sub = SubChannel(two, u"news", BINARY, window=10 * COST)
        pub = PubChannel(one, u"news", BINARY)
        pub.wait_for_subscriber(LIMIT)
        for _ in range(20):
            pub.send(b"x" * 10, timeout=LIMIT)
        with pytest.raises(WouldBlock):
            pub.send_nowait(b"x" * 10)
        wait_for_messages(sub, 10)
        outlet, = [outlet for outlets in relay.node._outlets.values() for outlet in outlets]
        relay.loop.wait(lambda: outlet.queued == 10 * COST, relay.waiters, None)
        sub.close()


def test_rule_13_who_is_gone_releases_its_publisher_at_once(returning):
    one, two = returning
    pub = PubChannel(one, u"news", BINARY)
    for leave in (lambda sub: sub.close(), lambda sub: lose_link(two)):
        sub = SubChannel(two, u"news", BINARY, window=1000)
        pub.wait_for_subscriber(LIMIT)
        fill(pub)
        assert [who.blocking for who in pub.subscribers] == [True]
        leave(sub)
        pub.send(b"x" * 10, timeout=LIMIT)


def test_rule_14_what_came_before_uses_up_the_next_links_window(returning):
    one, two = returning
    sub = SubChannel(two, u"news", BINARY, window=10 * COST)
    pub = PubChannel(one, u"news", BINARY, history=1 << 20)
    pub.wait_for_subscriber(LIMIT)
    sent = fill(pub)
    for _ in range(5):
        lose_link(one)
        pub.wait_for_subscriber(LIMIT)
        sent += fill(pub) if sent < 10 else 0
        who, = pub.subscribers
        assert sub.pending <= 10 and who.left <= 10 * COST - sub.pending * COST + COST
    assert len([sub.recv(LIMIT) for _ in range(sent)]) == sent and sub.dropped == 0


# -- policies ----------------------------------------------------------------------------------------------------------


def test_rule_15_block_misses_nothing(linked):
    sub = SubChannel(linked[1], u"news", window=500, gaps=True)
    pub = PubChannel(linked[0], u"news")
    pub.wait_for_subscriber(LIMIT)
    thread = threading.Thread(target=lambda: [pub.send(u"%d" % number) for number in range(500)])
    thread.start()
    assert [sub.recv(LIMIT) for _ in range(500)] == [u"%d" % number for number in range(500)] and not sub.dropped
    thread.join()


def test_rule_16_drop_oldest_keeps_a_window_and_the_newest_of_each():
    outlet = Outlet(1, SUBSCRIPTION, DROP_OLDEST, 5 * COST, u"news", "text")
    outlet.credit = 0
    other = Batch(b"o" * 16, 7, [10], b"y" * 10)
    outlet.push(other)
    for number in range(100):
        assert outlet.accepts(COST)
        outlet.push(Batch(EPOCH, number, [10], b"x" * 10))
        assert outlet.queued <= 5 * COST
    assert [(each.source[:1], each.number) for each in outlet.queue] == [(b"o", 7)] + [(b"e", at) for at in range(96, 100)]


@pytest.mark.parametrize("where", [0, 1])
def test_rule_17_latest_keeps_the_newest_of_each(linked, where):
    """At the sender, and at a subscription in another context or the publisher's own; there is room again at once."""
    outlet = Outlet(1, SUBSCRIPTION, LATEST, 5 * COST, u"news", "text")
    outlet.credit = 0
    for number in range(100):
        assert outlet.accepts(COST)
        for source in (EPOCH, b"o" * 16):
            outlet.push(Batch(source, number, [10], b"x" * 10))
    assert sorted((each.source[:1], each.number) for each in outlet.queue) == [(b"e", 99), (b"o", 99)]
    pub, sent = PubChannel(linked[0], u"news", BINARY), 0
    sub = SubChannel(linked[where], u"news", BINARY, on_full="latest", gaps=True)
    pub.wait_for_subscriber(LIMIT)
    for count in (5, 2000, 100000):
        for number in range(count):
            pub.send(("%d" % number).encode("ascii"))
        sent += count
        wait_for(sub, lambda: [batch.end for batch in sub._batches.batches()] == [sent])
        assert sub.pending == 1
        for outlet in pub._publication.outlets:
            wait_for(pub, lambda: outlet.room() > sub._sink.window // 2)  # noqa: B023  # what says so is on its way
        gap, newest = sub.recv_all()
        assert gap.missed == count - 1 and int(newest) == count - 1 and sub.recv_all() == []
    assert sub.dropped == sent - 3


@pytest.mark.parametrize("policy", [DROP_OLDEST, LATEST])
def test_rule_18_a_message_that_has_begun_is_not_dropped(policy):
    hop = Hop(policy, window=1000)
    hop.push(3 * frames.MAX_FRAGMENT)
    sent = hop.link.one.data_to_send()
    for _ in range(20):
        hop.push(500)
    hop.link.other.receive_data(sent, hop.link.clock())
    assert hop.arrive()[0] == 0 and hop.link.other.state != CLOSED


@pytest.mark.parametrize("on_full", ["drop_oldest", "latest"])
def test_rule_19_what_is_missed_is_counted_in_its_place(linked, on_full):
    sub = SubChannel(linked[1], u"news", on_full=on_full, window=500, gaps=True)
    pub = PubChannel(linked[0], u"news")
    pub.wait_for_subscriber(LIMIT)
    expected, missed = 0, 0
    for number in range(3000):
        pub.send(u"%d" % number, timeout=0)
    while expected < 3000:
        message = sub.recv(LIMIT)
        if type(message) is Gap:
            expected, missed = expected + message.missed, missed + message.missed
        else:
            assert int(message) == expected
            expected += 1
    assert missed == sub.dropped > 0


def test_rule_20_the_publisher_knows_who_holds_it(linked):
    slow, fast = [SubChannel(linked[1], u"news", BINARY, window=window) for window in (5 * COST, 50 * COST)]
    pub = PubChannel(linked[0], u"news", BINARY)
    wait_for(pub, lambda: len(pub._publication.outlets) == 2)
    assert fill(pub) == 5
    assert [(who.peer, who.window, who.left, who.behind, who.blocking) for who in pub.subscribers] == [
        (u"context 1", 5 * COST, 0, 0, True), (u"context 1", 50 * COST, 45 * COST, 0, False)]
    slow.close()
    fast.close()


# -- history -----------------------------------------------------------------------------------------------------------


def test_rule_21_each_number_is_taken_once_and_in_order():
    positions, taken = Positions([(EPOCH, 0)]), []
    for first, last in ((0, 3), (1, 2), (2, 6), (6, 7), (0, 7), (5, 9)):
        new, missed = positions.take(Batch(EPOCH, first, [1] * (last - first), b"x" * (last - first)))
        taken += range(new.number, new.end) if new is not None else []
        assert not missed
    assert taken == list(range(9))


def test_rule_22_who_comes_back_goes_on_and_who_is_new_begins_with_the_oldest(returning):
    one, two = returning
    pub, sub = PubChannel(one, u"news", history=1 << 20), SubChannel(two, u"news", gaps=True)
    pub.wait_for_subscriber(LIMIT)
    for number in range(100):
        pub.send(u"%d" % number)
        if number % 30 == 0:
            pub.wait_for_subscriber(LIMIT)
            lose_link(one)
    assert [sub.recv(LIMIT) for _ in range(100)] == [u"%d" % number for number in range(100)]
    late = SubChannel(two, u"news", gaps=True)
    assert [late.recv(LIMIT) for _ in range(100)] == [u"%d" % number for number in range(100)]


def test_rule_23_beyond_the_history_is_an_exact_gap(linked):
    pub = PubChannel(linked[0], u"news", BINARY, history=10 * COST)
    for _ in range(1000):
        pub.send(b"x" * 10)
    sub = SubChannel(linked[1], u"news", BINARY, gaps=True)
    assert sub.recv(LIMIT).missed == 990 and [sub.recv(LIMIT) for _ in range(10)] == [b"x" * 10] * 10


def test_rule_24_a_history_is_bounded_and_keeps_the_newest():
    history = History(1000)
    for size in [0] * 1000 + [10] * 500 + [5000, 3]:
        history.append([size], b"x" * size)
        assert history.size <= 1000 or history.first == history.next - 1
        assert history.read(history.next - 1, 1)[1] == b"x" * size


def test_rule_25_who_has_caught_up_holds_by_its_window_and_who_has_not_by_what_it_takes(linked):
    sent = {}
    for when_slow in ("block", "lag", "drop"):
        for late in (False, True):
            name = u"%s %s" % (when_slow, late)
            pub = PubChannel(linked[0], name, BINARY, history=100 * COST, when_slow=when_slow)
            sub = SubChannel(linked[1], name, BINARY, window=10 * COST) if not late else None
            for _ in range(50 if late else 0):
                pub.send(b"x" * 10, timeout=0)
            sub = sub or SubChannel(linked[1], name, BINARY, window=10 * COST)
            pub.wait_for_subscriber(LIMIT)
            if when_slow == "block":
                sent[late] = [fill(pub)]
                if late:
                    for _ in range(20):
                        sub.recv(LIMIT)
                    for _ in range(10):
                        pub.send(b"x" * 10, timeout=LIMIT)
                    sent[late].append(fill(pub))
            else:
                for _ in range(1000):
                    pub.send(b"x" * 10, timeout=0)
            sub.close()
    assert sent == {False: [10], True: [0, 0]}


@pytest.mark.parametrize("history", [0, 1000])
def test_rule_26_without_subscriptions_a_publisher_never_waits(linked, history):
    pub = PubChannel(linked[0], u"news", BINARY, history=history)
    for _ in range(1000):
        assert pub.send(b"x" * 10, timeout=0) == 0


# -- requests, states, order -------------------------------------------------------------------------------------------


def test_rule_27_a_request_is_served_once_or_fails(returning):
    one, two = returning
    begun, go, served = threading.Event(), threading.Event(), []

    def handler(number):
        served.append(number)
        begun.set()
        go.wait(LIMIT)
        return number

    rep, req = RepChannel(one, u"calc", handler=handler, window=1), ReqChannel(two, u"calc")
    futures = [req.request(number) for number in range(3)]
    assert begun.wait(LIMIT)
    lose_link(one)
    for future in futures:
        with pytest.raises(yotonlike.PeerLost):
            future.result(LIMIT)
    again = req.request(9)  # waits for the link
    go.set()
    assert again.result(LIMIT) == 9 and served == [0, 9] and not rep.closed


def test_rule_28_a_state_is_set_without_waiting_and_the_newest_wins(returning):
    one, two = returning
    mine, yours = StateChannel(one, u"mode"), StateChannel(two, u"mode")
    mine.send(u"first")
    wait_for(yours, lambda: yours._data)
    lose_link(one)
    mine.send(u"second")
    mine.send(u"third")  # a higher version than the other's next one
    yours.send(u"other")
    wait_for(yours, lambda: b"third" in yours._data)
    assert mine.value == yours.value == u"third"


def test_rule_29_threads_keep_their_order_and_lose_nothing(linked):
    sub, pub = SubChannel(linked[1], u"news", window=20000), PubChannel(linked[0], u"news", history=1 << 16)
    pub.wait_for_subscriber(LIMIT)
    threads = [threading.Thread(target=lambda name=name: [pub.send(u"%d %d" % (name, number)) for number in range(500)])
               for name in range(8)]
    for thread in threads:
        thread.start()
    seen = dict((name, []) for name in range(8))
    for _ in range(4000):
        name, number = map(int, sub.recv(LIMIT).split())
        seen[name].append(number)
    assert all(each == list(range(500)) for each in seen.values()) and sub.dropped == 0
    for thread in threads:
        thread.join()


def test_rule_30_what_was_refused_is_not_sent_later(linked):
    sub, pub = SubChannel(linked[1], u"news", window=100), PubChannel(linked[0], u"news")
    pub.wait_for_subscriber(LIMIT)
    pub.send(u"first" + u"x" * 60)
    for timeout in (0, 0.01):
        with pytest.raises((WouldBlock, yotonlike.Timeout)):
            pub.send(u"refused", timeout=timeout)
    assert sub.recv(LIMIT)[:5] == u"first"
    pub.send(u"second", timeout=LIMIT)
    assert sub.recv(LIMIT) == u"second" and sub.pending == 0 and Inlet(1, 10).held == 0
