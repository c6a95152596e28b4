"""Networks of contexts without sockets, threads and time, and everything that may happen to them, by a seed.

The channels, the routing and the joining of the product run as they are; contexts, links and the loop are stood in
for. Bytes move between them with delays, in pieces, and links are cut after any byte, in either direction, one end
noticing before the other, and connect again, now and then at another place. Publishers and subscribers of all
policies come, stall and go on. It checks all the time

* that on every link, for every sink: credit in hand + in flight + held + grants under way = window, where each part is
  counted by itself from the bytes that left and that arrived;
* that what a subscription was given and has not taken is what the window says is held;
* that each message of each publisher comes once and in order, and that a gap is of the exact number and in its place;
  none where policies and history allow none;
* that no end accuses the other of a mistake;

and after it has let everything settle, that everybody has everything, states agree, and every request had one end.
"""
from __future__ import absolute_import, division, print_function

import contextlib
import heapq
import itertools
import random
import struct
from collections import defaultdict, deque

from yotonlike import BINARY, OBJECT, Gap, PeerLost, PubChannel, RepChannel, ReqChannel, StateChannel, SubChannel, WouldBlock
from yotonlike.channels import publisher, replier, requester, subscriber
from yotonlike.dispatch import Handlers
from yotonlike.errors import CycleError, NoReplier, ProtocolError
from yotonlike.network import Network
from yotonlike.protocol import frames
from yotonlike.protocol.connection import CLOSED, Connection
from yotonlike.protocol.credit import OVERHEAD
from yotonlike.protocol.routing import Node
from yotonlike.protocol.settings import MAX_MESSAGE, Settings

_HEAD = struct.Struct(">HI")  # of each message: publisher, number
#: Seconds (of the simulation) in which there has to be some progress once nothing is cut any more.
PATIENCE = 30.0
#: Messages that a publisher sends for each cut, so that every cut finds some under way, and that a subscription may be
#: behind before its publisher makes a pause, since to catch up takes a while.
A_CUT, MOST_BEHIND = 100, 200


class Timer(object):
    """Something to be done at some time."""

    def __init__(self, function):
        self.function = function

    def cancel(self):
        self.function = None


class Guard(object):
    """There is one thread."""

    def look(self):
        pass

    def __enter__(self):
        pass

    def __exit__(self, *_):
        pass


class Loop(object):
    """Waits for nothing: in the simulation nothing is asked to."""

    def __init__(self, context):
        self.guard, self._context = Guard(), context

    def kick(self):
        self._context.tick_soon()

    def notify(self, waiters):
        del waiters[:]

    def wait(self, ready, waiters, deadline):
        return ready()


class Context(object):
    """What channels and networks need of a context."""

    max_message = MAX_MESSAGE
    closed = False

    def __init__(self, world, number):
        self.world, self.number = world, number
        self.id = ("%016d" % number).encode("ascii")
        self.name = u"context %d" % number
        self.loop = Loop(self)
        self.guard = self.loop.guard
        self.node, self.links, self.channels, self.unflushed, self.waiters = Node(), [], [], [], []
        self.network = Network(self, self.links)
        self.dispatcher = self.link_opened = self.link_closed = self.link_silent = self.link_heard = self
        self.handlers = Handlers()
        self._ticks = False

    def at(self, deadline, function):
        return self.world.at(deadline, lambda: (function(), self.tick()))

    def post(self, function):
        """As Dispatcher."""
        self.world.after(self.world.random.uniform(0, 0.001), function)

    def emit(self, link):
        """As Signal."""

    def transmit(self):
        """Links are looked after once an event is over."""

    def peer_of(self, connection):
        return self.name if connection is self.node.local else connection.peer.name

    def tick_soon(self):
        if not self._ticks:
            self._ticks = True
            self.world.after(self.world.random.uniform(0, 0.0005), self.tick)

    def tick(self):
        self._ticks = False
        unflushed, self.unflushed = self.unflushed, []
        for channel in unflushed:
            channel.take_turn(self.world.now)


class Ledger(object):
    """What the bytes of one direction, as far as they have come, say of each sink."""

    def __init__(self):
        self._parser = frames.FrameParser()
        self.spent, self.granted, self.opened = defaultdict(int), defaultdict(int), {}

    def feed(self, data):
        for kind, fields in self._parser.feed(data):
            if kind == frames.DATA:
                self.spent[fields[0]] += len(fields[4]) + OVERHEAD * len(fields[3])
            elif kind == frames.LARGE:
                self.spent[fields[0]] += fields[3] + OVERHEAD
            elif kind == frames.GRANT:
                self.granted[fields[0]] += fields[1]
            elif kind == frames.OPEN:
                self.opened[fields[0]] = fields[3], fields[6].used  # window, and what of it was used


