"""context.wait(): callbacks, time limits, descriptors of the program's own, other threads, the end, with an I/O thread or not."""
from __future__ import absolute_import, division, print_function

import os
import select
import socket
import sys
import threading

import pytest
import yotonlike

LIMIT = 20  # seconds that a test waits for what has to come
NOTHING = [], []
KEY = b"0123456789abcdef0123456789abcdef"

posix = pytest.mark.skipif(os.name != "posix", reason="select takes no pipes here")


@pytest.fixture(params=[True, False], ids=["thread", "no thread"])
def context(request):
    with yotonlike.Context(u"here", KEY, thread=request.param) as made:
        yield made


@pytest.fixture
def peer(context):
    """A context of another program's, as it were: with a thread of its own, linked to ``context``."""
    with yotonlike.Context(u"peer", KEY) as made:
        context.connect(made.bind("tcp://127.0.0.1:0").address)
        yield made
        context.close()  # first, since a peer that closes waits for our goodbye, and we might be in no wait


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    ends = [reader, writer]
    yield ends
    for fd in ends:
        os.close(fd)


def start(function, *args):
    thread = threading.Thread(target=function, args=args)
    thread.daemon = True
    thread.start()
    return thread


def local(context):
    """A publisher, and what its subscriber in the same context got."""
    got = []
    pub, sub = yotonlike.PubChannel(context, u"local"), yotonlike.SubChannel(context, u"local")
    sub.received.connect(got.append)
    context.process_events()
    return pub, got


def test_what_is_posted_is_called_after_what_waits_already(context):
    pub, got = local(context)
    assert pub.send(u"first") == 1
    context.flush(LIMIT)
    select.select([context.fileno()], [], [], LIMIT)
    context.post(lambda: got.append("then"))
    context.process_events()
    assert got == [u"first", "then"]


def test_what_is_posted_ends_a_wait_and_makes_the_descriptor_readable(context):
    called, fd = [], context.fileno()
    assert not select.select([fd], [], [], 0)[0]
    start(context.post, lambda: called.append(1))
    context.wait(LIMIT)
    assert select.select([fd], [], [], 0)[0] and not called
    assert context.process_events() == 1 and called == [1]
    assert not select.select([fd], [], [], 0)[0]


def test_a_callback_ends_it(context, peer):
    got = []
    pub, sub = yotonlike.PubChannel(peer, u"news"), yotonlike.SubChannel(context, u"news")
    sub.received.connect(got.append)
    context.process_events()
    start(lambda: pub.wait_for_subscriber(LIMIT) and pub.send(u"hello"))
    while not got:
        assert context.wait(LIMIT) == NOTHING
        assert context.pending
        context.process_events()
    assert got == [u"hello"] and not context.pending


def test_what_waits_already_ends_it_at_once(context):
    pub, got = local(context)
    pub.send(u"hello")
    assert context.wait() == NOTHING
    assert context.process_events() and got == [u"hello"]


def test_time_runs_out(context):
    assert context.wait(0) == NOTHING
    assert context.wait(0.01) == NOTHING
    assert not context.pending


def test_another_thread_of_the_program_ends_it(context):
    pub, got = local(context)
    for number in range(20):
        thread = start(pub.send, u"%d" % number)
        context.wait()
        context.process_events()
        thread.join(LIMIT)
    assert got == [u"%d" % number for number in range(20)]


@posix
def test_a_descriptor_ends_it(context, pipe):
    reader, writer = pipe
    assert context.wait(0.01, [reader]) == NOTHING
    thread = start(os.write, writer, b"x")
    assert context.wait(LIMIT, [reader]) == ([reader], [])
    thread.join(LIMIT)
    assert context.wait(0, [reader]) == ([reader], [])
    assert context.wait(0) == NOTHING


def test_a_descriptor_can_be_waited_for_to_take_bytes(context):
    one, other = socket.socketpair() if hasattr(socket, "socketpair") else (None, None)
    with_both = [one.fileno()]
    assert context.wait(LIMIT, with_both, with_both) == ([], with_both)
    other.send(b"x")
    assert context.wait(LIMIT, with_both) == (with_both, [])
    assert context.wait(LIMIT, with_both, with_both) == (with_both, with_both)
    other.close()
    one.recv(10)
    assert context.wait(LIMIT, with_both) == (with_both, [])  # its end
    one.close()


