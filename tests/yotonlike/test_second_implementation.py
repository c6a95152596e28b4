"""A second implementation of the protocol, written from docs/protocol.md alone, against the first one.

The peer below imports nothing of the product; numbers in its comments are sections of that page. Where a test fails, either
the product or the page is wrong.
"""
from __future__ import absolute_import, division, print_function

import hashlib
import hmac
import os
import socket
import struct
import threading

import pytest

import yotonlike

KEY = b"a key of thirty-two bytes, or so"
#: Seconds that a test waits for what has to come.
LIMIT = 20

HELLO, NODES, SYNCED, HEARTBEAT, OPEN, CLOSE, SOURCE, GRANT, WANT, CANCEL, BYE, ATTACH = range(1, 13)
DATA, LARGE, REPLY, LARGEREPLY, MORE = range(16, 21)
SUBSCRIPTION, REPLIER, STATE = 1, 2, 3
BLOCK, DROP_OLDEST, LATEST = 0, 1, 2
NO_LIMIT = 0xffffffff


# -- 13: text in lists and dicts, numbers, bytes: what the tests need of OBJECT ------------------------------------------

def encode(value):
    if value is None:
        return b"\xc0"
    if value is True or value is False:
        return b"\xc2" if value else b"\xc1"
    if isinstance(value, int):
        return struct.pack(">Bq", 0xc3, value)
    if isinstance(value, bytes):
        return struct.pack(">BI", 0xc7, len(value)) + value
    if isinstance(value, list):
        return struct.pack(">BI", 0xc8, len(value)) + b"".join(map(encode, value))
    if isinstance(value, dict):
        keys = sorted(value)
        return struct.pack(">BI", 0xc9, len(keys)) + b"".join(map(encode, keys + [value[key] for key in keys]))
    text = value.encode("utf-8")
    return struct.pack(">BI", 0xc6, len(text)) + text


def decode(data):
    value, rest = decode_item(data)
    assert rest == b""
    return value


def decode_item(data):
    tag, rest = ord(data[:1]), data[1:]
    if tag <= 0x7f:
        return rest[:tag].decode("utf-8"), rest[tag:]
    if tag <= 0xbf:
        return tag - 0x80, rest
    if tag in (0xc0, 0xc1, 0xc2):
        return {0xc0: None, 0xc1: False, 0xc2: True}[tag], rest
    if tag in (0xc3, 0xc5):
        return struct.unpack(">q" if tag == 0xc3 else ">d", rest[:8])[0], rest[8:]
    if tag >= 0xd0:
        count = tag & 15
    else:
        count, rest = struct.unpack(">I", rest[:4])[0], rest[4:]
    if tag in (0xc6, 0xc7):
        return (rest[:count].decode("utf-8") if tag == 0xc6 else rest[:count]), rest[count:]
    is_dict = tag == 0xc9 or tag >= 0xe0
    items = []
    for _ in range(count * 2 if is_dict else count):
        item, rest = decode_item(rest)
        items.append(item)
    return (dict(zip(items[:count], items[count:])) if is_dict else items), rest


# -- the peer ------------------------------------------------------------------------------------------------------------

def mac(key, label):
    return hmac.new(key, label, hashlib.sha256).digest()


def prove(key, label, parts):
    return mac(mac(key, label), b"".join(struct.pack(">I", len(part)) + part for part in parts))


def tcp_name(name):
    return ("tcp://%s:%d" % name[:2]).encode("ascii")