class Pipe(object):
    """One direction of a link: bytes on their way from one end to the other."""

    def __init__(self, world, edge, cut_after):
        self.world, self.edge, self.cut_after = world, edge, cut_after
        self.flying = deque()
        self.size = 0
        self.capacity = world.random.choice((300, 5000, 100000))
        self.delay = world.random.choice((0.00005, 0.001, 0.02))
        self.left, self.arrived = Ledger(), Ledger()
        self._moving = False

    def put(self, data):
        if self.edge.cut:
            return  # it leaves, and arrives nowhere
        self.left.feed(data)
        self.flying.append(data)
        self.size += len(data)
        self.move()

    def finish(self):
        """The sending end is closed."""
        self.flying.append(None)
        self.move()

    def move(self):
        if not self._moving and self.flying:
            self._moving = True
            self.world.after(self.world.random.uniform(0, self.delay), self._deliver)

    def _deliver(self):
        self._moving = False
        if not self.flying:
            return
        data, receiver = self.flying.popleft(), self.edge.end_of(self)
        if data is None:
            receiver.eof()
            return
        size = self.world.random.choice((1, 30, len(data), len(data), len(data)))
        data, rest = data[:size], data[size:]
        if rest:
            self.flying.appendleft(rest)
        self.size -= len(data)
        cut = self.cut_after is not None and len(data) > self.cut_after
        if cut:
            data = data[:self.cut_after]
        if self.cut_after is not None:
            self.cut_after -= len(data)
        self.arrived.feed(data)
        receiver.receive(data)
        if cut:
            self.edge.break_at(self)
        self.edge.pump_into(self)
        self.move()

    def lose(self, keep):
        """The link is cut: of what is under way that many bytes still arrive, and the end is noticed some time later."""
        data = b"".join(each for each in self.flying if each is not None)[:keep]
        self.flying.clear()
        if data:
            self.flying.append(data)
        self.cut_after = None
        self.world.after(self.world.random.choice((0, 0.01, 0.5)), self.finish)


class End(object):
    """One end of a link, with what a network needs of it."""

    address = "simulated"
    tells = met = False

    def __init__(self, context, edge, initiator):
        self.context, self.edge, self.initiator = context, edge, initiator
        self.peer = self.closed_reason = None
        self.up = self.introduced = self.tells = False
        self.nodes, self.waiters, self.state = set(), [], "connecting"
        nonce = ("%016d" % next(context.world.nonces)).encode("ascii")
        self.opening = Settings(context.id, nonce, context.name)
        self.connection = None
        self.connection = Connection(self.opening, context.world.now, on_output=self._has_output)
        context.links.append(self)

    def _has_output(self):
        self.context.world.busy.append(self)

    def receive(self, data):
        connection = self.connection
        if connection is not None:
            connection.receive_data(data, self.context.world.now)
            self.context.network.handle(self)
            assert not isinstance(connection.error, ProtocolError), connection.error

    def eof(self):
        if self.connection is not None:
            self.lost(PeerLost("eof"))

    def end(self, error, code):
        if self.connection is not None:
            self.connection.close(error, code)
            self.edge.pipe_of(self).put(self.connection.data_to_send())
            self.lost(error)

    def on_bye(self, code, reason):
        self.lost(CycleError(reason) if code == 2 else PeerLost(reason))

    def lost(self, error):
        connection, self.connection, was_up, self.up = self.connection, None, self.up, False
        self.introduced, self.state, self.closed_reason = False, CLOSED, error
        self.edge.pipe_of(self).finish()
        self.context.network.left(self, connection, was_up)
        if self.initiator:
            self.edge.again()


