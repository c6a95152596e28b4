"""Nested plain data <-> bytes, for the message type ``OBJECT``.

A tagged binary form that is written and read here by hand, since nothing that can run code (pickle, marshal, eval) may
meet bytes from a wire.

A message is one *item*: a tag byte and what the tag asks for. Integers in it are big-endian.

::

    00..7f  str of that many bytes                   c5  float: IEEE 754 double (8)
    80..bf  int 0..63                                c6  str: length (4), that many bytes
    c0      None                                     c7  bytes: length (4), that many bytes
    c1      False                                    c8  list: count (4), items
    c2      True                                     c9  dict: count (4), keys, then values
    c3      int, two's complement (8)                d0..df  list of 0..15 items
    c4      int of any size: length (4, not zero),   e0..ef  dict of 0..15 entries: keys, then values
            two's complement

Any other tag is an error. Text is UTF-8 in which lone surrogates are passed (file names have them). A key is an item
that is neither list nor dict. Keys come before values so that a run of keys and a run of values are each one loop.
"""
from __future__ import absolute_import, division, print_function

import struct
from binascii import hexlify, unhexlify
from itertools import repeat

from .._compat import SURROGATES, integer_types, iterbytes, text_type
from ..errors import DecodeError, EncodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, List, Sequence, Tuple

#: Lists and dicts in each other. Both ends recurse, so the bound stays far below Python's limit of 1000 frames.
MAX_DEPTH = 64
#: Keys of a dict with the same hash. Equal hashes make a dict quadratic, and a peer can choose them (``2**61 * n``, or
#: any text on 2.7). Powers of two, the likeliest innocent case, have 61 hashes, so 256 allows 15,000 of them.
MAX_COLLISIONS = 256

_NONE, _FALSE, _TRUE = b"\xc0", b"\xc1", b"\xc2"
_SHORT = [bytes(bytearray([number])) for number in range(256)]
_INT = struct.Struct(">Bq")
_FLOAT = struct.Struct(">Bd")
_HEAD = struct.Struct(">BI")
_read_int = struct.Struct(">q").unpack_from
_read_float = struct.Struct(">d").unpack_from
_read_length = struct.Struct(">I").unpack_from
#: A depth beyond any, which tells the loops that they are among a dict's keys.
_KEYS = MAX_DEPTH + 1


def encode_object(value):
    # type: (Any) -> bytes
    """The bytes of ``value``.

    Raises:
        EncodeError: it is, or holds, something else than plain data, or is nested more than 64 levels deep.
    """
    if type(value) is text_type and len(value) < 0x80:  # One short text, a frequent request and answer.
        try:
            data = value.encode("ascii")
            return _SHORT[len(data)] + data
        except UnicodeEncodeError:
            pass
    parts = []  # type: List[bytes]
    _write((value,), parts.append, 0)
    return b"".join(parts)


def decode_object(data):
    # type: (bytes) -> Any
    """The value whose bytes are ``data``.

    Raises:
        DecodeError: they are cut off, have a tag or text that is none, nest too deep, or go on after the value.
    """
    tags = iterbytes(data)
    if data and tags[0] == len(data) - 1 < 0x80:  # One short text, a frequent request; this is twice as fast.
        return decode_text(data[1:])
    try:
        items, stop = _read(data, tags, 0, 1, 0)
    except (IndexError, struct.error):
        stop = len(data) + 1
    if stop > len(data):
        raise DecodeError("OBJECT: cut off after %d bytes" % len(data))
    if stop != len(data):
        raise DecodeError("OBJECT: %d bytes follow the end of the value" % (len(data) - stop))
    return items[0]


def decode_text(data):
    # type: (bytes) -> Any
    """The text of UTF-8 in which lone surrogates may stand; DecodeError when it is none."""
    try:
        return data.decode("utf-8", SURROGATES)
    except UnicodeDecodeError as error:
        raise DecodeError("not UTF-8 at byte %d of %d: %s" % (error.start, len(data), error.reason))


