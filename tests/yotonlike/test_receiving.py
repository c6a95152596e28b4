"""Receiving at its edges: callbacks that fail, several readers, long streams to slow ones, relays, memory."""
from __future__ import absolute_import, division, print_function

import os
import select
import subprocess
import sys
import threading
import traceback

import pytest
import yotonlike

LIMIT = 20  # seconds that a test waits for what has to come
KEY = b"0123456789abcdef0123456789abcdef"
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(yotonlike.__file__)))


@pytest.fixture
def linked():
    """Two linked contexts."""
    with yotonlike.Context(u"one", KEY) as one, yotonlike.Context(u"two", KEY) as two:
        two.connect(one.bind("tcp://127.0.0.1:0").address)
        yield one, two


def published(linked, **options):
    """A publisher and a subscriber that know each other."""
    pub, sub = yotonlike.PubChannel(linked[0], u"news"), yotonlike.SubChannel(linked[1], u"news", **options)
    pub.wait_for_subscriber(LIMIT)
    return pub, sub


def pump(context, condition):
    while not condition():
        assert select.select([context.fileno()], [], [], LIMIT)[0], "nothing happened"
        context.process_events()


@pytest.mark.parametrize("error", [yotonlike.WouldBlock, yotonlike.Closed, ValueError, KeyboardInterrupt])
def test_what_a_callback_raises_is_not_taken_for_the_channels_own(linked, error):
    pub, sub = published(linked)
    got = []

    @sub.received.connect
    def received(message):
        got.append(message)
        if len(got) == 1:
            raise error("of the callback")

    for text in (u"1", u"2", u"3"):
        pub.send(text)
    with pytest.raises(error):
        pump(linked[1], lambda: False)
    pump(linked[1], lambda: len(got) == 3)
    assert got == [u"1", u"2", u"3"]


def test_a_callback_that_raises_takes_no_message_from_the_others(linked, monkeypatch):
    pub, sub = published(linked)
    got, reported = [[], [], []], []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: reported.append(str(error)))

    def failing(number):
        def received(message):
            got[number].append(message)
            if message == u"2":
                raise ValueError("of callback %d" % number)
        return received

    for callback in (failing(0), got[1].append, failing(2)):
        sub.received.connect(callback)
    for text in (u"1", u"2", u"3"):
        pub.send(text)
    with pytest.raises(ValueError) as caught:
        pump(linked[1], lambda: False)
    pump(linked[1], lambda: len(got[0]) == 3)
    assert got == [[u"1", u"2", u"3"]] * 3 and str(caught.value) == "of callback 0" and reported == ["of callback 2"]
    assert traceback.extract_tb(caught.tb)[-1][2] == "received"


def test_without_callbacks_messages_stay_for_recv(linked):
    pub, sub = published(linked)
    got = []

    @sub.received.connect
    def once(message):
        got.append(message)
        sub.received.disconnect(once)

    for text in (u"1", u"2", u"3"):
        pub.send(text)
    pump(linked[1], lambda: got)
    linked[1].process_events()
    assert got == [u"1"] and [sub.recv(LIMIT), sub.recv(LIMIT)] == [u"2", u"3"]
    sub.received.connect(got.append)
    pub.send(u"4")
    pump(linked[1], lambda: len(got) == 2)
    assert got[1] == u"4"


def test_a_callback_that_leaves_takes_no_message_with_it():
    """All have come when it is called, so the same turn would go on to them."""
    with yotonlike.Context(u"one", KEY) as context:
        pub, sub = published((context, context))
        got = []

        @sub.received.connect
        def once(message):
            got.append(message)
            sub.received.disconnect(once)

        for text in (u"1", u"2", u"3"):
            pub.send(text)
        context.flush(LIMIT)
        assert sub.pending == 3
        context.process_events()
        assert got == [u"1"] and sub.pending == 2 and sub.recv_all() == [u"2", u"3"]