class Peer(object):
    """One end of a connection: blocking calls, and nothing between the bytes and the test."""

    def __init__(self, stream, key=KEY, name=u"second"):
        stream.settimeout(LIMIT)
        if stream.family == socket.AF_INET:  # a frame must not wait for the other end's word that the one before has come
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream, self.key, self.name = stream, key, name
        self.id, self.nonce = os.urandom(16), os.urandom(16)

    # 2
    def shake_as_client(self, server, client):
        hello = b"yoto\x01C" + mac(self.key, b"yotonlike 1 key id")[:16] + struct.pack(">QI", 1 << 30, 1000) + os.urandom(32)
        self.stream.sendall(hello)
        challenge = self.read(82)
        assert challenge[:6] == b"yoto\x01S"
        parts = [hello, challenge[:50], server, client]
        assert challenge[50:] == prove(self.key, b"yotonlike 1 server proves", parts)
        parts.append(challenge[50:])
        response = prove(self.key, b"yotonlike 1 client proves", parts)
        self.stream.sendall(response)
        assert self.read(32) == prove(self.key, b"yotonlike 1 server confirms", parts + [response])

    def shake_as_server(self, server, client):
        hello = self.read(66)
        assert hello[:6] == b"yoto\x01C"
        if hello[6:22] != mac(self.key, b"yotonlike 1 key id")[:16]:
            return False
        body = b"yoto\x01S" + struct.pack(">QI", 1 << 30, 1000) + os.urandom(32)
        parts = [hello, body, server, client]
        parts.append(prove(self.key, b"yotonlike 1 server proves", parts))
        self.stream.sendall(body + parts[-1])
        response = self.read(32)
        assert response == prove(self.key, b"yotonlike 1 client proves", parts)
        self.stream.sendall(prove(self.key, b"yotonlike 1 server confirms", parts + [response]))
        return True

    def read(self, size):
        data = b""
        while len(data) < size:
            chunk = self.stream.recv(size - len(data))
            if not chunk:
                raise EOFError("the other end closed after %d of %d bytes" % (len(data), size))
            data += chunk
        return data

    # 3
    def send(self, kind, layout=">", *fields, **more):
        body = struct.pack(layout, *fields) + more.get("rest", b"")
        self.stream.sendall(struct.pack(">IB", len(body), kind) + body)

    def receive(self):
        """The next frame but heartbeats: (kind, body)."""
        while True:
            length, kind = struct.unpack(">IB", self.read(5))
            assert length <= 65600
            body = self.read(length)
            if kind != HEARTBEAT:
                return kind, body

    def expect(self, kind, layout=">"):
        """The next frame, which must be of that kind, as a list of its fields and the rest."""
        found, body = self.receive()
        assert found == kind, (found, body)
        size = struct.calcsize(layout)
        return list(struct.unpack(layout, body[:size])) + [body[size:]]

    def expect_end(self):
        with pytest.raises(EOFError):
            while True:
                self.receive()

    # 4
    def say_hello(self):
        self.send(HELLO, ">16s16sIQ", self.id, self.nonce, 1000, 1 << 30, rest=self.name.encode("utf-8"))

    def expect_hello(self):
        self.other, _, heartbeat, max_message, name = self.expect(HELLO, ">16s16sIQ")
        assert heartbeat >= 1 and max_message >= 1
        return name.decode("utf-8")

    def join_as_initiator(self, ids=()):
        """Join; returns the channels that the other end opened: {sink: (kind, policy, window, name, type)}."""
        self.say_hello()
        self.expect_hello()
        joined, ids_there = self.expect(NODES, ">B")
        assert joined == 1 and self.other in [ids_there[at:at + 16] for at in range(0, len(ids_there), 16)]
        self.expect(SYNCED)
        self.send(NODES, ">B", 1, rest=self.id + b"".join(ids))
        self.send(SYNCED)
        sinks = {}
        while True:
            kind, body = self.receive()
            if kind == SYNCED:
                return sinks
            assert kind == OPEN
            self.note_sink(sinks, body)

    @staticmethod
    def note_sink(sinks, body):
        number, kind, policy, window, used, _, length, type_length = struct.unpack(">IBBQQQHB", body[:33])
        assert used <= window and (len(body) - 33 - length - type_length) % 24 == 0
        sinks[number] = (kind, policy, window, body[33:33 + length].decode("utf-8"),
                         body[33 + length:33 + length + type_length].decode("ascii"))

    # 5, 6, 8
    def open(self, sink, kind, name, type_name=b"text", policy=BLOCK, window=1 << 20, used=0, positions=(),
             history=0xffffffffffffffff):
        self.send(OPEN, ">IBBQQQHB", sink, kind, policy, window, used, history, len(name), len(type_name),
                  rest=name + type_name + b"".join(struct.pack(">16sQ", *position) for position in positions))

    def send_data(self, sink, alias, number, messages):
        lengths = struct.pack("<%dI" % len(messages), *map(len, messages))
        self.send(DATA, ">IIQI", sink, alias, number, len(messages), rest=lengths + b"".join(messages))

    def expect_data(self):
        """(sink, alias, number, messages), put together where they come in fragments; SOURCE may come before."""
        kind, body = self.receive()
        if kind == SOURCE:
            kind, body = self.receive()
        if kind == LARGE:
            sink, alias, number, total = struct.unpack(">IIQQ", body[:24])
            whole = body[24:]
            while len(whole) < total:
                what, again, piece = self.expect(MORE, ">BQ")
                assert (what, again) == (0, sink) and len(piece) <= 65536
                whole += piece
            return sink, alias, number, [whole]
        assert kind == DATA, (kind, body)
        sink, alias, number, count = struct.unpack(">IIQI", body[:20])
        lengths = struct.unpack("<%dI" % count, body[20:20 + 4 * count])
        messages, at = [], 20 + 4 * count
        for length in lengths:
            messages.append(body[at:at + length])
            at += length
        assert at == len(body) and count
        return sink, alias, number, messages

    def close(self):
        self.stream.close()


@pytest.fixture
def context():
    with yotonlike.Context(name=u"first", key=KEY) as context:
        yield context


@pytest.fixture
def peers():
    """Makes peers that connect to a context, and closes them."""
    made = []

    def connect(context, key=KEY, shake=True):
        listener = context.listeners[0] if context.listeners else context.bind("tcp://127.0.0.1:0")
        stream = socket.create_connection(("127.0.0.1", int(listener.address.rpartition(":")[2])))
        peer = Peer(stream, key)
        made.append(peer)
        if shake:
            peer.shake_as_client(tcp_name(stream.getpeername()), tcp_name(stream.getsockname()))
        return peer

    yield connect
    for peer in made:
        peer.close()


