"""Publishers that keep what they sent: who comes late, comes back, or is slow reads on where it stands."""
from __future__ import absolute_import, division, print_function

import binascii
import random

import cutting
import pytest
import yotonlike
from yotonlike import BINARY, Gap, History, PubChannel, SubChannel
from yotonlike.protocol.credit import OVERHEAD
from yotonlike.testing import LinkedContexts

LIMIT = 20  # seconds that a test waits for what has to come
KEY = b"0123456789abcdef0123456789abcdef"
COST = 6 + OVERHEAD  # of one of the texts below


@pytest.fixture(params=["linked", "relayed", "local"])
def pair(request):
    """Two contexts, linked or with a third one between them, or one that is both."""
    with LinkedContexts({"linked": 2, "relayed": 3, "local": 1}[request.param]) as contexts:
        yield contexts[0], contexts[-1]


@pytest.fixture
def linked():
    with LinkedContexts(2) as contexts:
        yield contexts


@pytest.fixture
def chain():
    """Three contexts over TCP, which link again by themselves."""
    contexts = [yotonlike.Context(u"context %d" % number, KEY) for number in range(3)]
    addresses = [context.bind("tcp://127.0.0.1:0").address for context in contexts[:2]]
    for context, address in zip(contexts[1:], addresses):
        context.connect(address, reconnect=True)
    yield contexts
    for context in reversed(contexts):
        context.close()


def hops(pair):
    """How many windows there are between the two."""
    return 2 if pair[0].links and pair[0].links[0].peer != pair[1].name else 1


def text(number):
    return u"%06d" % number


def send_all(pub, number):
    """Send the texts from that number on until there is no room; how many went."""
    begun = number
    while True:
        try:
            pub.send_nowait(text(number))
        except yotonlike.WouldBlock:
            return number - begun
        number += 1


def comes_late(pair, history):
    """A publisher that has sent 80 texts, and a subscription with a window for ten of them that came after that."""
    pub = PubChannel(pair[0], u"news", history=history)
    for number in range(80):
        pub.send(text(number))
    sub = SubChannel(pair[1], u"news", window=10 * COST)
    pub.wait_for_subscriber(LIMIT)
    return pub, sub


def numbers(messages):
    """What came, with the number of missing ones for a gap."""
    return ["%d missed" % each.missed if type(each) is Gap else int(each) for each in messages]


def receive(sub, last):
    """Everything up to that message."""
    got = []
    while not got or got[-1] != last:
        got += numbers([sub.recv(LIMIT)])
    return got


def check_gaps(got, end):
    """Numbers in order, and in each gap as many as are missing there; returns how many."""
    at, missed = 0, 0
    for each in got:
        if type(each) is int:
            assert each == at
            at += 1
        else:
            at += int(each.split()[0])
            missed += int(each.split()[0])
    assert at == end
    return missed


def test_who_comes_late_gets_what_was_kept(pair):
    pub = PubChannel(pair[0], u"news", history=1 << 20)
    for number in range(100):
        assert pub.send(text(number), timeout=0) == 0
    subs = [SubChannel(pair[1], u"news") for _ in range(2)]
    for sub in subs:
        assert receive(sub, 99) == list(range(100))
    pub.send(text(100))
    for sub in subs:
        assert receive(sub, 100) == [100] and sub.dropped == 0


def test_what_was_not_kept_is_a_gap_of_that_many(pair):
    pub = PubChannel(pair[0], u"news", history=10 * COST)
    for number in range(100):
        pub.send(text(number))
    silent, telling = SubChannel(pair[1], u"news"), SubChannel(pair[1], u"news", gaps=True)
    assert receive(silent, 99) == list(range(90, 100)) and silent.dropped == 90
    assert receive(telling, 99) == ["90 missed"] + list(range(90, 100)) and telling.dropped == 90


@pytest.mark.parametrize("history, first", [(0, 100), (1, 99), (COST, 99), (5 * COST, 95), (1 << 20, 0)])
def test_who_comes_late_may_want_less(pair, history, first):
    pub = PubChannel(pair[0], u"news", history=1 << 20)
    for number in range(100):
        pub.send(text(number))
    sub = SubChannel(pair[1], u"news", gaps=True, history=history)
    pub.wait_for_subscriber(LIMIT)
    pub.send(text(100))
    assert receive(sub, 100) == list(range(first, 101)) and sub.dropped == 0


