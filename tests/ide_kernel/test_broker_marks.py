"""The marks in the output pipe: each case whole, byte by byte, and with bytes after it."""
from __future__ import absolute_import, division, print_function

import random
import struct

import pytest

from ide_kernel.broker.marks import MarkParser

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
        if result and kind in ("stdout", "stderr") and result[-1][0] == kind:
            result[-1] = (kind, result[-1][1] + value)
        else:
            result.append((kind, value))
    return result


CASES = [
    (b"", []),
    (b"hello\n", [("stdout", b"hello\n")]),
    (mark(b"S", 7), [("start", 7)]),
    (mark(b"E", 0xFFFFFFFF), [("end", 0xFFFFFFFF)]),
    (mark(b"X", 0, b"oops"), [("stderr", b"oops")]),
    (mark(b"X", 0, b""), [("stderr", b"")]),
    (mark(b"X", 0, b"y" * 4069), [("stderr", b"y" * 4069)]),
    (b"a" + mark(b"X", 3, b"b") + b"c", [("stdout", b"a"), ("stderr", b"b"), ("stdout", b"c")]),
    (mark(b"S", 1) + b"out" + mark(b"X", 1, b"err") + mark(b"E", 1),
     [("start", 1), ("stdout", b"out"), ("stderr", b"err"), ("end", 1)]),
    (mark(b"X", 0, mark(b"E", 1)), [("stderr", mark(b"E", 1))]),  # a payload is never looked into
    (b"\x1e\x1e\x01", [("stdout", b"\x1e\x1e\x01")]),
    (b"\x1e" + mark(b"S", 1), [("stdout", b"\x1e"), ("start", 1)]),
    (HEAD[:-1] + mark(b"S", 1), [("stdout", HEAD[:-1]), ("start", 1)]),
    (HEAD + b"?" + b"\0" * 6, [("stdout", HEAD + b"?" + b"\0" * 6)]),  # no such kind
    (HEAD + b"S" + struct.pack(">IH", 1, 5) + b"abcde", [("stdout", HEAD + b"S" + struct.pack(">IH", 1, 5) + b"abcde")]),
    (HEAD + b"X" + struct.pack(">IH", 1, 4070) + b"abcde", [("stdout", HEAD + b"X" + struct.pack(">IH", 1, 4070) + b"abcde")]),
    (b"\x1e\x01IK" + b"\0" * 16 + b"S" + b"\0" * 6, [("stdout", b"\x1e\x01IK" + b"\0" * 16 + b"S" + b"\0" * 6)]),
    (bytes(bytearray(range(256))), [("stdout", bytes(bytearray(range(256))))]),
]


@pytest.mark.parametrize("data, expected", CASES)
def test_each_case_whole_and_cut_everywhere(data, expected):
    whole = joined(expected)
    assert parse([data]) == whole
    assert parse([data[i:i + 1] for i in range(len(data))]) == whole
    step = max(1, len(data) // 100)
    for cut in range(0, len(data), step):
        assert parse([data[:cut], data[cut:]]) == whole
    assert parse([data + b"tail"]) == joined(expected + [("stdout", b"tail")])


def test_only_what_may_become_a_mark_is_held_back():
    parser = MarkParser(NONCE)
    assert parser.feed(b"text\x1e") == [("stdout", b"text")]
    assert parser.holds
    assert parser.feed(b"more") == [("stdout", b"\x1emore")]
    assert not parser.holds


def test_what_nothing_follows_is_released_unless_a_whole_head_is_there():
    parser = MarkParser(NONCE)
    parser.feed(HEAD[:-1])
    assert parser.release() == [("stdout", HEAD[:-1])]
    parser.feed(HEAD)
    assert parser.release() == []
    assert parser.feed(mark(b"S", 9)[len(HEAD):]) == [("start", 9)]
    parser.feed(mark(b"X", 1, b"abc")[:-1])
    assert parser.finish() == [("stdout", mark(b"X", 1, b"abc")[:-1])]
    assert parser.finish() == []


def test_random_streams_cut_at_random():
    rng = random.Random(20)
    for _ in range(300):
        expected, data = [], b""
        for _ in range(rng.randrange(12)):
            kind = rng.choice(["stdout", "stderr", "start", "end"])
            if kind == "stdout":
                value = bytes(bytearray(rng.choice([0x1e, 1, 73, 75, 16]) for _ in range(rng.randrange(1, 30))))
                data += value
            elif kind == "stderr":
                value = bytes(bytearray(rng.randrange(256) for _ in range(rng.randrange(1, 60))))
                data += mark(b"X", 0, value)
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