def test_slowing_down_leaves_nothing_to_a_reader_that_is_in_the_middle_of_taking():
    """A reader has looked at the list of messages and not yet taken from it, when they are moved elsewhere."""
    with yotonlike.Context(u"one", KEY) as context:
        pub, sub = published((context, context))
        texts = [u"%d" % number for number in range(20)]
        for text in texts:
            pub.send(text)
        context.flush(LIMIT)
        got = [sub.recv(LIMIT), sub.recv(LIMIT)]
        seen = sub._ready
        with context.guard:
            sub._slow_down()
        assert seen == []
        assert got + [sub.recv(LIMIT) for _ in texts[2:]] == texts


def test_a_callback_may_close_the_context(linked):
    pub, sub = published(linked)
    sub.received.connect(lambda message: linked[1].close())
    for text in (u"1", u"2"):
        pub.send(text)
    pump(linked[1], lambda: linked[1].closed)
    assert linked[1].process_events() == 0


class Numbers(yotonlike.MessageType):
    """Reads numbers only."""

    name = "text"

    def encode(self, value):
        return value

    def decode(self, data):
        return int(data)


class Ints(Numbers):
    """... of a name of its own."""

    name = "ints"


def with_bad_ones(kind):
    """A subscription to which two messages have come that cannot be decoded, as native and as the user's own type."""
    context = yotonlike.Context(u"one", KEY)
    pub = yotonlike.PubChannel(context, u"news", Numbers() if kind == "native" else Ints())
    sub = yotonlike.SubChannel(context, u"news", yotonlike.TEXT if kind == "native" else Ints())
    bad = b"\xff" if kind == "native" else b"bad"
    for data in (b"1", b"2", bad, b"3", b"4", bad):
        pub.send(data)
    context.flush(LIMIT)
    return context, sub


@pytest.mark.parametrize("kind", ["native", "own"])
def test_recv_all_loses_nothing_to_a_message_that_cannot_be_decoded(kind):
    context, sub = with_bad_ones(kind)
    with context:
        assert [int(each) for each in sub.recv_all()] == [1, 2]
        with pytest.raises(yotonlike.DecodeError):
            sub.recv_all()
        assert [int(each) for each in sub.recv_all()] == [3, 4]
        with pytest.raises(yotonlike.DecodeError):
            sub.recv_nowait()
        assert sub.recv_all() == [] and sub.pending == 0


@pytest.mark.parametrize("kind", ["native", "own"])
def test_iteration_goes_on_after_a_message_that_cannot_be_decoded(kind):
    context, sub = with_bad_ones(kind)
    messages, got = iter(sub), []
    for _ in range(6):
        try:
            got.append(int(next(messages)))
        except yotonlike.DecodeError:
            got.append(None)
    context.close()
    assert got == [1, 2, None, 3, 4, None] and list(messages) == []