def _write(values, append, depth):
    # type: (Iterable[Any], Callable[[bytes], None], int) -> None
    """Append the bytes of each value; the most frequent types come first and in line, calls being what costs."""
    for value in values:
        kind = type(value)
        if kind is text_type:
            try:
                data = value.encode("utf-8")
            except UnicodeEncodeError:
                data = value.encode("utf-8", SURROGATES)
            length = len(data)
            append(_SHORT[length] if length < 128 else _head(0xc6, length))
            append(data)
        elif kind is int:
            if 0 <= value < 64:
                append(_SHORT[0x80 + value])
            else:
                append(_encode_int(value))
        elif value is None:
            append(_NONE)
        elif value is True:
            append(_TRUE)
        elif value is False:
            append(_FALSE)
        elif kind is float:
            append(_FLOAT.pack(0xc5, value))
        elif kind is bytes:
            append(_head(0xc7, len(value)))
            append(value)
        elif kind is dict or kind is list or kind is tuple:
            _write_container(value, kind is dict, append, depth)
        else:
            _write_other(value, append, depth)


def _write_container(value, is_dict, append, depth):
    # type: (Any, bool, Callable[[bytes], None], int) -> None
    if depth >= MAX_DEPTH:
        if depth == _KEYS:
            raise EncodeError("OBJECT: a dict's key is None, bool, int, float, str or bytes, not %s" % type(value).__name__)
        raise EncodeError("OBJECT: more than %d lists and dicts in each other (or one that contains itself)" % MAX_DEPTH)
    # A copy, since another thread may change the original between the count and the last item.
    if is_dict:
        value = dict(value)
        count = len(value)
        append(_SHORT[0xe0 + count] if count < 16 else _head(0xc9, count))
        _write(value, append, _KEYS)
        _write(value.values(), append, depth + 1)
    else:
        value = tuple(value)
        count = len(value)
        append(_SHORT[0xd0 + count] if count < 16 else _head(0xc8, count))
        _write(value, append, depth + 1)


def _write_other(value, append, depth):
    # type: (Any, Callable[[bytes], None], int) -> None
    """The rarer forms: long of 2.7, and instances of subclasses, which travel as what they are derived from."""
    if isinstance(value, text_type):
        data = text_type.encode(value, "utf-8", SURROGATES)
        append(_head(0xc6, len(data)))
        append(data)
    elif isinstance(value, integer_types):
        append(_encode_int(value))
    elif isinstance(value, float):
        append(_FLOAT.pack(0xc5, value))
    elif isinstance(value, (bytes, bytearray, memoryview)):
        data = value.tobytes() if isinstance(value, memoryview) else bytes(value)  # 2.7: bytes(view) is its repr.
        append(_head(0xc7, len(data)))
        append(data)
    elif isinstance(value, (dict, list, tuple)):
        _write_container(value, isinstance(value, dict), append, depth)
    else:
        raise EncodeError("OBJECT carries None, bool, int, float, str, bytes, list and dict, not %s" % type(value).__name__)


def _head(tag, length):
    # type: (int, int) -> bytes
    if length > 0xffffffff:
        raise EncodeError("OBJECT: %d bytes or items in one value; a length has 32 bits" % length)
    return _HEAD.pack(tag, length)


def _encode_int(value):
    # type: (int) -> bytes
    try:
        return _INT.pack(0xc3, value)
    except struct.error:
        data = _big_to_bytes(value)
        return _head(0xc4, len(data)) + data


