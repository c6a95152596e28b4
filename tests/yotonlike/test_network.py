"""Joining and leaving: many contexts that connect to each other at once, over links in memory, in any order of bytes.

Whatever happens, the network is a forest in the end, everybody knows exactly whom it reaches, and a link that was cut
for closing a loop says so at both ends.
"""
from __future__ import absolute_import, division, print_function

import itertools
import random

import pytest

from yotonlike.errors import CycleError, PeerLost
from yotonlike.network import Network
from yotonlike.protocol import credit
from yotonlike.protocol.connection import CLOSED, Connection
from yotonlike.protocol.positions import Positions
from yotonlike.protocol.routing import Node
from yotonlike.protocol.settings import Settings


class Loop(object):
    def notify(self, waiters):
        pass


class Signal(object):
    def __init__(self):
        self.calls = []

    def emit(self, link):
        self.calls.append(link)


class Context(object):
    """What a network needs of a context."""

    def __init__(self, number):
        self.id = ("%016d" % number).encode("ascii")
        self.name = "context %d" % number
        self.node, self.loop, self.waiters = Node(), Loop(), []
        self.link_opened, self.link_closed = Signal(), Signal()
        self.links = []
        self.network = Network(self, self.links)


class Link(object):
    """One end of a link in memory, with what a network needs of it."""

    tells = met = False

    def __init__(self, context, nonce, initiator):
        self.context, self.initiator = context, initiator
        self.address = "memory"
        self.peer = self.closed_reason = None
        self.up = self.introduced = self.tells = False
        self.nodes, self.waiters = set(), []
        self.opening = Settings(context.id, nonce, context.name)
        self.connection = Connection(self.opening, 0.0)
        self.state = "connecting"
        self.farewell = b""
        context.links.append(self)

    def end(self, error, code):
        if self.connection is not None:
            self.connection.close(error, code)
            self.farewell = self.connection.data_to_send()
            self.lost(error)

    def on_bye(self, code, reason):
        self.lost(CycleError(reason) if code == 2 else PeerLost(reason))

    def lost(self, error):
        connection, self.connection, was_up, self.up = self.connection, None, self.up, False
        self.introduced, self.state, self.closed_reason = False, CLOSED, error
        self.context.network.left(self, connection, was_up)


class World(object):
    """Contexts and the wires between them."""

    def __init__(self, seed, count):
        self.random = random.Random(seed)
        self.contexts = [Context(number) for number in range(count)]
        self.random.shuffle(self.contexts)
        self.wires = []  # ([end, other end], [bytes towards the other end, bytes back])
        self.nonces = itertools.count()

    def connect(self, one, other):
        nonces = ["%016d" % next(self.nonces) for _ in range(2)]
        ends = [Link(context, nonce.encode("ascii"), initiator)
                for context, nonce, initiator in zip((one, other), nonces, (True, False))]
        self.wires.append((ends, [b"", b""]))
        return ends[0]

    def lose(self, wire):
        for end in wire[0]:
            if end.connection is not None:
                end.lost(PeerLost("lost"))
        self.wires.remove(wire)

    def step(self):
        """Move some bytes of each wire, in any order; whether any wire had something."""
        busy, chance = False, self.random.random
        live = [wire for wire in self.wires if wire[0][0].connection is not None or wire[0][1].connection is not None]
        for ends, flying in sorted(live, key=lambda _: chance()):  # a third of what sample() costs
            for at in (0, 1) if chance() < 0.5 else (1, 0):
                end, other = ends[at], ends[1 - at]
                if end.connection is not None:
                    if end.connection.has_output():
                        flying[at] += end.connection.data_to_send()
                else:
                    flying[at] += end.farewell
                    end.farewell = b""
                if flying[at] and other.connection is not None:
                    busy = True
                    size = self.random.choice((1, 10, 100, 100000))
                    raw, flying[at] = flying[at][:size], flying[at][size:]
                    other.connection.receive_data(raw, 0.0)
                    assert other.connection.state != CLOSED, other.connection.error
                    other.context.network.handle(other)
                elif end.connection is None and other.connection is not None and not flying[at]:
                    busy = True
                    other.lost(PeerLost("eof"))
        return busy

    def run(self, steps=None):
        while self.step() and (steps is None or steps > 0):
            steps = None if steps is None else steps - 1
        for end in [end for ends, _ in self.wires for end in ends if steps is None and end.connection is not None]:
            assert end.connection.data_to_send() == b""

    def edges(self):
        found = []
        for ends, _ in self.wires:
            if all(end.connection is not None for end in ends):
                assert ends[0].up and ends[1].up, "settled, and neither up nor closed"
                found.append((ends[0].context, ends[1].context))
            else:
                assert ends[0].connection is ends[1].connection is None
        return found

    def check(self):
        """A forest, and everybody knows whom it reaches; returns the number of trees."""
        groups = [{context} for context in self.contexts]
        for one, other in self.edges():
            left, = [group for group in groups if one in group]
            right, = [group for group in groups if other in group]
            assert left is not right, "a loop"
            groups.remove(right)
            left |= right
        for group in groups:
            for context in group:
                known = context.network._membership.reachable()
                assert len(known) == len(set(known))
                assert set(known) == set(other.id for other in group)
                assert len(context.links) == len(context.node._connections)
        return len(groups)


