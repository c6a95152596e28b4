# -*- coding: utf-8 -*-
"""Message types: round trips, the bytes of each form, everything that must be refused, and that nothing is quadratic."""
from __future__ import absolute_import, division, print_function

import collections
import math
import random
import struct

import pytest

from yotonlike._compat import PY2, text_type
from yotonlike.errors import DecodeError, EncodeError
from yotonlike.protocol import objects
from yotonlike.protocol.codecs import (BINARY, OBJECT, TEXT, MessageType, check_message_type, decode_message,
                                       encode_message)

SURROGATE = u"\ud800"


def same(one, other):
    """Equality that tells 1 from True and 1.0, -0.0 from 0.0, text from bytes, and takes nan for itself."""
    if isinstance(one, float):
        return isinstance(other, float) and struct.pack(">d", one) == struct.pack(">d", other)
    if isinstance(one, (list, tuple)):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return (isinstance(other, dict) and len(one) == len(other)
                and all(any(same(key, k) and same(one[key], v) for k, v in other.items()) for key in one))
    kinds = [bool, text_type, bytes, type(None)]
    return [isinstance(one, kind) for kind in kinds] == [isinstance(other, kind) for kind in kinds] and one == other


VALUES = [
    (None, b"\xc0"), (False, b"\xc1"), (True, b"\xc2"),
    (0, b"\x80"), (63, b"\xbf"), (64, b"\xc3" + b"\0" * 7 + b"\x40"), (-1, b"\xc3" + b"\xff" * 8),
    (2 ** 63 - 1, b"\xc3\x7f" + b"\xff" * 7), (-2 ** 63, b"\xc3\x80" + b"\0" * 7),
    (2 ** 63, b"\xc4\0\0\0\x09\0\x80" + b"\0" * 7), (-2 ** 63 - 1, b"\xc4\0\0\0\x09\xff\x7f" + b"\xff" * 7),
    (1.5, b"\xc5\x3f\xf8" + b"\0" * 6), (-0.0, b"\xc5\x80" + b"\0" * 7),
    (float("inf"), b"\xc5\x7f\xf0" + b"\0" * 6), (float("-inf"), b"\xc5\xff\xf0" + b"\0" * 6),
    (u"", b"\x00"), (u"a", b"\x01a"), (u"x" * 127, b"\x7f" + b"x" * 127), (u"x" * 128, b"\xc6\0\0\0\x80" + b"x" * 128),
    (u"\xe9", b"\x02\xc3\xa9"), (u"\U0001f600", b"\x04\xf0\x9f\x98\x80"), (SURROGATE, b"\x03\xed\xa0\x80"),
    (b"", b"\xc7\0\0\0\0"), (b"\xff\0", b"\xc7\0\0\0\x02\xff\0"),
    ([], b"\xd0"), ([None], b"\xd1\xc0"), ([0] * 16, b"\xc8\0\0\0\x10" + b"\x80" * 16),
    ({}, b"\xe0"), ({u"a": 1}, b"\xe1\x01a\x81"),
    (dict.fromkeys(range(16)), b"\xc9\0\0\0\x10" + bytes(bytearray(range(0x80, 0x90))) + b"\xc0" * 16),
    ([[[]]], b"\xd1\xd1\xd0"), ({None: [1, {b"k": -0.0}]}, b"\xe1\xc0\xd2\x81\xe1\xc7\0\0\0\x01k\xc5\x80" + b"\0" * 7),
]


@pytest.mark.parametrize("value, data", VALUES, ids=lambda value: repr(value)[:20].encode("ascii", "replace").decode())
def test_object_has_exactly_these_bytes(value, data):
    encoded = OBJECT.encode(value)
    assert type(encoded) is bytes and encoded == data
    assert same(OBJECT.decode(data), value) and same(value, OBJECT.decode(data))
    for cut in range(len(data)):
        with pytest.raises(DecodeError):
            OBJECT.decode(data[:cut])
    for trailing in (b"\xc0", b"\0", b"\xd0" * 40):
        with pytest.raises(DecodeError):
            OBJECT.decode(data + trailing)


