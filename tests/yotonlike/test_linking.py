"""Contexts, links and listeners over real sockets: coming up, going down, coming back; strangers; forks."""
from __future__ import absolute_import, division, print_function

import binascii
import errno
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading

import pytest
import yotonlike
from yotonlike.protocol import events, handshake
from yotonlike.protocol.connection import Connection
from yotonlike.protocol.credit import Batch
from yotonlike.protocol.settings import Settings
from yotonlike.transport import listener as listening

LIMIT = 20  # seconds that a test waits for what has to come
KEY = b"0123456789abcdef0123456789abcdef"
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(yotonlike.__file__)))


@pytest.fixture
def contexts():
    """A function that makes contexts with the same key."""
    made = []

    def make(name=u"one", key=KEY, **other):
        made.append(yotonlike.Context(name, key, **other))
        return made[-1]

    yield make
    for context in reversed(made):
        context.close(1.0)


def outcome(code, *arguments):
    """What a new interpreter writes that runs the code to its end, and its status."""
    child = subprocess.Popen([sys.executable, "-c", code] + list(arguments), cwd=ROOT, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, env=dict(os.environ, PYTHONPATH=ROOT))
    try:
        return child.communicate()[0].decode("utf-8").splitlines(), child.returncode
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def noted(signal_):
    """The links that a signal tells of from now on: whoever connects to it later may have missed one."""
    links = []
    signal_.connect(links.append)
    return links


def pump(context, condition):
    """Process events until the condition is true."""
    deadline = yotonlike._compat.monotonic() + LIMIT
    while not condition():
        left = deadline - yotonlike._compat.monotonic()
        assert left > 0, "it did not happen"
        select.select([context.fileno()], [], [], left)
        context.process_events()


SERVER = """
import sys, yotonlike
context = yotonlike.Context(u"server", b"0123456789abcdef0123456789abcdef", heartbeat=0.1)
rep = yotonlike.RepChannel(context, u"echo", handler=lambda message: message)
print(context.bind(sys.argv[1]).address)
sys.stdout.flush()
sys.stdin.read()
"""


# -- coming up ----------------------------------------------------------------------------------------------------------


def test_a_link_tells_about_itself(contexts, tmpdir):
    one, two = contexts(u"one"), contexts(u"two")
    for address in ("tcp://127.0.0.1:0", "tcp://localhost:0", "unix://%s/socket" % tmpdir):
        listener = one.bind(address)
        assert listener.address.startswith(address[:6]) and not listener.address.endswith(":0")
        link = two.connect(listener.address)
        assert (link.state, link.peer, link.closed_reason, link.address) == ("alive", u"one", None, listener.address)
        assert two.links == [link] and [other.peer for other in one.links] == [u"two"]
        assert "alive" in repr(link) and listener.address in repr(listener) and "1 links" in repr(two)
        link.close()
        assert link.state == "closed" and type(link.closed_reason) is yotonlike.Closed and two.links == []
        wait_for(lambda: one.links == [])
        listener.close()
        listener.close()
        with pytest.raises(yotonlike.AddressError):
            two.connect(listener.address)


def test_a_unix_socket_is_its_owners_alone_and_goes_with_its_listener(contexts, tmpdir):
    path = str(tmpdir.join("socket"))
    listener = contexts().bind("unix://" + path)
    assert os.stat(path).st_mode & 0o777 == 0o600
    listener.close()
    assert not os.path.exists(path)


def test_a_socket_file_that_another_listener_has_made_since_is_left(contexts, tmpdir):
    path = str(tmpdir.join("socket"))
    first = contexts().bind("unix://" + path)
    os.unlink(path)
    second = contexts().bind("unix://" + path)
    first.close()
    assert contexts().connect(second.address).state == "alive"


def test_a_stale_socket_file_is_replaced_and_a_live_one_is_not(contexts, tmpdir):
    path = str(tmpdir.join("socket"))
    stale = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stale.bind(path)
    stale.close()
    assert os.path.exists(path)
    live = contexts().bind("unix://" + path)
    with pytest.raises(yotonlike.AddressError):
        contexts().bind("unix://" + path)
    assert contexts().connect(live.address).state == "alive"


def test_a_file_that_is_no_socket_is_never_removed(contexts, tmpdir):
    path = tmpdir.join("thesis.txt")
    path.write("years of work")
    with pytest.raises(yotonlike.AddressError):
        contexts().bind("unix://%s" % path)
    assert path.read() == "years of work"