def test_who_wants_nothing_old_goes_on_all_the_same(chain):
    pub, sub = PubChannel(chain[0], u"news", history=1 << 20), SubChannel(chain[2], u"news", gaps=True, history=0)
    pub.wait_for_subscriber(LIMIT)
    pub.send(text(0))
    assert receive(sub, 0) == [0]  # who is cut off before it has met the publisher knows nothing of it
    sent = 1
    for hop in (1, 0, 1, 0):
        link = [link for link in chain[hop].links if link.peer == u"context %d" % (hop + 1)][0]
        link.close()
        for _ in range(10):
            pub.send(text(sent))
            sent += 1
        pub.wait_for_subscriber(LIMIT)
    assert receive(sub, sent - 1) == list(range(1, sent))


def test_long_messages_are_kept_and_read(pair):
    pub = PubChannel(pair[0], u"news", BINARY, history=1 << 20)
    messages = [b"x" * 200000, b"", b"y" * 70000, b"z"]
    for message in messages:
        pub.send(message)
    sub = SubChannel(pair[1], u"news", BINARY, window=1000)
    assert [sub.recv(LIMIT) for _ in messages] == messages


def test_a_foreign_message_type_and_a_gap(linked):
    class Reversed(yotonlike.MessageType):
        name = "reversed"

        def encode(self, value):
            return value[::-1]

        def decode(self, data):
            return data[::-1]

    pub = PubChannel(linked[0], u"news", Reversed(), history=1)
    pub.send(b"abc")
    pub.send(b"def")
    sub = SubChannel(linked[1], u"news", Reversed(), gaps=True)
    assert sub.recv(LIMIT).missed == 1 and sub.recv(LIMIT) == b"def"


@pytest.mark.parametrize("hop", [0, 1])
def test_a_link_that_comes_back_repeats_nothing_and_loses_nothing(chain, hop):
    pub, sub = PubChannel(chain[0], u"news", history=1 << 20), SubChannel(chain[2], u"news", gaps=True)
    pub.wait_for_subscriber(LIMIT)
    sent, got = 0, []
    for _ in range(6):
        link = [link for link in chain[hop].links if link.peer == u"context %d" % (hop + 1)][0]
        for _ in range(50):
            pub.send(text(sent))
            sent += 1
        link.close()
        for _ in range(50):
            pub.send(text(sent))
            sent += 1
        got += receive(sub, sent - 1)
    assert got == list(range(sent)) and sub.dropped == 0


def test_connections_cut_after_any_byte(tmpdir):
    """Over real sockets, under load; benchmarks/reconnecting.py does it in two processes and hundreds of times."""
    generator, path, count = random.Random(1), str(tmpdir.join("s")), 5000
    with yotonlike.Context(u"one", KEY) as one, yotonlike.Context(u"two", KEY) as two:
        one.bind("unix://" + path)
        proxy = cutting.CuttingProxy(path, lambda: generator.randint(3000, 30000) if proxy.cuts < 6 else None)
        pub = PubChannel(one, u"news", history=1 << 24)
        sub = SubChannel(two, u"news", gaps=True, window=50000)
        for number in range(count):  # as much as no connection but the last one carries
            pub.send(text(number) + u"x" * (number % 100))
        two.connect("unix://" + path, reconnect=True)
        assert [sub.recv(LIMIT)[:6] for _ in range(count)] == [text(number) for number in range(count)]
        assert proxy.cuts == 6
    proxy.close()


def test_without_a_history_what_was_sent_meanwhile_is_counted(chain):
    pub, sub = PubChannel(chain[0], u"news"), SubChannel(chain[1], u"news", gaps=True)
    pub.wait_for_subscriber(LIMIT)
    pub.send(text(0))
    assert receive(sub, 0) == [0]
    link, = chain[0].links
    link.close()
    assert pub.send(text(1)) == pub.send(text(2)) == 0
    pub.wait_for_subscriber(LIMIT)
    pub.send(text(3))
    assert receive(sub, 3) == ["2 missed", 3] and sub.dropped == 2


def test_a_subscriber_that_stalls_holds_one_window_however_often_its_link_is_lost(chain):
    """Also the relay does: what came over a link that is gone uses up the window of the next one."""
    pub, sub = PubChannel(chain[0], u"news", history=1 << 20), SubChannel(chain[2], u"news", window=20 * COST)
    pub.wait_for_subscriber(LIMIT)
    for number in range(20):
        pub.send(text(number), timeout=0)
    sent = 20
    for turn in range(6):
        node = chain[turn % 2]
        link = [link for link in node.links if link.peer == u"context %d" % (turn % 2 + 1)][0]
        link.close()
        while True:  # without a subscriber, and while it catches up, the history takes it
            try:
                pub.send(text(sent), timeout=0)
            except yotonlike.WouldBlock:
                break
            sent += 1
            if sent % 100 == 0:
                break
        pub.wait_for_subscriber(LIMIT)
        assert sub.pending <= 20
        for outlet in [outlet for outlets in chain[1].node._outlets.values() for outlet in outlets]:
            assert outlet.queued <= outlet.window
    assert receive(sub, sent - 1) == list(range(sent))


