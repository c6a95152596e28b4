"""Frames: each kind whole, byte by byte and with trailing bytes; every length that is refused, and when."""
from __future__ import absolute_import, division, print_function

import random
import struct

import pytest

from yotonlike.errors import RemoteProtocolError
from yotonlike.protocol import frames
from yotonlike.protocol.positions import Standing

ID, OTHER = b"i" * 16, b"o" * 16


def data(lengths, body=None, sink=7, alias=3, number=1 << 40):
    lengths = list(lengths)
    body = b"x" * sum(lengths) if body is None else body
    return frames.data(sink, alias, number, lengths, frames.pack_lengths(lengths), body)


def large(kind, fixed, rest):
    return frames.frame(kind, fixed + rest)


#: name -> (bytes, kind, fields): one or more of each kind, at the ends of what it can say.
CASES = {
    "hello": (frames.hello(ID, OTHER, 1000, 1 << 30, b"ide"), frames.HELLO, (ID, OTHER, 1000, 1 << 30, b"ide")),
    "hello-nameless": (frames.hello(ID, OTHER, 0xffffffff, (1 << 64) - 1, b""), frames.HELLO,
                       (ID, OTHER, 0xffffffff, (1 << 64) - 1, b"")),
    "joined": (frames.nodes(True, [ID, OTHER]), frames.NODES, (True, [ID, OTHER])),
    "left": (frames.nodes(False, [ID]), frames.NODES, (False, [ID])),
    "synced": (frames.frame(frames.SYNCED), frames.SYNCED, ()),
    "heartbeat": (frames.frame(frames.HEARTBEAT), frames.HEARTBEAT, ()),
    "open": (frames.open_sink(1, 2, 0, 1 << 20, b"news", b"text"), frames.OPEN,
             (1, 2, 0, 1 << 20, b"news", b"text", ([], 0, (1 << 64) - 1))),
    "open-bare": (frames.open_sink(0xffffffff, 255, 255, 0, b"", b""), frames.OPEN,
                  (0xffffffff, 255, 255, 0, b"", b"", ([], 0, (1 << 64) - 1))),
    "open-again": (frames.open_sink(1, 1, 0, 10, b"n", b"t", Standing([(ID, 7), (OTHER, 1 << 63)], 1 << 40, 5)), frames.OPEN,
                   (1, 1, 0, 10, b"n", b"t", ([(ID, 7), (OTHER, 1 << 63)], 1 << 40, 5))),
    "close": (frames.close_sink(9), frames.CLOSE, (9,)),
    "source": (frames.source(4, ID), frames.SOURCE, (4, ID)),
    "attach": (frames.attach(4, 5, 6), frames.ATTACH, (4, 5, 6, False)),
    "attach-anew": (frames.attach(4, 5, 6, True), frames.ATTACH, (4, 5, 6, True)),
    "grant": (frames.grant(4, 1 << 62), frames.GRANT, (4, 1 << 62)),
    "want": (frames.want(4), frames.WANT, (4,)),
    "cancel": (frames.cancel(1 << 63), frames.CANCEL, (1 << 63,)),
    "bye": (frames.bye(2, u"gone \u2026".encode("utf-8")), frames.BYE, (2, u"gone \u2026".encode("utf-8"))),
    "bye-silent": (frames.bye(0, b""), frames.BYE, (0, b"")),
    "data": (data([1, 0, 3], b"abcd"), frames.DATA, (7, 3, 1 << 40, (1, 0, 3), b"abcd")),
    "data-empty": (data([0]), frames.DATA, (7, 3, 1 << 40, (0,), b"")),
    "data-longest": (data([frames.MAX_FRAGMENT]), frames.DATA,
                     (7, 3, 1 << 40, (frames.MAX_FRAGMENT,), b"x" * frames.MAX_FRAGMENT)),
    "large": (large(frames.LARGE, frames.large(7, 3, 5, 1 << 33), b"abc"), frames.LARGE, (7, 3, 5, 1 << 33, b"abc")),
    "reply": (frames.reply(5, 1, b"abc"), frames.REPLY, (5, 1, b"abc")),
    "reply-empty": (frames.reply(5, 2, b""), frames.REPLY, (5, 2, b"")),
    "largereply": (large(frames.LARGEREPLY, frames.large_reply(5, 0, 1 << 33), b"abc"), frames.LARGEREPLY,
                   (5, 0, 1 << 33, b"abc")),
    "more": (large(frames.MORE, frames.more(0, 7), b"abc"), frames.MORE, (0, 7, b"abc")),
    "more-reply": (large(frames.MORE, frames.more(1, 1 << 40), b""), frames.MORE, (1, 1 << 40, b"")),
}
EACH = pytest.mark.parametrize("name", sorted(CASES))


