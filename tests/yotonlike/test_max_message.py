"""Contexts that take messages of different lengths: what is too long for one is missed there, and nothing else happens."""
from __future__ import absolute_import, division, print_function

import pytest
import yotonlike
from yotonlike.protocol.credit import Batch
from yotonlike.testing import LinkedContexts

LIMIT = 20  # seconds
KEY = b"0123456789abcdef0123456789abcdef"
LONG = b"x" * 300000  # travels in fragments, whose total the receiver looks at


@pytest.fixture(params=[1, 2, 3], ids=["one hop", "two hops", "two hops, and the relay takes less"])
def far(request):
    """(a context that takes long messages, one behind ``request.param`` hops to which they cannot get, all links)"""
    limits = {1: (1 << 30, 100000), 2: (1 << 30, 1 << 30, 100000), 3: (1 << 30, 100000, 1 << 30)}[request.param]
    contexts, links = [yotonlike.Context(u"%d" % limit, KEY, max_message=limit) for limit in limits], []
    for one, other in zip(contexts, contexts[1:]):
        links.append(other.connect(one.bind("tcp://127.0.0.1:0").address, reconnect=True))
    yield contexts[0], contexts[-1], links
    assert [link.closed_reason for link in links] == [None] * len(links)
    for context in contexts:
        context.close()


@pytest.mark.parametrize("history", [0, 1 << 20])
def test_a_subscription_misses_it_and_goes_on(far, history):
    near, far, _ = far
    pub = yotonlike.PubChannel(near, u"news", yotonlike.BINARY, history=history)
    sub = yotonlike.SubChannel(far, u"news", yotonlike.BINARY, gaps=True)
    here = yotonlike.SubChannel(near, u"news", yotonlike.BINARY)
    while pub.wait_for_subscriber(LIMIT) < 2:
        near.wait(0.01)
    for message in (b"1", LONG, LONG, b"2", LONG, b"3"):
        pub.send(message, LIMIT)
    got = [sub.recv(LIMIT) for _ in range(5)]
    assert [getattr(each, "missed", each) for each in got] == [b"1", 2, b"2", 1, b"3"]
    assert sub.dropped == 3
    assert [len(here.recv(LIMIT)) for _ in range(6)] == [1, len(LONG), len(LONG), 1, len(LONG), 1]
    here.close()
    for _ in range(20):  # several windows of what is skipped: on no hop are they used up
        pub.send(LONG, LIMIT)
        pub.send(b"short", LIMIT)
        assert (sub.recv(LIMIT).missed, sub.recv(LIMIT)) == (1, b"short")


def test_a_request_that_cannot_get_there_says_so(far):
    near, far, _ = far
    rep = yotonlike.RepChannel(far, u"length", yotonlike.BINARY, handler=lambda data: (u"%d" % len(data)).encode("ascii"))
    req = yotonlike.ReqChannel(near, u"length", yotonlike.BINARY)
    for _ in range(5):
        with pytest.raises(yotonlike.MessageTooBig):
            req.request(LONG).result(LIMIT)
        assert req.request(b"123").result(LIMIT) == b"3"
    rep.close()


def test_an_answer_that_cannot_get_back_says_so(far):
    near, far, _ = far
    rep = yotonlike.RepChannel(near, u"bytes", yotonlike.BINARY, handler=lambda data: LONG if data else data)
    req = yotonlike.ReqChannel(far, u"bytes", yotonlike.BINARY)
    for _ in range(5):
        with pytest.raises(yotonlike.MessageTooBig):
            req.request(b"long").result(LIMIT)
        assert req.request(b"").result(LIMIT) == b""
    rep.close()


def test_a_state_keeps_the_value_before(far):
    near, far, _ = far
    here, there = yotonlike.StateChannel(near, u"mode", yotonlike.BINARY), yotonlike.StateChannel(far, u"mode", yotonlike.BINARY)
    values = []
    there.changed.connect(values.append)
    for value in (b"1", LONG, b"2"):
        here.send(value)
    while b"2" not in values:
        far.wait(LIMIT)
        far.process_events()
    assert LONG not in values


def test_short_messages_count_as_well():
    with LinkedContexts(1) as (near,):
        with yotonlike.Context(u"far", near.key, max_message=10) as far:
            far.connect(near.bind("tcp://127.0.0.1:0").address)
            pub, sub = yotonlike.PubChannel(near, u"news"), yotonlike.SubChannel(far, u"news")
            pub.wait_for_subscriber(LIMIT)
            for number in range(100):
                pub.send(u"x" * (number % 20))
            assert [len(sub.recv(LIMIT)) for _ in range(55)] == 5 * list(range(11))
            assert sub.dropped == 36  # 45, but the last 9 show only with the next


def test_a_batch_without_its_long_messages():
    returned = []

    class Origin(object):
        owner = None

        def consume(self, inlet, cost):
            returned.append(cost)

    origin = Origin()
    origin.owner = origin
    batch = Batch(b"e" * 16, 7, (1, 5, 5, 2, 6), b"abbbbbcccccddeeeeee", origin)
    parts = batch.without(4)
    assert [(part.number, part.data) for part in parts] == [(7, b"a"), (10, b"dd")]
    assert sum(part.cost for part in parts) + sum(returned) == batch.cost
    assert [part.data for part in batch.without(6)] == [batch.data]
    assert batch.without(0) == []
