"""Publishing and subscribing over real sockets."""
from __future__ import absolute_import, division, print_function

import os
import select
import subprocess
import sys
import threading

import pytest
import yotonlike
from yotonlike import BINARY, OBJECT, TEXT

LIMIT = 20  # seconds that a test waits for what has to come
KEY = b"0123456789abcdef0123456789abcdef"


@pytest.fixture(params=["tcp", "unix", "local"])
def pair(request, tmpdir):
    """Two contexts that are linked, or one that is both."""
    one = yotonlike.Context(u"one", KEY)
    if request.param == "local":
        two = one
    else:
        two = yotonlike.Context(u"two", KEY)
        address = "tcp://127.0.0.1:0" if request.param == "tcp" else "unix://%s/s" % tmpdir
        two.connect(one.bind(address).address)
    yield one, two
    two.close()
    one.close()


@pytest.fixture
def linked():
    """Two contexts, linked over TCP."""
    one, two = yotonlike.Context(u"one", KEY), yotonlike.Context(u"two", KEY)
    two.connect(one.bind("tcp://127.0.0.1:0").address)
    yield one, two
    two.close()
    one.close()


def subscribed(publisher, subscriber, kind=TEXT, **options):
    """A publisher and a subscriber that know each other."""
    sub = yotonlike.SubChannel(subscriber, u"news", kind, **options)
    pub = yotonlike.PubChannel(publisher, u"news", kind)
    pub.wait_for_subscriber(LIMIT)
    return pub, sub


def fill(pub, message):
    """Send until there is no room; how many went."""
    for count in range(10 ** 6):
        try:
            pub.send_nowait(message)
        except yotonlike.WouldBlock:
            return count
    raise AssertionError("nothing held the publisher up")


@pytest.mark.parametrize("kind, messages", [
    (TEXT, [u"", u"plain", u"\u20ac \U0001f600 \x00", u"x" * 300000]),
    (BINARY, [b"", bytes(bytearray(range(256))), b"y" * 300000]),
    (OBJECT, [None, {u"a": [1, 2.5, True, b"bytes", u"text", {u"b": None}]}, [u"z" * 100000]]),
])
def test_messages_arrive_as_they_were_sent(pair, kind, messages):
    pub, sub = subscribed(pair[0], pair[1], kind)
    for message in messages:
        assert pub.send(message, timeout=LIMIT) == 1
    assert [sub.recv(LIMIT) for _ in messages] == messages


def test_order_is_kept_in_a_stream(pair):
    pub, sub = subscribed(*pair)
    count = 5000
    thread = threading.Thread(target=lambda: [pub.send(u"%d" % number) for number in range(count)])
    thread.start()
    assert [int(sub.recv(LIMIT)) for _ in range(count)] == list(range(count))
    thread.join()
    assert sub.dropped == 0 and sub.pending == 0


def test_without_a_subscriber_a_message_is_gone(pair):
    pub = yotonlike.PubChannel(pair[0], u"news")
    assert pub.send(u"unheard") == 0
    sub = yotonlike.SubChannel(pair[1], u"news")
    pub.wait_for_subscriber(LIMIT)
    pub.send(u"heard")
    assert sub.recv(LIMIT) == u"heard"
    assert sub.dropped == 0


def test_names_and_types_have_to_match(linked):
    pub, sub = subscribed(*linked)
    other = yotonlike.SubChannel(linked[1], u"other")
    binary = yotonlike.SubChannel(linked[1], u"news", BINARY)
    pub.send(u"for one")
    assert sub.recv(LIMIT) == u"for one"
    for stranger in (other, binary):
        with pytest.raises(yotonlike.WouldBlock):
            stranger.recv_nowait()


def test_a_full_window_holds_the_publisher_up_and_room_lets_it_go(pair):
    pub, sub = subscribed(pair[0], pair[1], window=10000)
    sent = fill(pub, u"x" * 100)
    assert 10000 // 200 < sent <= 10000 // 100
    with pytest.raises(yotonlike.Timeout):
        pub.send(u"z" * 100, timeout=0.01)
    assert pub.subscribers[0].blocking
    for _ in range(sent):
        assert sub.recv(LIMIT) == u"x" * 100
    assert pub.send(u"again", timeout=LIMIT) == 1
    assert sub.recv(LIMIT) == u"again"


def test_one_message_taken_makes_room_for_one(pair):
    pub, sub = subscribed(pair[0], pair[1], window=100000)
    fill(pub, u"x" * 100)
    for _ in range(5):
        sub.recv(LIMIT)
        pub.send(u"y" * 100, timeout=LIMIT)


def test_a_message_larger_than_the_window_passes_when_the_window_is_whole(pair):
    pub, sub = subscribed(pair[0], pair[1], BINARY, window=1000)
    pub.send(b"small")
    done = []
    thread = threading.Thread(target=lambda: done.append(pub.send(b"z" * 200000, timeout=LIMIT)))
    thread.start()
    assert sub.recv(LIMIT) == b"small"
    assert sub.recv(LIMIT) == b"z" * 200000
    thread.join()
    assert done == [1]


