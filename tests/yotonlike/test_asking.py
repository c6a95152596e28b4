"""Requests, answers and state over real sockets."""
from __future__ import absolute_import, division, print_function

import os
import select
import subprocess
import sys
import threading

import pytest
import yotonlike

LIMIT = 20  # seconds that a test waits for what has to come
KEY = b"0123456789abcdef0123456789abcdef"


@pytest.fixture(params=["link", "hops", "local"])
def pair(request):
    """Two contexts that reach each other: over one link, over two, or because they are the same."""
    contexts = [yotonlike.Context(u"one", KEY)]
    for number in range({"local": 0, "link": 1, "hops": 2}[request.param]):
        contexts.append(yotonlike.Context(u"%d" % number, KEY))
        contexts[-1].connect(contexts[-2].bind("tcp://127.0.0.1:0").address)
    yield contexts[0], contexts[-1]
    for context in contexts:
        context.close()


def until(condition):
    """Wait for what another thread does, and has no event for."""
    while not condition():
        select.select([], [], [], 0.001)


def double(value):
    """A handler."""
    return value * 2


def test_a_handler_answers(pair):
    with yotonlike.RepChannel(pair[1], u"calc", handler=double), yotonlike.ReqChannel(pair[0], u"calc") as req:
        assert req.request(21).result(LIMIT) == 42
        futures = [req.request(u"x" * number) for number in range(100)]
        assert [future.result(LIMIT) for future in futures] == [u"x" * 2 * number for number in range(100)]
        assert req.request(b"y" * 300000).result(LIMIT) == b"y" * 600000


class Calculator(object):
    """A target."""

    def add(self, one, two):
        """Served."""
        return one + two

    def secret(self):
        """Not served."""
        return u"secret"


def test_methods_of_a_registered_object(pair):
    with yotonlike.RepChannel(pair[1], u"calc", target=Calculator(), methods=("add",)):
        with yotonlike.ReqChannel(pair[0], u"calc") as req:
            assert req.call("add", 3, 4).result(LIMIT) == 7
            assert req.call("add", one=3, two=5).result(LIMIT) == 8
            for call in (lambda: req.call("secret"), lambda: req.call("__init__"), lambda: req.request(1)):
                with pytest.raises(yotonlike.RemoteError):
                    call().result(LIMIT)


class Anything(object):
    """A target."""

    def names(*args, **kwargs):
        """What it was called with."""
        return [list(args[1:]), kwargs]


def test_a_remote_parameter_may_have_any_name(pair):
    with yotonlike.RepChannel(pair[1], u"calc", target=Anything(), methods=("names",)):
        with yotonlike.ReqChannel(pair[0], u"calc") as req:
            named = {"method": 1, "timeout": 2, "args": 3, "kwargs": 4, "name": 5}
            assert req.call("names", 0, **named).result(LIMIT) == [[0], named]
            with pytest.raises(TypeError):
                req.call()


def test_what_a_handler_raises_comes_back(pair):
    def fails(value):
        raise KeyError(value)

    with yotonlike.RepChannel(pair[1], u"calc", handler=fails), yotonlike.ReqChannel(pair[0], u"calc") as req:
        with pytest.raises(yotonlike.RemoteError) as caught:
            req.request(u"nothing").result(LIMIT)
        assert caught.value.type == u"KeyError"
        assert u"nothing" in caught.value.message
        assert u"fails" in caught.value.traceback and u"Traceback" in caught.value.traceback
        assert "KeyError" in str(caught.value)


def test_an_answer_that_cannot_travel_is_an_error_of_the_handler(pair):
    with yotonlike.RepChannel(pair[1], u"calc", handler=lambda value: object()):
        with yotonlike.ReqChannel(pair[0], u"calc") as req:
            with pytest.raises(yotonlike.RemoteError) as caught:
                req.request(1).result(LIMIT)
            assert caught.value.type == u"EncodeError"
            with pytest.raises(yotonlike.EncodeError):
                req.request(object())


def test_handlers_run_in_order_in_one_thread_and_may_ask_themselves(pair):
    seen, threads = [], set()
    other = yotonlike.RepChannel(pair[1], u"other", handler=double)
    inner = yotonlike.ReqChannel(pair[1], u"other")

    def handler(value):
        seen.append(value)
        threads.add(threading.current_thread().ident)
        return inner.request(value).result(LIMIT)

    with yotonlike.RepChannel(pair[1], u"calc", handler=handler), yotonlike.ReqChannel(pair[0], u"calc") as req:
        futures = [req.request(number) for number in range(20)]
        assert [future.result(LIMIT) for future in futures] == [2 * number for number in range(20)]
    assert seen == list(range(20)) and len(threads) == 1
    other.close()


