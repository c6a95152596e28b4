"""The marks in the output pipe: each case whole, byte by byte, and with bytes after it."""
from __future__ import absolute_import, division, print_function

import random
import struct

import pytest

from ide_kernel.broker.marks import STDOUT, MarkParser

NONCE = bytes(bytearray(range(16, 32)))  # holds 0x1e, the head's first byte
HEAD = b"\x1e\x01IK" + NONCE


def mark(kind, execution=0, payload=b""):
    return HEAD + kind + struct.pack(">IH", execution, len(payload)) + payload


def parse(pieces):
    parser = MarkParser(NONCE)
    items = []
    for piece in pieces:
        items += parser.feed(piece)
    return joined(items + parser.finish())


def joined(items):
    """Items with the pieces of one stream put together."""
    result = []
    for kind, value in items:
        if result and kind in (STDOUT, "stderr") and result[-1][0] == kind:
            result[-1] = (kind, result[-1][1] + value)
        else:
            result.append((kind, value))
    return result


CASES = [
    (b"", []),
    (b"hello\n", [(STDOUT, b"hello\n")]),
    (mark(b"S", 7), [("start", 7)]),
    (mark(b"B", 7), [("start beside", 7)]),
    (b"a" + mark(b"O", 7, b"b") + mark(b"O", 0, b"c"), [(STDOUT, b"a"), (("stdout", 7), b"b"), (("stdout", 0), b"c")]),
    (mark(b"E", 0xFFFFFFFF), [("end", 0xFFFFFFFF)]),
    (mark(b"X", 0, b"oops"), [(("stderr", 0), b"oops")]),
    (mark(b"X", 0, b""), [(("stderr", 0), b"")]),
    (mark(b"X", 0, b"y" * 4069), [(("stderr", 0), b"y" * 4069)]),
    (b"a" + mark(b"X", 3, b"b") + b"c", [(STDOUT, b"a"), (("stderr", 3), b"b"), (STDOUT, b"c")]),
    (mark(b"S", 1) + b"out" + mark(b"X", 1, b"err") + mark(b"E", 1),
     [("start", 1), (STDOUT, b"out"), (("stderr", 1), b"err"), ("end", 1)]),
    (mark(b"X", 0, mark(b"E", 1)), [(("stderr", 0), mark(b"E", 1))]),  # a payload is never looked into
    (b"\x1e\x1e\x01", [(STDOUT, b"\x1e\x1e\x01")]),
    (b"\x1e" + mark(b"S", 1), [(STDOUT, b"\x1e"), ("start", 1)]),
    (HEAD[:-1] + mark(b"S", 1), [(STDOUT, HEAD[:-1]), ("start", 1)]),
    (HEAD + b"?" + b"\0" * 6, [(STDOUT, HEAD + b"?" + b"\0" * 6)]),  # no such kind
    (HEAD + b"S" + struct.pack(">IH", 1, 5) + b"abcde", [(STDOUT, HEAD + b"S" + struct.pack(">IH", 1, 5) + b"abcde")]),
    (HEAD + b"X" + struct.pack(">IH", 1, 4070) + b"abcde", [(STDOUT, HEAD + b"X" + struct.pack(">IH", 1, 4070) + b"abcde")]),
    (b"\x1e\x01IK" + b"\0" * 16 + b"S" + b"\0" * 6, [(STDOUT, b"\x1e\x01IK" + b"\0" * 16 + b"S" + b"\0" * 6)]),
    (bytes(bytearray(range(256))), [(STDOUT, bytes(bytearray(range(256))))]),
]


@pytest.mark.parametrize("data, expected", CASES)
def test_each_case_whole_and_cut_everywhere(data, expected):
    whole = joined(expected)
    assert parse([data]) == whole
    assert parse([data[i:i + 1] for i in range(len(data))]) == whole
    step = max(1, len(data) // 100)
    for cut in range(0, len(data), step):
        assert parse([data[:cut], data[cut:]]) == whole
    assert parse([data + b"tail"]) == joined(expected + [(STDOUT, b"tail")])


def test_only_what_may_become_a_mark_is_held_back():
    parser = MarkParser(NONCE)
    assert parser.feed(b"text\x1e") == [(STDOUT, b"text")]
    assert parser.holds
    assert parser.feed(b"more") == [(STDOUT, b"\x1emore")]
    assert not parser.holds


def test_what_nothing_follows_is_released_unless_a_whole_head_is_there():
    parser = MarkParser(NONCE)
    parser.feed(HEAD[:-1])
    assert parser.release() == [(STDOUT, HEAD[:-1])]
    parser.feed(HEAD)
    assert parser.release() == []
    assert parser.feed(mark(b"S", 9)[len(HEAD):]) == [("start", 9)]
    parser.feed(mark(b"X", 1, b"abc")[:-1])
    assert parser.finish() == [(STDOUT, mark(b"X", 1, b"abc")[:-1])]
    assert parser.finish() == []


def test_random_streams_cut_at_random():
    rng = random.Random(20)
    for _ in range(300):
        expected, data = [], b""
        for _ in range(rng.randrange(12)):
            kind = rng.choice([STDOUT, ("stdout", 5), ("stderr", 0), ("stderr", 9), "start", "end"])
            if kind == STDOUT:
                value = bytes(bytearray(rng.choice([0x1e, 1, 73, 75, 16]) for _ in range(rng.randrange(1, 30))))
                data += value
            elif isinstance(kind, tuple):
                value = bytes(bytearray(rng.randrange(256) for _ in range(rng.randrange(1, 60))))
                data += mark(b"O" if kind[0] == "stdout" else b"X", kind[1], value)
            else:
                value = rng.randrange(1, 1 << 32)
                data += mark(b"S" if kind == "start" else b"E", value)
            expected.append((kind, value))
        pieces, position = [], 0
        while position < len(data):
            size = rng.randrange(1, 40)
            pieces.append(data[position:position + size])
            position += size
        assert parse(pieces) == joined(expected)
