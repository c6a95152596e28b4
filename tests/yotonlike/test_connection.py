"""Connections: two state machines joined by bytes, cut and mixed in every way; each breach and its typed end."""
from __future__ import absolute_import, division, print_function

import random

import pytest

from yotonlike.errors import AuthenticationFailed, Closed, PeerLost, RemoteProtocolError
from yotonlike.protocol import credit, events, frames
from yotonlike.protocol.connection import CLOSED, HANDSHAKING, OPEN, Connection
from yotonlike.protocol.handshake import Handshake, Limits
from yotonlike.protocol.outgoing import MAX_ALIASES
from yotonlike.protocol.settings import Settings

START = 1000.0
EPOCH = b"e" * 16


class Target(object):
    """What opened a sink, as far as a connection looks at it."""

    def __init__(self, kind=credit.SUBSCRIPTION):
        self.kind = kind


def make(name="one", handshake=None, **settings):
    number = name.encode("ascii")[:1]
    return Connection(Settings(number * 16, b"n" * 16, name, **settings), START, handshake)


def pump(one, other, now=START):
    """Move bytes until both are silent; returns the events of both, in order."""
    seen = [], []
    while True:
        there, back = one.data_to_send(), other.data_to_send()
        if not there and not back:
            return seen
        if there:
            other.receive_data(there, now)
        if back:
            one.receive_data(back, now)
        seen[0].extend(one.events())
        seen[1].extend(other.events())


def pair(kind=credit.SUBSCRIPTION, policy=credit.BLOCK, window=1 << 20, **settings):
    """Two connections that know each other; the second has opened sink 1. Returns both, and outlet and inlet."""
    one, other = make("one", **settings), make("two", **settings)
    inlet = other.open_sink(1, kind, policy, window, u"news", "text", Target(kind))
    pump(one, other)
    return one, other, one.outlets[1], inlet


def batch(*messages, **where):
    return credit.Batch(where.get("source", EPOCH), where.get("number", 1), list(map(len, messages)), b"".join(messages))


def data_events(found):
    return [event for event in found if type(event) is events.Data]


def split(raw):
    return frames.FrameParser().feed(raw)


# -- introductions ----------------------------------------------------------------------------------------------------


def test_both_introduce_themselves_first():
    one, other = make("one", heartbeat=0.5), make("two")
    assert split(one.data_to_send())[0] == (frames.HELLO, (b"o" * 16, b"n" * 16, 500, 1 << 30, b"one"))
    other.receive_data(frames.hello(b"o" * 16, b"N" * 16, 500, 1, u"\u00e9".encode("utf-8")), START)
    hello, = other.events()
    assert (hello.context_id, hello.nonce, hello.name) == (b"o" * 16, b"N" * 16, u"\u00e9")
    assert other.peer is hello and other.liveness.peer_interval == 0.5


def test_a_heartbeat_interval_of_nothing_is_read_as_the_shortest():
    one = make()
    one.receive_data(frames.hello(EPOCH, EPOCH, 0, 1, b""), START)
    assert one.liveness.peer_interval == 0.001 and one.state == OPEN


def test_announcements_arrive_in_order():
    one, other = make("one"), make("two")
    one.open_sink(1, credit.REPLIER, credit.BLOCK, 5, u"cal\u010d", "object")
    one.send_nodes(True, [b"x" * 16])
    one.send_synced()
    one.send_nodes(False, [b"x" * 16])
    one.send_nodes(True, [])
    one.close_sink(1)
    one.close_sink(1)
    found = pump(one, other)[1]
    assert [type(event) for event in found] == [events.Hello, events.Opened, events.Nodes, events.Synced, events.Nodes,
                                                events.Closed]
    outlet = found[1].outlet
    assert (outlet.kind, outlet.policy, outlet.window, outlet.name, outlet.type_name) == (2, 0, 5, u"cal\u010d", "object")
    assert (found[2].joined, found[2].ids, found[4].joined) == (True, [b"x" * 16], False)
    assert found[5].outlet is outlet and not other.outlets
    assert "Opened(outlet=" in repr(found[1])


# -- messages ---------------------------------------------------------------------------------------------------------