def test_handlers_in_process_events_and_answers_that_come_later(pair):
    promised = []

    def handler(value):
        promised.append(yotonlike.Future())
        return promised[-1]

    rep = yotonlike.RepChannel(pair[1], u"calc", handler=handler, events=True)
    req = yotonlike.ReqChannel(pair[0], u"calc")
    good, bad = req.request(1), req.request(2)
    while len(promised) < 2:
        assert select.select([pair[1]], [], [], LIMIT)[0]
        pair[1].process_events()
    assert not good.done()
    promised[0].set_result(u"late")
    promised[1].set_exception(ValueError(u"sorry"))
    assert good.result(LIMIT) == u"late"
    with pytest.raises(yotonlike.RemoteError) as caught:
        bad.result(LIMIT)
    assert caught.value.type == u"ValueError"
    rep.close()


def test_several_repliers_share_the_load():
    one = yotonlike.Context(u"one", KEY)
    address = one.bind("tcp://127.0.0.1:0").address
    served, gate, others = {}, threading.Event(), []
    req = yotonlike.ReqChannel(one, u"work")
    for name in (u"a", u"b", u"c"):
        other = yotonlike.Context(name, KEY)

        def handler(value, name=name):
            served[name] = served.get(name, 0) + 1
            gate.wait(LIMIT)
            return name

        others.append((other, yotonlike.RepChannel(other, u"work", handler=handler)))
        other.connect(address)
    until(lambda: len(one.links) == 3 and all(link.state == "alive" for link in one.links))
    assert req.request(0, timeout=LIMIT) is not None
    futures = [req.request(number) for number in range(8)]
    until(lambda: len(served) == 3)
    gate.set()
    assert set(future.result(LIMIT) for future in futures) == {u"a", u"b", u"c"}
    assert served == {u"a": 3, u"b": 3, u"c": 3}
    for other, _ in others:
        other.close()
    one.close()


def test_time_limits_and_cancelling(pair):
    gate, served = threading.Event(), []

    def handler(value):
        served.append(value)
        gate.wait(LIMIT)
        return value

    rep = yotonlike.RepChannel(pair[1], u"calc", handler=handler)
    req = yotonlike.ReqChannel(pair[0], u"calc")
    first = req.request(u"first")
    until(lambda: served)
    late = req.request(u"late", timeout=0.01)
    cancelled = req.request(u"cancelled")
    with pytest.raises(yotonlike.Timeout):
        first.result(0.01)
    with pytest.raises(yotonlike.Timeout):
        late.result(LIMIT)
    assert cancelled.cancel() and cancelled.cancelled() and cancelled.done()
    with pytest.raises(yotonlike.Cancelled):
        cancelled.result(LIMIT)
    other = yotonlike.RepChannel(pair[1], u"other", handler=double)
    assert yotonlike.ReqChannel(pair[0], u"other").request(1).result(LIMIT) == 2  # what went before has arrived, too
    gate.set()
    assert first.result(LIMIT) == u"first" and not first.cancel()
    assert req.request(u"last").result(LIMIT) == u"last"
    assert served == [u"first", u"last"]
    rep.close()
    other.close()


def test_nobody_serves(pair):
    req = yotonlike.ReqChannel(pair[0], u"misspelt")
    with pytest.raises(yotonlike.NoReplier):
        req.request(1, timeout=0.01).result(LIMIT)
    future = req.request(2)
    with yotonlike.RepChannel(pair[1], u"misspelt", handler=double):
        assert future.result(LIMIT) == 4


def test_a_replier_that_is_closed_or_killed_fails_what_it_had(pair):
    gate = threading.Event()
    rep = yotonlike.RepChannel(pair[1], u"calc", handler=lambda value: gate.wait(LIMIT))
    req = yotonlike.ReqChannel(pair[0], u"calc")
    futures = [req.request(1), req.request(2)]
    until(lambda: not rep.holds() and len(req.context.node.requests) == 2)
    rep.close()
    for future in futures:
        assert isinstance(future.exception(LIMIT), yotonlike.PeerLost)
    gate.set()


