"""Routes over trees of nodes that are joined in memory, the bytes between them cut and ordered by chance."""
from __future__ import absolute_import, division, print_function

import random

import pytest

from yotonlike.protocol import credit, events, requests
from yotonlike.protocol.connection import CLOSED, Connection
from yotonlike.protocol.positions import ALL, Positions
from yotonlike.protocol.routing import Node
from yotonlike.protocol.settings import Settings

NEWS = u"news"


class Pub(object):
    """A feeder that sends numbered messages into every outlet, as far as its window lets it."""

    def __init__(self, node, name=NEWS, epoch=b"e" * 16):
        self.node, self.key, self.epoch, self.number, self.outlets = node, (credit.SUBSCRIPTION, name, "text"), epoch, 0, []
        node.add_feeder(self.key, self)

    def attach(self, outlet):
        self.outlets.append(outlet)
        self.known = dict(outlet.positions)  # of whoever came last
        outlet.owner.attach(outlet, self.epoch, self.number)

    def detach(self, outlet):
        self.outlets.remove(outlet)

    def granted(self, outlet):
        pass

    def send(self, size=10):
        """Whether all accept it; then it goes."""
        waiting = [outlet for outlet in self.outlets if not outlet.accepts(size + credit.OVERHEAD)]
        for outlet in waiting:
            outlet.owner.ask(outlet)
        if not waiting:
            batch = credit.Batch(self.epoch, self.number, [size], b"x" * size)
            self.number += 1
            for outlet in self.outlets:
                outlet.owner.push(outlet, batch)
        return not waiting


class Sub(object):
    """A target that keeps what comes."""

    kind = credit.SUBSCRIPTION

    def __init__(self, node, name=NEWS, policy=credit.BLOCK, window=1000):
        self.got, self.waiting, self.sources, self.lost_links = [], [], {}, 0
        self.node, self.positions, self.history = node, Positions(), ALL
        self.sink = node.open_sink(self.kind, policy, window, name, "text", self)

    def attached(self, inlet, source, number, anew=False):
        self.sources[source] = number
        self.positions.attached(source, number, inlet, anew)

    def deliver(self, inlet, batch):
        assert self.positions.take(batch)[0] is batch
        self.got += [(batch.source, number) for number in range(batch.number, batch.end)]
        self.waiting.append(batch)

    def held(self):
        return self.waiting

    def consume(self):
        while self.waiting:
            batch = self.waiting.pop()
            batch.origin.owner.consume(batch.origin, batch.cost)

    def wanted(self, inlet):
        inlet.eager = True
        inlet.owner.release(inlet)

    def lost(self, inlet):
        self.lost_links += 1

    def close(self):
        self.node.close_sink(self.sink)


class Rep(object):
    """A replier's target; answers when told."""

    kind = credit.REPLIER

    def __init__(self, node, tag=b"", window=1000):
        self.tag, self.jobs, self.cancels, self.node = tag, [], [], node
        self.sink = node.open_sink(self.kind, credit.BLOCK, window, u"calc", "object", self)

    def deliver(self, inlet, batch):
        self.jobs.append((inlet, batch))
        inlet.owner.consume(inlet, batch.cost)

    def answer(self):
        inlet, batch = self.jobs.pop(0)
        inlet.owner.send_reply(batch.number, requests.OK, self.tag + batch.data)

    def wanted(self, inlet):
        inlet.owner.release(inlet)

    def lost(self, inlet):
        self.jobs = [job for job in self.jobs if job[0] is not inlet]

    def cancelled(self, connection, request):
        self.cancels.append(request)
        self.jobs = [job for job in self.jobs if (job[0].owner, job[1].number) != (connection, request)]


CALC = credit.REPLIER, u"calc", "object"


class Asker(object):
    """Sends requests to a replier of its node's choice."""

    def __init__(self, node):
        self.node, self.answers = node, []

    def ask(self, data, limit=0xffffffff):
        outlet = min(self.node.repliers(CALC), key=lambda outlet: outlet.pending)
        return self.node.requests.send(outlet, limit, data, lambda status, data: self.answers.append((status, data)))


class Line(object):
    """One link: two connections, and what is on its way."""

    def __init__(self, network, one, other):
        self.nodes = one, other
        self.ends = [Connection(Settings(identity * 16, b"n" * 16, u"n"), 0.0) for identity in (b"a", b"b")]
        self.wires = [b"", b""]  # towards the other end of each
        self.cut = False