def test_messages_arrive_with_source_number_and_lengths():
    one, other, outlet, inlet = pair()
    one.attach(outlet, EPOCH, 5)
    one.push(outlet, batch(b"a", b"", b"bc", number=5))
    one.push(outlet, batch(b"d", number=8, source=b"f" * 16))
    found = pump(one, other)[1]
    assert (found[0].inlet, found[0].source, found[0].number) == (inlet, EPOCH, 5)
    first, second = [event.batch for event in data_events(found)]
    assert (first.source, first.number, list(first.lengths), first.data, first.end) == (EPOCH, 5, [1, 0, 2], b"abc", 8)
    assert (second.source, second.number, second.data) == (b"f" * 16, 8, b"d")
    assert inlet.held == 4 + 4 * credit.OVERHEAD == outlet.window - outlet.credit


def test_a_publisher_is_introduced_once_a_link():
    one, other, outlet, inlet = pair()
    kinds = []
    for number in range(5):
        one.push(outlet, batch(b"x", number=number))
        kinds += [kind for kind, _ in split(one.data_to_send())]
    assert kinds == [frames.SOURCE] + [frames.DATA] * 5


def test_more_publishers_than_there_are_aliases():
    one, other, outlet, inlet = pair(window=1 << 40)
    sources = [("%016d" % number).encode("ascii") for number in range(MAX_ALIASES + 3)] + [b"0" * 16]
    got = []
    for source in sources:
        one.push(outlet, batch(b"x", source=source))
        got += [event.batch.source for event in data_events(pump(one, other)[1])]
    assert got == sources


def test_a_long_message_travels_in_fragments():
    one, other, outlet, inlet = pair()
    message = bytes(bytearray(range(256))) * 1000
    one.push(outlet, batch(b"before", number=1))
    one.push(outlet, batch(message, number=2))
    one.push(outlet, batch(b"after", number=3))
    kinds, found = [], []
    while one.has_output():
        raw = one.data_to_send(1)
        for kind, fields in split(raw):
            kinds.append(kind)
            assert len(fields[-1]) <= frames.MAX_FRAGMENT
        other.receive_data(raw, START)
        found += data_events(other.events())
    assert kinds == [frames.SOURCE, frames.DATA, frames.LARGE, frames.MORE, frames.MORE, frames.MORE, frames.DATA]
    assert [event.batch.data for event in found] == [b"before", message, b"after"]
    assert outlet.credit + inlet.held == inlet.window


@pytest.mark.parametrize("size", [frames.MAX_FRAGMENT - 1, frames.MAX_FRAGMENT, frames.MAX_FRAGMENT + 1,
                                  2 * frames.MAX_FRAGMENT, 2 * frames.MAX_FRAGMENT + 1])
def test_messages_about_as_long_as_a_fragment(size):
    one, other, outlet, inlet = pair()
    replies = []
    one.push(outlet, batch(b"m" * size))
    other.send_reply(9, 1, b"r" * size)
    found = pump(one, other)
    replies = [(event.request, event.status, event.data) for event in found[0] if type(event) is events.Reply]
    assert [event.batch.data for event in data_events(found[1])] == [b"m" * size]
    assert replies == [(9, 1, b"r" * size)]


def test_control_goes_before_bulk_and_after_at_most_a_fragment():
    one, other, outlet, inlet = pair(window=1 << 24)
    one.push(outlet, batch(b"x" * (1 << 20)))
    one.push(outlet, batch(b"y" * 100, number=2))
    assert len(one.data_to_send(1)) <= frames.MAX_BODY + 5 + 25
    one.cancel(7)
    one.tick(START + 1.0)
    one.ask(outlet)
    raw = one.data_to_send(1)
    assert [kind for kind, _ in split(raw)][:3] == [frames.CANCEL, frames.HEARTBEAT, frames.WANT]
    assert len(raw) <= frames.MAX_BODY + 100


def test_sinks_and_replies_take_turns():
    one, other = make("one"), make("two")
    inlets = [other.open_sink(number, credit.SUBSCRIPTION, credit.BLOCK, 1 << 20, u"c", "text", Target())
              for number in (1, 2)]
    pump(one, other)
    for number in (1, 2):
        one.push(one.outlets[number], batch(b"x" * 300000))
    one.send_reply(5, 0, b"r" * 300000)
    order = []
    while one.has_output():
        raw = one.data_to_send(1)
        order += [fields[0] if kind == frames.LARGE else fields[1] if kind == frames.MORE and not fields[0] else "reply"
                  for kind, fields in split(raw) if kind != frames.SOURCE]
        other.receive_data(raw, START)
    assert order == [1, 2, "reply"] * 5
    assert [len(event.batch.data) for event in data_events(other.events())] == [300000] * 2
    assert [inlet.held for inlet in inlets] == [300000 + credit.OVERHEAD] * 2