def test_slow_and_live_it_holds_the_publisher_as_without_a_history(pair):
    sub = SubChannel(pair[1], u"news", window=10 * COST)
    pub = PubChannel(pair[0], u"news", history=1 << 20)
    pub.wait_for_subscriber(LIMIT)
    sent = 10 * hops(pair)
    for number in range(sent):
        pub.send(text(number), timeout=LIMIT)
    with pytest.raises(yotonlike.WouldBlock):
        pub.send_nowait(text(sent))
    who, = pub.subscribers
    assert who.blocking and who.behind == 0 and "blocking" in repr(who)
    assert receive(sub, sent - 1) == list(range(sent))
    pub.send(text(sent), timeout=LIMIT)


def test_who_comes_late_and_takes_nothing_holds_the_publisher_at_once(pair):
    pub, sub = comes_late(pair, 1 << 20)
    more = 5 * (hops(pair) - 1)  # a relay takes a window, half of which may follow
    for number in range(80, 80 + more):
        pub.send(text(number), timeout=LIMIT)
    with pytest.raises(yotonlike.WouldBlock):
        pub.send_nowait(text(80 + more))
    who, = pub.subscribers
    assert who.blocking and who.behind == 70 - more and "%d messages behind" % who.behind in repr(who)
    assert receive(sub, 79) == list(range(80)) and sub.dropped == 0


def test_who_comes_late_catches_up_however_fast_the_publisher_is(pair):
    pub, sub = comes_late(pair, 1 << 20)
    read, sent, behind = 0, 80, 70
    while behind:
        assert sent - 80 <= (read + 10 * (hops(pair) - 1)) // 2, "it may publish half of what is taken"
        assert read < 200
        assert numbers([sub.recv(LIMIT)]) == [read]
        read += 1
        sent += send_all(pub, sent)
        if read == sent:
            pub.send(text(sent), timeout=LIMIT)
            sent += 1
        behind = pub.subscribers[0].behind
    assert sent > 80
    assert receive(sub, sent - 1) == list(range(read, sent)) and sub.dropped == 0


def test_a_store_that_shrinks_loses_nothing_that_who_catches_up_needs(linked):
    store = History(100 * COST)
    pub, sub = comes_late(linked, store)
    store.limit = 55 * COST
    sent = 80
    for number in range(80):
        assert numbers([sub.recv(LIMIT)]) == [number]
        sent += send_all(pub, sent)
    assert receive(sub, sent - 1) == list(range(80, sent)) and sub.dropped == 0 and sent > 80


def test_what_is_under_way_is_kept_for_who_catches_up(chain):
    """Its link may be lost: then it needs that again, so the publisher is held early enough."""
    pub = PubChannel(chain[0], u"news", history=100 * COST)
    for number in range(80):
        pub.send(text(number))
    sub, sent = SubChannel(chain[1], u"news", window=30 * COST, gaps=True), 80
    for _ in range(3):
        pub.wait_for_subscriber(LIMIT)
        with pytest.raises(yotonlike.WouldBlock):
            while True:
                pub.send_nowait(text(sent))
                sent += 1
        link, = chain[0].links
        link.close()
    pub.wait_for_subscriber(LIMIT)
    assert receive(sub, sent - 1) == list(range(sent))


def test_lagging_nobody_holds_the_publisher_and_what_is_kept_comes_later(pair):
    sub = SubChannel(pair[1], u"news", window=10 * COST, gaps=True)
    pub = PubChannel(pair[0], u"news", history=1000 * COST, when_slow="lag")
    pub.wait_for_subscriber(LIMIT)
    for number in range(1000):
        pub.send(text(number), timeout=0)
    who, = pub.subscribers
    assert 900 <= who.behind <= 1000 and not who.blocking
    assert receive(sub, 999) == list(range(1000))
    for number in range(1000, 4000):
        pub.send(text(number), timeout=0)
    got = receive(sub, 3999)
    assert check_gaps(list(range(1000)) + got, 4000) == sub.dropped >= 1000
    assert got[-1000:] == list(range(3000, 4000)) and pub.subscribers[0].behind == 0
    pub.send(text(4000), timeout=0)
    assert receive(sub, 4000) == [4000]


