"""A time limit of 0: what cannot be done at once raises WouldBlock, whatever it is."""
from __future__ import absolute_import, division, print_function

import socket

import pytest
import yotonlike
from yotonlike.testing import LinkedContexts

LIMIT = 20  # seconds


@pytest.fixture
def linked():
    with LinkedContexts(2) as contexts:
        yield contexts


def test_with_nothing_to_wait_for_it_is_done(linked):
    pub, sub = yotonlike.PubChannel(linked[0], u"news"), yotonlike.SubChannel(linked[1], u"news")
    pub.wait_for_subscriber(LIMIT)
    assert pub.wait_for_subscriber(0) == 1
    assert pub.send(u"x", 0) == 1
    assert sub.recv(LIMIT) == u"x"
    linked[1].flush(0)
    future = yotonlike.Future()
    future.set_result(1)
    assert (future.result(0), future.exception(0)) == (1, None)
    assert linked[0].wait(0) == ([], [])


@pytest.mark.parametrize("call", [
    lambda context, pub, sub: sub.recv(0),
    lambda context, pub, sub: sub.recv_nowait(),
    lambda context, pub, sub: pub.send(u"x", 0),
    lambda context, pub, sub: pub.send_nowait(u"x"),
    lambda context, pub, sub: yotonlike.PubChannel(context, u"nobody").wait_for_subscriber(0),
    lambda context, pub, sub: yotonlike.ReqChannel(context, u"nobody").request(1).result(0),
    lambda context, pub, sub: yotonlike.ReqChannel(context, u"nobody").request(1).exception(0),
    lambda context, pub, sub: yotonlike.Future().result(0),
    lambda context, pub, sub: yotonlike.Future().exception(0),
], ids=["recv", "recv_nowait", "send", "send_nowait", "wait_for_subscriber", "result", "exception", "own result",
        "own exception"])
def test_with_something_to_wait_for_it_would_block(linked, call):
    sub = yotonlike.SubChannel(linked[0], u"news", window=40)
    full, pub = yotonlike.SubChannel(linked[1], u"full", window=40), yotonlike.PubChannel(linked[0], u"full")
    pub.wait_for_subscriber(LIMIT)
    pub.send(u"x")
    with pytest.raises(yotonlike.WouldBlock):
        call(linked[0], pub, sub)
    full.close()


def test_flush_and_close(linked):
    """A subscription that drops lets the newest message of its publisher wait here."""
    yotonlike.SubChannel(linked[1], u"news", on_full="drop_oldest", window=100)
    pub = yotonlike.PubChannel(linked[0], u"news")
    pub.wait_for_subscriber(LIMIT)
    for _ in range(10):
        pub.send(u"x" * 60)
    with pytest.raises(yotonlike.WouldBlock):
        linked[0].flush(0)
    assert linked[0].close(0) is False


def test_connect():
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen(1)
    with yotonlike.Context() as context:
        with pytest.raises(yotonlike.WouldBlock):
            context.connect("tcp://127.0.0.1:%d" % silent.getsockname()[1], 0)
        assert context.links == []
    silent.close()