def test_a_chunk_to_send_is_bounded():
    one, other, outlet, inlet = pair(window=1 << 24)
    for number in range(500):
        one.push(outlet, batch(b"x" * 30000, number=number))
    while one.has_output():
        assert len(one.data_to_send()) < 2 * frames.MAX_BODY


def test_without_credit_the_sender_asks_once_and_waits():
    one, other, outlet, inlet = pair(window=100)
    one.push(outlet, batch(b"a" * 50, b"b" * 50))
    one.push(outlet, batch(b"c", number=3))
    found = pump(one, other)[1]
    assert [event.batch.data for event in data_events(found)] == [b"a" * 50]
    assert [type(event) for event in found].count(events.Wanted) == 1 and inlet.wanted
    one.push(outlet, batch(b"d", number=4))
    one.ask(outlet)
    assert not pump(one, other)[1]
    other.consume(inlet, 82)
    assert [event.batch.data for event in data_events(pump(one, other)[1])] == [b"b" * 50]
    assert inlet.wanted and not other.release(inlet)


# -- sinks that are closed while something is under way ---------------------------------------------------------------


def test_what_is_under_way_to_a_closed_sink_is_dropped():
    one, other, outlet, inlet = pair()
    other.open_sink(2, credit.SUBSCRIPTION, credit.BLOCK, 1000, u"other", "text", Target())
    pump(one, other)
    one.attach(outlet, EPOCH, 1)
    one.push(outlet, batch(b"x"))
    one.push(outlet, batch(b"y" * 200000, number=2))
    one.ask(outlet)
    under_way = one.data_to_send(1 << 20)
    other.close_sink(1)
    other.receive_data(under_way, START)
    assert [event for event in other.events() if type(event) is not events.Hello] == []
    other.consume(inlet, 33)
    other.release(inlet)
    assert [type(event) for event in pump(one, other)[0]] == [events.Closed]
    one.push(one.outlets[2], batch(b"z"))
    assert len(data_events(pump(one, other)[1])) == 1 and other.state == OPEN


def test_a_sink_closed_in_the_middle_of_a_long_message():
    one, other, outlet, inlet = pair()
    one.push(outlet, batch(b"y" * 200000))
    other.receive_data(one.data_to_send(1), START)
    other.close_sink(1)
    assert [type(event) for event in pump(one, other)[0]] == [events.Closed]
    assert not one.has_output() and outlet.queued == 0 and one.state == other.state == OPEN


def test_a_grant_for_a_sink_closed_since_means_nothing():
    one, other, outlet, inlet = pair(window=100)
    one.push(outlet, batch(b"y"))
    pump(one, other)
    other.consume(inlet, 33)
    granted = other.data_to_send()
    other.close_sink(1)
    one.receive_data(other.data_to_send() + granted + frames.want(77), START)
    assert one.state == OPEN


# -- breaches -----------------------------------------------------------------------------------------------------------

HELLO = frames.hello(b"x" * 16, b"n" * 16, 1000, 1 << 30, b"x")
OPENED = frames.open_sink(3, 1, 0, 100, b"c", b"text")


def _data(sink, alias, *lengths):
    return frames.data(sink, alias, 1, lengths, frames.pack_lengths(lengths), b"x" * sum(lengths))


def _large(total, first, sink=1):
    return frames.frame(frames.LARGE, frames.large(sink, 0, 1, total) + first)


def _large_reply(total, first, request=4):
    return frames.frame(frames.LARGEREPLY, frames.large_reply(request, 0, total) + first)


def _more(data, is_request=0, number=1):
    return frames.frame(frames.MORE, frames.more(is_request, number) + data)