@pytest.mark.parametrize("seed", range(20))
def test_one_after_the_other(seed):
    world = World(seed, 7)
    for at in range(1, 7):
        ends = [world.contexts[at], world.contexts[world.random.randrange(at)]]
        world.random.shuffle(ends)
        link = world.connect(*ends)
        world.run()
        assert link.up and link.peer == ends[1].name
        assert len(ends[0].link_opened.calls) >= 1 and world.check() == 7 - at
    for one, other in itertools.permutations(world.contexts, 2):
        link = world.connect(one, other)
        world.run()
        assert type(link.closed_reason) is CycleError and not link.up
    assert world.check() == 1
    lone = world.connect(world.contexts[0], world.contexts[0])
    world.run()
    assert type(lone.closed_reason) is CycleError and world.check() == 1


@pytest.mark.parametrize("seed", range(20))
def test_both_connect_at_the_same_time(seed):
    world = World(seed, 2)
    one, other = world.contexts
    links = world.connect(one, other), world.connect(other, one)
    world.run()
    assert world.check() == 1
    stays, = [link for link in links if link.up]
    gone, = [link for link in links if not link.up]
    assert type(gone.closed_reason) is CycleError


@pytest.mark.parametrize("seed", range(20))
def test_twice_at_the_same_time(seed):
    world = World(seed, 2)
    links = [world.connect(*world.contexts) for _ in range(3)]
    world.run()
    assert world.check() == 1
    assert sorted(type(link.closed_reason).__name__ for link in links) == ["CycleError", "CycleError", "NoneType"]


@pytest.mark.parametrize("seed", range(60))
def test_rings_that_close_at_once(seed):
    world = World(seed, world_size(seed))
    links = [world.connect(one, other) for one, other in zip(world.contexts, world.contexts[1:] + world.contexts[:1])]
    world.run()
    trees = world.check()
    assert trees < len(world.contexts) and sum(link.up for link in links) == len(world.contexts) - trees
    assert all(link.up or type(link.closed_reason) is CycleError for link in links)
    mend(world)


def world_size(seed):
    return 3 + seed % 4


def mend(world):
    """Whoever was cut tries again, one at a time, until all are one network."""
    for one, other in itertools.combinations(world.contexts, 2):
        world.connect(one, other)
        world.run()
    assert world.check() == 1


@pytest.mark.parametrize("seed", range(60))
def test_anything_at_once(seed):
    """Connects in every direction while others are under way, and links that are lost in the middle of it."""
    world = World(seed, 6)
    for _ in range(30):
        if world.random.random() < 0.8 or not world.wires:
            world.connect(*world.random.sample(world.contexts, 2))
        else:
            world.lose(world.random.choice(world.wires))
        world.run(world.random.randrange(6))
    world.run()
    world.check()
    mend(world)


@pytest.mark.parametrize("seed", range(30))
def test_two_trees_joined_at_two_places_at_once(seed):
    """More than one link may give way, since each context judges by the two links that it sees; never too few."""
    world = World(seed, 6)
    for group in (world.contexts[:3], world.contexts[3:]):
        for one, other in zip(group, group[1:]):
            world.connect(one, other)
            world.run()
    world.connect(world.contexts[0], world.contexts[3])
    world.connect(world.contexts[5], world.contexts[2])
    world.run()
    world.check()
    for ends, _ in world.wires:
        assert all(end.up or type(end.closed_reason) is CycleError for end in ends)
    mend(world)


def test_who_connects_again_replaces_a_link_whose_end_was_not_seen():
    """A client that lost its link comes back before the server has noticed: the stale link gives way."""
    world = World(1, 3)
    server, client, behind = world.contexts
    world.connect(client, server)
    world.connect(behind, client)
    world.run()
    assert world.check() == 1
    wire = world.wires[0]
    stale = wire[0][1]
    wire[0][0].lost(PeerLost("seen by the client only"))
    world.wires.remove(wire)
    assert stale.connection is not None
    again = world.connect(client, server)
    world.run()
    assert again.up and stale.connection is None and type(stale.closed_reason) is PeerLost
    assert world.check() == 1


class Feeder(object):
    """A channel that feeds sinks."""

    def __init__(self):
        self.outlets = []

    def attach(self, outlet):
        self.outlets.append(outlet)


class Target(object):
    """A channel that takes messages."""

    kind, history, positions = credit.SUBSCRIPTION, 0, Positions()

    def held(self):
        return []


def test_a_sink_that_opens_behind_the_introduction_is_taken_up_once():
    """Its announcement is in the same read as what makes the acceptor join, which takes up all that is known."""
    world = World(1, 2)
    initiator, acceptor = world.contexts
    feeder, key = Feeder(), (credit.SUBSCRIPTION, u"news", "text")
    acceptor.node.add_feeder(key, feeder)
    first, second = world.connect(initiator, acceptor), world.wires[0][0][1]
    for sender, receiver in ((first, second), (second, first)):
        receiver.connection.receive_data(sender.connection.data_to_send(), 0.0)
        receiver.context.network.handle(receiver)
    initiator.node.open_sink(credit.SUBSCRIPTION, credit.BLOCK, 1000, u"news", "text", Target())
    second.connection.receive_data(first.connection.data_to_send(), 0.0)
    acceptor.network.handle(second)
    assert len(feeder.outlets) == 1
