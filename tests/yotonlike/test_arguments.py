"""What a program gives to a constructor is looked at there: a wrong number must not end links later, ours or a peer's."""
from __future__ import absolute_import, division, print_function

import pytest
import yotonlike

LIMIT = 20  # seconds
KEY = b"0123456789abcdef0123456789abcdef"
NAN, INFINITY = float("nan"), float("inf")
NO_SIZES = [(-1, ValueError), (0.5, ValueError), (NAN, ValueError), (INFINITY, ValueError), (1 << 62, ValueError),
            (1e30, ValueError), (u"1", TypeError), ([], TypeError), (int, TypeError)]


@pytest.fixture
def context():
    with yotonlike.Context(u"here", KEY) as made:
        yield made


def at_least_one(cases):
    return cases + [(0, ValueError), (0.0, ValueError), (None, TypeError)]


@pytest.mark.parametrize("window, error", at_least_one(NO_SIZES), ids=repr)
def test_windows(context, window, error):
    with pytest.raises(error):
        yotonlike.SubChannel(context, u"news", window=window)
    with pytest.raises(error):
        yotonlike.RepChannel(context, u"calc", handler=len, window=window)
    assert not context.channels


@pytest.mark.parametrize("history, error", NO_SIZES, ids=repr)
def test_histories(context, history, error):
    with pytest.raises(error):
        yotonlike.SubChannel(context, u"news", history=history)
    with pytest.raises(error):
        yotonlike.PubChannel(context, u"news", history=history)
    with pytest.raises(error):
        yotonlike.History(history)


def test_a_list_is_no_store(context):
    with pytest.raises(TypeError) as caught:
        yotonlike.PubChannel(context, u"news", history=[1, 2])
    assert "list has no first, next, read, room, tail, close" in str(caught.value)
    with pytest.raises(TypeError):
        yotonlike.PubChannel(context, u"news", history=None)


@pytest.mark.parametrize("size, error", at_least_one(NO_SIZES), ids=repr)
def test_max_message(size, error):
    with pytest.raises(error):
        yotonlike.Context(max_message=size)


@pytest.mark.parametrize("seconds, error", [
    (0, ValueError), (-1, ValueError), (0.0001, ValueError), (NAN, ValueError), (INFINITY, ValueError), (1e7, ValueError),
    (u"1", TypeError), (None, TypeError)], ids=repr)
def test_heartbeats(seconds, error):
    with pytest.raises(error):
        yotonlike.Context(heartbeat=seconds)


@pytest.mark.parametrize("name, error", [(u"\xe9" * 513, ValueError), (u"x" * 1025, ValueError), (None, TypeError),
                                         (5, TypeError)])
def test_names(context, name, error):
    with pytest.raises(error):
        yotonlike.Context(name)
    with pytest.raises(error):
        yotonlike.SubChannel(context, name)
    with pytest.raises(ValueError):
        yotonlike.SubChannel(context, u"")


def test_whole_floats_travel_as_the_numbers_that_they_are(context):
    with yotonlike.Context(u"\xe9" * 512, KEY, heartbeat=2, max_message=1e6) as peer:
        link = peer.connect(context.bind("tcp://127.0.0.1:0").address)
        sub = yotonlike.SubChannel(context, u"x" * 1024, window=1e6, history=1e5)
        pub = yotonlike.PubChannel(peer, u"x" * 1024, history=1e5)
        rep = yotonlike.RepChannel(context, u"calc", handler=lambda value: value, window=1e4)
        pub.wait_for_subscriber(LIMIT)
        pub.send(u"text")
        assert sub.recv(LIMIT) == u"text"
        assert pub.subscribers[0].window == 1000000
        assert yotonlike.ReqChannel(peer, u"calc").request(7).result(LIMIT) == 7
        assert link.state == "alive"
        rep.close()


@pytest.mark.parametrize("heartbeat", [0.001, 4e6])
def test_the_shortest_and_the_longest_heartbeat(context, heartbeat):
    with yotonlike.Context(u"peer", KEY, heartbeat=heartbeat) as peer:
        assert peer.connect(context.bind("tcp://127.0.0.1:0").address).state in ("alive", "silent")