SOURCE = frames.source(0, EPOCH)
#: What breaks the protocol -> part of the reason. Sink 1 is a subscription with a window of 1000 bytes, sink 2 a
#: replier; max_message is 5000.
BREACHES = {
    "noise": (b"GET / HTTP/1.0\r\n\r\n", "frame of kind"),
    "second hello": (HELLO, "introduced itself twice"),
    "sink opened twice": (OPENED + OPENED, "twice"),
    "unknown kind of sink": (frames.open_sink(3, 9, 0, 100, b"c", b"text"), "unknown kind 9"),
    "unknown policy": (frames.open_sink(3, 1, 9, 100, b"c", b"text"), "policy 9"),
    "name is no text": (frames.open_sink(3, 1, 0, 100, b"\xff", b"text"), "not text"),
    "type is no text": (frames.open_sink(3, 1, 0, 100, b"c", b"\xff"), "not text"),
    "sink closed that is not open": (frames.close_sink(3), "not open"),
    "sink closed twice": (OPENED + frames.close_sink(3) * 2, "not open"),
    "granted more than was spent": (OPENED + frames.grant(3, 1), "than was spent"),
    "alias beyond the limit": (frames.source(MAX_ALIASES, EPOCH), "limit"),
    "data of nobody": (_data(1, 0, 1), "without introducing"),
    "attach of nobody": (frames.attach(1, 0, 1), "without introducing"),
    "more than the window": (SOURCE + _data(1, 0, 500) + _data(1, 0, 500), "more than sink 1 has window for"),
    "long message beyond the window": (SOURCE + _data(1, 0, 1) + _large(4000, b"x"), "more than sink 1"),
    "longer than max_message": (SOURCE + _large(5001, b"x"), "the limit is 5000"),
    "long message that is whole": (SOURCE + _large(3, b"xyz"), "began a message of 3"),
    "message inside a long one": (SOURCE + _large(900, b"x") + _data(1, 0, 1), "in the middle"),
    "long message inside a long one": (SOURCE + _large(900, b"x") * 2, "in the middle"),
    "fragment of nothing": (_more(b"x"), "had not begun"),
    "fragment beyond the end": (SOURCE + _large(4, b"x") + _more(b"1234"), "more of a message"),
    "fragment after the end": (SOURCE + _large(4, b"x") + _more(b"123") + _more(b"4"), "had not begun"),
    "requests under one number": (_data(2, 7, 1, 1), "2 requests under one number"),
    "long reply beyond max_message": (_large_reply(5001, b"x"), "the limit is 5000"),
    "long reply begun twice": (_large_reply(9, b"x") * 2, "twice"),
    "fragment of no reply": (_more(b"x", 1, 4), "had not begun"),
    "fragment beyond the end of a reply": (_large_reply(4, b"x") + _more(b"1234", 1, 4), "more of a message"),
}


def victim():
    connection = make("one", max_message=5000)
    connection.open_sink(1, credit.SUBSCRIPTION, credit.BLOCK, 1000, u"c", "text", Target())
    connection.open_sink(2, credit.REPLIER, credit.BLOCK, 1000, u"c", "text", Target(credit.REPLIER))
    connection.data_to_send()
    return connection


@pytest.mark.parametrize("name", sorted(BREACHES))
def test_a_breach_closes_the_link_and_says_why(name):
    raw, reason = BREACHES[name]
    for chunk in (len(HELLO + raw), 1, 3):
        connection = victim()
        for at in range(0, len(HELLO + raw), chunk):
            connection.receive_data((HELLO + raw)[at:at + chunk], START)
        assert connection.state == CLOSED
        assert type(connection.error) is RemoteProtocolError and reason in str(connection.error)
        (kind, (code, text)), = split(connection.data_to_send())
        assert (kind, code) == (frames.BYE, 1) and reason in text.decode("utf-8")
        connection.receive_data(HELLO, START)
        connection.tick(START + 9)
        assert not connection.has_output() and connection.next_deadline() is None


@pytest.mark.parametrize("raw", [frames.frame(frames.SYNCED), frames.nodes(True, [EPOCH]), OPENED, frames.cancel(1),
                                 frames.frame(frames.HEARTBEAT), SOURCE + _data(1, 0, 1)])
def test_nobody_says_anything_before_hello(raw):
    connection = victim()
    connection.receive_data(raw, START)
    assert type(connection.error) is RemoteProtocolError and "before it introduced" in str(connection.error)


def test_too_many_sinks(monkeypatch):
    from yotonlike.protocol import connection as module
    monkeypatch.setattr(module, "MAX_SINKS", 3)
    connection = victim()
    connection.receive_data(HELLO + b"".join(frames.open_sink(number, 1, 0, 1, b"c", b"t") for number in range(3)), START)
    assert connection.state == OPEN
    connection.receive_data(frames.open_sink(3, 1, 0, 1, b"c", b"t"), START)
    assert type(connection.error) is RemoteProtocolError


