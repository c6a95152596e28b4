"""What Python calls in the middle of a call of ours (signal handlers, __del__, callbacks of weak references) hangs nothing."""
from __future__ import absolute_import, division, print_function

import gc
import os
import signal
import sys
import threading
import weakref

import pytest
import yotonlike
from yotonlike.transport.guard import Guard
from yotonlike.transport.waiting import own_waiter

LIMIT = 20  # seconds that a test waits for what has to come


class Interruption(yotonlike.History):
    """A history that has something called whenever a message is appended: with the context locked, in any thread."""

    def __init__(self, action):
        super(Interruption, self).__init__(10000)
        self.action = action

    def append(self, lengths, data):
        super(Interruption, self).append(lengths, data)
        self.action()


class Owner(object):
    """Calls something when it is freed, which it is with a cycle of references: by the garbage collector, anywhere."""

    def __init__(self, action):
        self.action, self.me = action, self

    def __del__(self):
        self.action()


def interrupt(context, action):
    """Call ``action`` while this thread holds the context's lock, through what a user can do."""
    pub = yotonlike.PubChannel(context, u"interrupts", history=Interruption(action))
    pub.send(u"now")
    pub.close()


def collect_young(until):
    """Free what has become garbage lately, until that is so; all objects of a long test run take a while to look through."""
    if hasattr(gc, "set_threshold"):  # CPython
        gc.collect(0)
        return
    for _ in range(3):  # PyPy may need several, and takes no argument
        gc.collect()
        if until():
            break


@pytest.fixture
def context():
    with yotonlike.Context(u"here") as made:
        yield made


@pytest.fixture(params=["called", "collected", "weak reference", "signal"])
def strike(request, context):
    """strike(action): has ``action`` called in the middle of a call; returns what it returned or raised."""
    results = []

    def noting(action):
        try:
            results.append(action())
        except Exception as error:
            results.append(error)

    def handled():
        while not results:  # 2.7 looks only now and then whether a signal has come
            pass

    def by_signal(action):
        before = signal.signal(signal.SIGTERM, lambda *_: noting(action))
        try:
            interrupt(context, lambda: os.kill(os.getpid(), signal.SIGTERM) or handled())
        finally:
            signal.signal(signal.SIGTERM, before)

    def collected(action):
        Owner(lambda: noting(action))
        interrupt(context, lambda: results or collect_young(lambda: results))

    def weak(action):
        class Target(object):
            pass

        target = Target()
        target.me = target
        reference = weakref.ref(target, lambda _: noting(action))
        del target
        interrupt(context, lambda: results or collect_young(lambda: results))
        assert reference() is None

    def struck(action):
        {"called": lambda: interrupt(context, lambda: noting(action)), "collected": lambda: collected(action),
         "weak reference": lambda: weak(action), "signal": lambda: by_signal(action)}[request.param]()
        return results[0]

    if request.param == "collected" and sys.version_info[0] == 2:
        pytest.skip("2.7 frees no cycle that has a __del__")
    if request.param == "signal" and os.name != "posix":
        pytest.skip("no signals to send here")
    gc.disable()  # it collects when it is told to
    yield struck
    gc.enable()


def test_a_channel_is_closed_when_the_interrupted_call_has_gone_on(context, strike):
    sub = yotonlike.SubChannel(context, u"news")
    assert strike(sub.close) is None
    assert sub.closed
    assert sub not in context.channels


def test_links_and_listeners_are_closed_too(context, strike):
    with yotonlike.Context(u"peer", context.key) as peer:
        listener = context.bind("tcp://127.0.0.1:0")
        link = peer.connect(listener.address)
        mine = context.links[0]
        assert strike(lambda: listener.close() or mine.close()) is None
        peer.link_closed.connect(lambda closed: None)
        peer.wait(LIMIT, until=lambda: link.closed_reason or peer.pending)
        assert link.state == "closed"
        assert context.links == context.listeners == []


def test_the_context_is_closed_by_a_thread_of_its_own(context, strike):
    sub = yotonlike.SubChannel(context, u"news")
    assert strike(context.close) is False
    with pytest.raises(yotonlike.Closed):
        sub.recv(LIMIT)
    assert context.closed


def test_another_context_is_closed_as_well(context, strike):
    other = yotonlike.Context(u"other")
    sub = yotonlike.SubChannel(other, u"news")
    assert strike(other.close) is False
    with pytest.raises(yotonlike.Closed):
        sub.recv(LIMIT)


def test_wake_is_heard(context, strike):
    seen = []

    def waits():
        context.wait(LIMIT, until=lambda: begun.set() or go)
        seen.append(True)

    begun, go = threading.Event(), []
    thread = threading.Thread(target=waits)
    thread.start()
    assert begun.wait(LIMIT)
    assert strike(lambda: go.append(1) or context.wake()) is None
    thread.join(LIMIT)
    assert seen


def test_what_is_posted_is_called_later(context, strike):
    called = []
    assert strike(lambda: context.post(lambda: called.append(1))) is None
    context.wait(LIMIT)
    context.process_events()
    assert called == [1]