def test_object_keeps_nan():
    value = OBJECT.decode(OBJECT.encode({u"n": float("nan")}))[u"n"]
    assert math.isnan(value)


@pytest.mark.parametrize("key", [None, True, 7, -2 ** 100, 1.5, u"k\xe9", b"k"])
def test_every_scalar_can_be_a_key(key):
    assert same(OBJECT.decode(OBJECT.encode({key: [key]})), {key: [key]})


def test_key_order_is_kept_where_dicts_have_one():
    pairs = collections.OrderedDict((u"k%d" % (number * 7919 % 100), number) for number in range(100))
    assert OBJECT.encode(pairs) == OBJECT.encode(collections.OrderedDict(OBJECT.decode(OBJECT.encode(pairs)))) or PY2


class Text(text_type):
    def __str__(self):
        return "other"


class Number(int):
    pass


class Real(float):
    pass


Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize("value, plain", [
    (Text(u"t" * 200), u"t" * 200), (Number(5), 5), (Number(-2 ** 40), -2 ** 40), (Real(-0.0), -0.0),
    ((1, (2,)), [1, [2]]), (Point(1, 2), [1, 2]), (bytearray(b"ab"), b"ab"), (memoryview(b"ab"), b"ab"),
    (collections.OrderedDict([(u"a", 1)]), {u"a": 1}), (collections.defaultdict(list, a=1), {"a": 1}),
])
def test_subclasses_travel_as_what_they_are_derived_from(value, plain):
    decoded = OBJECT.decode(OBJECT.encode([value]))[0]
    assert same(plain, decoded) and type(decoded) in (text_type, bytes, float, list, dict, int)


@pytest.mark.parametrize("value", [
    object(), set(), 1j, Ellipsis, [object()], {u"a": object()}, {(1, 2): 3}, {frozenset(): 3}, range, open,
    {u"a": {(): 1}}, [{object(): 1}],
], ids=lambda value: type(value).__name__)
def test_object_refuses_what_is_no_plain_data(value):
    with pytest.raises(EncodeError):
        OBJECT.encode(value)


def nested(depth, wrap):
    value = 0
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize("wrap", [lambda value: [value], lambda value: {u"k": value}, lambda value: (value,)])
def test_depth_is_limited_at_both_ends(wrap):
    deepest = nested(objects.MAX_DEPTH, wrap)
    assert same(deepest, OBJECT.decode(OBJECT.encode(deepest)))
    with pytest.raises(EncodeError):
        OBJECT.encode(wrap(deepest))


def test_a_list_in_itself_and_deep_wire_data_are_errors():
    loop = []
    loop.append(loop)
    with pytest.raises(EncodeError):
        OBJECT.encode(loop)
    for tag in (b"\xd1", b"\xc8\0\0\0\x01", b"\xe1\x01k", b"\xe1"):
        with pytest.raises(DecodeError):
            OBJECT.decode(tag * 100000 + b"\xc0")