def test_a_stalled_subscriber_holds_nothing_else_up(linked):
    one, two = linked
    pub, _ = subscribed(one, two, window=1000)
    other_sub = yotonlike.SubChannel(two, u"other")
    other = yotonlike.PubChannel(one, u"other")
    other.wait_for_subscriber(LIMIT)
    fill(pub, u"x" * 100)
    for number in range(200):
        other.send(u"%d" % number, timeout=LIMIT)
        assert other_sub.recv(LIMIT) == u"%d" % number


def test_a_subscriber_that_is_closed_lets_the_publisher_go(linked):
    pub, sub = subscribed(linked[0], linked[1], window=1000)
    fill(pub, u"x" * 100)
    result = []
    thread = threading.Thread(target=lambda: result.append(pub.send(u"x" * 100, timeout=LIMIT)))
    thread.start()
    sub.close()
    thread.join()
    assert result == [0]


def test_a_subscriber_process_that_is_killed_lets_the_publisher_go():
    with yotonlike.Context(u"one", KEY) as one:
        address = one.bind("tcp://127.0.0.1:0").address
        child = subprocess.Popen([sys.executable, "-c", (
            "import sys; sys.path.insert(0, %r); import yotonlike\n"
            "context = yotonlike.Context(u'two', %r); context.connect(%r)\n"
            "sub = yotonlike.SubChannel(context, u'news', window=1000); sys.stdin.read()")
            % (os.getcwd(), KEY, address)], stdin=subprocess.PIPE)
        pub = yotonlike.PubChannel(one, u"news")
        pub.wait_for_subscriber(LIMIT)
        fill(pub, u"x" * 100)
        result = []
        thread = threading.Thread(target=lambda: result.append(pub.send(u"x" * 100, timeout=LIMIT)))
        thread.start()
        child.kill()
        thread.join()
        assert result == [0]
        child.wait()
        child.stdin.close()


def test_policies_that_drop_count_exactly(linked):
    one, two = linked
    oldest = yotonlike.SubChannel(two, u"news", on_full="drop_oldest", window=2000)
    latest = yotonlike.SubChannel(two, u"news", on_full="latest", window=2000)
    pub = yotonlike.PubChannel(one, u"news")
    while len(pub.subscribers) < 2:
        pub.wait_for_subscriber(LIMIT)
    count = 1000
    for number in range(count):
        pub.send(u"%05d" % number, timeout=0)  # never has to wait
    for sub in (oldest, latest):
        received = []
        while not received or received[-1] != count - 1:
            received.append(int(sub.recv(LIMIT)))
        assert received == sorted(set(received))
        assert len(received) + sub.dropped == count


def test_receiving_ends_after_what_was_queued(pair):
    pub, sub = subscribed(*pair)
    for number in range(3):
        pub.send(u"%d" % number)
    while sub.pending < 3:
        select.select([], [], [], 0.001)
    sub.close()
    assert list(sub) == [u"0", u"1", u"2"]
    for call in (sub.recv, sub.recv_nowait, sub.recv_all):
        with pytest.raises(yotonlike.Closed):
            call()
    with pytest.raises(yotonlike.Closed):
        pub.close()
        pub.send(u"more")


def test_a_lost_link_does_not_end_the_iteration(linked):
    pub, sub = subscribed(*linked)
    pub.send(u"before")
    assert sub.recv(LIMIT) == u"before"
    linked[0].links[0].close()
    with pytest.raises(yotonlike.Timeout):
        sub.recv(0.01)
    assert not sub.closed


def test_timeouts(linked):
    pub, sub = subscribed(*linked)
    with pytest.raises(yotonlike.WouldBlock):
        sub.recv(0)
    with pytest.raises(yotonlike.Timeout):
        sub.recv(0.01)
    with pytest.raises(yotonlike.Timeout):
        yotonlike.PubChannel(linked[0], u"nobody").wait_for_subscriber(0.01)
    assert sub.recv_all() == []


def test_callbacks_run_in_process_events_and_fileno_says_when(pair):
    pub, sub = subscribed(*pair)
    threads, messages = set(), []

    @sub.received.connect
    def received(message):
        threads.add(threading.current_thread().ident)
        messages.append(message)

    for number in range(2500):
        pub.send(u"%d" % number)
    while len(messages) < 2500:
        assert select.select([pair[1]], [], [], LIMIT)[0]
        pair[1].process_events()
    assert messages == [u"%d" % number for number in range(2500)]
    assert threads == {threading.current_thread().ident}
    sub.received.disconnect(received)
    pub.send(u"for recv")
    assert sub.recv(LIMIT) == u"for recv"


def test_a_callback_that_raises_leaves_the_other_messages(pair):
    pub, sub = subscribed(*pair)
    seen = []

    def received(message):
        seen.append(message)
        if len(seen) == 1:
            raise KeyError(message)

    sub.received.connect(received)
    for text in (u"a", u"b", u"c"):
        pub.send(text)
    raised = 0
    while len(seen) < 3:
        assert select.select([pair[1]], [], [], LIMIT)[0]
        try:
            pair[1].process_events()
        except KeyError:
            raised += 1
    assert seen == [u"a", u"b", u"c"] and raised == 1