def test_all_else_is_an_error(context, strike):
    calls = {
        "publish": lambda: yotonlike.PubChannel(context, u"another").send(u"x"),
        "subscribe": lambda: yotonlike.SubChannel(context, u"another"),
        "request": lambda: yotonlike.ReqChannel(context, u"another").request(1),
        "links": lambda: context.links,
        "flush": lambda: context.flush(),
        "wait": lambda: context.wait(0),
        "bind": lambda: context.bind("tcp://127.0.0.1:0"),
        "set_result": lambda: yotonlike.Future().set_result(1),
        "result": lambda: yotonlike.Future().result(),
    }

    def outcome(call):
        try:
            return call()
        except Exception as error:
            return error

    found = strike(lambda: [(name, outcome(call)) for name, call in sorted(calls.items())])
    assert len(found) == 9 and [each for each in found if not isinstance(each[1], yotonlike.LocalProtocolError)] == []


@pytest.fixture
def leading():
    """A context without an I/O thread: whoever waits reads the sockets, every time."""
    with yotonlike.Context(u"leading", thread=False) as made:
        yield made


def in_a_wait(context, action):
    """Call ``action`` once, where this thread is about to sleep in a wait of this context, with nothing locked."""
    poller, results = context.loop._poller, []
    sleep = poller.poll_eagerly

    def struck(timeout, wakeup):
        if not results:
            results.append(None)
            try:
                results[0] = action()
            except Exception as error:
                results[0] = error
        return sleep(timeout, wakeup)

    poller.poll_eagerly = struck
    return results


def test_what_interrupts_a_wait_may_do_all_that_does_not_wait(leading):
    pub, sub = yotonlike.PubChannel(leading, u"news"), yotonlike.SubChannel(leading, u"news")

    def action():
        with pytest.raises(yotonlike.WouldBlock):
            sub.recv(0)
        with pytest.raises(yotonlike.LocalProtocolError):
            sub.recv(LIMIT)
        with pytest.raises(yotonlike.LocalProtocolError):
            leading.flush() if pub.send(u"x" * 2000000) else None
            pub.send(u"no window is left")
        return pub.subscribers[0].left < 0

    results = in_a_wait(leading, action)
    assert len(sub.recv(LIMIT)) == 2000000
    assert results == [True]


def test_a_wait_whose_leading_is_closed_in_the_middle_of_it(leading):
    sub = yotonlike.SubChannel(leading, u"news")
    results = in_a_wait(leading, leading.close)
    with pytest.raises(yotonlike.Closed):
        sub.recv(LIMIT)
    assert results == [False]


def test_a_wait_for_a_future_of_ones_own_is_one_as_well():
    first, second, me, results = yotonlike.Future(), yotonlike.Future(), own_waiter(), []
    sleep = me.wait

    def struck(timeout):
        del me.wait
        with pytest.raises(yotonlike.LocalProtocolError):
            second.result(LIMIT)
        results.append(second.cancel())
        threading.Thread(target=lambda: first.set_result(1)).start()
        return sleep(timeout)

    me.wait = struck
    assert first.result(LIMIT) == 1
    assert results == [True]


def test_the_thread_that_reads_for_us_is_never_held_up(context):
    """The garbage collector runs there too, with the context locked or not."""
    sub, results, done = yotonlike.SubChannel(context, u"news"), [], threading.Event()

    def action():
        sleep = context.loop._poller.poll

        def struck(timeout):
            del context.loop._poller.poll
            noting(lambda: sub.recv(LIMIT))
            noting(context.close)
            done.set()
            return sleep(timeout)

        context.loop._poller.poll = struck
        noting(lambda: sub.recv(0))
        noting(sub.close)

    def noting(call):
        try:
            results.append(call())
        except Exception as error:
            results.append(type(error))

    with context.guard:
        context.loop.post(action)
    assert done.wait(LIMIT)
    with pytest.raises(yotonlike.Closed):
        context.wait(LIMIT, until=lambda: False)
    assert results == [yotonlike.LocalProtocolError, None, yotonlike.Closed, False]


def test_a_handler_that_raises_while_a_guard_is_waited_for_leaves_it_usable():
    """SystemExit from a handler of SIGTERM is the usual case; Ctrl-C works afterwards as before."""
    guard, before = Guard(), signal.getsignal(signal.SIGINT)
    acquire = guard._acquire

    def raising():
        raise SystemExit

    guard._acquire = raising
    with pytest.raises(SystemExit):
        with guard:
            pass
    guard._acquire = acquire
    with guard:
        pass
    assert signal.getsignal(signal.SIGINT) is before


def test_garbage_that_closes_channels_while_others_are_made(context):
    """The collector decides where it strikes: here it does so at every few allocations."""
    class Channel(object):
        def __init__(self):
            self.sub, self.me = yotonlike.SubChannel(context, u"x"), self

        def __del__(self):
            self.sub.close()

    if sys.version_info[0] == 2 or not hasattr(gc, "set_threshold"):
        pytest.skip("2.7 frees no cycle that has a __del__, and PyPy takes no orders")
    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for _ in range(100):
            Channel()
    finally:
        gc.set_threshold(*before)
    while len(context.channels):
        gc.collect()