class Edge(object):
    """A link between two contexts, for as long as it lasts."""

    def __init__(self, world, one, other):
        self.world, self.cut = world, False
        self.pipes = [Pipe(world, self, world.cut_after()) for _ in range(2)]
        self.ends = []
        self.ends.append(End(one, self, True))
        self.ends.append(End(other, self, False))
        world.edges.append(self)
        world.busy.extend(self.ends)
        if not world.settling:
            world.after(world.random.expovariate(1.0), lambda: self.break_at(world.random.choice(self.pipes)))

    def end_of(self, pipe):
        """The end where what is in the pipe arrives."""
        return self.ends[1 - self.pipes.index(pipe)]

    def pipe_of(self, end):
        return self.pipes[self.ends.index(end)]

    def pump(self, end):
        """Let an end send what there is room for."""
        pipe = self.pipe_of(end)
        while end.connection is not None and pipe.size < pipe.capacity and end.connection.has_output():
            data = end.connection.data_to_send()
            if not data:
                break
            pipe.put(data)

    def pump_into(self, pipe):
        self.pump(self.ends[self.pipes.index(pipe)])

    def break_at(self, pipe):
        if self.cut or self.world.settling or self not in self.world.edges:
            return
        self.cut = True
        self.world.cuts += 1
        pipe.lose(0)
        other = self.pipes[1 - self.pipes.index(pipe)]
        other.lose(self.world.random.choice((0, other.size, self.world.random.randint(0, other.size))))

    def again(self):
        """The initiator lost it: it connects again after a while, mostly to where it was."""
        self.world.edges.remove(self)
        self.world.after(self.world.random.choice((0.0, 0.01, 0.3)), lambda: self.world.reconnect(self))

    def quiet(self):
        """Whether it is up, and nothing waits or is under way."""
        return (not self.cut and all(end.up for end in self.ends) and not any(pipe.flying for pipe in self.pipes)
                and not any(end.connection.has_output() or any(outlet.queue for outlet in end.connection.outlets.values())
                            for end in self.ends))

    def check(self):
        """The rule of credit, in both directions."""
        if self.cut or any(end.connection is None or end.connection.peer is None for end in self.ends):
            return
        waiting = [Ledger(), Ledger()]  # frames that are made and have not left
        for ledger, end in zip(waiting, self.ends):
            ledger.feed(b"".join(end.connection.outgoing.control))
        for at in (0, 1):
            forth, back = self.pipes[at], self.pipes[1 - at]
            for sink, outlet in self.ends[at].connection.outlets.items():
                window, used = back.arrived.opened[sink]
                spent = forth.left.spent[sink] + waiting[at].spent[sink]
                assert outlet.credit == window - used - spent + back.arrived.granted[sink]
                inlet = self.ends[1 - at].connection.inlets.get(sink)
                if inlet is None:
                    continue
                granted = back.left.granted[sink] + waiting[1 - at].granted[sink]
                assert inlet.held == used + forth.arrived.spent[sink] - granted
                flying, coming = spent - forth.arrived.spent[sink], granted - back.arrived.granted[sink]
                assert flying >= 0 and coming >= 0 and 0 <= inlet.freed <= inlet.held
                assert outlet.credit + flying + inlet.held + coming == window


class Publisher(object):
    """Sends numbered messages while it may."""

    def __init__(self, world, index, context, name):
        chance = world.random
        self.world, self.index, self.number, self.most = world, index, 0, chance.choice((20, 500, 5000))
        self.history = chance.choice((0, 1 << 40, 1 << 40, 3000, 100000))
        self.when_slow = chance.choice(("block", "lag", "drop")) if self.history else "block"
        self.pace = chance.choice((0.001, 0.02))
        self.channel = PubChannel(context, name, BINARY, history=self.history, when_slow=self.when_slow)
        self.step()

    def send(self):
        size = self.world.random.randint(0, self.most) if self.world.random.random() < 0.99 else 150000
        try:
            self.channel.send(_HEAD.pack(self.index, self.number) + b"x" * size, 0)
        except WouldBlock:
            return False
        self.number += 1
        return True

    def step(self):
        world = self.world
        if world.settling:
            return
        if self.number < A_CUT * (world.cuts + 1) and self.behind() < MOST_BEHIND:
            for _ in range(self.world.random.choice((1, 1, 5, 50))):
                if not self.send():
                    break
        world.after(world.random.uniform(0, 2 * self.pace), self.step)

    def may_miss(self, reader):
        """Whether a subscription may have gaps; one that wants no history also when its publisher moves."""
        return (self.history < 1 << 40 or reader.on_full != "block" or self.when_slow == "drop"
                or reader.history is not None)

    def behind(self):
        publication = self.channel._publication
        return max([0] + [publication.behind(outlet) for outlet in publication.outlets])

    def settled(self, count):
        outlets = self.channel._publication.outlets
        return (not self.channel._stage and len(outlets) == count and not self.behind()
                and not any(outlet.queue for outlet in outlets))