def _read(data, tags, start, count, depth):
    # type: (bytes, Sequence[int], int, int, int) -> Tuple[List[Any], int]
    """Read ``count`` items from ``start``; returns them and where they end. ``tags`` are the integers of ``data``."""
    # IndexError and struct.error mean that the data is cut off. A slice does not tell: a short text that is cut off
    # shows when the next tag is read, or at the very end; longer ones are compared.
    items = []  # type: List[Any]
    append = items.append
    for _ in repeat(None, count):
        tag = tags[start]
        start += 1
        if tag < 0x80:
            stop = start + tag
            try:
                append(data[start:stop].decode("utf-8"))
            except UnicodeDecodeError:
                append(decode_text(data[start:stop]))
            start = stop
        elif tag < 0xc0:
            append(tag - 0x80)
        elif tag < 0xc3:
            append(_CONSTANTS[tag])
        elif tag == 0xc3:
            append(_read_int(data, start)[0])
            start += 8
        elif tag == 0xc5:
            append(_read_float(data, start)[0])
            start += 8
        elif tag in _SIZED:
            start += 4
            stop = start + _read_length(data, start - 4)[0]
            if stop > len(data):
                raise IndexError
            append(_SIZED[tag](data[start:stop]))
            start = stop
        else:
            item, start = _read_container(data, tags, start, tag, depth)
            append(item)
    return items, start


def _read_container(data, tags, start, tag, depth):
    # type: (bytes, Sequence[int], int, int, int) -> Tuple[Any, int]
    if depth >= MAX_DEPTH:
        raise DecodeError("OBJECT: a list or dict as a key" if depth == _KEYS else
                          "OBJECT: more than %d lists and dicts in each other" % MAX_DEPTH)
    if 0xd0 <= tag < 0xf0:
        count = tag & 0x0f
        is_dict = tag >= 0xe0
    elif tag == 0xc8 or tag == 0xc9:
        count = _read_length(data, start)[0]
        is_dict = tag == 0xc9
        start += 4
        if count * (1 + is_dict) > len(data) - start:  # An item takes a byte at least.
            raise IndexError
    else:
        raise DecodeError("OBJECT: unknown tag 0x%02x at byte %d" % (tag, start - 1))
    if not is_dict:
        return _read(data, tags, start, count, depth + 1)
    keys, start = _read(data, tags, start, count, _KEYS)
    if count > MAX_COLLISIONS:
        _check_collisions(keys)
    values, start = _read(data, tags, start, count, depth + 1)
    result = dict(zip(keys, values))
    if len(result) != count:
        raise DecodeError("OBJECT: a dict of %d entries has %d equal keys" % (count, count - len(result)))
    return result, start


def _check_collisions(keys):
    # type: (List[Any]) -> None
    counts = {}  # type: Dict[int, int]
    for value in map(hash, keys):
        counts[value] = counts.get(value, 0) + 1
    if max(counts.values()) > MAX_COLLISIONS:
        raise DecodeError("OBJECT: more than %d keys of a dict have the same hash" % MAX_COLLISIONS)


if hasattr(int, "from_bytes"):
    def _big_to_bytes(value):
        # type: (int) -> bytes
        return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)

    def _bytes_to_big(data):
        # type: (bytes) -> int
        if not data:
            raise DecodeError("OBJECT: an int of no bytes")
        return int.from_bytes(data, "big", signed=True)
else:  # Hexadecimal is linear in both directions, and so as fast for large numbers as it can be.
    def _big_to_bytes(value):
        # type: (int) -> bytes
        size = value.bit_length() // 8 + 1
        if value < 0:
            value += 1 << 8 * size
        return unhexlify(b"%0*x" % (2 * size, value))

    def _bytes_to_big(data):
        # type: (bytes) -> int
        if not data:
            raise DecodeError("OBJECT: an int of no bytes")
        value = int(hexlify(data), 16)
        return value - (1 << 8 * len(data)) if data[:1] >= b"\x80" else value

_CONSTANTS = {0xc0: None, 0xc1: False, 0xc2: True}
_SIZED = {0xc4: _bytes_to_big, 0xc6: decode_text, 0xc7: bytes}  # type: Dict[int, Callable[[bytes], Any]]