def in_thread(function, *arguments):
    thread = threading.Thread(target=function, args=arguments)
    thread.daemon = True
    thread.start()
    return thread


# -- 2: handshake -----------------------------------------------------------------------------------------------------------

def test_it_joins_as_initiator(context, peers):
    peer = peers(context)
    assert peer.join_as_initiator() == {}
    link, = context.links
    assert (link.peer, link.state) == (u"second", "alive")


def test_a_wrong_key_gets_no_byte(context, peers):
    peer = peers(context, b"another key of many bytes", shake=False)
    peer.stream.sendall(b"yoto\x01C" + mac(peer.key, b"yotonlike 1 key id")[:16] + struct.pack(">QI", 1, 1) + os.urandom(32))
    with pytest.raises(EOFError) as caught:
        peer.read(1)
    assert "after 0 of 1" in str(caught.value)


def test_a_wrong_proof_gets_no_confirmation(context, peers):
    peer = peers(context, shake=False)
    peer.stream.sendall(b"yoto\x01C" + mac(KEY, b"yotonlike 1 key id")[:16] + struct.pack(">QI", 1, 1) + os.urandom(32))
    assert len(peer.read(82)) == 82
    peer.stream.sendall(b"x" * 32)
    with pytest.raises(EOFError):
        peer.read(1)


def test_a_stranger_is_refused_at_its_first_byte(context, peers):
    peer = peers(context, shake=False)
    peer.stream.sendall(b"G")
    with pytest.raises(EOFError):
        peer.read(1)


def serve_once(listener, key, done):
    stream, _ = listener.accept()
    peer = Peer(stream, key)
    if stream.family == socket.AF_INET:
        server, client = tcp_name(stream.getsockname()), tcp_name(stream.getpeername())
    else:
        server, client = ("unix://" + listener.getsockname()).encode("ascii"), b""
    if not peer.shake_as_server(server, client):
        peer.close()
        return
    peer.say_hello()
    peer.expect_hello()
    peer.send(NODES, ">B", 1, rest=peer.id)
    peer.send(SYNCED)
    assert peer.expect(NODES, ">B") == [1, peer.other]
    peer.expect(SYNCED)
    peer.open(7, SUBSCRIPTION, b"news")
    peer.send(SYNCED)
    done.append((peer, peer.expect(SOURCE, ">I16s"), peer.expect(ATTACH, ">IIQB")))


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_it_is_joined_as_acceptor(context, tmpdir, kind):
    if kind == "tcp":
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        address = "tcp://127.0.0.1:%d" % listener.getsockname()[1]
    else:
        path = os.path.join(os.environ["XDG_RUNTIME_DIR"], "second-%d" % os.getpid())
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        address = "unix://" + path
    listener.listen(1)
    done = []
    thread = in_thread(serve_once, listener, KEY, done)
    news = yotonlike.PubChannel(context, u"news")
    link = context.connect(address, timeout=LIMIT)
    assert (link.peer, link.state) == (u"second", "alive")
    assert news.wait_for_subscriber(LIMIT) == 1
    thread.join(LIMIT)
    peer, (alias, epoch, _), attached = done[0]
    assert attached == [7, alias, 0, 0, b""]
    peer.close()
    listener.close()


def test_a_context_with_a_wrong_key_is_told(context):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    in_thread(serve_once, listener, b"another key of many bytes", [])
    with pytest.raises(yotonlike.AuthenticationFailed):
        context.connect("tcp://127.0.0.1:%d" % listener.getsockname()[1], timeout=LIMIT)
    listener.close()


# -- 4: joining -------------------------------------------------------------------------------------------------------------

def test_a_loop_is_refused(context, peers):
    first, second = peers(context), peers(context)
    first.id, second.id = b"\x01" * 16, b"\xfe" * 16
    first.join_as_initiator()
    second.say_hello()
    second.expect_hello()
    _, ids = second.expect(NODES, ">B")
    assert first.id in [ids[at:at + 16] for at in range(0, len(ids), 16)]
    second.expect(SYNCED)
    second.send(NODES, ">B", 1, rest=second.id + first.id)  # which it was just told is reached from here
    second.send(SYNCED)
    code, reason = second.expect(BYE, ">B")
    assert code == 2 and reason
    second.expect_end()


def test_of_two_links_to_one_context_the_lower_rank_stays(context, peers):
    low, high = peers(context), peers(context)
    low.id, high.id, shared = b"\x01" * 16, b"\xfe" * 16, b"\x55" * 16
    for peer in (low, high):  # both see nothing wrong
        peer.say_hello()
        peer.expect_hello()
        assert peer.expect(NODES, ">B") == [1, peer.other]
        peer.expect(SYNCED)
    for peer in (high, low):  # and now both name the same context
        peer.send(NODES, ">B", 1, rest=peer.id + shared)
        peer.send(SYNCED)
        kind, body = peer.receive()
        while kind != SYNCED:  # the other one's side is passed on, and taken back
            assert kind == NODES
            kind, body = peer.receive()
    kind, body = high.receive()
    while kind == NODES:
        kind, body = high.receive()
    assert (kind, body[:1]) == (BYE, b"\x02")
    high.expect_end()


