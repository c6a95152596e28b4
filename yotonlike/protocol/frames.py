"""Bytes <-> frames.

A frame is a header of five bytes, ``>IB``: the length of its body and its kind; then the body. A length above
:data:`MAX_BODY` is a protocol error before a byte of the body is waited for, so a peer can make this end hold at
most one frame. A message that does not fit travels as fragments: the first frame says how long the whole is, the
following ones carry the rest, and control frames pass between them.

The kinds and their bodies, all integers big-endian unless said otherwise:

=========  ==================================================================================================
HELLO      context id (16), nonce of the link (16), heartbeat interval in ms (u32), max_message (u64), name (utf-8)
NODES      1 joined or 0 left (u8), then context ids of 16 bytes each
SYNCED     empty: all that was known when the link came up has been announced
HEARTBEAT  empty
OPEN       sink (u32), kind (u8), policy (u8), window (u64), used (u64), history (u64), length of name (u16), length of
           message type (u8), name (utf-8), message type (ascii), then any number of positions: epoch (16), number (u64)
CLOSE      sink (u32)
SOURCE     alias (u32), epoch of a publisher (16): introduces the alias on this link
ATTACH     sink (u32), source alias (u32), number (u64), 1 anew or 0 (u8): that publisher feeds the sink, beginning with that
           number, and maybe in the place of one that was lost
GRANT      sink (u32), bytes (u64): window handed back
WANT       sink (u32): the sender waits for window
CANCEL     request (u64)
BYE        code (u8), reason (utf-8): the link ends, and why
DATA       sink (u32), source alias (u32), number of the first message (u64), count (u32), then ``count`` lengths
           (u32, little-endian), then the messages, end to end
LARGE      as DATA up to the number, then the total length (u64), then the first bytes of one long message
REPLY      request (u64), status (u8), the reply
LARGEREPLY request (u64), status (u8), total length (u64), the first bytes of a long reply
MORE       0 sink or 1 request (u8), its number (u64), the next bytes of its long message
=========  ==================================================================================================
"""
from __future__ import absolute_import, division, print_function

import struct

from ..errors import RemoteProtocolError
from .positions import NEW, Standing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Sequence, Tuple

HEADER = struct.Struct(">IB")
#: A fragment is at most this long (bytes), so that a control frame never waits behind more: the limit of the
#: design, and what a loopback socket takes in one write.
MAX_FRAGMENT = 65536
#: The largest body: a fragment and the fixed part of the frame that carries it.
MAX_BODY = MAX_FRAGMENT + 64

HELLO, NODES, SYNCED, HEARTBEAT, OPEN, CLOSE, SOURCE, GRANT, WANT, CANCEL, BYE, ATTACH = range(1, 13)
DATA, LARGE, REPLY, LARGEREPLY, MORE = range(16, 21)

#: How many context ids fit into one NODES frame.
MAX_NODES = MAX_FRAGMENT // 16

_HELLO = struct.Struct(">16s16sIQ")
_OPEN = struct.Struct(">IBBQQQHB")
_POSITION = struct.Struct(">16sQ")
_SINK = struct.Struct(">I")
_SOURCE = struct.Struct(">I16s")
_ATTACH = struct.Struct(">IIQ?")
_GRANT = struct.Struct(">IQ")
_CANCEL = struct.Struct(">Q")
_DATA = struct.Struct(">IIQI")
_DATA_FRAME = struct.Struct(">IBIIQI")
_LARGE = struct.Struct(">IIQQ")
_LENGTH = struct.Struct("<I")
_REPLY = struct.Struct(">QB")
_REPLY_FRAME = struct.Struct(">IBQB")
_LARGEREPLY = struct.Struct(">QBQ")
_MORE = struct.Struct(">BQ")


def frame(kind, body=b""):
    # type: (int, bytes) -> bytes
    """One whole frame."""
    return HEADER.pack(len(body), kind) + body


def hello(context_id, nonce, heartbeat, max_message, name):
    # type: (bytes, bytes, int, int, bytes) -> bytes
    """HELLO; ``heartbeat`` in milliseconds, ``max_message`` in bytes."""
    return frame(HELLO, _HELLO.pack(context_id, nonce, heartbeat, max_message) + name)


def nodes(joined, ids):
    # type: (bool, Sequence[bytes]) -> bytes
    """As many NODES frames as it takes to name all ``ids``."""
    flag = b"\x01" if joined else b"\x00"
    return b"".join(frame(NODES, flag + b"".join(ids[at:at + MAX_NODES]))
                    for at in range(0, len(ids), MAX_NODES))