@pytest.mark.parametrize("window", [1 << 20, 3000])
def test_several_readers_get_every_message_once_and_in_order(linked, window):
    """Also while the publisher waits for window, which changes how messages are handed out."""
    pub, sub = published(linked, window=window)
    count = 2000
    parts = [[] for _ in range(4)]

    def read(part):
        for message in sub:
            if message == u"end":
                sub.close()
                return
            part.append(int(message))

    threads = [threading.Thread(target=read, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for number in range(count):
        pub.send(u"%d" % number)
    pub.send(u"end")
    for thread in threads:
        thread.join(LIMIT)
    assert sorted(number for part in parts for number in part) == list(range(count))
    assert all(part == sorted(part) for part in parts)


@pytest.mark.parametrize("size", [0, 100, 400, 5000])
def test_small_limits_hold_for_small_messages_too(size):
    with yotonlike.Context(u"one", KEY, max_message=400) as context:
        pub, sub = yotonlike.PubChannel(context, u"news"), yotonlike.SubChannel(context, u"news")
        for _ in range(3):
            if size <= 400:
                pub.send(u"x" * size)
                assert sub.recv(LIMIT) == u"x" * size
            else:
                with pytest.raises(yotonlike.MessageTooBig):
                    pub.send(u"x" * size)
        with pytest.raises(yotonlike.MessageTooBig):
            pub.send(u"\u20ac" * 134)
        with pytest.raises(yotonlike.MessageTooBig):
            yotonlike.StateChannel(context, u"mode").send(u"x" * 400)
        with pytest.raises(yotonlike.MessageTooBig):
            yotonlike.ReqChannel(context, u"calc").request(u"x" * 400)


PUBLISHER = """
import sys, yotonlike
context = yotonlike.Context(u"pub", b"0123456789abcdef0123456789abcdef")
print(context.bind("tcp://127.0.0.1:0").address); sys.stdout.flush()
pub = yotonlike.PubChannel(context, u"news", yotonlike.BINARY)
pub.wait_for_subscriber(20)
for number in range(1000):
    pub.send(("%06d" % number).encode("ascii") + b"x" * 10000)
sys.exit(0 if {0} else 1)
"""


@pytest.mark.parametrize("ending", ["context.close(60)", "pub.send(b'') and context.flush(60) is None"])
def test_ten_megabytes_to_a_slow_reader_in_another_process_all_arrive(ending):
    """The publisher closes, or flushes and just ends, long before the reader has taken it all."""
    child = subprocess.Popen([sys.executable, "-c", PUBLISHER.format(ending)], stdout=subprocess.PIPE, cwd=ROOT,
                             env=dict(os.environ, PYTHONPATH=ROOT))
    try:
        with yotonlike.Context(u"sub", KEY) as context:
            sub = yotonlike.SubChannel(context, u"news", yotonlike.BINARY)
            context.connect(child.stdout.readline().decode("ascii").strip())
            for number in range(1000):
                message = sub.recv(LIMIT)
                assert int(message[:6]) == number and len(message) == 10006
                if number > 850:  # when the publisher is about to end, the reader is slower than the network, and a window behind
                    sum(bytearray(message) * 5)
            assert child.wait() == 0
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        child.stdout.close()


def test_a_relay_forwards_the_newest_for_ever():
    """What a relay drops gives its window back: the stream does not dry up after a window's worth of drops."""
    contexts = [yotonlike.Context(u"%d" % number, KEY) for number in range(3)]
    try:
        for one, other in zip(contexts, contexts[1:]):
            other.connect(one.bind("tcp://127.0.0.1:0").address)
        pub = yotonlike.PubChannel(contexts[0], u"news")
        sub = yotonlike.SubChannel(contexts[2], u"news", on_full="latest", window=2000)
        pub.wait_for_subscriber(LIMIT)
        got = []
        for number in range(1000):
            pub.send(u"%d" % number + u" " * 100)
            if number % 200 == 199:
                got += sub.recv_all()
        pub.send(u"end")
        while not got or got[-1] != u"end":
            got.append(sub.recv(LIMIT))
        assert len(got) + sub.dropped == 1001
    finally:
        for context in contexts:
            context.close(1.0)


def test_memory_stays_flat_while_a_subscriber_stalls(linked):
    """Counted in bytes that wait anywhere: the publisher is held at the window."""
    pub, sub = published(linked, window=100000)
    sent = 0
    with pytest.raises(yotonlike.WouldBlock):
        while True:
            pub.send_nowait(u"x" * 968)
            sent += 1
    with pytest.raises(yotonlike.Timeout):
        pub.send(u"x" * 968, 0.01)
    assert sent == 100
    (subscriber,) = pub.subscribers
    assert subscriber.blocking and subscriber.left == 0 and subscriber.window == 100000
    assert "blocking" in repr(subscriber) and subscriber.peer == u"two" and subscriber.on_full == "block"
    assert len([sub.recv(LIMIT) for _ in range(sent)]) == 100
    assert pub.send(u"x", LIMIT) == 1