def test_what_joins_later_is_passed_on(context, peers):
    first = peers(context)
    first.join_as_initiator()
    second = peers(context)
    second.join_as_initiator()
    assert first.expect(NODES, ">B") == [1, second.id]
    second.close()
    assert first.expect(NODES, ">B") == [0, second.id]


# -- 5 to 8: publishing -----------------------------------------------------------------------------------------------------

def test_it_subscribes_and_gives_credit(context, peers):
    news = yotonlike.PubChannel(context, u"news")
    peer = peers(context)
    peer.join_as_initiator()
    window = 1000
    peer.open(1, SUBSCRIPTION, b"news", window=window)
    peer.open(2, SUBSCRIPTION, b"news", b"binary", BLOCK, window)  # another type: never fed
    alias, epoch, _ = peer.expect(SOURCE, ">I16s")
    assert peer.expect(ATTACH, ">IIQB") == [1, alias, 0, 0, b""]
    texts = [u"message %d \u20ac" % number for number in range(200)]
    thread = in_thread(lambda: [news.send(text, timeout=LIMIT) for text in texts])
    got, credit, held, wanted = [], window, 0, 0
    while len(got) < len(texts):
        if wanted and held > 500:
            peer.send(GRANT, ">IQ", 1, held)
            credit, held, wanted = credit + held, 0, 0
        kind, body = peer.receive()
        if kind == WANT:
            assert struct.unpack(">I", body) == (1,) and not wanted
            wanted = 1
            continue
        assert kind == DATA
        sink, again, number, count = struct.unpack(">IIQI", body[:20])
        assert (sink, again, number) == (1, alias, len(got))
        at = 20 + 4 * count
        for length in struct.unpack("<%dI" % count, body[20:at]):
            got.append(body[at:at + length].decode("utf-8"))
            at += length
            credit -= length + 32
            held += length + 32
        assert at == len(body) and credit >= 0
    thread.join(LIMIT)
    assert got == texts


def test_the_publisher_waits_for_credit_and_for_nobody_who_is_gone(context, peers):
    news = yotonlike.PubChannel(context, u"news")
    peer = peers(context)
    peer.join_as_initiator()
    peer.open(1, SUBSCRIPTION, b"news", window=100)
    news.wait_for_subscriber(LIMIT)
    assert news.send(u"x" * 50) == 1
    with pytest.raises(yotonlike.WouldBlock):
        news.send_nowait(u"y" * 50)
    peer.send(CLOSE, ">I", 1)
    peer.expect(SOURCE, ">I16s")
    peer.expect(ATTACH, ">IIQB")
    assert peer.expect_data()[3] == [b"x" * 50]
    assert peer.expect(WANT, ">I") == [1, b""]
    assert news.send(u"z", timeout=LIMIT) == 0


def test_it_goes_on_where_it_was(context, peers):
    news = yotonlike.PubChannel(context, u"news", history=3 * 37)
    for number in range(10):
        news.send(u"%05d" % number)
    peer = peers(context)
    peer.join_as_initiator()
    peer.open(1, SUBSCRIPTION, b"news")
    alias, epoch, _ = peer.expect(SOURCE, ">I16s")
    assert peer.expect(ATTACH, ">IIQB") == [1, alias, 0, 0, b""]  # it is new here, so it misses what is not kept
    assert peer.expect_data() == (1, alias, 7, [b"00007", b"00008", b"00009"])
    peer.open(2, SUBSCRIPTION, b"news", positions=[(b"x" * 16, 3), (epoch, 9)])
    assert peer.expect(ATTACH, ">IIQB") == [2, alias, 9, 0, b""]
    assert peer.expect_data() == (2, alias, 9, [b"00009"])
    peer.open(4, SUBSCRIPTION, b"news", history=80)  # wants two of them, and one wants none
    assert peer.expect(ATTACH, ">IIQB") == [4, alias, 8, 0, b""]
    assert peer.expect_data() == (4, alias, 8, [b"00008", b"00009"])
    peer.open(5, SUBSCRIPTION, b"news", history=0)
    assert peer.expect(ATTACH, ">IIQB") == [5, alias, 10, 0, b""]
    for sink in (4, 5):
        peer.send(CLOSE, ">I", sink)
    peer.open(3, SUBSCRIPTION, b"news", positions=[(epoch, 10)], window=100, used=63)
    assert peer.expect(ATTACH, ">IIQB") == [3, alias, 10, 0, b""]
    news.wait_for_subscriber(LIMIT)
    while len(news.subscribers) < 3:
        news.wait_for_subscriber(LIMIT)
    assert news.send(u"00010", 0) == 3
    assert sorted(peer.expect_data() for _ in range(3)) == [(sink, alias, 10, [b"00010"]) for sink in (1, 2, 3)]
    with pytest.raises(yotonlike.WouldBlock):  # the used part of the third one's window
        news.send_nowait(u"00011")
    assert peer.expect(WANT, ">I") == [3, b""]
    peer.send(GRANT, ">IQ", 3, 37)
    assert news.send(u"00011", LIMIT) == 3


