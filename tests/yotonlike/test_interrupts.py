"""Ctrl-C, as a real SIGINT in another process: it gets through every call that waits, and a storm of it breaks nothing."""
from __future__ import absolute_import, division, print_function

import os
import signal
import threading

import pytest
import yotonlike
from yotonlike.transport.waiting import Waiter

LIMIT = 30  # seconds
KEY = b"0123456789abcdef0123456789abcdef"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no SIGINT to send here")


def interrupt(child):
    child.send_signal(signal.SIGINT)


def waits(child):
    """Return once the main thread sleeps in the system, as far as this system tells."""
    path, waiter, asleep = "/proc/%d/task/%d/stat" % (child.pid, child.pid), Waiter(), 0
    while os.path.exists(path) and asleep < 3:
        with open(path) as stream:
            asleep = asleep + 1 if stream.read().rpartition(")")[2].split()[0] == "S" else 0
        waiter.wait(0.005)


@pytest.fixture
def run(children):
    """A function that starts a process that runs code after a common beginning."""
    return lambda code, *arguments: children(BEGINNING + code, *arguments)


BEGINNING = """
import os, signal, sys, threading
signal.signal(signal.SIGINT, signal.default_int_handler)
import yotonlike
KEY = b"0123456789abcdef0123456789abcdef"
def say(text):
    os.write(1, text.encode("ascii") + b"\\n")
"""

#: Stands for ``select.poll``: the signal comes when Python has looked for signals and is about to sleep in the main thread.
JUST_BEFORE = """
import select
class Poll(object):
    main, real, armed, came = threading.current_thread(), select.poll, False, []
    def __init__(self):
        self.poller = Poll.real()
        self.register, self.unregister = self.poller.register, self.poller.unregister
    def poll(self, timeout=None):
        if timeout != 0 and Poll.armed and threading.current_thread() is Poll.main:
            if Poll.came:
                raise KeyboardInterrupt
            os.kill(os.getpid(), signal.SIGINT)
            assert Poll.came
        return self.poller.poll(timeout)
select.poll = Poll
"""

BLOCKED = """
server, client = yotonlike.Context(u"server", KEY), yotonlike.Context(u"client", KEY)
client.connect(server.bind("tcp://127.0.0.1:0").address)
pub = yotonlike.PubChannel(server, u"news")
sub = yotonlike.SubChannel(client, u"news", window=100)
rep = yotonlike.RepChannel(server, u"echo", handler=lambda message: message)
never = yotonlike.RepChannel(server, u"never", handler=lambda message: yotonlike.Future())
silent = __import__("socket").socket()
silent.bind(("127.0.0.1", 0))
silent.listen(5)
pub.wait_for_subscriber(20)

def send():
    while True:
        pub.send(u"x" * 50)

def iterate():
    for message in sub:
        pass

calls = {
    "send": send,
    "recv": lambda: sub.recv(),
    "recv with timeout": lambda: sub.recv(100),
    "iterate": iterate,
    "result": lambda: yotonlike.ReqChannel(client, u"never").request(1).result(),
    "result of nobody": lambda: yotonlike.ReqChannel(client, u"nobody").request(1).result(100),
    "result of a future of one's own": lambda: yotonlike.Future().result(),
    "connect": lambda: client.connect("tcp://127.0.0.1:%d" % silent.getsockname()[1], None),
    "wait_for_subscriber": lambda: yotonlike.PubChannel(server, u"nobody").wait_for_subscriber(),
    "wait": lambda: client.wait(),
    "wait for a descriptor": lambda: client.wait(100, [0], until=lambda: False),
    "wait without a thread": lambda: yotonlike.Context(thread=False).wait(),
    "flush": lambda: server.flush(None),
    "close": lambda: server.close(100),
}
if sys.argv[1] in ("flush", "close"):
    # A subscription that drops does not hold the publisher up; its last message waits all the same.
    yotonlike.SubChannel(client, u"full", on_full="latest", window=100)
    full = yotonlike.PubChannel(server, u"full")
    full.wait_for_subscriber(20)
    for _ in range(10):
        full.send(u"x" * 60)
try:
    say("ready")
    if "Poll" in globals():
        signal.signal(signal.SIGINT, lambda number, frame: Poll.came.append(number))
        Poll.armed = True
    calls[sys.argv[1]]()
except KeyboardInterrupt:
    say("interrupted")
if "Poll" in globals():
    Poll.armed = False
if sys.argv[1] not in ("close",):
    say("works on %s" % yotonlike.ReqChannel(client, u"echo").request(42).result(20))
else:
    say("works on %s" % (42 if server.closed else "?"))
os._exit(0)
"""