def open_sink(sink, kind, policy, window, name, type_name, standing=NEW):
    # type: (int, int, int, int, bytes, bytes, Standing) -> bytes
    """OPEN; ``window`` in bytes."""
    fixed = _OPEN.pack(sink, kind, policy, window, standing.used, standing.history, len(name), len(type_name))
    return frame(OPEN, b"".join([fixed, name, type_name] + [_POSITION.pack(*each) for each in standing.positions]))


def close_sink(sink):
    # type: (int) -> bytes
    """CLOSE."""
    return frame(CLOSE, _SINK.pack(sink))


def source(alias, epoch):
    # type: (int, bytes) -> bytes
    """SOURCE."""
    return frame(SOURCE, _SOURCE.pack(alias, epoch))


def attach(sink, alias, number, anew=False):
    # type: (int, int, int, bool) -> bytes
    """ATTACH."""
    return frame(ATTACH, _ATTACH.pack(sink, alias, number, anew))


def grant(sink, amount):
    # type: (int, int) -> bytes
    """GRANT of ``amount`` bytes."""
    return frame(GRANT, _GRANT.pack(sink, amount))


def want(sink):
    # type: (int) -> bytes
    """WANT."""
    return frame(WANT, _SINK.pack(sink))


def cancel(request):
    # type: (int) -> bytes
    """CANCEL."""
    return frame(CANCEL, _CANCEL.pack(request))


def bye(code, reason):
    # type: (int, bytes) -> bytes
    """BYE with a reason of at most 500 bytes."""
    return frame(BYE, struct.pack(">B", code) + reason[:500])


def pack_lengths(lengths):
    # type: (Sequence[int]) -> bytes
    """The lengths of a batch, as DATA carries them."""
    return struct.pack("<%dI" % len(lengths), *lengths)


def data(sink, alias, number, lengths, packed, body):
    # type: (int, int, int, Sequence[int], bytes, bytes) -> bytes
    """DATA: a batch of messages with their ``lengths``, also given ``packed``."""
    size = _DATA.size + len(packed) + len(body)
    return _DATA_FRAME.pack(size, DATA, sink, alias, number, len(lengths)) + packed + body


def single(sink, alias, number, body):
    # type: (int, int, int, bytes) -> bytes
    """DATA of one message."""
    size = len(body)
    return _DATA_FRAME.pack(_DATA.size + 4 + size, DATA, sink, alias, number, 1) + _LENGTH.pack(size) + body


def large(sink, alias, number, total):
    # type: (int, int, int, int) -> bytes
    """The fixed part of LARGE, without its header."""
    return _LARGE.pack(sink, alias, number, total)


def reply(request, status, body):
    # type: (int, int, bytes) -> bytes
    """REPLY, whole."""
    return _REPLY_FRAME.pack(_REPLY.size + len(body), REPLY, request, status) + body


def large_reply(request, status, total):
    # type: (int, int, int) -> bytes
    """The fixed part of LARGEREPLY, without its header."""
    return _LARGEREPLY.pack(request, status, total)


def more(is_request, number):
    # type: (int, int) -> bytes
    """The fixed part of MORE, without its header."""
    return _MORE.pack(is_request, number)


def _exact(layout):
    # type: (struct.Struct) -> Any
    def parse(chunk, start, end):
        # type: (bytes, int, int) -> Tuple[Any, ...]
        return layout.unpack(bytes(chunk[start:end]))
    return parse


def _with_rest(layout):
    # type: (struct.Struct) -> Any
    def parse(chunk, start, end):
        # type: (bytes, int, int) -> Tuple[Any, ...]
        rest = start + layout.size
        if rest > end:
            raise ValueError("is cut short")
        return layout.unpack_from(chunk, start) + (bytes(chunk[rest:end]),)
    return parse


def _with_part(layout):
    # type: (struct.Struct) -> Any
    """As _with_rest, but what goes into a long message at once is not copied before."""
    def parse(chunk, start, end):
        # type: (bytes, int, int) -> Tuple[Any, ...]
        rest = start + layout.size
        if rest > end:
            raise ValueError("is cut short")
        return layout.unpack_from(chunk, start) + (chunk[rest:end],)
    return parse


def _parse_empty(chunk, start, end):
    # type: (bytes, int, int) -> Tuple[Any, ...]
    if start != end:
        raise ValueError("has a body")
    return ()


def _parse_nodes(chunk, start, end):
    # type: (bytes, int, int) -> Tuple[Any, ...]
    if (end - start) % 16 != 1:
        raise ValueError("holds broken context ids")
    body = bytes(chunk[start:end])
    return body[:1] != b"\x00", [body[at:at + 16] for at in range(1, len(body), 16)]