def test_a_message_larger_than_the_window_comes_in_fragments(context, peers):
    blobs = yotonlike.PubChannel(context, u"blobs", yotonlike.BINARY)
    peer = peers(context)
    peer.join_as_initiator()
    peer.open(1, SUBSCRIPTION, b"blobs", b"binary", window=1000)
    blobs.wait_for_subscriber(LIMIT)
    long = os.urandom(200000)
    assert blobs.send(long) == 1
    peer.expect(SOURCE, ">I16s")
    peer.expect(ATTACH, ">IIQB")
    sink, _, number, messages = peer.expect_data()
    assert (sink, number, messages) == (1, 0, [long])
    with pytest.raises(yotonlike.WouldBlock):
        blobs.send_nowait(b"")
    assert peer.expect(WANT, ">I") == [1, b""]
    peer.send(GRANT, ">IQ", 1, len(long) + 32)
    assert blobs.send(b"after", timeout=LIMIT) == 1
    assert peer.expect_data()[2:] == (1, [b"after"])


def test_a_policy_that_drops_shows_as_a_gap(context, peers):
    news = yotonlike.PubChannel(context, u"news")
    peer = peers(context)
    peer.join_as_initiator()
    peer.open(1, SUBSCRIPTION, b"news", policy=LATEST, window=40)
    news.wait_for_subscriber(LIMIT)
    for number in range(10):
        assert news.send(u"%d" % number) == 1
    peer.expect(SOURCE, ">I16s")
    peer.expect(ATTACH, ">IIQB")
    got = {}
    while 9 not in got:
        kind, body = peer.receive()
        if kind == WANT:
            peer.send(GRANT, ">IQ", 1, 33)
            continue
        number, count = struct.unpack(">QI", body[8:20])
        assert (kind, count) == (DATA, 1)
        got[number] = body[24:]
    assert got[9] == b"9" and len(got) < 10


def test_it_publishes_and_keeps_to_its_credit(context, peers):
    sub = yotonlike.SubChannel(context, u"news", window=1000)
    peer = peers(context)
    (sink, opened), = peer.join_as_initiator().items()
    assert opened == (SUBSCRIPTION, BLOCK, 1000, u"news", "text")
    peer.send(SOURCE, ">I16s", 3, os.urandom(16))
    peer.send(ATTACH, ">IIQB", sink, 3, 5, 0)
    texts = [u"text %d" % number for number in range(100)]
    taken = []
    thread = in_thread(lambda: taken.extend(sub.recv(LIMIT) for _ in range(len(texts) + 1)))
    credit = 1000
    for number, text in enumerate(texts):
        data = text.encode("utf-8")
        while credit < len(data) + 32:
            peer.send(WANT, ">I", sink)
            again, amount, _ = peer.expect(GRANT, ">IQ")
            assert again == sink
            credit += amount
            assert credit <= 1000
        peer.send_data(sink, 3, 5 + number, [data])
        credit -= len(data) + 32
    while credit < 1000:  # all of it comes back, since all of it is consumed
        peer.send(WANT, ">I", sink)
        credit += peer.expect(GRANT, ">IQ")[1]
    long = u"long" * 50000
    data = long.encode("ascii")
    peer.send(LARGE, ">IIQQ", sink, 3, 107, len(data), rest=data[:60000])  # numbers 105 and 106 are missed
    for at in range(60000, len(data), 60000):
        peer.send(HEARTBEAT)
        peer.send(MORE, ">BQ", 0, sink, rest=data[at:at + 60000])
    thread.join(LIMIT)
    assert taken == texts + [long]
    assert sub.dropped == 2


# -- 9: requests --------------------------------------------------------------------------------------------------------------

def test_it_comes_back_as_a_publisher(context, peers):
    sub = yotonlike.SubChannel(context, u"news", window=1000)
    epoch = os.urandom(16)

    def come(expected_used, *expected):
        peer = peers(context)
        peer.say_hello()
        peer.expect_hello()
        peer.expect(NODES, ">B")
        peer.expect(SYNCED)
        peer.send(NODES, ">B", 1, rest=peer.id)
        peer.send(SYNCED)
        sink, _, _, window, used, history, length, type_length, rest = peer.expect(OPEN, ">IBBQQQHB")
        rest = rest[length + type_length:]
        assert (window, used, history) == (1000, expected_used, 0xffffffffffffffff)
        assert [struct.unpack(">16sQ", rest[at:at + 24]) for at in range(0, len(rest), 24)] == list(expected)
        peer.expect(SYNCED)
        peer.send(SOURCE, ">I16s", 5, epoch)
        peer.send(ATTACH, ">IIQB", sink, 5, 0, 0)
        return peer, sink

    peer, sink = come(0)
    peer.send_data(sink, 5, 0, [b"0", b"1", b"2"])
    peer.send(LARGE, ">IIQQ", sink, 5, 3, 10, rest=b"half")  # cut off in the middle
    assert sub.recv(LIMIT) == u"0"
    peer.send(BYE, ">B", 0)
    peer.expect_end()
    peer, sink = come(3 * 33, (epoch, 3))  # a batch, which is handed back when its last message is taken
    peer.send_data(sink, 5, 1, [b"1", b"2", b"3", b"4"])  # two of which it has
    assert [sub.recv(LIMIT) for _ in range(4)] == [u"1", u"2", u"3", u"4"]
    peer.send_data(sink, 5, 2, [b"2", b"3"])
    peer.send_data(sink, 5, 7, [b"7"])
    assert sub.recv(LIMIT) == u"7" and sub.dropped == 2
    peer.send(WANT, ">I", sink)
    granted = 0
    while granted < 10 * 33:  # with what had come before, and what was dropped
        granted += peer.expect(GRANT, ">IQ")[1]
    assert granted == 10 * 33