@posix
def test_the_end_of_what_is_read_ends_it(context):
    reader, writer = os.pipe()
    os.close(writer)
    assert context.wait(LIMIT, [reader]) == ([reader], [])
    os.close(reader)


@posix
def test_descriptors_are_looked_at_however_many_callbacks_come(context, pipe):
    reader, writer = pipe
    pub, _ = local(context)
    os.write(writer, b"x")
    pub.send(u"hello")
    assert context.pending
    assert context.wait(0, [reader]) == ([reader], [])
    assert context.wait(None, [reader]) == ([reader], [])


@posix
def test_a_number_that_another_descriptor_gets_belongs_to_that_one(context, peer):
    reader, writer = os.pipe()
    context.wait(0, [reader, writer], [writer])
    os.close(reader)
    os.close(writer)
    address = context.bind("tcp://127.0.0.1:0").address  # takes the lower number, as numbers are given out
    opened = []
    context.link_opened.connect(opened.append)
    joined = start(lambda: yotonlike.Context(u"third", KEY).connect(address))
    while not opened:
        context.wait(LIMIT)
        context.process_events()
    joined.join(LIMIT)
    assert [link.peer for link in opened] == [u"third"]


def test_until_something_else_holds(context, peer):
    """Callbacks do not end it then, another thread does."""
    pub, got = local(context)
    done, looked = [], threading.Event()

    def until():
        looked.set()
        return done

    thread = start(context.wait, LIMIT, (), (), until)
    assert looked.wait(LIMIT)
    looked.clear()
    pub.send(u"hello")
    assert looked.wait(LIMIT) and thread.is_alive()
    done.append(1)
    context.wake()
    thread.join(LIMIT)
    assert not thread.is_alive() and not got


@posix
def test_several_threads_wait_each_for_its_own_descriptor(context):
    """Only one of them polls the sockets; the others are no worse off."""
    pipes, found = [os.pipe() for _ in range(6)], {}

    def wait(reader):
        found[reader] = context.wait(LIMIT, [reader], until=lambda: False)

    threads = [start(wait, reader) for reader, _ in pipes]
    for _, writer in reversed(pipes):
        os.write(writer, b"x")
    for thread in threads:
        thread.join(LIMIT)
    assert found == dict((reader, ([reader], [])) for reader, _ in pipes)
    for ends in pipes:
        os.close(ends[0])
        os.close(ends[1])


def test_its_end(context):
    raised, looked = [], threading.Event()

    def wait():
        try:
            context.wait(LIMIT, until=looked.set)
        except yotonlike.Closed as error:
            raised.append(error)

    thread = start(wait)
    assert looked.wait(LIMIT)
    context.close()
    thread.join(LIMIT)
    assert raised
    with pytest.raises(yotonlike.Closed):
        context.wait()
    assert context.fileno() == -1 and context.process_events() == 0


@posix
def test_a_descriptor_for_event_loops_tells_of_what_waited_before(context):
    pub, got = local(context)
    pub.send(u"hello")
    assert select.select([context.fileno()], [], [], LIMIT)[0]
    context.process_events()
    assert got == [u"hello"] and not select.select([context.fileno()], [], [], 0)[0]
    pub.send(u"again")
    context.wait(0)  # without a thread it has not left before
    assert select.select([context.fileno()], [], [], LIMIT)[0]


# -- without an I/O thread ------------------------------------------------------------------------------------------------


@pytest.fixture
def alone():
    with yotonlike.Context(u"alone", KEY, thread=False) as made:
        yield made


def test_there_is_no_thread():
    before = len(sys._current_frames())
    with yotonlike.Context(thread=False):
        assert len(sys._current_frames()) == before