def test_a_replier_process_that_is_killed():
    with yotonlike.Context(u"one", KEY) as one:
        address = one.bind("tcp://127.0.0.1:0").address
        child = subprocess.Popen([sys.executable, "-c", (
            "import sys; sys.path.insert(0, %r); import os, yotonlike\n"
            "context = yotonlike.Context(u'two', %r)\n"
            "rep = yotonlike.RepChannel(context, u'die', handler=lambda value: os.kill(os.getpid(), 9))\n"
            "context.connect(%r); sys.stdin.read()") % (os.getcwd(), KEY, address)], stdin=subprocess.PIPE)
        req = yotonlike.ReqChannel(one, u"die")
        with pytest.raises(yotonlike.PeerLost):
            req.request(1, timeout=LIMIT).result(LIMIT)
        assert child.wait() == -9
        child.stdin.close()


def test_closing_the_requester_or_its_context_fails_what_waits(pair):
    gate = threading.Event()
    rep = yotonlike.RepChannel(pair[1], u"calc", handler=lambda value: gate.wait(LIMIT))
    req = yotonlike.ReqChannel(pair[0], u"calc")
    future = req.request(1)
    req.close()
    assert isinstance(future.exception(LIMIT), yotonlike.Closed)
    with pytest.raises(yotonlike.Closed):
        req.request(2)
    gate.set()
    rep.close()


def test_what_a_done_callback_raises_concerns_nobody_else(pair, monkeypatch):
    seen, reported = [], []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: reported.append(kind))

    def fails(future):
        raise ValueError("of the callback")

    own = yotonlike.Future()
    with yotonlike.RepChannel(pair[1], u"calc", handler=lambda value: own), yotonlike.ReqChannel(pair[0], u"calc") as req:
        asked = req.request(1)
        for future in (own, asked):
            future.add_done_callback(fails)
            future.add_done_callback(seen.append)
        own.set_result(5)
        assert asked.result(LIMIT) == 5 and seen == [own, asked]
        own.add_done_callback(fails)
        own.add_done_callback(seen.append)
        assert seen == [own, asked, own] and reported == [ValueError] * 3


def test_done_callbacks(pair):
    with yotonlike.RepChannel(pair[1], u"calc", handler=double), yotonlike.ReqChannel(pair[0], u"calc") as req:
        seen = []
        future = req.request(1)
        future.add_done_callback(lambda done: seen.append(done.result(0)))
        while not seen:
            assert select.select([pair[0]], [], [], LIMIT)[0]
            pair[0].process_events()
        future.add_done_callback(lambda done: seen.append(done.result(0)))
        assert seen == [2, 2]


# -- state -------------------------------------------------------------------------------------------------------------


def test_a_state_reaches_the_others_and_whoever_joins(pair):
    one, two = (yotonlike.StateChannel(context, u"mode") for context in pair)
    assert one.value is None and two.value is None
    one.send(u"busy")
    until(lambda: two.value == u"busy")
    late = yotonlike.StateChannel(pair[1], u"mode")
    until(lambda: late.value == u"busy")
    two.send({u"now": u"idle"})
    until(lambda: one.value == late.value == {u"now": u"idle"})


def test_changed_comes_whether_it_was_connected_before_the_value_or_after(pair):
    one, two, three = [yotonlike.StateChannel(context, u"mode") for context in (pair[0], pair[1], pair[1])]
    got, own, pump = [], [], pair[1].process_events

    def arrived(value):
        until(lambda: two.value == value and three.value == value)

    one.send(u"busy")
    arrived(u"busy")
    two.changed.connect(got.append)
    pump()
    assert got == [u"busy"]
    two.changed.disconnect(got.append)
    one.send(u"idle")
    arrived(u"idle")
    pump()
    two.changed.connect(got.append)
    pump()
    assert got == [u"busy", u"idle"]
    three.send(u"over")
    three.changed.connect(own.append)
    pump()
    pump()
    assert own == [] and three.value == u"over" and got[-1] == u"over", "what is set here is no news here"


def test_states_set_at_the_same_time_agree(pair):
    channels = [yotonlike.StateChannel(context, u"mode") for context in pair]
    for number in range(200):
        for index, channel in enumerate(channels):
            channel.send([index, number])
    until(lambda: channels[0].value == channels[1].value)
    channels[0].send(u"last")
    until(lambda: channels[1].value == u"last")


def test_a_change_is_told(pair):
    one, two = (yotonlike.StateChannel(context, u"mode") for context in pair)
    seen = []
    two.changed.connect(seen.append)
    for number in range(1000):
        one.send(number)
    while not seen or seen[-1] != 999:
        assert select.select([pair[1]], [], [], LIMIT)[0]
        pair[1].process_events()
    assert seen == sorted(set(seen))