@pytest.mark.parametrize("data, says", [
    (b"", "cut off"), (b"\xf0", "tag 0xf0"), (b"\xff", "tag 0xff"), (b"\xca", "tag 0xca"), (b"\xd1\xcf", "at byte 1"),
    (b"\xc4\0\0\0\0", "no bytes"), (b"\x01\xff", "UTF-8"), (b"\xc6\0\0\0\x01\xff", "UTF-8"), (b"\x02\xc0\x80", "UTF-8"),
    (b"\xe1\xd0\xc0", "as a key"), (b"\xe1\xe0\xc0", "as a key"), (b"\xe2\x80\x80\xc0\xc0", "equal keys"),
    (b"\xe2\x81\xc2\xc0\xc0", "equal keys"), (b"\xc0\xc0", "1 bytes follow"), (b"\xd0\x05", "1 bytes follow"),
    # Lengths of 4 GiB and counts of 4 billion, which must not be allocated before they are compared with what is left.
    (b"\xc6\xff\xff\xff\xff", "cut off"), (b"\xc7\xff\xff\xff\xffabc", "cut off"), (b"\xc4\xff\xff\xff\xff\1", "cut off"),
    (b"\xc8\xff\xff\xff\xff\xc0", "cut off"), (b"\xc9\xff\xff\xff\xff\xc0", "cut off"),
    (b"\xc9\0\0\0\x02\x80\x81\xc0", "cut off"), (b"\xc6\0\0\0", "cut off"), (b"\xc3\0", "cut off"), (b"\xc5", "cut off"),
    (b"\x02a", "cut off"), (b"\xd1\x02a", "cut off"), (b"\xe1\x02a", "cut off"), (b"\x80" + b"x" * 128, "follow"),
    # Refused before it is looked at, so what it looks like does not matter.
    (b"\xc6\0\0\0\x03\xff", "cut off"), (b"\xc8\0\0\0\x03\xff", "cut off"), (b"\xc9\0\0\0\x02\xff\xff\xff", "cut off"),
])
def test_object_refuses_what_is_no_message(data, says):
    with pytest.raises(DecodeError) as caught:
        OBJECT.decode(data)
    assert says in str(caught.value)


def test_keys_that_collide_are_refused():
    # Integers are hashed modulo 2**61 - 1 on 64-bit Python 3, 2**31 - 1 on 32-bit, 2**64 - 1 on 64-bit 2.7.
    candidates = [[modulus * number for number in range(1, 20001)] for modulus in (2 ** 61 - 1, 2 ** 31 - 1, 2 ** 64 - 1)]
    keys = min(candidates, key=lambda numbers: len(set(map(hash, numbers))))
    assert len(set(map(hash, keys))) < 10
    parts = [struct.pack(">BI", 0xc9, len(keys))] + [OBJECT.encode(key) for key in keys] + [b"\xc0"] * len(keys)
    with pytest.raises(DecodeError) as caught:
        OBJECT.decode(b"".join(parts))
    assert "same hash" in str(caught.value)


def test_many_powers_of_two_are_fine_as_keys():
    value = dict((2 ** number, number) for number in range(2000))
    assert OBJECT.decode(OBJECT.encode(value)) == value


def test_large_integers_and_lists_take_linear_time():
    # Quadratic forms would take minutes (a decimal form of this number, or slices of the rest of the data).
    number = 3 ** 100 << 8000000
    assert OBJECT.decode(OBJECT.encode(-number)) == -number
    many = [u"item %d" % index for index in range(100000)]
    assert OBJECT.decode(OBJECT.encode(many)) == many


def some(source, pool, count):
    """That many of the pool, by chance; choice() takes several times as long."""
    chance, size = source.random, len(pool)
    return [pool[int(chance() * size)] for _ in range(count)]


def random_value(source, depth=0):
    kind = source.randrange(10 if depth < 4 else 7)
    if kind == 0:
        return source.choice([None, True, False])
    if kind == 1:
        return source.randrange(-100, 100)
    if kind == 2:
        return source.randrange(-2 ** 70, 2 ** 70) >> source.randrange(70)
    if kind == 3:
        return source.choice([float("inf"), float("nan"), -0.0, 1e300, source.random()])
    if kind == 4:
        return u"".join(some(source, u"ab\0\xe9\ud800\u20ac", source.choice([0, 3, 127, 200])))
    if kind == 5:
        return bytes(bytearray(some(source, range(256), source.choice([0, 3, 200]))))
    if kind == 6:
        return source.choice([-1, 1]) << source.randrange(300)
    if kind == 7:
        return [random_value(source, depth + 1) for _ in range(source.choice([0, 2, 20]))]
    return dict((random_value(source, 9), random_value(source, depth + 1)) for _ in range(source.choice([0, 2, 20])))