@pytest.mark.parametrize("address", ["tcp://0.0.0.0:0", "tcp://192.0.2.1:80", "tcp://example.org:80", "tcp://[::]:0",
                                     "http://127.0.0.1:80", "tcp://127.0.0.1", "nonsense", "unix://relative", 5])
def test_addresses_that_are_refused(contexts, address):
    for do in (contexts().bind, contexts().connect):
        with pytest.raises(yotonlike.AddressError):
            do(address)


def test_nobody_listens(contexts, tmpdir):
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    context = contexts()
    for address in ("tcp://127.0.0.1:%d" % probe.getsockname()[1], "unix://%s/nothing" % tmpdir):
        with pytest.raises(yotonlike.AddressError) as caught:
            context.connect(address, timeout=LIMIT)
        assert address in str(caught.value)
        assert context.links == []
    probe.close()


def test_an_address_in_use(contexts):
    listener = contexts().bind("tcp://127.0.0.1:0")
    with pytest.raises(yotonlike.AddressError) as caught:
        contexts().bind(listener.address)
    assert "in use" in str(caught.value)


def test_another_key(contexts):
    server, client = contexts(), contexts(key=b"x" * 16)
    listener = server.bind("tcp://127.0.0.1:0")
    with pytest.raises(yotonlike.AuthenticationFailed):
        client.connect(listener.address, timeout=LIMIT, reconnect=True)
    assert client.links == [] and contexts().connect(listener.address).state == "alive"


def test_somebody_who_never_answers(contexts, tmpdir, monkeypatch):
    silent = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    silent.bind(str(tmpdir.join("silent")))
    silent.listen(1)
    context = contexts()
    with pytest.raises(yotonlike.Timeout):
        context.connect("unix://%s" % tmpdir.join("silent"), timeout=0.05)
    monkeypatch.setattr(handshake, "TIMEOUT", 0.2)
    with pytest.raises(yotonlike.AuthenticationFailed):  # the handshake's own deadline
        context.connect("unix://%s" % tmpdir.join("silent"), timeout=LIMIT)
    assert context.links == []
    silent.close()


def test_somebody_who_speaks_something_else(contexts):
    for answer in (b"HTTP/1.0 400 Bad Request\r\n\r\n", b"\x16\x03\x01" + b"x" * 200, b"yoto\x09S" + b"x" * 100, b""):
        stranger = socket.socket()
        stranger.bind(("127.0.0.1", 0))
        stranger.listen(1)

        def answer_once():
            stream, _ = stranger.accept()
            stream.sendall(answer)
            stream.close()
            stranger.close()

        thread = threading.Thread(target=answer_once)
        port = stranger.getsockname()[1]
        thread.start()
        expected = yotonlike.RemoteProtocolError if answer.startswith(b"yoto") else yotonlike.AuthenticationFailed
        with pytest.raises(expected):
            contexts().connect("tcp://127.0.0.1:%d" % port, timeout=LIMIT)
        thread.join(LIMIT)


def test_keys(contexts):
    for key, error in ((b"short", ValueError), (u"x" * 32, TypeError)):
        with pytest.raises(error):
            yotonlike.Context(u"one", key)
    own = contexts(key=None)
    assert len(own.key) == 32 and own.key != contexts(key=None).key
    shown = repr(own) + repr(own.bind("tcp://127.0.0.1:0")) + repr(yotonlike.PubChannel(own, u"x"))
    assert repr(own.key)[2:10] not in shown and binascii.hexlify(own.key[:4]).decode("ascii") not in shown


# -- loops --------------------------------------------------------------------------------------------------------------


def test_a_link_that_would_close_a_loop(contexts):
    one, two, three = contexts(u"one"), contexts(u"two"), contexts(u"three")
    address = one.bind("tcp://127.0.0.1:0").address
    two.connect(address)
    three.connect(two.bind("tcp://127.0.0.1:0").address)
    for context, where in ((two, address), (three, address), (one, two.listeners[0].address), (one, address)):
        with pytest.raises(yotonlike.CycleError):
            context.connect(where, timeout=LIMIT)
    wait_for(lambda: [len(context.links) for context in (one, two, three)] == [1, 2, 1])
    two.links[0].close()
    wait_for(lambda: one.id not in three.network._membership.reachable())  # the news takes a hop
    assert three.connect(address).state == "alive"