class World(object):
    """Nodes, and lines between them; ``run`` moves bytes until nothing is on its way."""

    def __init__(self, seed=0):
        self.random = random.Random(seed)
        self.nodes, self.lines = [], []

    def node(self):
        node = Node()
        self.nodes.append(node)
        return node

    def join(self, one, other):
        line = Line(self, one, other)
        self.lines.append(line)
        for end, node in zip(line.ends, line.nodes):
            node.join(end)
        return line

    def chain(self, count):
        nodes = [self.node() for _ in range(count)]
        return nodes, [self.join(one, other) for one, other in zip(nodes, nodes[1:])]

    def tree(self, count):
        nodes = [self.node() for _ in range(count)]
        for at in range(1, count):
            self.join(nodes[self.random.randrange(at)], nodes[at])
        return nodes

    def lose(self, line):
        """A link is gone, and everything on its way with it."""
        self.lines.remove(line)
        for end, node in zip(line.ends, line.nodes):
            end.receive_eof()
            node.leave(end)

    def step(self):
        """Move some bytes of each line, in any order; whether any line had something."""
        busy, chance = False, self.random.random
        for line in sorted(self.lines, key=lambda _: chance()):  # a third of what sample() costs
            for at in (0, 1) if chance() < 0.5 else (1, 0):
                if line.ends[at].has_output():
                    line.wires[at] += line.ends[at].data_to_send(self.random.choice((1, 1000, 65536)))
                if line.wires[at]:
                    busy = True
                    size = self.random.choice((1, 3, 20, 1000, 100000))
                    raw, line.wires[at] = line.wires[at][:size], line.wires[at][size:]
                    line.ends[1 - at].receive_data(raw, 0.0)
                    handle(line.nodes[1 - at], line.ends[1 - at])
        return busy

    def run(self, steps=None):
        while self.step():
            if steps is not None:
                steps -= 1
                if steps <= 0:
                    break
        for line in self.lines:
            for end in line.ends:
                assert end.state != CLOSED, end.error
                assert steps is not None or end.data_to_send() == b""


def handle(node, connection):
    for event in connection.events():
        if type(event) is events.Opened:
            node.opened(event.outlet)
        elif type(event) is events.Closed:
            node.closed(event.outlet)
        elif type(event) is events.Granted:
            for feeder in list(event.outlet.publishers):
                feeder.granted(event.outlet)
        elif type(event) is events.Wanted:
            event.inlet.target.wanted(event.inlet)
        elif type(event) is events.Attached:
            event.inlet.target.attached(event.inlet, event.source, event.number, event.anew)
        elif type(event) is events.Data:
            event.inlet.target.deliver(event.inlet, event.batch)
        elif type(event) is events.Reply:
            node.requests.replied(connection, event.request, event.status, event.data)
        elif type(event) is events.Cancel:
            node.cancelled(connection, event.request)


def numbers(sub, epoch=b"e" * 16):
    return [number for source, number in sub.got if source == epoch]


# -- publish and subscribe ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("sub_first", [True, False])
def test_over_four_hops_in_order(seed, sub_first):
    world = World(seed)
    nodes, _ = world.chain(5)
    if sub_first:
        sub, pub = Sub(nodes[4]), Pub(nodes[0])
    else:
        pub, sub = Pub(nodes[0]), Sub(nodes[4])
    world.run()
    assert len(pub.outlets) == 1 and sub.sources == {pub.epoch: 0}
    sent = 0
    while sent < 150:
        sent += pub.send(world.random.choice((0, 10, 500)))
        world.run(world.random.randrange(4))
        if world.random.random() < 0.3:
            sub.consume()
    while numbers(sub) != list(range(150)):
        sub.consume()
        world.run()
    assert pub.number == 150


@pytest.mark.parametrize("seed", range(10))
def test_everybody_in_a_tree_gets_everything_once(seed):
    world = World(seed)
    nodes = world.tree(9)
    pubs = [Pub(node, epoch=str(at).encode("ascii") * 16)
            for at, node in enumerate(world.random.sample(nodes, 3))]
    subs = [Sub(node) for node in nodes] + [Sub(nodes[0])]
    others = [Sub(node, name=u"other") for node in nodes]
    world.run()
    assert all(len(pub.outlets) == len(subs) for pub in pubs)
    for _ in range(60):
        pub = world.random.choice(pubs)
        while not pub.send(world.random.choice((0, 10, 300, 3000))):
            world.run(3)
            for sub in subs:
                sub.consume()
    world.run()
    while any(len(numbers(sub, pub.epoch)) < pub.number for sub in subs for pub in pubs):
        for sub in subs:
            sub.consume()
        world.run()
    for sub in subs:
        for pub in pubs:
            assert numbers(sub, pub.epoch) == list(range(pub.number))
    assert not any(sub.got for sub in others)