def test_writable_tells_when_a_refused_publisher_has_room(pair):
    pub, sub = subscribed(pair[0], pair[1], window=1000)
    told = []
    pub.writable.connect(lambda: told.append(True))
    count = fill(pub, u"x" * 100)
    for _ in range(count):
        sub.recv(LIMIT)
    while not told:
        assert select.select([pair[0]], [], [], LIMIT)[0]
        pair[0].process_events()
    pub.send_nowait(u"y")


def test_threads_send_without_loss_and_in_their_order(linked):
    pub, sub = subscribed(*linked)
    threads, each = 8, 500

    def send(name):
        for number in range(each):
            pub.send(u"%d %d" % (name, number))

    workers = [threading.Thread(target=send, args=(name,)) for name in range(threads)]
    for worker in workers:
        worker.start()
    seen = dict((name, []) for name in range(threads))
    for _ in range(threads * each):
        name, number = map(int, sub.recv(LIMIT).split())
        seen[name].append(number)
    for worker in workers:
        worker.join()
    assert all(numbers == list(range(each)) for numbers in seen.values())


def test_what_a_channel_cannot_carry_is_refused_where_it_is_sent():
    with yotonlike.Context(u"one", KEY, max_message=1000) as context:
        pub, sub = subscribed(context, context)
        with pytest.raises(yotonlike.EncodeError):
            pub.send(42)
        with pytest.raises(yotonlike.MessageTooBig):
            pub.send(u"x" * 1001)
        pub.send(u"x" * 1000)
        assert sub.recv(LIMIT) == u"x" * 1000


class Hex(yotonlike.MessageType):
    """A user's message type, which fails for some."""

    name = "hex"

    def encode(self, value):
        return b"%x" % value if sys.version_info[0] > 2 else "%x" % value

    def decode(self, data):
        return int(data, 16)


def test_a_message_that_cannot_be_decoded_costs_no_other(pair):
    class Bad(Hex):
        def encode(self, value):
            return b"none" if value == 2 else super(Bad, self).encode(value)

    sub = yotonlike.SubChannel(pair[1], u"news", Hex())
    pub = yotonlike.PubChannel(pair[0], u"news", Bad())
    pub.wait_for_subscriber(LIMIT)
    for number in (1, 2, 3):
        pub.send(number)
    assert sub.recv(LIMIT) == 1
    with pytest.raises(yotonlike.DecodeError):
        sub.recv(LIMIT)
    assert sub.recv(LIMIT) == 3


def test_closing_drains_to_a_slow_reader():
    one, two = yotonlike.Context(u"one", KEY), yotonlike.Context(u"two", KEY)
    two.connect(one.bind("tcp://127.0.0.1:0").address)
    pub, sub = subscribed(one, two, BINARY)
    received = []
    thread = threading.Thread(target=lambda: received.extend(len(message) for message in sub))
    count = 100
    thread.start()
    for _ in range(count):
        pub.send(b"x" * 100000)
    assert one.close(LIMIT)
    while len(received) < count:
        select.select([], [], [], 0.001)
    two.close()
    thread.join()
    assert received == [100000] * count


def test_flush_tells_when_a_subscriber_does_not_take_it(linked):
    pub, sub = subscribed(linked[0], linked[1], window=1000)
    pub.send(u"x")
    linked[0].flush(LIMIT)
    assert sub.recv(LIMIT) == u"x"


def test_three_hops():
    contexts = [yotonlike.Context(u"c%d" % number, KEY) for number in range(4)]
    sub = yotonlike.SubChannel(contexts[3], u"news", window=5000)
    pub = yotonlike.PubChannel(contexts[0], u"news")
    for left, right in zip(contexts, contexts[1:]):
        right.connect(left.bind("tcp://127.0.0.1:0").address)
    pub.wait_for_subscriber(LIMIT)
    count = 1000  # several windows
    thread = threading.Thread(target=lambda: [pub.send(u"%d" % number, LIMIT) for number in range(count)])
    thread.start()
    assert [int(sub.recv(LIMIT)) for _ in range(count)] == list(range(count))
    thread.join()
    contexts[1].close()  # the way is cut
    while pub.subscribers:
        select.select([], [], [], 0.001)
    assert pub.send(u"gone") == 0
    for context in contexts:
        context.close()


def test_a_message_type_of_the_users_may_use_the_context_while_it_decodes(pair):
    class Curious(Hex):
        def decode(self, data):
            return len(pair[1].links), super(Curious, self).decode(data)

    sub = yotonlike.SubChannel(pair[1], u"news", Curious())
    pub = yotonlike.PubChannel(pair[0], u"news", Hex())
    pub.wait_for_subscriber(LIMIT)
    pub.send(1)
    assert sub.recv(LIMIT)[1] == 1