@pytest.mark.parametrize("on_full, when_slow", [("block", "drop"), ("drop_oldest", "lag"), ("drop_oldest", "block")])
def test_dropping_it_misses_what_is_more_than_its_window(pair, on_full, when_slow):
    sub = SubChannel(pair[1], u"news", on_full=on_full, window=10 * COST, gaps=True)
    pub = PubChannel(pair[0], u"news", history=1000 * COST, when_slow=when_slow)
    pub.wait_for_subscriber(LIMIT)
    for number in range(900):
        pub.send(text(number), timeout=0)
    got = receive(sub, 899)
    assert check_gaps(got, 900) == sub.dropped >= 850 and got[-10:] == list(range(890, 900))


def test_latest_comes_late_and_gets_the_newest(pair):
    pub = PubChannel(pair[0], u"news", history=1000 * COST)
    for number in range(900):
        pub.send(text(number), timeout=0)
    sub = SubChannel(pair[1], u"news", on_full="latest", window=10 * COST)
    assert receive(sub, 899) == [899] and sub.dropped == 899
    while not pub.subscribers:
        pub.wait_for_subscriber(LIMIT)
    for number in range(900, 2000):
        pub.send(text(number), timeout=0)
    got = receive(sub, 1999)
    assert got == sorted(set(got)) and len(got) + 1 + sub.dropped == 2000


def test_a_publisher_that_closes_leaves_what_somebody_has_yet_to_get(pair):
    history = History(1 << 20)
    pub = PubChannel(pair[0], u"news", history=history)
    for number in range(500):
        pub.send(text(number))
    sub = SubChannel(pair[1], u"news", window=10 * COST)
    pub.wait_for_subscriber(LIMIT)
    pub.close()
    assert history.size
    assert receive(sub, 499) == list(range(500))
    assert not history.size
    late = SubChannel(pair[1], u"news")
    with pytest.raises(yotonlike.WouldBlock):
        late.recv_nowait()


def test_a_publisher_that_closes_with_nobody_behind_lets_its_history_go(linked):
    history = History(1 << 20)
    pub, sub = PubChannel(linked[0], u"news", history=history), SubChannel(linked[1], u"news")
    pub.wait_for_subscriber(LIMIT)
    pub.send(u"a")
    assert history.size
    pub.close()
    assert not history.size and sub.recv(LIMIT) == u"a"
    other = History(100)
    PubChannel(linked[0], u"others", history=other).close()
    behind = History(1000)
    pub = PubChannel(linked[0], u"behind", history=behind)
    for number in range(20):
        pub.send(text(number))
    slow = SubChannel(linked[1], u"behind", window=1)
    pub.wait_for_subscriber(LIMIT)
    pub.close()
    assert behind.size
    slow.close()
    while behind.size:
        linked[0].loop.wait(lambda: not behind.size, linked[0].waiters, None)


def test_flush_and_close_wait_for_those_that_are_behind(linked):
    pub = PubChannel(linked[0], u"news", history=1 << 20)
    for number in range(100):
        pub.send(text(number))
    sub = SubChannel(linked[1], u"news", window=10 * COST)
    pub.wait_for_subscriber(LIMIT)
    with pytest.raises(yotonlike.WouldBlock):
        linked[0].flush(timeout=0)
    assert receive(sub, 95) == list(range(96))
    linked[0].flush(timeout=LIMIT)


def test_two_that_are_behind_share_what_comes_back(linked):
    """Neither publisher's backlog has to wait for the other's end."""
    pubs = [PubChannel(linked[0], u"news", BINARY, history=1 << 20) for _ in range(2)]
    for _ in range(400):
        for name, pub in zip((b"a", b"b"), pubs):
            pub.send(name * 100)
    sub = SubChannel(linked[1], u"news", BINARY, window=20 * 132)
    got = b"".join(sub.recv(LIMIT)[:1] for _ in range(800))
    assert got.count(b"a") == got.count(b"b") == 400
    assert got[:400].count(b"b") > 100 and got[:400].count(b"a") > 100


class Forgetful(History):
    """A store that loses everything at once, as one does whose disk fails."""

    broken = False

    def read(self, number, limit):
        if self.broken:
            self.close()
        return super(Forgetful, self).read(number, limit)