def parse(*chunks):
    parser = frames.FrameParser()
    found = [frame for chunk in chunks for frame in parser.feed(chunk)]
    return found, parser.pending


def test_every_kind_has_a_case_a_parser_and_a_name():
    assert set(case[1] for case in CASES.values()) == set(frames.PARSERS) == set(frames.NAMES)


@EACH
def test_whole(name):
    raw, kind, fields = CASES[name]
    assert parse(raw) == ([(kind, fields)], 0)


@EACH
def test_byte_by_byte(name):
    raw, kind, fields = CASES[name]
    raw = raw if len(raw) < 1000 else raw[:0]  # the longest one is quadratic; its cuts are below
    parser = frames.FrameParser()
    for at in range(len(raw)):
        found = parser.feed(raw[at:at + 1])
        assert found == ([(kind, fields)] if at == len(raw) - 1 else [])
        assert parser.pending == (0 if found else at + 1)


@EACH
def test_cut_anywhere_with_more_behind(name):
    raw, kind, fields = CASES[name]
    trailing = frames.want(1)
    cuts = range(len(raw)) if len(raw) < 1000 else (0, 1, 4, 5, 6, 30, 70, len(raw) - 1)
    for cut in cuts:
        assert parse(raw[:cut], raw[cut:] + trailing[:3], trailing[3:]) == ([(kind, fields), (frames.WANT, (1,))], 0)


@EACH
def test_every_truncation_of_a_body_is_refused_or_read_as_it_stands(name):
    """A frame that says it is shorter than its kind needs: an error, never a struct.error or a wrong read."""
    raw, kind, _ = CASES[name]
    body = raw[5:]
    for size in range(min(len(body), 200)):
        try:
            found, _ = parse(frames.frame(kind, body[:size]))
        except RemoteProtocolError as error:
            assert frames.NAMES[kind] in str(error)
        else:
            assert [each[0] for each in found] == [kind]


EXACT = {frames.CLOSE: 4, frames.SOURCE: 20, frames.ATTACH: 17, frames.GRANT: 12, frames.WANT: 4, frames.CANCEL: 8,
         frames.SYNCED: 0, frames.HEARTBEAT: 0}
LEAST = {frames.HELLO: 44, frames.OPEN: 16, frames.BYE: 1, frames.DATA: 24, frames.LARGE: 24, frames.REPLY: 9,
         frames.LARGEREPLY: 17, frames.MORE: 9, frames.NODES: 1}


def test_the_tables_below_cover_every_kind():
    assert set(EXACT) | set(LEAST) == set(frames.PARSERS)


@pytest.mark.parametrize("kind", sorted(EXACT))
def test_a_body_of_fixed_length_has_that_length(kind):
    size = EXACT[kind]
    assert len(parse(frames.frame(kind, b"\0" * size))[0]) == 1
    for wrong in {size + 1, max(0, size - 1), 0} - {size}:
        with pytest.raises(RemoteProtocolError):
            parse(frames.frame(kind, b"\0" * wrong))


@pytest.mark.parametrize("kind", sorted(LEAST))
def test_a_body_of_variable_length_has_at_least_its_fixed_part(kind):
    with pytest.raises(RemoteProtocolError):
        parse(frames.frame(kind, b"\0" * (LEAST[kind] - 1)))