class Subscriber(object):
    """Takes messages, now fast and now slowly, and looks at each."""

    def __init__(self, world, context, name):
        chance = world.random
        self.world, self.context = world, context
        self.on_full = chance.choice(("block", "block", "drop_oldest", "latest"))
        self.window = chance.choice((1, 200, 3000, 100000))
        self.history = chance.choice((None, None, None, 0, 2000))
        self.channel = SubChannel(context, name, BINARY, on_full=self.on_full, window=self.window, gaps=True,
                                  history=self.history)
        self.next, self.gap, self.received, self.owed = {}, 0, 0, 0
        self.step()

    def step(self):
        chance = self.world.random
        for _ in range(chance.choice((1, 10, 1000))):
            try:
                message = self.channel.recv(0)
            except WouldBlock:
                break
            self.take(message)
        stalls = not self.world.settling and chance.random() < 0.02
        self.world.after(chance.uniform(0, 0.5 if stalls else 0.01), self.step)

    def take(self, message):
        if type(message) is Gap:
            assert message.missed > 0 and (not self.gap or self.on_full == "latest")
            self.gap += message.missed  # with "latest", what a gap stood before may be replaced after the gap was taken
            return
        index, number = _HEAD.unpack_from(message)
        sender, missed, self.gap = self.world.publishers[index], self.gap, 0
        expected = self.next.get(index, 0 if sender.history and self.history is None else number - missed)
        assert number == expected + missed, "%d came where %d was due, with a gap of %d" % (number, expected, missed)
        assert not missed or sender.may_miss(self)
        self.next[index] = number + 1
        self.received += 1
        self.owed += not sender.may_miss(self)

    def check(self):
        """What is held is what waits; for each link of its own."""
        held = defaultdict(int)
        for batch in self.channel.held():
            held[batch.origin] += batch.cost
        for inlet in self.channel._sink.inlets.values():
            partial = inlet.partial[2] + OVERHEAD if inlet.partial is not None else 0
            assert inlet.held - inlet.freed == held[inlet] + partial


class Asker(object):
    """Asks, and sees what becomes of it."""

    def __init__(self, world, context):
        self.world, self.channel, self.open = world, ReqChannel(context, u"calc"), []
        self.step()

    def step(self):
        if not self.world.settling:
            number = next(self.world.nonces)
            self.open.append((number, self.channel.request(number)))
        for number, future in [each for each in self.open if each[1].done()]:
            error = future.exception()
            assert future.result() == number if error is None else isinstance(error, (PeerLost, NoReplier))
            self.world.answered += error is None
        self.open = [each for each in self.open if not each[1].done()]
        self.world.after(self.world.random.uniform(0, 0.1), self.step)