def test_it_serves_from_its_wait(alone):
    """As a broker does: one thread, which accepts links and answers requests."""
    yotonlike.RepChannel(alone, u"echo", handler=lambda message: message + 1, events=True)
    address = alone.bind("tcp://127.0.0.1:0").address
    answers, over = [], []

    def ask():
        with yotonlike.Context(u"client", KEY) as client:
            client.connect(address)
            req = yotonlike.ReqChannel(client, u"echo")
            answers.extend(req.request(number).result(LIMIT) for number in range(50))
        over.append(1)
        alone.wake()

    thread = start(ask)
    while not over:
        alone.wait(LIMIT, until=lambda: alone.pending or over)
        alone.process_events()
    thread.join(LIMIT)
    assert answers == list(range(1, 51))


def test_what_is_sent_leaves_in_the_next_wait(alone):
    with yotonlike.Context(u"peer", KEY) as peer:
        alone.connect(peer.bind("tcp://127.0.0.1:0").address)
        state, seen = yotonlike.StateChannel(alone, u"mode"), yotonlike.StateChannel(peer, u"mode")
        pub, sub = yotonlike.PubChannel(alone, u"news"), yotonlike.SubChannel(peer, u"news")
        pub.wait_for_subscriber(LIMIT)
        changed = threading.Event()
        seen.changed.connect(lambda value: changed.set())
        state.send(u"busy")
        pub.send(u"hello")
        assert peer.wait(0.02) == NOTHING and not peer.pending
        alone.wait(0)
        assert sub.recv(LIMIT) == u"hello"
        while not changed.is_set():
            peer.wait(LIMIT)
            peer.process_events()
        assert seen.value == u"busy"
        alone.close()


def test_closing_sends_what_waits(alone):
    with yotonlike.Context(u"peer", KEY) as peer:
        alone.connect(peer.bind("tcp://127.0.0.1:0").address)
        pub, sub = yotonlike.PubChannel(alone, u"news"), yotonlike.SubChannel(peer, u"news")
        pub.wait_for_subscriber(LIMIT)
        for number in range(1000):
            pub.send(u"%d" % number)
        assert alone.close(LIMIT)
        assert [sub.recv(LIMIT) for _ in range(1000)] == [u"%d" % number for number in range(1000)]


def test_a_replier_with_a_thread_of_its_own_drives_it_meanwhile(alone):
    with yotonlike.Context(u"peer", KEY) as peer:
        alone.connect(peer.bind("tcp://127.0.0.1:0").address)
        yotonlike.RepChannel(alone, u"echo", handler=lambda message: message)
        request = yotonlike.ReqChannel(peer, u"echo").request(1)
        thread = start(alone.wait, LIMIT, (), (), request.done)
        assert request.result(LIMIT) == 1
        alone.wake()
        thread.join(LIMIT)
        assert not thread.is_alive()
        alone.close()


def test_objects_with_a_descriptor_are_taken_and_given_back(context):
    one, other = socket.socketpair()
    assert context.wait(0, read=[one]) == NOTHING
    other.send(b"x")
    assert context.wait(LIMIT, read=[one, other]) == ([one], [])
    readable, writable = context.wait(LIMIT, [one.fileno()], [one, other])
    assert readable == [one.fileno()] and set(writable) == {one, other}
    one.close()
    other.close()


@posix
def test_what_is_no_open_descriptor_is_an_error_at_once_and_only_there(context, peer, monkeypatch):
    failures = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: failures.append(error))
    one, other = socket.socketpair()
    fd = one.fileno()
    one.close()
    for wrong, error in (([one], ValueError), ([fd], ValueError), ([-1], ValueError), ([u"0"], TypeError), ([None], TypeError),
                         (3, TypeError), ([object()], TypeError)):
        with pytest.raises(error):
            context.wait(LIMIT, read=wrong)
        with pytest.raises(error):
            context.wait(LIMIT, write=wrong)
    pub, sub = yotonlike.PubChannel(peer, u"news"), yotonlike.SubChannel(context, u"news")
    while not pub.subscribers:
        context.wait(0.01)
    pub.send(u"text")
    assert sub.recv(LIMIT) == u"text"
    assert failures == []
    other.close()
