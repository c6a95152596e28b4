"""Repliers at their edges: closing from a handler, answers that wait, windows that are full, Ctrl-C, limits."""
from __future__ import absolute_import, division, print_function

import select
import threading

import pytest
import yotonlike

LIMIT = 20  # seconds that a test waits for what has to come
KEY = b"0123456789abcdef0123456789abcdef"


@pytest.fixture
def max_message():
    return 1 << 24


@pytest.fixture(params=["link", "hops", "local"])
def pair(request, max_message):
    """A context that asks and one that answers."""
    contexts = [yotonlike.Context(u"%d" % number, KEY, max_message=max_message) for number in range(
        {"link": 2, "hops": 4, "local": 1}[request.param])]
    for one, other in zip(contexts, contexts[1:]):
        other.connect(one.bind("tcp://127.0.0.1:0").address)
    yield contexts[0], contexts[-1]
    for context in contexts:
        context.close(1.0)


def test_a_handler_may_close_its_channel_and_still_answers(pair):
    asker, server = pair
    served, both = [], threading.Event()

    def last(message):
        served.append(message)
        assert both.wait(LIMIT)
        rep.close()
        return [message] * 3

    for name, events in ((u"thread", False), (u"events", True)):
        rep = yotonlike.RepChannel(server, name, handler=last, events=events)
        req = yotonlike.ReqChannel(asker, name)
        first, second = req.request(1, LIMIT), req.request(2, LIMIT)
        both.set()
        if events:
            while len(served) < 2:
                assert select.select([server.fileno()], [], [], LIMIT)[0]
                server.process_events()
        assert first.result(LIMIT) == [1, 1, 1]
        with pytest.raises(yotonlike.PeerLost):
            second.result(LIMIT)
        with pytest.raises((yotonlike.NoReplier, yotonlike.PeerLost)):  # as far as the news has come
            req.request(3, 0.02).result(LIMIT)
        req.close()
        both.clear()
    assert served == [1, 1]


@pytest.mark.parametrize("events", [False, True])
@pytest.mark.parametrize("end", ["answers", "raises"])
def test_a_handler_may_close_its_context_and_still_answers(pair, events, end):
    asker, server = pair

    def last(size):
        assert server.close(LIMIT)
        if end == "raises":
            raise KeyError("after the end")
        return b"x" * size

    yotonlike.RepChannel(server, u"stop", handler=last, events=events)
    future = yotonlike.ReqChannel(asker, u"stop").request(1000000)
    if events:
        while not server.closed:
            assert select.select([server.fileno()], [], [], LIMIT)[0]
            server.process_events()
    if end == "raises":
        with pytest.raises(yotonlike.RemoteError):
            future.result(LIMIT)
    else:
        assert len(future.result(LIMIT)) == 1000000


def test_a_handler_within_a_handler_may_close_the_context():
    """The outer one runs callbacks while it waits; both answers arrive."""
    with yotonlike.Context(u"asker", KEY) as asker, yotonlike.Context(u"server", KEY) as server:
        server.connect(asker.bind("tcp://127.0.0.1:0").address)
        begun = []

        def outer(message):
            begun.append(message)
            while len(begun) < 2:
                server.wait(LIMIT)
                server.process_events()
            return message

        def inner(message):
            begun.append(message)
            server.close(LIMIT)
            return message

        yotonlike.RepChannel(server, u"outer", handler=outer, events=True)
        yotonlike.RepChannel(server, u"inner", handler=inner, events=True)
        first = yotonlike.ReqChannel(asker, u"outer").request(1)
        server.wait(LIMIT)
        second = yotonlike.ReqChannel(asker, u"inner").request(2)
        server.process_events()
        assert server.closed and first.result(LIMIT) == 1 and second.result(LIMIT) == 2


def test_where_no_thread_can_start_requests_are_answered_with_that(pair, monkeypatch):
    """As on 3.12 while the interpreter ends; where it passes, as with a limit of threads, the next one is served."""
    from yotonlike.channels import replier
    asker, server = pair
    start, failures = replier.start_new_thread, [1, 2]

    def start_or_fail(function, arguments):
        if failures:
            failures.pop()
            raise replier.ThreadError("can't start new thread")
        return start(function, arguments)

    monkeypatch.setattr(replier, "start_new_thread", start_or_fail)
    yotonlike.RepChannel(server, u"late", handler=lambda message: message)
    req = yotonlike.ReqChannel(asker, u"late")
    futures = [req.request(number) for number in range(4)]
    for future in futures[:2]:
        with pytest.raises(yotonlike.RemoteError) as caught:
            future.result(LIMIT)
        assert "start new thread" in caught.value.message
    assert [future.result(LIMIT) for future in futures[2:]] == [2, 3]


def test_long_answers_are_not_lost_when_the_channel_closes_behind_them(pair):
    asker, server = pair
    sizes = [5000000, 4000000, 1, 3000000]
    begun, all_begun = [], threading.Event()

    def long(size):
        begun.append(size)
        if len(begun) == len(sizes):
            all_begun.set()
        return b"x" * size

    rep = yotonlike.RepChannel(server, u"long", handler=long)
    req = yotonlike.ReqChannel(asker, u"long")
    futures = [req.request(size) for size in sizes]
    assert all_begun.wait(LIMIT)
    yotonlike.ReqChannel(server, u"long").request(0).result(LIMIT)  # served after them, in the same thread
    rep.close()
    assert [len(future.result(LIMIT)) for future in futures] == sizes