class World(object):
    """A network, what happens to it, and the clock.

    Args:
        seed (int): decides everything.
        cuts (int): after how many lost links it may settle.
    """

    def __init__(self, seed, cuts):
        self.random = random.Random(seed)
        self.now, self.events, self.cuts, self.answered = 1000.0, 0, 0, 0
        self.settling = False
        self._most_cuts, self._heap, self._order = cuts, [], itertools.count()
        self.nonces, self.edges, self.busy, self._served = itertools.count(), [], [], set()
        self._cut_scale = self.random.choice((200, 3000, 30000))
        self.contexts = [Context(self, number) for number in range(self.random.randint(2, 7))]
        self.parents = dict((at, self.random.randrange(at)) for at in range(1, len(self.contexts)))
        for at, parent in self.parents.items():
            Edge(self, self.contexts[at], self.contexts[parent])
        with _time_of(self):
            self._people()

    def _people(self):
        names = [u"news", u"news", u"other"][:self.random.choice((1, 1, 3))]
        somewhere = lambda: self.random.choice(self.contexts)  # noqa: E731
        self.publishers, self.subscribers = [], []
        for index in range(self.random.randint(1, 3)):
            self.publishers.append(Publisher(self, index, somewhere(), self.random.choice(names)))
        for _ in range(self.random.randint(1, 4)):
            self.subscribers.append(Subscriber(self, somewhere(), self.random.choice(names)))
        self.states = [StateChannel(context, u"mode") for context in self.contexts]
        RepChannel(somewhere(), u"calc", OBJECT, handler=self._serve, events=True, window=200)
        self.asker = Asker(self, somewhere())
        self._set_state()

    # -- time -----------------------------------------------------------------------------------------------------------

    def at(self, when, function):
        timer = Timer(function)
        heapq.heappush(self._heap, (when, next(self._order), timer))
        return timer

    def after(self, seconds, function):
        return self.at(self.now + seconds, function)

    def monotonic(self):
        return self.now

    def _event(self):
        when, _, timer = heapq.heappop(self._heap)
        if timer.function is None:
            return
        self.now = max(self.now, when)
        self.events += 1
        timer.function()
        while self.busy:
            busy, self.busy = self.busy, []
            for end in busy:
                end.edge.pump(end)

    # -- what happens ---------------------------------------------------------------------------------------------------

    def cut_after(self):
        """Bytes after which the pipe of a new link is cut."""
        if self.settling:
            return None
        return int(self.random.expovariate(1.0 / self._cut_scale)) + self.random.randrange(100)

    def reconnect(self, edge):
        child = edge.ends[0].context.number
        places = [each for each in range(len(self.contexts)) if child not in self._line(each)]
        if self.random.random() < 0.3:
            self.parents[child] = self.random.choice(places)
        Edge(self, self.contexts[child], self.contexts[self.parents[child]])

    def _line(self, number):
        """A context and those above it."""
        found = [number]
        while found[-1] in self.parents:
            found.append(self.parents[found[-1]])
        return found

    def _serve(self, number):
        assert number not in self._served, "a request was served twice"
        self._served.add(number)
        return number

    def _set_state(self):
        if not self.settling:
            self.random.choice(self.states).send(next(self.nonces))
            self.after(self.random.uniform(0, 0.3), self._set_state)

    # -- the run --------------------------------------------------------------------------------------------------------

    def run(self):
        """Live through the cuts, settle, and look whether everybody has everything."""
        with _time_of(self):
            while self.cuts < self._most_cuts:
                self._event()
                if self.events % 50 == 0:
                    self.check()
            self.settling = True
            for edge in self.edges:
                for pipe in edge.pipes:
                    pipe.cut_after = None
            self._settle()
            for sender in self.publishers:
                while not sender.send():
                    self._event()
            self._settle()
            self._check_end()
        return self

    def _settle(self):
        until, received = self.now + PATIENCE, 0
        while not self._settled():
            if received != self.received:
                until, received = self.now + PATIENCE, self.received
            assert self.now < until, "it does not settle: somebody waits for ever"
            for _ in range(100):
                self._event()
            self.check()

    def _settled(self):
        if len(self.edges) < len(self.parents) or self.asker.open:
            return False
        if not all(edge.quiet() for edge in self.edges):
            return False
        if any(reader.channel.pending for reader in self.subscribers):
            return False
        return all(sender.settled(len(self.readers(sender))) for sender in self.publishers)

    def readers(self, sender):
        return [reader for reader in self.subscribers if reader.channel.name == sender.channel.name]

    def check(self):
        for edge in self.edges:
            edge.check()
        for reader in self.subscribers:
            reader.check()

    def _check_end(self):
        for sender in self.publishers:
            assert sender.channel._publication.number == sender.number
            for reader in self.readers(sender):
                assert reader.next.get(sender.index) == sender.number, "it has not got the end"
        for state in self.states:
            assert state.value == self.states[0].value and state._version == self.states[0]._version
        for context in self.contexts:
            assert not len(context.node.requests)

    @property
    def received(self):
        """Messages that subscribers have taken."""
        return sum(reader.received for reader in self.subscribers)

    @property
    def owed(self):
        """Those of them that no policy and no end of a history excuses."""
        return sum(reader.owed for reader in self.subscribers)

    @property
    def missed(self):
        """Messages that are missing, each in a gap of the exact number."""
        return sum(reader.channel.dropped for reader in self.subscribers)


@contextlib.contextmanager
def _time_of(world):
    """Have the channels take the world's time for theirs."""
    modules = publisher, subscriber, requester, replier
    before = [module.monotonic for module in modules]
    for module in modules:
        module.monotonic = world.monotonic
    try:
        yield
    finally:
        for module, function in zip(modules, before):
            module.monotonic = function


def simulate(seed, cuts):
    """One network; a failure says how to see it again."""
    try:
        return World(seed, cuts).run()
    except Exception:
        print("\nsee it again: python3 benchmarks/simulation.py --seed %d --each %d --networks 1" % (seed, cuts))
        raise