# -- the end ------------------------------------------------------------------------------------------------------------


def test_goodbye_is_an_event_and_keeps_its_place_behind_control():
    one, other, outlet, inlet = pair()
    one.cancel(3)
    one.say_bye(2, u"gone \u2026")
    found = pump(one, other)[1]
    assert [type(event) for event in found] == [events.Cancel, events.Bye]
    assert (found[1].code, found[1].reason) == (2, u"gone \u2026") and other.state == OPEN


def test_closing_says_goodbye_and_forgets_the_rest():
    one, other, outlet, inlet = pair()
    one.push(outlet, batch(b"x" * 200000))
    one.close(Closed("that is it"))
    assert one.state == CLOSED and type(one.error) is Closed
    assert [kind for kind, _ in split(one.data_to_send())] == [frames.BYE]
    one.close(PeerLost("again"))
    assert type(one.error) is Closed and not one.has_output()


def test_the_end_of_the_stream_is_a_lost_peer():
    one, other, outlet, inlet = pair()
    one.receive_eof()
    assert type(one.error) is PeerLost and "'two'" in str(one.error) and one.state == CLOSED
    nameless = make()
    nameless.receive_eof()
    assert type(nameless.error) is PeerLost


def story():
    """All bytes that one end sends in a life with everything in it, and the events they make at the other end."""
    one, other = make("one"), make("two", max_message=1 << 20)

    def listen(connection):
        connection.open_sink(1, credit.SUBSCRIPTION, credit.BLOCK, 1 << 20, u"news", "text", Target())
        connection.open_sink(2, credit.REPLIER, credit.BLOCK, 1 << 20, u"calc", "text", Target(credit.REPLIER))

    listen(other)
    one.receive_data(other.data_to_send(), START)
    one.send_nodes(True, [b"x" * 16])
    one.open_sink(1, credit.STATE, credit.LATEST, 500, u"mode", "object", Target(credit.STATE))
    one.send_synced()
    raw = one.data_to_send()
    one.attach(one.outlets[1], EPOCH, 1)
    one.push(one.outlets[1], batch(b"hello", b"", b"world"))
    one.push(one.outlets[2], credit.Batch(500, 12, (3,), b"2+3"))
    one.push(one.outlets[1], batch(b"L" * 66000, number=4))
    one.cancel(12)
    one.send_reply(3, 0, b"five")
    one.tick(START + 1)
    raw += one.data_to_send(1 << 20)
    one.close_sink(1)
    one.say_bye(0, u"the end")
    return raw + one.data_to_send(), listen


def receive(listen, *chunks):
    other = make("two", max_message=1 << 20)
    listen(other)
    found = []
    for chunk in chunks:
        other.receive_data(chunk, START)
        found += other.events()
    return other, [describe(event) for event in found]


def describe(event):
    values = [getattr(event, name) for name in event.__slots__]
    return [type(event).__name__] + [
        (value.source, value.number, tuple(value.lengths), value.data) if isinstance(value, credit.Batch)
        else value.sink if hasattr(value, "sink") else value for value in values]


def test_cut_at_every_byte():
    """Whatever was whole before the cut is reported, nothing else is, and the end is a typed one."""
    raw, listen = story()
    whole = receive(listen, raw)[1]
    assert sorted(name[0] for name in whole) == sorted([
        "Hello", "Nodes", "Opened", "Synced", "Attached", "Data", "Data", "Data", "Cancel", "Reply", "Closed", "Bye"])
    cuts = [cut for cut in range(len(raw)) if cut < 400 or cut > len(raw) - 400 or cut % 997 == 0]
    for cut in cuts:
        other, found = receive(listen, raw[:cut])
        assert found == whole[:len(found)] and other.state == OPEN
        other.receive_data(raw[cut:], START)
        assert found + [describe(event) for event in other.events()] == whole
        other, found = receive(listen, raw[:cut])
        other.receive_eof()
        assert type(other.error) is PeerLost and other.state == CLOSED and not other.has_output()


def test_bytes_one_by_one_and_in_random_pieces():
    raw, listen = story()
    whole = receive(listen, raw)[1]
    assert receive(listen, *[raw[at:at + 7] for at in range(0, len(raw), 7)])[1] == whole
    generator = random.Random(5)
    for _ in range(20):
        chunks, rest = [], raw
        while rest:
            size = generator.choice((1, 10, 100, 5000, 70000))
            chunks.append(rest[:size])
            rest = rest[size:]
        assert receive(listen, *chunks)[1] == whole