def test_a_store_that_fails_makes_a_gap(linked):
    store = Forgetful(1 << 20)
    pub = PubChannel(linked[0], u"news", history=store, when_slow="lag")
    for number in range(100):
        pub.send(text(number))
    sub = SubChannel(linked[1], u"news", window=10 * COST, gaps=True)
    pub.wait_for_subscriber(LIMIT)
    assert numbers([sub.recv(LIMIT)]) == [0]
    store.broken = True
    got = [0]
    while got[-1] != 9:
        got += numbers([sub.recv(LIMIT)])
    while pub.subscribers[0].behind:  # until the window of these is back
        linked[0].loop.wait(lambda: True, linked[0].waiters, None)
    store.broken = False
    pub.send(text(100))
    got += receive(sub, 100)
    assert got[0] == 0 and got[-1] == 100 and got[-2] == "%d missed" % (101 - len(got) + 1)


def test_a_store_that_was_used_before_goes_on_with_its_numbers(linked):
    store = History(1 << 20)
    store.append([6, 6], b"000000000001")
    pub = PubChannel(linked[0], u"news", history=store)
    pub.send(text(2))
    assert receive(SubChannel(linked[1], u"news", gaps=True), 2) == [0, 1, 2]


@pytest.mark.parametrize("wrong", [dict(history=-1), dict(when_slow="lag"), dict(when_slow="drop"),
                                   dict(history=10, when_slow="no"), dict(when_slow=None)])
def test_arguments_are_checked(linked, wrong):
    with pytest.raises(ValueError):
        PubChannel(linked[0], u"news", **wrong)
    with pytest.raises(ValueError):
        SubChannel(linked[0], u"news", history=-1)


# -- restarted publishers ----------------------------------------------------------------------------------------------

PUBLISHER = """
import binascii, sys, yotonlike
context = yotonlike.Context(sys.argv[1], binascii.unhexlify(sys.argv[2]))
pub = yotonlike.PubChannel(context, u"news", history=1000)
context.connect(sys.argv[3])
for number in range(3):
    pub.send(u"%06d" % number)
sys.stdin.readline()
context.close(20)
"""


class Publisher(object):
    """A process that publishes 0 to 2 to whom its context finds.

    Attributes:
        seen: what comes of that.
    """

    def __init__(self, name, context, sub, start):
        self.name, self.context = name, context
        address = context.listeners[0].address
        key = binascii.hexlify(context.key).decode("ascii")
        self.process = start(PUBLISHER, name, key, address)
        self.seen = []
        while self.seen[-1:] != [2]:
            message = sub.recv(LIMIT)
            self.seen.append(message if type(message) is Gap else int(message))

    def end(self, how):
        """It is killed, or closes its context; returns when that is noticed."""
        if how == "killed":
            self.process.kill()
        else:
            self.process.stream.sendall(b"\n")
            assert self.process.wait() == 0
        self.context.loop.wait(lambda: self.name not in [link.peer for link in self.context._links], self.context.waiters, None)


@pytest.mark.parametrize("hops", [1, 2])
def test_a_publisher_that_was_killed_and_started_again_leaves_a_gap_of_unknown_size(hops, children):
    with LinkedContexts(hops) as contexts:
        relay = contexts[0]
        relay.bind("tcp://127.0.0.1:0")
        sub = SubChannel(contexts[-1], u"news", gaps=True)
        first, other = [Publisher(name, relay, sub, children) for name in ("worker", "other")]
        first.end("killed")
        third = Publisher("third", relay, sub, children)
        again = Publisher("worker", relay, sub, children)
        again.end("closed")
        last = Publisher("worker", relay, sub, children)
        for each in (other, third, last):
            each.end("closed")
        assert other.seen == [0, 1, 2], "it was merely new"
        assert third.seen == [0, 1, 2], "it has another name than the one that is missing"
        assert (again.seen[0].missed, again.seen[0].exact, again.seen[1:]) == (0, False, [0, 1, 2])
        assert last.seen == [0, 1, 2], "the one before had said goodbye"
        assert sub.dropped == 0 and sub.recv_all() == []


def test_a_restarted_server_leaves_a_gap_at_the_subscriber_that_connects_again():
    with yotonlike.Context(u"client", KEY) as client:
        sub, before = SubChannel(client, u"news", gaps=True), None
        server = yotonlike.Context(u"server", KEY)
        address = server.bind("tcp://127.0.0.1:0").address
        client.connect(address, reconnect=True)
        for _ in range(3):
            pub = PubChannel(server, u"news", history=1000)
            pub.send(u"1")
            gap = sub.recv(LIMIT) if before else None
            assert sub.recv(LIMIT) == u"1" and (gap is None or repr(gap) == "<Gap of 0 messages or more>")
            before = server
            with server.guard:
                server._links[0]._lost(yotonlike.PeerLost("without a word"))
            server.close()
            server = yotonlike.Context(u"server", KEY)
            server.bind(address)
        server.close()