@pytest.mark.parametrize("body", [
    struct.pack(">IIQI", 1, 1, 1, 0), struct.pack(">IIQI", 1, 1, 1, 1),
    struct.pack(">IIQI", 1, 1, 1, 0xffffffff) + b"\0" * 100,
    struct.pack(">IIQI", 1, 1, 1, 1) + struct.pack("<I", 5) + b"four",
    struct.pack(">IIQI", 1, 1, 1, 1) + struct.pack("<I", 3) + b"four",
    struct.pack(">IIQI", 1, 1, 1, 2) + struct.pack("<II", 0xffffffff, 5) + b"four",
], ids=["no message", "no lengths", "count beyond the frame", "length too long", "length too short", "sum overflows"])
def test_a_batch_whose_counts_lie_is_refused(body):
    with pytest.raises(RemoteProtocolError):
        parse(frames.frame(frames.DATA, body))


@pytest.mark.parametrize("length", [1, 15, 18, 31])
def test_broken_context_ids_are_refused(length):
    with pytest.raises(RemoteProtocolError):
        parse(frames.frame(frames.NODES, b"\1" + b"i" * length if length != 1 else b""))


@pytest.mark.parametrize("at, length", [(31, 9), (32, 5), (32, 3)])
def test_a_name_longer_than_its_frame_is_refused(at, length):
    raw = frames.open_sink(1, 1, 0, 1, b"news", b"text")
    body = bytearray(raw[5:])
    struct.pack_into(">B", body, at, length)
    with pytest.raises(RemoteProtocolError):
        parse(frames.frame(frames.OPEN, bytes(body)))


@pytest.mark.parametrize("kind", [kind for kind in range(256) if kind not in frames.PARSERS])
def test_a_kind_that_is_none_is_refused_by_its_header_alone(kind):
    with pytest.raises(RemoteProtocolError):
        parse(frames.HEADER.pack(0, kind))


@pytest.mark.parametrize("kind", sorted(frames.PARSERS))
@pytest.mark.parametrize("length", [frames.MAX_BODY + 1, 1 << 20, 0xffffffff])
def test_a_length_above_the_limit_is_refused_before_anything_is_waited_for(kind, length):
    with pytest.raises(RemoteProtocolError):
        parse(frames.HEADER.pack(length, kind))


def test_a_parser_holds_less_than_one_frame():
    parser = frames.FrameParser()
    frame = frames.frame(frames.BYE, b"x" * frames.MAX_BODY)
    for _ in range(3):
        for at in range(0, len(frame), 1000):
            found = parser.feed(frame[at:at + 1000])
            assert parser.pending < 5 + frames.MAX_BODY
        assert len(found) == 1 and parser.pending == 0


def test_many_nodes_take_many_frames():
    ids = [struct.pack(">QQ", 0, number) for number in range(2 * frames.MAX_NODES + 1)]
    found, pending = parse(frames.nodes(True, ids))
    assert [len(fields[1]) for _, fields in found] == [frames.MAX_NODES, frames.MAX_NODES, 1] and not pending
    assert [each for _, fields in found for each in fields[1]] == ids
    assert frames.nodes(True, []) == b""


def test_a_reason_is_cut_to_its_limit():
    assert len(frames.bye(0, b"x" * 10000)) == 5 + 1 + 500


def test_any_stream_in_any_chunks():
    generator = random.Random(20)
    cases = [CASES[name] for name in sorted(CASES)]
    for _ in range(30):
        chosen = [generator.choice(cases) for _ in range(20)]
        stream = b"".join(raw for raw, _, _ in chosen)
        found, parser = [], frames.FrameParser()
        while stream:
            size = generator.choice((1, 2, 5, 17, 1000, 100000))
            found += parser.feed(stream[:size])
            stream = stream[size:]
        assert found == [(kind, fields) for _, kind, fields in chosen] and parser.pending == 0


def test_noise_gives_frames_or_the_one_error():
    generator = random.Random(7)
    kinds = sorted(frames.PARSERS)
    for _ in range(3000):
        noise = bytes(bytearray(generator.randrange(256) for _ in range(generator.randrange(60))))
        kind = generator.choice(kinds)
        try:
            parse(frames.frame(kind, noise), noise)
        except RemoteProtocolError:
            pass