def test_damage_is_a_typed_end_or_other_frames_and_never_anything_else():
    raw, listen = story()
    head = raw[:600]
    generator = random.Random(6)
    for _ in range(2000):
        damaged = bytearray(head)
        for _ in range(generator.choice((1, 1, 2, 8))):
            damaged[generator.randrange(len(head))] = generator.randrange(256)
        other, _ = receive(listen, bytes(damaged), raw[600:])
        assert other.state == OPEN or type(other.error) is RemoteProtocolError


# -- time ---------------------------------------------------------------------------------------------------------------


def test_heartbeats_go_out_at_their_time_and_silence_is_noticed():
    one, other, outlet, inlet = pair(heartbeat=0.5)
    now, beats = START, 0
    while now < START + 3:
        now = min(one.next_deadline(), other.next_deadline())
        one.tick(now)
        other.tick(now)
        beats += sum(kind == frames.HEARTBEAT for kind, _ in split(one.data_to_send()))  # and are lost
        back = other.data_to_send()
        if back:
            one.receive_data(back, now)
    assert beats in (6, 7)
    assert one.liveness.state == "alive" and other.liveness.state == "silent"
    assert one.events() == [] and [type(event) for event in other.events()] == [events.Silent], "told once"
    for _ in range(2):
        other.receive_data(frames.frame(frames.HEARTBEAT), now)
    assert other.liveness.state == "alive" and [type(event) for event in other.events()] == [events.Heard]


def test_a_tick_before_its_time_does_nothing():
    one = make(heartbeat=1.0)
    one.data_to_send()
    one.tick(START + 0.5)
    assert not one.has_output() and one.next_deadline() == START + 1.0


def test_on_output_says_that_there_is_something_to_send():
    said = []
    one = Connection(Settings(EPOCH, EPOCH, "one"), START, None, lambda: said.append(1))
    assert said
    del said[:]
    one.data_to_send()
    one.tick(START + 1.0)
    assert said and one.has_output()


# -- with the handshake -------------------------------------------------------------------------------------------------


def shaking(role, key=b"k" * 16):
    own, other = ("c", "s") if role == "client" else ("s", "c")
    handshake = Handshake(role, key, own, other, role[:1].encode("ascii") * 32, Limits(1000, 1000), START)
    connection = make("two" if role == "client" else "one", handshake)
    return connection


def test_nothing_but_the_handshake_leaves_before_it_is_over():
    client, server = shaking("client"), shaking("server")
    server.open_sink(1, credit.SUBSCRIPTION, credit.BLOCK, 500, u"news", "text", Target())
    assert client.state == server.state == HANDSHAKING and not server.has_output()
    sizes = []
    for _ in range(10):
        for sender, receiver in ((client, server), (server, client)):
            raw = sender.data_to_send()
            sizes.append(len(raw))
            for at in range(len(raw)):
                receiver.receive_data(raw[at:at + 1], START)
    assert sizes[:3] == [66, 82, 32] and client.state == server.state == OPEN
    assert [type(event) for event in client.events()] == [events.Hello, events.Opened]
    assert [type(event) for event in server.events()] == [events.Hello]


def test_frames_behind_the_last_message_of_the_handshake_count():
    client, server = shaking("client"), shaking("server")
    server.receive_data(client.data_to_send(), START)
    client.receive_data(server.data_to_send(), START)
    server.receive_data(client.data_to_send(), START)
    raw = server.data_to_send()
    assert len(raw) > 32
    client.receive_data(raw, START)
    assert [type(event) for event in client.events()] == [events.Hello]


def test_another_key_and_the_deadline_and_an_early_end():
    client, server = shaking("client"), shaking("server", b"K" * 16)
    server.receive_data(client.data_to_send(), START)
    assert type(server.error) is AuthenticationFailed and not server.has_output() and server.data_to_send() == b""
    client.receive_eof()
    assert type(client.error) is AuthenticationFailed
    late = shaking("server")
    late.tick(late.next_deadline())
    assert type(late.error) is AuthenticationFailed and late.state == CLOSED and late.next_deadline() is None
    closed = shaking("client")
    closed.close(Closed("changed my mind"))
    assert type(closed.error) is Closed and not closed.has_output() and closed.data_to_send() == b""