def test_it_serves_requests(context, peers):
    calc = yotonlike.ReqChannel(context, u"calc")
    peer = peers(context)
    peer.join_as_initiator()
    peer.open(4, REPLIER, b"calc", b"object")
    plain = calc.request([1, u"two"], timeout=LIMIT)
    sink, limit, first, (request,) = peer.expect_data()
    assert (sink, request[:1], decode(request[1:])) == (4, b"\x00", [1, u"two"])
    assert LIMIT * 900 < limit <= LIMIT * 1000
    call = calc.call("add", 3, b=4)
    _, limit, second, (request,) = peer.expect_data()
    assert (limit, request[:1], decode(request[1:])) == (NO_LIMIT, b"\x01", [u"add", [3], {u"b": 4}])
    fails, given_up = calc.request(None), calc.request(None)
    third, fourth = peer.expect_data()[2], peer.expect_data()[2]
    assert len(set([first, second, third, fourth])) == 4
    given_up.cancel()
    assert peer.expect(CANCEL, ">Q") == [fourth, b""]
    peer.send(REPLY, ">QB", third, 1, rest=encode([u"ValueError", u"no good", u"Traceback ..."]))
    peer.send(REPLY, ">QB", fourth, 0, rest=b"\x00" + encode(None))  # too late: ignored
    answer = b"\x01" + encode(b"7" * 100000)
    peer.send(LARGEREPLY, ">QBQ", second, 0, len(answer), rest=answer[:65536])
    peer.send(REPLY, ">QB", first, 0, rest=b"\x00" + encode({u"ok": [True, None]}))
    peer.send(MORE, ">BQ", 1, second, rest=answer[65536:])
    assert plain.result(LIMIT) == {u"ok": [True, None]}
    assert call.result(LIMIT) == b"7" * 100000
    with pytest.raises(yotonlike.RemoteError) as caught:
        fails.result(LIMIT)
    assert (caught.value.type, caught.value.message) == (u"ValueError", u"no good")
    lost = calc.request(None)
    peer.expect_data()
    peer.send(CLOSE, ">I", 4)
    with pytest.raises(yotonlike.PeerLost):
        lost.result(LIMIT)


class Calculator(object):
    def add(self, a, b=1):
        return a + b


def test_it_asks(context, peers):
    replier = yotonlike.RepChannel(context, u"calc", handler=lambda text: text * 50000, target=Calculator(), methods=("add",))
    peer = peers(context)
    (sink, opened), = peer.join_as_initiator().items()
    assert opened[0] == REPLIER and opened[3:] == (u"calc", "object")
    peer.send_data(sink, NO_LIMIT, 1, [b"\x01" + encode([u"add", [3], {u"b": 4}])])
    assert peer.expect(REPLY, ">QB") == [1, 0, b"\x01\x87"]
    peer.send_data(sink, NO_LIMIT, 2, [b"\x01" + encode([u"__init__", [], {}])])
    number, status, answer = peer.expect(REPLY, ">QB")
    assert (number, status, decode(answer)[0]) == (2, 1, u"AttributeError")
    peer.send_data(sink, NO_LIMIT, 3, [b"\x00" + encode(u"abc")])
    number, status, total, whole = peer.expect(LARGEREPLY, ">QBQ")
    while len(whole) < total:
        what, again, piece = peer.expect(MORE, ">BQ")
        assert (what, again) == (1, 3)
        whole += piece
    assert (number, status, whole[:1], decode(whole[1:])) == (3, 0, b"\x00", u"abc" * 50000)
    peer.send_data(sink, NO_LIMIT, 4, [b"\x07?"])
    assert peer.expect(REPLY, ">QB")[:2] == [4, 1]
    replier.close()
    assert peer.expect(CLOSE, ">I") == [sink, b""]


def test_several_requests_in_one_frame_are_refused(context, peers):
    replier = yotonlike.RepChannel(context, u"calc", handler=lambda value: value)
    peer = peers(context)
    sink, = peer.join_as_initiator()
    peer.send_data(sink, NO_LIMIT, 1, [b"\x00\xc0", b"\x00\xc0"])
    assert peer.expect(BYE, ">B")[0] == 1
    peer.expect_end()
    replier.close()