CALLS = ["send", "recv", "recv with timeout", "iterate", "result", "result of nobody", "result of a future of one's own",
         "connect", "wait_for_subscriber", "flush", "close", "wait", "wait for a descriptor", "wait without a thread"]


@pytest.mark.parametrize("call", CALLS)
def test_it_gets_through(run, call):
    child = run(BLOCKED, call)
    assert child.line() == "ready"
    waits(child)
    interrupt(child)
    assert child.line() == "interrupted"
    assert child.line() == "works on 42"


@pytest.mark.parametrize("call", CALLS)
def test_it_gets_through_just_before_the_wait(run, call):
    """Then its handler runs after the wait, which something else has to end."""
    child = run(JUST_BEFORE + BLOCKED, call)
    assert [child.line() for _ in range(3)] == ["ready", "interrupted", "works on 42"]


STORM = """
hits, inside = [], [False]
def hit(signum, frame):
    hits.append(1)
    os.write(1, b"!")
    if inside[0]:  # so that none strikes this program itself, between two of its calls
        inside[0] = False
        raise KeyboardInterrupt
context = yotonlike.Context(u"child", KEY)
context.connect(sys.argv[1])
pub, sub = yotonlike.PubChannel(context, u"up"), yotonlike.SubChannel(context, u"down", window=3000)
req = yotonlike.ReqChannel(context, u"echo")
pub.wait_for_subscriber(20)
done, tried = [], [-1]

def send():
    tried[0] += 1
    pub.send(u"%d" % tried[0])
    done.append(tried[0])

def send_long():
    tried[0] += 1
    pub.send(u"%d " % tried[0] + u"x" * (300000 if tried[0] % 50 == 0 else 1000))
    done.append(tried[0])

def recv():
    done.append(int(sub.recv(20)))

def ask():
    tried[0] += 1
    done.append(req.request(tried[0]).result(20))

signal.signal(signal.SIGINT, hit)
os.write(1, b"ready\\n!")
call = {"send": send, "send_long": send_long, "recv": recv, "ask": ask}[sys.argv[2]]
while len(hits) < 200 or not done:
    try:
        inside[0] = True
        call()
        inside[0] = False
    except KeyboardInterrupt:
        pass
signal.signal(signal.SIGINT, lambda signum, frame: None)  # old Pythons choke on SIG_IGN while one is on its way
os.write(1, b".")
if sys.argv[2] in ("send", "send_long"):
    pub.send(u"end")
context.flush(20)
sys.stdout.write(" ".join(map(str, done)) + "\\n")
sys.stdout.flush()
sys.stdin.read()
"""


def storm(child):
    """A signal for each one that the child has seen, until it has seen enough; then what it did."""
    assert child.line() == "ready"
    seen = 0
    while child.stream.recv(1) == b"!":
        seen += 1
        if seen <= 200:
            interrupt(child)
    rest = b""
    while not rest.endswith(b"\n"):
        rest += child.stream.recv(100000) or b"(it ended)\n"
    return [int(number) for number in rest.split()]