def test_both_connect_at_once(contexts):
    for _ in range(10):
        one, two = contexts(u"one"), contexts(u"two")
        ends = [one.bind("tcp://127.0.0.1:0").address, two.bind("tcp://127.0.0.1:0").address]
        outcomes = []

        def connect(context, address):
            try:
                outcomes.append(context.connect(address, timeout=LIMIT))
            except yotonlike.CycleError as error:
                outcomes.append(error)

        threads = [threading.Thread(target=connect, args=pair) for pair in ((one, ends[1]), (two, ends[0]))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
        assert len(outcomes) == 2
        rep = yotonlike.RepChannel(two, u"echo", handler=lambda message: message)
        assert yotonlike.ReqChannel(one, u"echo").request(1).result(LIMIT) == 1 and rep


# -- strangers ----------------------------------------------------------------------------------------------------------


def raw_connection(address):
    stream = socket.socket()
    host, port = address[len("tcp://"):].split(":")
    stream.connect((host, int(port)))
    return stream


def test_strangers_are_cut_off_and_the_honest_are_served(contexts):
    server = contexts(u"server")
    address = server.bind("tcp://127.0.0.1:0").address
    rep = yotonlike.RepChannel(server, u"echo", handler=lambda message: message)
    streams = []
    for garbage in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01" * 50, b"\0" * 10000, os.urandom(66),
                    b"yoto", b"yoto\x01C" + os.urandom(60), b"yoto\x01S" + os.urandom(60), b""):
        stream = raw_connection(address)
        stream.sendall(garbage)
        streams.append((garbage, stream))
        reset = raw_connection(address)  # as a port scanner ends what it has opened
        reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        reset.close()
        client = contexts(u"client")
        client.connect(address, timeout=LIMIT)
        assert yotonlike.ReqChannel(client, u"echo").request(5).result(LIMIT) == 5
        client.close()
    for garbage, stream in streams:
        stream.settimeout(LIMIT)
        if garbage in (b"", b"yoto"):
            stream.close()
            continue
        try:
            assert stream.recv(1000) == b"", "it was told something"
        except EnvironmentError as error:
            assert error.errno == errno.ECONNRESET
        stream.close()
    assert rep


def test_more_strangers_than_places(contexts):
    """The newcomer is served and one of the silent is evicted, so that nobody can lock the honest out."""
    server = contexts(u"server")
    address = server.bind("tcp://127.0.0.1:0").address
    streams = [raw_connection(address) for _ in range(listening.MAX_HALF_OPEN)]
    client = contexts(u"client")
    assert client.connect(address, timeout=LIMIT).state == "alive"
    assert len([link for link in server.links if link.state == "connecting"]) <= listening.MAX_HALF_OPEN
    more = [raw_connection(address) for _ in range(40)]
    assert contexts(u"another").connect(address, timeout=LIMIT).state == "alive"
    evicted = select.select(streams + more, [], [], LIMIT)[0]
    assert evicted and all(stream.recv(1) == b"" for stream in evicted)
    for stream in streams + more:
        stream.close()


def test_descriptors_used_up():
    """No loop spins, and as soon as there is a descriptor again the next one is served."""
    code = """
import resource, sys, socket, yotonlike
server = yotonlike.Context(u"server", b"0123456789abcdef0123456789abcdef")
client = yotonlike.Context(u"client", b"0123456789abcdef0123456789abcdef")
address = server.bind("tcp://127.0.0.1:0").address
first = client.connect(address)
limit = resource.getrlimit(resource.RLIMIT_NOFILE)
port = int(address.rsplit(":", 1)[1])
hoard = [socket.socket() for _ in range(5)]
top = max(stream.fileno() for stream in hoard) + 1
resource.setrlimit(resource.RLIMIT_NOFILE, (top, limit[1]))
hoard[0].settimeout(20)
hoard[0].connect(("127.0.0.1", port))
assert hoard[0].recv(1) == b"", "turned away"
for stream in hoard:
    stream.close()
assert first.state == "alive"
resource.setrlimit(resource.RLIMIT_NOFILE, limit)
again = yotonlike.Context(u"again", server.key)
print(again.connect(address).state)
"""
    assert outcome(code) == (["alive"], 0)