@pytest.mark.parametrize("policy", [credit.BLOCK, credit.DROP_OLDEST, credit.LATEST])
@pytest.mark.parametrize("size", [10, 70, 400])
def test_a_relay_holds_at_most_a_window_of_a_subscription(policy, size):
    """The subscriber takes nothing: what left the publisher is bounded by a window a hop, end to end."""
    world = World(3)
    nodes, lines = world.chain(4)
    pub, sub = Pub(nodes[0]), Sub(nodes[3], policy=policy, window=1000)
    world.run()
    sent = 0
    for _ in range(200):
        sent += pub.send(size)
        world.run(2)
        for line in lines[1:]:  # of the relays; the publisher's own outlet is its own
            for outlet in line.ends[0].outlets.values():
                assert outlet.queued <= outlet.window
    world.run()
    if policy == credit.BLOCK:
        assert sent <= 3 * 1000 // (size + credit.OVERHEAD) + 1 and len(sub.got) <= 1000 // (size + credit.OVERHEAD)
    else:
        assert sent == 200
    while True:
        before = len(sub.got)
        sub.consume()
        world.run()
        if len(sub.got) == before:
            break
    assert numbers(sub)[-1] == sent - 1
    if policy == credit.BLOCK:
        assert numbers(sub) == list(range(sent))
    pub.send(size)
    world.run()
    assert numbers(sub)[-1] == sent, "the window came back over all hops"


def test_a_stalled_subscriber_does_not_hold_up_another_channel():
    world = World(4)
    nodes, _ = world.chain(3)
    stalled, other = Sub(nodes[2]), Sub(nodes[2], name=u"other")
    pub, free = Pub(nodes[0]), Pub(nodes[0], name=u"other")
    world.run()
    while pub.send(100):
        world.run()
    for _ in range(50):
        assert free.send(100)
        world.run()
        other.consume()
    world.run()
    assert numbers(other) == list(range(50)) and len(stalled.got) < 50


def test_a_message_larger_than_the_window_crosses_relays():
    world = World(5)
    nodes, _ = world.chain(4)
    pub, sub = Pub(nodes[0]), Sub(nodes[3], window=100)
    world.run()
    for _ in range(5):
        while not pub.send(150000):
            sub.consume()
            world.run()
        assert pub.send(1) is False
        while not pub.send(1):
            sub.consume()
            world.run()
    sub.consume()
    world.run()
    sub.consume()
    world.run()
    assert numbers(sub) == list(range(10))


def test_subscriptions_follow_links_and_channels_that_come_and_go():
    world = World(6)
    nodes, lines = world.chain(4)
    pub = Pub(nodes[0])
    early = Sub(nodes[3])
    world.run()
    pub.send()
    world.run()
    late = Sub(nodes[3])
    world.run()
    assert len(pub.outlets) == 2 and late.sources == {pub.epoch: 1}
    pub.send()
    world.run()
    early.close()
    world.run()
    assert len(pub.outlets) == 1
    pub.send()
    world.run()
    world.lose(lines[1])
    world.run()
    assert pub.outlets == [] and late.lost_links == 0
    assert not any(line.ends[at].inlets or line.ends[at].outlets for line in world.lines[:1] for at in (0, 1))
    pub.send()
    lines[1] = world.join(nodes[1], nodes[2])
    world.run()
    assert len(pub.outlets) == 1
    pub.send()
    world.run()
    assert numbers(early) == [0, 1] and numbers(late) == [1, 2, 4]
    late.close()
    world.run()
    for line in world.lines:
        for end in line.ends:
            assert not end.inlets and not end.outlets


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_every_hop_says_where_it_stands(lost):
    """A relay stands behind what it forwards, however little of that has arrived."""
    world = World(3)
    nodes, lines = world.chain(4)
    pub, sub = Pub(nodes[0]), Sub(nodes[3], window=5 * 42)
    world.run()
    while pub.send():
        world.run()
    assert (pub.number, len(sub.got), pub.known) == (15, 5, {})
    world.lose(lines[lost])
    world.join(*nodes[lost:lost + 2])
    world.run()
    assert pub.known == {pub.epoch: (15, 10, 5)[lost]}