def test_random_values_round_trip_and_damaged_ones_are_typed_errors():
    source = random.Random(20)
    for _ in range(300):
        value = random_value(source)
        data = OBJECT.encode(value)
        assert same(value, OBJECT.decode(data))
        for cut in set(source.randrange(len(data)) for _ in range(5)):
            with pytest.raises(DecodeError):
                OBJECT.decode(data[:cut])
        damaged = bytearray(data)
        for _ in range(10):
            damaged[source.randrange(len(damaged))] = source.randrange(256)
            try:
                OBJECT.decode(bytes(damaged))
            except DecodeError:
                pass


def test_random_bytes_give_values_or_decode_errors():
    source = random.Random(21)
    tags = list(range(0xbf, 0x100)) + [0, 1, 2, 0x7f]
    pool = list(range(256)) + 4 * tags  # about half of each
    for _ in range(20000):
        data = bytes(bytearray(some(source, pool, source.randrange(1, 30))))
        try:
            value = OBJECT.decode(data)
        except DecodeError:
            continue
        assert same(value, OBJECT.decode(OBJECT.encode(value)))


def test_hypothesis_agrees():
    hypothesis = pytest.importorskip("hypothesis")
    strategies = hypothesis.strategies
    scalars = strategies.one_of(strategies.none(), strategies.booleans(), strategies.integers(), strategies.floats(),
                                strategies.text(), strategies.binary())
    values = strategies.recursive(scalars, lambda inner: strategies.one_of(
        strategies.lists(inner), strategies.dictionaries(scalars, inner)), max_leaves=20)

    @hypothesis.settings(deadline=None, max_examples=100)
    @hypothesis.given(values)
    def check(value):
        assert same(value, OBJECT.decode(OBJECT.encode(value)))

    check()


# -- TEXT and BINARY ----------------------------------------------------------------------------------------------------

TEXTS = [u"", u"hello", u"\0\n\r\x1e", u"h\xe9llo", u"\u20ac", u"\U0001f600", SURROGATE, u"\udcff", u"x" * 70000]


@pytest.mark.parametrize("text", TEXTS, ids=[str(number) for number in range(len(TEXTS))])
def test_text_round_trips(text):
    data = TEXT.encode(text)
    assert type(data) is bytes
    assert TEXT.decode(data) == text and isinstance(TEXT.decode(data), text_type)


@pytest.mark.parametrize("value", [None, 1, [u"a"], bytearray(b"a"), b"\xff"], ids=repr)
def test_text_refuses_what_is_no_text(value):
    with pytest.raises(EncodeError):
        TEXT.encode(value)
    with pytest.raises(EncodeError) as caught:
        TEXT.encode_batch([u"fine", value])
    assert "message 1 of 2" in str(caught.value)


def test_native_text_of_python_2_is_text_while_it_is_ascii():
    assert TEXT.encode("native") == b"native"
    assert TEXT.encode_batch(["native", u"\xe9"]) == ([6, 2], b"native\xc3\xa9")
    if not PY2:
        with pytest.raises(EncodeError):
            TEXT.encode(b"bytes")


INVALID = [b"\xff", b"a\x80", b"\xc3", b"\xc0\x80", b"\xe0\x80\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80"]


@pytest.mark.parametrize("data", INVALID)
def test_text_refuses_what_is_no_utf_8(data):
    with pytest.raises(DecodeError):
        TEXT.decode(data)
    with pytest.raises(DecodeError) as caught:
        TEXT.decode_batch([2, len(data), 0], b"ok" + data)
    assert "message 1 of 3" in str(caught.value)


@pytest.mark.parametrize("value", [b"", b"\0\xff" * 1000, bytearray(b"ab"), memoryview(b"abc"), memoryview(b"abc")[1:]])
def test_binary_gives_bytes(value):
    data = BINARY.encode(value)
    assert type(data) is bytes and data == (value.tobytes() if isinstance(value, memoryview) else value)
    assert type(BINARY.decode(data)) is bytes and BINARY.decode(data) == data


@pytest.mark.parametrize("value", [None, u"text", 5, [1]])
def test_binary_refuses_the_rest(value):
    with pytest.raises(EncodeError):
        BINARY.encode(value)