# -- 10: relaying -------------------------------------------------------------------------------------------------------------

def test_two_of_it_talk_through_a_context(context, peers):
    left, right = peers(context), peers(context)
    left.join_as_initiator()
    right.join_as_initiator()
    left.expect(NODES, ">B")
    left.open(1, SUBSCRIPTION, b"news", window=500)
    sinks = {}
    Peer.note_sink(sinks, right.receive()[1])
    (sink, opened), = sinks.items()
    assert opened == (SUBSCRIPTION, BLOCK, 500, u"news", "text")
    epoch = os.urandom(16)
    right.send(SOURCE, ">I16s", 9, epoch)
    right.send(ATTACH, ">IIQB", sink, 9, 41, 0)
    alias, there, _ = left.expect(SOURCE, ">I16s")
    assert there == epoch
    assert left.expect(ATTACH, ">IIQB") == [1, alias, 41, 0, b""]
    right.send_data(sink, 9, 41, [b"a" * 400])
    assert left.expect_data() == (1, alias, 41, [b"a" * 400])
    assert right.expect(GRANT, ">IQ") == [sink, 432, b""]  # forwarded: the relay's window is free again
    right.send_data(sink, 9, 42, [b"b" * 400])
    assert left.expect(WANT, ">I") == [1, b""]             # it has to wait there
    left.send(GRANT, ">IQ", 1, 432)
    assert left.expect_data() == (1, alias, 42, [b"b" * 400])

    left.open(2, REPLIER, b"calc", b"object")
    assert right.expect(GRANT, ">IQ") == [sink, 432, b""]
    sinks = {}
    Peer.note_sink(sinks, right.receive()[1])
    calc, = sinks
    right.send_data(calc, 700, 77, [b"\x00\x81"])
    to, limit, number, messages = left.expect_data()
    assert (to, limit, messages) == (2, 700, [b"\x00\x81"])
    left.send(REPLY, ">QB", number, 0, rest=b"\x00\x82")
    assert right.expect(REPLY, ">QB") == [77, 0, b"\x00\x82"]
    for _ in range(2):  # one number twice is that end's own fault, and nobody else's trouble
        right.send_data(calc, NO_LIMIT, 9, [b"\x00\x81"])
    for number in [left.expect_data()[2] for _ in range(2)]:
        left.send(REPLY, ">QB", number, 0, rest=b"\x00\x82")
        assert right.expect(REPLY, ">QB") == [9, 0, b"\x00\x82"]
    right.send_data(calc, NO_LIMIT, 78, [b"\x00\x81"])
    left.expect_data()
    left.close()
    ends = sorted(right.receive() for _ in range(4))
    assert sorted(kind for kind, _ in ends) == sorted([NODES, CLOSE, CLOSE, REPLY])
    assert (REPLY, struct.pack(">QB", 78, 2)) in ends


# -- 11: states -----------------------------------------------------------------------------------------------------------------

def test_it_shares_a_state(context, peers):
    mode = yotonlike.StateChannel(context, u"mode")
    mode.send(u"first")
    peer = peers(context)
    (sink, opened), = peer.join_as_initiator().items()
    assert opened[:2] == (STATE, LATEST)
    peer.open(1, STATE, b"mode", b"object", LATEST, 65536)
    to, _, _, (message,) = peer.expect_data()
    counter, setter = struct.unpack(">Q16s", message[:24])
    assert (to, counter, decode(message[24:])) == (1, 1, u"first")
    came = threading.Event()
    mode.changed.connect(lambda value: came.set())
    peer.send(SOURCE, ">I16s", 0, os.urandom(16))
    peer.send_data(sink, 0, 0, [struct.pack(">Q16s", 0, b"\xff" * 16) + encode(u"too old")])
    peer.send_data(sink, 0, 1, [struct.pack(">Q16s", 2, os.urandom(16)) + encode(u"second")])
    import select
    assert select.select([context.fileno()], [], [], LIMIT)[0]
    context.process_events()
    assert came.is_set() and mode.value == u"second"
    mode.send(u"third")
    counter, again = struct.unpack(">Q16s", peer.expect_data()[3][0][:24])
    assert (counter, again) == (3, setter)


# -- 12: the end --------------------------------------------------------------------------------------------------------------

def test_goodbyes(context, peers):
    peer = peers(context)
    peer.join_as_initiator()
    other = peers(context)
    other.join_as_initiator()
    peer.expect(NODES, ">B")
    other.send(BYE, ">B", 0, rest=b"enough")
    other.expect_end()
    assert peer.expect(NODES, ">B") == [0, other.id]
    news = yotonlike.PubChannel(context, u"news")
    peer.open(1, SUBSCRIPTION, b"news")
    news.wait_for_subscriber(LIMIT)
    news.send(u"last")
    thread = in_thread(context.close, LIMIT)
    peer.expect(SOURCE, ">I16s")
    peer.expect(ATTACH, ">IIQB")
    assert peer.expect_data()[3] == [b"last"]
    assert peer.expect(BYE, ">B")[0] == 3  # it has sent everything
    peer.close()
    thread.join(LIMIT)
    assert not thread.is_alive()