def test_losing_a_link_releases_the_publisher_and_leaves_the_others():
    world = World(7)
    hub = world.node()
    arms = [world.node() for _ in range(3)]
    lines = [world.join(hub, arm) for arm in arms]
    pub, stalled, healthy = Pub(arms[0]), Sub(arms[1]), Sub(arms[2])
    world.run()
    while pub.send(200):
        world.run()
        healthy.consume()
    world.run()
    assert not pub.send(200)
    world.lose(lines[1])
    world.run()
    before = pub.number
    for _ in range(20):
        while not pub.send(200):
            healthy.consume()
            world.run()
    healthy.consume()
    world.run()
    healthy.consume()
    world.run()
    assert numbers(healthy) == list(range(before + 20)) and len(stalled.got) < before


def test_what_left_before_its_link_was_lost_still_arrives_behind_the_relay():
    world = World(8)
    nodes, lines = world.chain(3)
    pub, sub = Pub(nodes[0]), Sub(nodes[2], window=100)
    world.run()
    while pub.send(40):
        world.run()
    sent, had = pub.number, len(sub.got)
    world.lose(lines[0])
    for _ in range(10):
        sub.consume()
        world.run()
    assert had < len(sub.got) == sent and numbers(sub) == list(range(sent))


# -- requests -----------------------------------------------------------------------------------------------------------


def test_requests_over_hops_and_large_answers():
    world = World(9)
    nodes, _ = world.chain(4)
    rep, asker = Rep(nodes[3], b"re:", window=1 << 20), Asker(nodes[0])
    world.run()
    for data in (b"a", b"", b"x" * 200000):
        asker.ask(data)
    world.run()
    assert [batch.source for _, batch in rep.jobs] == [0xffffffff] * 3
    while rep.jobs:
        rep.answer()
    world.run()
    assert sorted(asker.answers) == sorted((requests.OK, b"re:" + data) for data in (b"a", b"", b"x" * 200000))
    assert all(len(node.requests) == 0 and not node.requests._relayed for node in nodes)
    assert nodes[0].repliers(CALC)[0].pending == 0


def test_within_one_node():
    node = Node()
    rep, asker = Rep(node), Asker(node)
    number = asker.ask(b"a")
    asker.ask(b"b")
    asker.node.requests.cancel(number)
    assert rep.cancels == [number]
    rep.answer()
    assert asker.answers == [(requests.OK, b"b")] and len(node.requests) == 0
    sub, pub = Sub(node, window=100), Pub(node)
    assert pub.send(60) and not pub.send(60)
    sub.consume()
    assert pub.send(60) and numbers(sub) == [0, 1]
    sub.close()
    assert pub.outlets == [] and pub.send()


def test_a_cancelled_request_is_told_to_the_replier_and_answered_to_nobody():
    world = World(10)
    nodes, _ = world.chain(4)
    rep, asker = Rep(nodes[3]), Asker(nodes[0])
    world.run()
    first, second = asker.ask(b"first"), asker.ask(b"second")
    world.run()
    nodes[0].requests.cancel(first)
    world.run()
    assert len(rep.cancels) == 1 and [batch.data for _, batch in rep.jobs] == [b"second"]
    rep.answer()
    nodes[0].requests.cancel(second)
    world.run()
    assert asker.answers == [] and all(len(node.requests) == 0 for node in nodes)


def test_a_request_cancelled_before_it_left_never_arrives():
    world = World(11)
    nodes, _ = world.chain(2)
    rep, asker = Rep(nodes[1], window=100), Asker(nodes[0])
    world.run()
    asker.ask(b"x" * 68)
    waiting = [asker.ask(b"y" * 60) for _ in range(3)]
    for number in waiting[:2]:
        nodes[0].requests.cancel(number)
    for _ in range(3):
        world.run()
    assert [batch.data[:1] for _, batch in rep.jobs] == [b"x", b"y"] and rep.cancels == []


def test_a_lost_replier_and_a_lost_way_fail_what_was_asked():
    for end in ("replier", "link"):
        world = World(12)
        nodes, lines = world.chain(4)
        rep, asker = Rep(nodes[3]), Asker(nodes[0])
        world.run()
        for _ in range(3):
            asker.ask(b"x")
        world.run(2)
        if end == "link":
            world.lose(lines[2])
        else:
            nodes[3].close_sink(rep.sink)
        world.run()
        assert asker.answers == [(requests.LOST, b"")] * 3 and not nodes[0].repliers(CALC)
        assert all(len(node.requests) == 0 for node in nodes)