# -- going down ---------------------------------------------------------------------------------------------------------


def test_everything_after_close_says_so(contexts):
    context, other = contexts(u"one"), contexts(u"two")
    address = other.bind("tcp://127.0.0.1:0").address
    context.connect(address)
    pub, sub = yotonlike.PubChannel(context, u"news"), yotonlike.SubChannel(context, u"news")
    req = yotonlike.ReqChannel(context, u"calc")
    rep = yotonlike.RepChannel(context, u"calc", handler=lambda message: message)
    state = yotonlike.StateChannel(context, u"mode")
    state.send(5)
    future = yotonlike.ReqChannel(context, u"nobody").request(1)
    assert context.close() is True and context.close() is True and context.closed
    for do in (lambda: pub.send(u"x"), lambda: pub.send_nowait(u"x"), lambda: pub.wait_for_subscriber(1), sub.recv,
               sub.recv_nowait, sub.recv_all, lambda: req.request(1), lambda: req.call("x"), lambda: state.send(1),
               lambda: context.bind("tcp://127.0.0.1:0"), lambda: context.connect(address), future.result, context.flush,
               lambda: yotonlike.PubChannel(context, u"x"), lambda: yotonlike.SubChannel(context, u"x"),
               lambda: yotonlike.ReqChannel(context, u"x"), lambda: yotonlike.StateChannel(context, u"x"),
               lambda: yotonlike.RepChannel(context, u"x", handler=len)):
        with pytest.raises(yotonlike.Closed):
            do()
    assert list(sub) == [] and state.value == 5 and pub.subscribers == [] and context.links == []
    assert context.process_events() == 0
    for channel in (pub, sub, req, rep, state):
        assert channel.closed and "closed" in repr(channel)
        channel.close()