def broken(kind, layout=">", *fields, **more):
    return kind, layout, fields, more.get("rest", b"")


BROKEN = {
    "an unknown kind": broken(99),
    "a body on SYNCED": broken(SYNCED, rest=b"x"),
    "a short OPEN": broken(OPEN, ">I", 1),
    "a name cut off": broken(OPEN, ">IBBQQQHB", 1, 1, 0, 10, 0, 0, 10, 0, rest=b"abc"),
    "an unknown kind of sink": broken(OPEN, ">IBBQQQHB", 1, 9, 0, 10, 0, 0, 1, 4, rest=b"atext"),
    "an unknown policy": broken(OPEN, ">IBBQQQHB", 1, 1, 9, 10, 0, 0, 1, 4, rest=b"atext"),
    "a name that is no text": broken(OPEN, ">IBBQQQHB", 1, 1, 0, 10, 0, 0, 1, 4, rest=b"\xfftext"),
    "half a position": broken(OPEN, ">IBBQQQHB", 1, 1, 0, 10, 0, 0, 1, 4, rest=b"atext" + b"e" * 23),
    "too many positions": broken(OPEN, ">IBBQQQHB", 1, 1, 0, 10, 0, 0, 1, 4, rest=b"atext" + b"e" * 24 * 1025),
    "half an id": broken(NODES, ">B", 1, rest=b"x" * 15),
    "a second HELLO": broken(HELLO, ">16s16sIQ", b"x" * 16, b"y" * 16, 1, 1),
    "a sink that is not there": broken(CLOSE, ">I", 5),
    "an alias that is too high": broken(SOURCE, ">I16s", 16384, b"x" * 16),
    "an alias that is not there": broken(DATA, ">IIQI", 1, 5, 0, 1, rest=b"\1\0\0\0x"),
    "no messages": broken(DATA, ">IIQI", 1, 0, 0, 0),
    "more messages than bytes": broken(DATA, ">IIQI", 1, 0, 0, 1000),
    "lengths that do not add up": broken(DATA, ">IIQI", 1, 0, 0, 1, rest=b"\2\0\0\0x"),
    "too much for the window": broken(DATA, ">IIQI", 1, 0, 1, 2, rest=b"\x90\1\0\0" * 2 + b"x" * 800),
    "a long message that is none": broken(LARGE, ">IIQQ", 1, 0, 1, 3, rest=b"abc"),
    "a long message beyond the limit": broken(LARGE, ">IIQQ", 1, 0, 1, (1 << 30) + 1, rest=b"abc"),
    "a fragment without a beginning": broken(MORE, ">BQ", 0, 1, rest=b"x"),
    "more credit than was spent": broken(GRANT, ">IQ", 1, 1 << 40),
}


@pytest.mark.parametrize("what", sorted(BROKEN))
def test_what_breaks_the_protocol_ends_that_link_only(context, peers, what):
    sub = yotonlike.SubChannel(context, u"news", window=600)
    bystander = peers(context)
    there, = bystander.join_as_initiator()
    peer = peers(context)
    sink, = peer.join_as_initiator()
    bystander.expect(NODES, ">B")
    peer.open(1, SUBSCRIPTION, b"other")
    peer.send(SOURCE, ">I16s", 0, b"e" * 16)
    peer.send_data(sink, 0, 0, [b"held"])
    kind, layout, fields, rest = BROKEN[what]
    if kind in (DATA, LARGE):
        fields = (sink,) + fields[1:]
    elif kind == MORE:
        fields = (0, sink)
    peer.send(kind, layout, *fields, rest=rest)
    code, reason = peer.expect(BYE, ">B")
    assert code == 1 and reason
    peer.expect_end()
    kind, body = bystander.receive()
    while kind in (OPEN, CLOSE):  # the sink of the one that is gone
        kind, body = bystander.receive()
    assert (kind, body) == (NODES, b"\0" + peer.id)
    bystander.send(SOURCE, ">I16s", 0, b"b" * 16)
    bystander.send_data(there, 0, 0, [b"goes on"])
    text = sub.recv(LIMIT)
    assert text in (u"held", u"goes on")  # what came in one read with the broken frame may be lost
    assert text == u"goes on" or sub.recv(LIMIT) == u"goes on"


def test_a_length_beyond_the_limit_is_an_error_before_its_body(context, peers):
    peer = peers(context)
    peer.join_as_initiator()
    peer.stream.sendall(struct.pack(">IB", 65601, DATA))
    assert peer.expect(BYE, ">B")[0] == 1
    peer.expect_end()


@pytest.mark.parametrize("kind", [SYNCED, HEARTBEAT])
def test_nobody_speaks_before_hello(context, peers, kind):
    peer = peers(context)
    peer.expect_hello()
    peer.send(kind)
    assert peer.expect(BYE, ">B")[0] == 1
    peer.expect_end()