def test_who_asked_is_gone():
    world = World(13)
    nodes, lines = world.chain(4)
    rep, asker = Rep(nodes[3]), Asker(nodes[0])
    world.run()
    for _ in range(3):
        asker.ask(b"x")
    world.run()
    assert len(rep.jobs) == 3
    world.lose(lines[0])
    world.run()
    assert len(rep.cancels) == 3 and rep.jobs == []
    assert asker.answers == [(requests.LOST, b"")] * 3 and all(len(node.requests) == 0 for node in nodes)


def test_an_answer_of_somebody_who_was_not_asked_is_dropped():
    world = World(14)
    hub, right, wrong = world.node(), world.node(), world.node()
    world.join(hub, right)
    intruder = world.join(hub, wrong)
    rep, asker = Rep(right), Asker(hub)
    world.run()
    number = asker.ask(b"x")
    world.run()
    intruder.ends[1].send_reply(number, requests.OK, b"forged")
    world.run()
    assert asker.answers == []
    rep.answer()
    world.run()
    assert asker.answers == [(requests.OK, b"x")]


def test_repliers_share_the_load():
    world = World(15)
    nodes = world.tree(6)
    reps = [Rep(node, str(at).encode("ascii"), window=10000) for at, node in enumerate(nodes[1:4])]
    asker = Asker(nodes[0])
    world.run()
    for _ in range(9):
        asker.ask(b"x")
    world.run()
    assert [len(rep.jobs) for rep in reps] == [3, 3, 3]
    while any(rep.jobs for rep in reps):
        for rep in reps:
            if rep.jobs:
                rep.answer()
        world.run()
    assert sorted(asker.answers) == [(requests.OK, tag + b"x") for tag in (b"0", b"1", b"2") for _ in range(3)]


@pytest.mark.parametrize("seed", range(25))
def test_every_request_has_exactly_one_end_whatever_is_lost(seed):
    """Links come and go, repliers close, requests are cancelled: each is answered, fails or was cancelled, once."""
    world = World(seed)
    nodes = world.tree(6)
    reps = [Rep(node, window=300) for node in nodes[1:4]]
    askers = [Asker(node) for node in (nodes[0], nodes[5])]
    world.run()
    open_requests, asked, cancelled = [], 0, 0
    for _ in range(200):
        choice = world.random.random()
        asker = world.random.choice(askers)
        if choice < 0.4 and asker.node.repliers(CALC):
            open_requests.append((asker, asker.ask(b"x" * world.random.choice((1, 100, 100000)))))
            asked += 1
        elif choice < 0.5 and open_requests:
            asker, number = open_requests.pop(world.random.randrange(len(open_requests)))
            cancelled += number in asker.node.requests._table
            asker.node.requests.cancel(number)
        elif choice < 0.52 and world.lines:
            line = world.random.choice(world.lines)
            world.lose(line)
            if world.random.random() < 0.8:
                world.join(*line.nodes)
        elif choice < 0.53:
            rep = reps.pop(world.random.randrange(len(reps)))
            rep.node.close_sink(rep.sink)
            reps.append(Rep(rep.node, window=300))
        else:
            rep = world.random.choice(reps)
            if rep.jobs:
                rep.answer()
        world.run(world.random.randrange(3))
    world.run()
    while any(rep.jobs for rep in reps):
        for rep in reps:
            while rep.jobs:
                rep.answer()
        world.run()
    assert all(len(node.requests) == 0 and not node.requests._relayed for node in nodes)
    assert sum(len(asker.answers) for asker in askers) + cancelled == asked


@pytest.mark.parametrize("seed", range(25))
def test_nothing_is_left_over_when_all_is_closed(seed):
    world = World(seed)
    nodes = world.tree(6)
    subs = [Sub(node, policy=policy) for node in nodes for policy in credit.POLICIES]
    pubs = [Pub(node, epoch=epoch * 16) for node, epoch in zip(nodes, (b"a", b"b"))]
    for _ in range(100):
        world.random.choice(pubs).send(world.random.choice((1, 500)))
        world.run(world.random.randrange(3))
        if world.random.random() < 0.02 and len(world.lines) > 3:
            line = world.random.choice(world.lines)
            world.lose(line)
            world.join(*line.nodes)
        if subs and world.random.random() < 0.1:
            subs.pop(world.random.randrange(len(subs))).close()
    for sub in subs:
        sub.close()
    world.run()
    for line in world.lines:
        for end in line.ends:
            assert not end.inlets and not end.outlets and not end.has_output()
    for node in nodes:
        assert not node._sinks and not any(node._outlets.values()) and not node.local.inlets