@pytest.mark.parametrize("call, window", [("send", 1 << 20), ("send", 2000), ("send_long", 1 << 20)])
def test_a_storm_of_it_loses_and_repeats_no_message(run, call, window):
    """All that ``send`` returned from arrives, in order, once; so may one that was interrupted."""
    with yotonlike.Context(u"server", KEY) as server:
        sub = yotonlike.SubChannel(server, u"up", window=window)
        child = run(STORM, server.bind("tcp://127.0.0.1:0").address, call)
        got = []
        def receive():
            for message in sub:
                got.append(message.split()[0])
                if message == u"end":
                    break

        receiver = threading.Thread(target=receive)
        receiver.daemon = True
        receiver.start()
        done = storm(child)
        receiver.join(LIMIT)
        assert got and got.pop() == u"end"
        numbers = [int(each) for each in got]
        assert numbers == sorted(set(numbers)), "twice, or out of order"
        assert set(done) - set(numbers) == set(), "lost"
        link, = server.links
        assert link.state == "alive"


def test_a_storm_of_it_around_recv(run):
    with yotonlike.Context(u"server", KEY) as server:
        pub = yotonlike.PubChannel(server, u"down")
        yotonlike.SubChannel(server, u"up")
        child = run(STORM, server.bind("tcp://127.0.0.1:0").address, "recv")
        over = threading.Event()

        def publish():
            pub.wait_for_subscriber(LIMIT)
            number = 0
            while not over.is_set():
                try:
                    pub.send(u"%d" % number, 0.1)
                    number += 1
                except yotonlike.Timeout:
                    pass

        publisher = threading.Thread(target=publish)
        publisher.start()
        try:
            done = storm(child)
        finally:
            over.set()
            publisher.join(LIMIT)
        assert done and done == sorted(set(done)), "twice, or out of order"
        assert done[-1] - len(done) <= 400, "an interrupt may take one message with it, or the rest of a batch not at all"
        link, = server.links
        assert link.state == "alive"


@pytest.mark.parametrize("window", [1 << 20, 100])
def test_a_message_that_was_taken_when_it_came_is_the_next_one_again(window):
    """Ctrl-C waits for the end of the section in which a message is taken; then it must not take that with it."""
    with yotonlike.Context(u"one", KEY) as context:
        sub, pub = yotonlike.SubChannel(context, u"news", window=window), yotonlike.PubChannel(context, u"news")
        got, wait = [], context.loop.wait

        def struck(ready, waiters, deadline):
            wait(ready, waiters, deadline)
            raise KeyboardInterrupt

        for number in range(20):
            pub.send(u"%d" % number, 0)
            context.loop.wait = struck
            try:
                got.append(sub.recv(LIMIT))  # from what is ready, which no section is needed for
            except KeyboardInterrupt:
                context.loop.wait = wait
                got.append(sub.recv(LIMIT))
            context.loop.wait = wait
        assert got == [u"%d" % number for number in range(20)]


def test_a_storm_of_it_around_requests(run):
    with yotonlike.Context(u"server", KEY) as server:
        yotonlike.SubChannel(server, u"up")
        rep = yotonlike.RepChannel(server, u"echo", handler=lambda message: message)
        child = run(STORM, server.bind("tcp://127.0.0.1:0").address, "ask")
        done = storm(child)
        assert done and done == sorted(set(done)) and rep
        link, = server.links
        assert link.state == "alive"


def test_a_shield_puts_it_off():
    shield = yotonlike.Shield()
    shield.on()
    os.kill(os.getpid(), signal.SIGINT)
    with yotonlike.Context() as context:  # whose own sections leave the shield as it is
        context.wait(0)
    with pytest.raises(KeyboardInterrupt):
        shield.off()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_shield_does_nothing_in_other_threads():
    seen, shield = [], yotonlike.Shield()

    def run():
        shield.on()
        seen.append(signal.getsignal(signal.SIGINT))
        shield.off()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(LIMIT)
    assert seen == [signal.default_int_handler]