# -- batches ------------------------------------------------------------------------------------------------------------

BATCHES = [
    (TEXT, []), (TEXT, [u""]), (TEXT, [u"", u"a", u"", u"bcd"]), (TEXT, [u"a" * 100] * 600), (TEXT, TEXTS),
    (TEXT, [u"a", u"\xe9", u"b"]), (TEXT, [SURROGATE, u"\udc00"]), (BINARY, []), (BINARY, [b"", b"\xff", b"ab"]),
    (OBJECT, [None, {u"a": [1]}, u"x", 2 ** 100]),
]


@pytest.mark.parametrize("message_type, values", BATCHES, ids=[str(number) for number in range(len(BATCHES))])
def test_a_batch_is_its_messages(message_type, values):
    lengths, data = message_type.encode_batch(values)
    each = [message_type.encode(value) for value in values]
    assert (lengths, data) == ([len(one) for one in each], b"".join(each))
    assert message_type.decode_batch(lengths, data) == values
    assert message_type.decode_batch(tuple(lengths), data) == values


@pytest.mark.parametrize("message_type", [TEXT, BINARY, OBJECT])
def test_lengths_that_do_not_add_up_are_refused(message_type):
    lengths, data = message_type.encode_batch([message_type.decode(b""), b"ab"] if message_type is BINARY else [u"a", u"b"])
    for wrong in (lengths[:-1], lengths + [1], []):
        with pytest.raises(DecodeError):
            message_type.decode_batch(wrong, data)


def test_a_length_that_cuts_a_character_is_refused():
    with pytest.raises(DecodeError) as caught:
        TEXT.decode_batch([1, 1], u"\xe9".encode("utf-8"))
    assert "message 0 of 2" in str(caught.value)


# -- users' types -------------------------------------------------------------------------------------------------------

class Faulty(MessageType):
    name = "faulty"

    def encode(self, value):
        if isinstance(value, Exception):
            raise value
        return value

    def decode(self, data):
        raise KeyError("missing")


def test_foreign_exceptions_are_translated():
    with pytest.raises(EncodeError) as caught:
        encode_message(Faulty(), ZeroDivisionError("why"))
    assert "ZeroDivisionError: why" in str(caught.value) and "faulty" in str(caught.value)
    own = EncodeError("mine")
    with pytest.raises(EncodeError) as caught:
        encode_message(Faulty(), own)
    assert caught.value is own
    with pytest.raises(EncodeError):
        encode_message(Faulty(), u"not bytes")
    with pytest.raises(DecodeError) as caught:
        decode_message(Faulty(), b"abc")
    assert "KeyError" in str(caught.value)
    with pytest.raises(EncodeError) as caught:
        Faulty().encode_batch([b"a", b"b", RuntimeError("no")])
    assert "message 2 of 3" in str(caught.value)
    with pytest.raises(DecodeError) as caught:
        Faulty().decode_batch([1], b"a")
    assert "message 0 of 1" in str(caught.value)


def test_exceptions_that_end_the_program_pass():
    class Interrupted(MessageType):
        name = "interrupted"

        def decode(self, data):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decode_message(Interrupted(), b"")


def test_a_type_without_methods_is_an_encode_error():
    class Bare(MessageType):
        name = "bare"

    with pytest.raises(EncodeError):
        encode_message(Bare(), 1)
    with pytest.raises(DecodeError):
        decode_message(Bare(), b"")


def test_message_types_are_checked():
    assert check_message_type(TEXT) is TEXT
    assert isinstance(check_message_type(Faulty), Faulty)
    assert "faulty" in repr(Faulty()) and "text" in repr(TEXT)
    for wrong in (None, str, u"text", object()):
        with pytest.raises(TypeError):
            check_message_type(wrong)
    for name, error in [("", ValueError), ("x" * 33, ValueError), ("tab\t", ValueError), (u"\xe9", ValueError),
                        (None, TypeError)]:
        bad = Faulty()
        bad.name = name
        with pytest.raises(error):
            check_message_type(bad)