def _parse_open(chunk, start, end):
    # type: (bytes, int, int) -> Tuple[Any, ...]
    body = bytes(chunk[start:end])
    sink, kind, policy, window, used, history, length, type_length = _OPEN.unpack_from(body)
    type_at = _OPEN.size + length
    at = type_at + type_length
    if at > len(body) or (len(body) - at) % _POSITION.size:
        raise ValueError("is cut short")
    positions = [_POSITION.unpack_from(body, each) for each in range(at, len(body), _POSITION.size)]
    return sink, kind, policy, window, body[_OPEN.size:type_at], body[type_at:at], Standing(positions, used, history)


def _parse_data(chunk, start, end):
    # type: (bytes, int, int) -> Tuple[Any, ...]
    if end - start <= _DATA.size:
        raise ValueError("is cut short")
    sink, alias, number, count = _DATA.unpack_from(chunk, start)
    start += _DATA.size
    first = start + 4 * count
    if not count or first > end:
        raise ValueError("counts messages that are not there")
    lengths = (_LENGTH.unpack_from(chunk, start) if count == 1 else struct.unpack_from("<%dI" % count, chunk, start))
    if first + sum(lengths) != end:
        raise ValueError("has lengths that do not add up")
    return sink, alias, number, lengths, bytes(chunk[first:end])


#: kind -> parser of its body in chunk[start:end], of which only the messages are copied; gives a tuple of fields, or
#: ValueError / struct.error.
PARSERS = {
    HELLO: _with_rest(_HELLO), NODES: _parse_nodes, SYNCED: _parse_empty, HEARTBEAT: _parse_empty,
    OPEN: _parse_open, CLOSE: _exact(_SINK), SOURCE: _exact(_SOURCE), ATTACH: _exact(_ATTACH), GRANT: _exact(_GRANT),
    WANT: _exact(_SINK), CANCEL: _exact(_CANCEL), BYE: _with_rest(struct.Struct(">B")), DATA: _parse_data,
    LARGE: _with_part(_LARGE), REPLY: _with_rest(_REPLY), LARGEREPLY: _with_part(_LARGEREPLY),
    MORE: _with_part(_MORE),
}
NAMES = {
    HELLO: "HELLO", NODES: "NODES", SYNCED: "SYNCED", HEARTBEAT: "HEARTBEAT", OPEN: "OPEN", CLOSE: "CLOSE",
    SOURCE: "SOURCE", ATTACH: "ATTACH", GRANT: "GRANT", WANT: "WANT", CANCEL: "CANCEL", BYE: "BYE", DATA: "DATA", LARGE: "LARGE",
    REPLY: "REPLY", LARGEREPLY: "LARGEREPLY", MORE: "MORE",
}


class FrameParser(object):
    """Cuts a stream of bytes into frames.

    What it holds between two calls is less than one frame.
    """

    def __init__(self):
        # type: () -> None
        self._rest = b""

    def feed(self, chunk):
        # type: (bytes) -> List[Tuple[int, Tuple[Any, ...]]]
        """The frames that ``chunk`` completes, as (kind, fields).

        Args:
            chunk: bytes, or a view of a buffer, of which everything that is kept is copied.

        Raises:
            RemoteProtocolError: the bytes are not frames of this protocol. What came before is lost with it, as
                the link ends.
        """
        found, at = [], 0  # type: List[Tuple[int, Tuple[Any, ...]]], int
        if self._rest:
            # Only the frame that was cut in two is put together, since copying a long chunk costs as much as reading it.
            start = self._rest + bytes(chunk[:5 + MAX_BODY - len(self._rest)])
            at = self._cut(start, 0, found) - len(self._rest)
            if at < 0:
                self._rest = start
                return found
        at = self._cut(chunk, at, found)
        self._rest = bytes(chunk[at:])
        return found

    def _cut(self, chunk, at, found):
        # type: (bytes, int, List[Tuple[int, Tuple[Any, ...]]]) -> int
        """Find the whole frames from ``at`` on; returns where the first begins that is not whole."""
        size = len(chunk)
        while size - at >= 5:
            length, kind = HEADER.unpack_from(chunk, at)
            parser = PARSERS.get(kind)
            if parser is None or length > MAX_BODY:
                raise RemoteProtocolError("The peer sent a frame of kind %d and %d bytes, which this protocol does "
                                          "not have." % (kind, length))
            end = at + 5 + length
            if end > size:
                break
            try:
                found.append((kind, parser(chunk, at + 5, end)))
            except (ValueError, struct.error) as error:
                raise RemoteProtocolError("The peer sent a %s frame that %s." % (NAMES[kind], error))
            at = end
        return at

    @property
    def pending(self):
        # type: () -> int
        """Bytes of a frame that is not whole yet."""
        return len(self._rest)