def test_closing_from_many_threads_at_once(contexts):
    for _ in range(5):
        context, other = contexts(), contexts()
        context.connect(other.bind("tcp://127.0.0.1:0").address)
        sub = yotonlike.SubChannel(context, u"news")
        outcomes = []
        threads = [threading.Thread(target=lambda: outcomes.append(list(sub))) for _ in range(2)]
        threads += [threading.Thread(target=lambda: outcomes.append(context.close())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
        assert len(outcomes) == 6


def test_connecting_without_waiting(contexts):
    server, client = contexts(), contexts()
    opened = noted(client.link_opened)
    link = client.connect(server.bind("tcp://127.0.0.1:0").address, timeout=LIMIT, wait=False)
    pump(client, lambda: link in opened)
    assert link.state == "alive" and client.links == [link]


def test_connecting_without_waiting_with_another_key(contexts):
    server, client = contexts(), contexts(key=b"x" * 16)
    closed = noted(client.link_closed)
    link = client.connect(server.bind("tcp://127.0.0.1:0").address, timeout=LIMIT, wait=False, reconnect=True)
    pump(client, lambda: link in closed)
    assert type(link.closed_reason) is yotonlike.AuthenticationFailed and client.links == []


def test_connecting_without_waiting_to_somebody_who_never_answers(contexts, tmpdir):
    silent = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    silent.bind(str(tmpdir.join("silent")))
    silent.listen(1)
    client = contexts()
    closed = noted(client.link_closed)
    link = client.connect("unix://%s" % tmpdir.join("silent"), timeout=0.2, wait=False)
    assert link.state == "connecting"
    pump(client, lambda: link in closed)
    assert type(link.closed_reason) is yotonlike.Timeout and link.state == "closed" and client.links == []
    silent.close()


def test_connecting_without_waiting_where_nobody_listens(contexts, tmpdir):
    client, told = contexts(), []
    client.link_closed.connect(told.append)
    with pytest.raises(yotonlike.AddressError):
        client.connect("unix://%s" % tmpdir.join("nobody"), wait=False)
    client.process_events()
    assert client.links == [] and not told


def test_the_time_for_connecting_is_not_the_time_of_the_link(contexts):
    server, client = contexts(), contexts()
    opened = noted(client.link_opened)
    link = client.connect(server.bind("tcp://127.0.0.1:0").address, timeout=0.5, wait=False)
    pump(client, lambda: link in opened)
    passed = threading.Event()
    with client.guard:
        client.at(yotonlike._compat.monotonic() + 0.5, passed.set)  # after the other timer, so that one has run
    assert passed.wait(LIMIT) and link.state == "alive"


def test_silence_is_told_and_that_it_is_over(contexts):
    """The peer is one that does something only while it waits."""
    server, client, met = contexts(thread=False, heartbeat=0.01), contexts(heartbeat=0.01), []
    address = server.bind("tcp://127.0.0.1:0").address
    connecting = threading.Thread(target=lambda: met.append(client.connect(address, timeout=LIMIT)))
    connecting.start()
    while not met:
        server.wait(0.01)
    connecting.join(LIMIT)
    told = []
    client.link_silent.connect(lambda link: told.append(("silent", link)))
    client.link_heard.connect(lambda link: told.append(("heard", link)))
    for _ in range(3):
        pump(client, lambda: told and told[-1][0] == "silent")
        assert told[-1][1] is met[0] and len(told) % 2 == 1
        while told[-1][0] == "silent":
            server.wait(0.001)
            client.process_events()
        assert [told[-1][1], len(told) % 2] == [met[0], 0]
    assert [what for what, _ in told] == ["silent", "heard"] * (len(told) // 2)
    met[0].close()  # nobody would answer the client's goodbye


def test_the_other_end_hears_why(contexts):
    server, client = contexts(u"server"), contexts(u"client")
    link = client.connect(server.bind("tcp://127.0.0.1:0").address)
    seen = []
    client.link_closed.connect(seen.append)
    server.close()
    pump(client, lambda: seen)
    assert seen == [link] and link.state == "closed"
    assert type(link.closed_reason) is yotonlike.PeerLost and "server" in str(link.closed_reason)


def test_a_peer_that_is_killed_is_lost(contexts, children):
    child = children(SERVER, "tcp://127.0.0.1:0")
    client = contexts(u"client")
    link, closed = client.connect(child.line()), noted(client.link_closed)
    child.kill()
    pump(client, lambda: closed)
    assert closed == [link] and type(link.closed_reason) is yotonlike.PeerLost


def test_what_a_killed_peer_had_sent_still_comes(contexts, children):
    """It was in the socket when the peer died, and our own writes fail before all of it is read."""
    code = """
import os, signal, sys, yotonlike
context = yotonlike.Context(u"pub", b"0123456789abcdef0123456789abcdef")
print(context.bind("tcp://127.0.0.1:0").address); sys.stdout.flush()
pub = yotonlike.PubChannel(context, u"news", yotonlike.BINARY)
pub.wait_for_subscriber()
for number in range(300):
    pub.send(("%d" % number).encode("ascii") + b"x" * 10000)
context.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""
    child = children(code)
    context = contexts()
    sub = yotonlike.SubChannel(context, u"news", yotonlike.BINARY, window=1 << 24)
    context.connect(child.line())
    got = [sub.recv(LIMIT) for _ in range(300)]
    assert [int(message.rstrip(b"x")) for message in got] == list(range(300))


class RawPeer(object):
    """The other end of a link, by hand: a connection whose bytes the test moves."""

    def __init__(self, context):
        self.stream, theirs = socket.socketpair()
        self.stream.settimeout(LIMIT)
        self.connection = Connection(Settings(b"p" * 16, b"n" * 16, u"raw"), 0.0)
        self.link = context.adopt(theirs, initiator=False, timeout=0)
        self.send()
        self.receive_until(events.Synced)
        self.connection.send_nodes(True, [b"p" * 16])
        self.connection.send_synced()
        self.send()

    def send(self):
        self.stream.sendall(self.connection.data_to_send(1 << 30))

    def receive_until(self, kind):
        while True:
            self.connection.receive_data(self.stream.recv(65536), 0.0)
            for event in self.connection.events():
                if type(event) is kind:
                    return event


def test_a_write_that_fails_leaves_what_the_peer_had_sent_to_be_read(contexts):
    """The peer sent, said goodbye and closed; we write before we read that."""
    context = contexts()
    sub = yotonlike.SubChannel(context, u"news", yotonlike.BINARY)
    peer = RawPeer(context)
    outlet = peer.receive_until(events.Opened).outlet
    for number in range(12):  # more than is read at a time, less than the socket holds
        peer.connection.push(outlet, Batch(b"e" * 16, number, [10000], bytes(bytearray([number])) * 10000))
    raw = peer.connection.data_to_send(1 << 30)
    peer.connection.say_bye(0, u"farewell")
    with context.guard:
        peer.stream.sendall(raw + peer.connection.data_to_send())
        peer.stream.close()
        peer.link.connection.cancel(99)
        context.transmit()
    assert [sub.recv(LIMIT) for _ in range(12)] == [bytes(bytearray([number])) * 10000 for number in range(12)]
    wait_for(lambda: peer.link.state == "closed")
    assert "farewell" in str(peer.link.closed_reason)


def test_heartbeats_begin_when_the_handshake_is_over(contexts):
    """Not when the handshake's own deadline would have come, seconds later."""
    server, client = contexts(heartbeat=0.05), contexts(heartbeat=0.05)
    client.connect(server.bind("tcp://127.0.0.1:0").address)
    for context in (server, client):
        with context.guard:
            assert context.timers.next_deadline() <= yotonlike._compat.monotonic() + 0.05


def test_who_connects_again_at_once_does_not_keep_a_context_from_closing(contexts):
    server, client = contexts(u"server"), contexts(u"client")
    address = server.bind("tcp://127.0.0.1:0").address
    client.connect(address)
    closed, again = [], []

    def close():
        closed.append(server.close(LIMIT))
        client.wake()

    @client.link_closed.connect
    def connect_again(link):
        try:
            again.append(client.connect(address, wait=False))
        except yotonlike.AddressError as error:
            again.append(error)

    thread = threading.Thread(target=close)
    thread.start()
    while not (closed and again):
        client.wait(LIMIT)
        client.process_events()
    thread.join()
    assert closed == [True]


def test_a_closed_listener_refuses_although_something_still_holds_its_socket(contexts):
    """As a poll does that is under way in another thread."""
    listener = contexts().bind("tcp://127.0.0.1:0")
    held = os.dup(listener.fileno())
    listener.close()
    with pytest.raises(yotonlike.AddressError):
        contexts().connect(listener.address)
    os.close(held)


def test_silence_is_a_label(contexts, children):
    child = children(SERVER, "tcp://127.0.0.1:0")
    client = contexts(u"client", heartbeat=0.05)
    link = client.connect(child.line())
    child.send_signal(signal.SIGSTOP)
    try:
        wait_for(lambda: link.state == "silent")
    finally:
        child.send_signal(signal.SIGCONT)
    wait_for(lambda: link.state == "alive")
    assert yotonlike.ReqChannel(client, u"echo").request(3).result(LIMIT) == 3


def wait_for(condition):
    """For what only time brings and nothing tells of; waits on a pipe on which nothing ever comes."""
    waiter = yotonlike.transport.waiting.Waiter()
    deadline = yotonlike._compat.monotonic() + LIMIT
    while not condition():
        assert yotonlike._compat.monotonic() < deadline, "it did not happen"
        waiter.wait(0.02)


# -- coming back --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_reconnect_to_a_server_that_is_killed_and_started_again(contexts, children, tmpdir, kind):
    child = children(SERVER, "tcp://127.0.0.1:0" if kind == "tcp" else "unix://%s/s" % tmpdir)
    address = child.line()
    client = contexts(u"client")
    link = client.connect(address, reconnect=True)
    req, closed = yotonlike.ReqChannel(client, u"echo"), noted(client.link_closed)
    for number in range(3):
        assert req.request(number).result(LIMIT) == number
        del closed[:]
        child.kill()
        pump(client, lambda: link in closed)
        assert link.state == "connecting" and type(link.closed_reason) in (yotonlike.PeerLost, yotonlike.AddressError)
        child = children(SERVER, address)
        assert child.line() == address
        assert req.request(number).result(LIMIT) == number and link.state == "alive"
    link.close()
    assert link.state == "closed" and client.links == []


def test_a_server_that_ends_in_the_middle_of_a_handshake_is_tried_again(contexts):
    """All that a client sees then is what it sees with a wrong key, but this link was good once."""
    server, client = contexts(u"server"), contexts(u"client")
    address = server.bind("tcp://127.0.0.1:0").address
    link = client.connect(address, reconnect=True)
    server.close()
    dying = socket.socket()
    dying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    dying.bind(("127.0.0.1", int(address.rsplit(":", 1)[1])))
    dying.listen(5)
    dying.settimeout(LIMIT)
    stream, _ = dying.accept()
    stream.recv(66)
    stream.close()
    wait_for(lambda: type(link.closed_reason) is yotonlike.AuthenticationFailed)
    assert link.state == "connecting"
    dying.close()
    again = contexts(u"again")
    again.bind(address)
    rep = yotonlike.RepChannel(again, u"echo", handler=lambda message: message)
    assert yotonlike.ReqChannel(client, u"echo").request(5).result(LIMIT) == 5 and rep


def test_without_reconnect_a_lost_link_stays_lost(contexts, children):
    child = children(SERVER, "tcp://127.0.0.1:0")
    client = contexts(u"client")
    link, closed = client.connect(child.line()), noted(client.link_closed)
    child.kill()
    pump(client, lambda: closed)
    assert closed == [link] and link.state == "closed" and client.links == []


def test_a_subscription_goes_on_after_the_link_came_back(contexts):
    server, client = contexts(u"server"), contexts(u"client")
    link = client.connect(server.bind("tcp://127.0.0.1:0").address, reconnect=True)
    pub, sub = yotonlike.PubChannel(server, u"news"), yotonlike.SubChannel(client, u"news")
    for number in range(5):
        pub.wait_for_subscriber(LIMIT)
        pub.send(u"%d" % number)
        assert sub.recv(LIMIT) == u"%d" % number
        before, = server.links
        before.close()
        pub.wait_for_subscriber(LIMIT)
    wait_for(lambda: link.state == "alive")
    assert sub.dropped == 0


# -- forks --------------------------------------------------------------------------------------------------------------


FORK = """
import os, signal, sys, threading, warnings
warnings.simplefilter("ignore")
import yotonlike
server = yotonlike.Context(u"server", b"0123456789abcdef0123456789abcdef")
client = yotonlike.Context(u"client", b"0123456789abcdef0123456789abcdef")
address = server.bind("unix://%s" % sys.argv[1]).address
client.connect(address)
pub, sub = yotonlike.PubChannel(server, u"news"), yotonlike.SubChannel(client, u"news")
rep, req = yotonlike.RepChannel(server, u"echo", handler=lambda m: m), yotonlike.ReqChannel(client, u"echo")
state, never = yotonlike.StateChannel(client, u"mode"), yotonlike.ReqChannel(client, u"nobody")
pub.wait_for_subscriber(20)
stop = threading.Event()
def flood():
    while not stop.is_set():
        pub.send(u"x" * 1000)
flooder = threading.Thread(target=flood)
flooder.start()
pending = never.request(1)
sub.recv(20)
children = []
for number in range(8):
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(read)
            failures = []
            for do in (lambda: pub.send(u"c"), lambda: pub.send_nowait(u"c"), lambda: sub.recv(5), lambda: sub.recv_all(),
                       lambda: req.request(1), lambda: state.send(1), lambda: client.bind("tcp://127.0.0.1:0"),
                       lambda: client.connect(address), lambda: pending.result(5), lambda: pub.wait_for_subscriber(5),
                       lambda: client.wait(5)):
                try:
                    do()
                except yotonlike.Closed:
                    pass
                else:
                    failures.append("not closed")
            for close in (pub.close, sub.close, req.close, rep.close, state.close, client.close, server.close):
                close()
            own = yotonlike.Context(u"child", server.key)
            if number < 2:
                own.connect(address)
                failures += [] if yotonlike.ReqChannel(own, u"echo").request(7).result(20) == 7 else ["no answer"]
            own.close()
            os.write(write, b"fine" if not failures else b"bad ")
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(write)
    children.append((pid, read))
for _ in range(1000):
    assert sub.recv(20) == u"x" * 1000
    if _ % 100 == 0:
        assert req.request(_).result(20) == _
print("".join(os.read(read, 4).decode("ascii") + " " for pid, read in children))
for pid, read in children:
    os.waitpid(pid, 0)
stop.set()
while flooder.is_alive():
    sub.recv_all()
    flooder.join(0.01)
print("file %s links %s" % (os.path.exists(sys.argv[1]), all(l.state == "alive" for l in client.links + server.links)))
client.close(); server.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_cannot_use_them_and_does_not_disturb_the_parent(tmpdir):
    assert outcome(FORK, str(tmpdir.join("socket"))) == (["fine " * 8, "file True links True"], 0)