def test_more_requests_than_the_window_holds(pair):
    asker, server = pair
    running, go_on = threading.Event(), threading.Event()

    def slow(message):
        running.set()
        assert go_on.wait(LIMIT)
        return message[:2]

    rep = yotonlike.RepChannel(server, u"slow", handler=slow, window=500)
    other = yotonlike.RepChannel(server, u"other", handler=lambda message: message)
    req = yotonlike.ReqChannel(asker, u"slow")
    futures = [req.request((u"%02d" % number) + u"x" * 100) for number in range(50)]
    assert running.wait(LIMIT)
    assert yotonlike.ReqChannel(asker, u"other").request(5).result(LIMIT) == 5, "another channel is not held up"
    assert all(future.cancel() for future in futures[40:])
    go_on.set()
    assert [future.result(LIMIT) for future in futures[:40]] == [u"%02d" % number for number in range(40)]
    assert rep and other


def test_a_deadline_that_passes_before_the_handler_begins(pair):
    asker, server = pair
    served, go_on = [], threading.Event()

    def slow(message):
        served.append(message)
        assert go_on.wait(LIMIT)

    rep = yotonlike.RepChannel(server, u"slow", handler=slow)
    req = yotonlike.ReqChannel(asker, u"slow")
    first, second = req.request(1), req.request(2, timeout=0.05)
    with pytest.raises(yotonlike.Timeout):
        second.result(LIMIT)
    third = req.request(3)
    other = yotonlike.RepChannel(server, u"other", handler=lambda message: message)
    assert yotonlike.ReqChannel(asker, u"other").request(0).result(LIMIT) == 0 and other  # so the second has arrived, too,
    with pytest.raises(yotonlike.Timeout):
        req.request(4, timeout=0.05).result(LIMIT)  # and since then its time has passed there as well
    go_on.set()
    third.result(LIMIT)
    assert first.result(LIMIT) is None and served[:2] == [1, 3] and rep


@pytest.mark.parametrize("max_message", [1 << 20])
def test_an_answer_above_the_limit(pair, max_message):
    asker, server = pair
    rep = yotonlike.RepChannel(server, u"big", handler=lambda size: b"x" * size)
    req = yotonlike.ReqChannel(asker, u"big")
    with pytest.raises(yotonlike.RemoteError) as caught:
        req.request(max_message + 1).result(LIMIT)
    assert caught.value.type == "MessageTooBig" and "max_message" in caught.value.message
    with pytest.raises(yotonlike.MessageTooBig):
        req.request(b"x" * max_message)
    with pytest.raises(yotonlike.EncodeError):
        req.request(object())
    assert len(req.request(max_message // 2).result(LIMIT)) == max_message // 2 and rep


class Odd(yotonlike.MessageType):
    """Takes any text, and reads only one."""

    name = "odd"

    def encode(self, value):
        return value.encode("ascii")

    def decode(self, data):
        if data != b"even":
            raise KeyError("odd")
        return u"even"


def test_what_cannot_be_decoded_at_either_end(pair):
    asker, server = pair
    rep = yotonlike.RepChannel(server, u"odd", Odd(), handler=lambda message: u"strange")
    req = yotonlike.ReqChannel(asker, u"odd", Odd())
    with pytest.raises(yotonlike.DecodeError):
        req.request(u"even").result(LIMIT)
    with pytest.raises(yotonlike.RemoteError) as caught:
        req.request(u"odd").result(LIMIT)
    assert caught.value.type == "DecodeError" and rep


def test_ctrl_c_in_process_events_is_the_callers_and_the_requester_hears_of_it(pair):
    asker, server = pair

    def interrupted(message):
        raise KeyboardInterrupt("now")

    rep = yotonlike.RepChannel(server, u"calc", handler=interrupted, events=True)
    future = yotonlike.ReqChannel(asker, u"calc").request(1)
    select.select([server.fileno()], [], [], LIMIT)
    with pytest.raises(KeyboardInterrupt):
        server.process_events()
    with pytest.raises(yotonlike.RemoteError) as caught:
        future.result(LIMIT)
    assert caught.value.type == "KeyboardInterrupt" and rep


def test_states_reach_everybody_over_hops_and_agree(pair):
    """Set by many at the same time, faster than links take them: the last one is the same everywhere."""
    asker, server = pair
    states = [yotonlike.StateChannel(context, u"mode") for context in (asker, server, asker, server)]

    def set_often(state, tag):
        for number in range(100):
            state.send([tag, number, u"x" * 1000])

    threads = [threading.Thread(target=set_often, args=(state, tag)) for tag, state in enumerate(states)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    states[0].send(u"over")
    waiter = yotonlike.transport.waiting.Waiter()
    for context in (asker, server):
        context.flush(LIMIT)
    last = states[0].value
    for _ in range(2000):
        values = [state.value for state in states]
        if all(value == values[0] for value in values):
            break
        waiter.wait(0.01)
    assert all(state.value == states[0].value for state in states) and last is not None
    late = yotonlike.StateChannel(server, u"mode")
    assert late.value == states[0].value
