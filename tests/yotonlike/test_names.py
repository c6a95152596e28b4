# -*- coding: utf-8 -*-
"""Names with letters beyond ASCII, of contexts and channels, wherever they are shown; on 2.7 that is no matter of course."""
from __future__ import absolute_import, division, print_function

import pytest
import yotonlike

LIMIT = 20  # seconds
KEY = b"0123456789abcdef0123456789abcdef"
NAMES = [u"caf\xe9", u"\u4e2d\u6587", u"\U0001f40d", u"it's"]


@pytest.fixture(params=NAMES, ids=["latin", "chinese", "astral", "quote"])
def name(request):
    return request.param


@pytest.fixture
def pair(name):
    """(one with a plain name, one with such a name, the link of either)"""
    plain, named = yotonlike.Context(u"plain", KEY), yotonlike.Context(name, KEY)
    link = named.connect(plain.bind("tcp://127.0.0.1:0").address)
    yield plain, named, plain.links[0], link
    named.close()
    plain.close()


def text_of(error):
    """What a program that shows the error does: a native string, and one as part of others."""
    assert isinstance(str(error), str) and isinstance(repr(error), str)
    return u"%s" % error


def raises(error, call):
    with pytest.raises(error) as caught:
        call()
    return text_of(caught.value)


def test_everything_has_a_repr(pair, name):
    plain, named, accepted, link = pair
    channels = [yotonlike.PubChannel(named, name), yotonlike.SubChannel(plain, name), yotonlike.ReqChannel(named, name),
                yotonlike.RepChannel(plain, name, handler=len), yotonlike.StateChannel(named, name)]
    channels[0].wait_for_subscriber(LIMIT)
    other = yotonlike.SubChannel(named, u"other")
    pub = yotonlike.PubChannel(plain, u"other")
    pub.wait_for_subscriber(LIMIT)
    shown = [repr(each) for each in channels + [plain, named, accepted, link, other] + pub.subscribers]
    assert all(isinstance(each, str) for each in shown)
    assert pub.subscribers[0].peer == accepted.peer == named.name == name
    for channel in channels:
        channel.close()
        assert "closed" in repr(channel)


def test_everything_has_an_error_that_can_be_shown(pair, name):
    plain, named, _, link = pair
    sub, pub = yotonlike.SubChannel(named, name, window=40), yotonlike.PubChannel(plain, name)
    pub.wait_for_subscriber(LIMIT)
    raises(yotonlike.WouldBlock, sub.recv_nowait)
    raises(yotonlike.Timeout, lambda: sub.recv(0.001))
    pub.send(u"x")
    raises(yotonlike.WouldBlock, lambda: pub.send_nowait(u"x"))
    raises(yotonlike.Timeout, lambda: yotonlike.PubChannel(named, name + u"2").wait_for_subscriber(0.001))
    raises(yotonlike.NoReplier, lambda: yotonlike.ReqChannel(named, name).request(1, 0.001).result(LIMIT))
    with yotonlike.Context(name, KEY, max_message=10) as short:
        raises(yotonlike.MessageTooBig, lambda: yotonlike.PubChannel(short, name).send(u"x" * 11))
        raises(yotonlike.MessageTooBig, lambda: yotonlike.StateChannel(short, name).send(u"x" * 11))
        raises(yotonlike.MessageTooBig, lambda: yotonlike.ReqChannel(short, name).request(u"x" * 11))
    raises(yotonlike.CycleError, lambda: named.connect(plain.bind("tcp://127.0.0.1:0").address))
    assert sub.recv(LIMIT) == u"x"
    sub.close()
    raises(yotonlike.Closed, sub.recv)
    assert named.close() is True
    assert text_of(link.closed_reason)
    raises(yotonlike.Closed, lambda: yotonlike.SubChannel(named, u"x"))


def test_the_other_end_can_show_why_it_was_left(pair):
    plain, named, accepted, _ = pair
    plain.link_closed.connect(lambda link: None)
    named.close()
    plain.wait(LIMIT, until=lambda: plain.pending or accepted.closed_reason)
    assert "was closed" in text_of(accepted.closed_reason)


def test_a_reason_from_a_newer_python_is_shown_too(pair):
    """There names stand in the reasons as they are."""
    _, _, accepted, _ = pair
    connection = accepted.connection
    for code in (0, 1, 2):
        accepted._gone, accepted.connection = False, connection
        with accepted._context.guard:
            accepted.on_bye(code, u"The context 'caf\xe9' was closed.")
        assert u"caf" in text_of(accepted.closed_reason)


def test_a_replier_tells_what_it_does_not_serve(pair, name):
    plain, named, _, _ = pair
    with yotonlike.RepChannel(plain, name, target=[1], methods=("count",)):
        req = yotonlike.ReqChannel(named, name)
        assert u"plain requests" in raises(yotonlike.RemoteError, lambda: req.request(1).result(LIMIT))
        assert u"no method" in raises(yotonlike.RemoteError, lambda: req.call("index").result(LIMIT))


def test_the_text_of_a_remote_error(pair, name):
    def handler(message):
        raise ValueError(name)

    plain, named, _, _ = pair
    with yotonlike.RepChannel(plain, u"fails", handler=handler):
        with pytest.raises(yotonlike.RemoteError) as caught:
            yotonlike.ReqChannel(named, u"fails").request(1).result(LIMIT)
    assert caught.value.message == name
    assert text_of(caught.value) == u"ValueError: " + name


def test_a_native_string_of_2_7_is_taken_for_utf_8():
    with yotonlike.Context("caf\u00e9" if str is not bytes else b"caf\xc3\xa9") as context:
        assert context.name == u"caf\xe9"
