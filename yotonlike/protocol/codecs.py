"""Message types: how a value becomes the bytes of one message, and back.

``TEXT`` and ``BINARY`` are what their names say. ``OBJECT`` carries nested plain data in the form that
``objects.py`` defines. What a user's own message type raises is translated here, at the boundary.
"""
from __future__ import absolute_import, division, print_function

from .._compat import SURROGATES, string_types, text_type
from ..errors import DecodeError, EncodeError
from .objects import decode_object, decode_text, encode_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Sequence, Tuple, Type, Union

try:
    u"".join([u"", bytearray()])  # type: ignore[list-item]
    _JOIN_TAKES_BYTES = True  # PyPy joins what offers a buffer, as if it were UTF-8.
except TypeError:
    _JOIN_TAKES_BYTES = False

#: Bytes of a message type's name: names travel in control frames and are compared by peers.
MAX_NAME = 32
class MessageType(object):
    """How the values of a channel become bytes. Subclass it to carry other values, and pass an instance.

    Attributes:
        name (str): at most 32 printable ASCII characters. Channels meet only where their types' names are equal.
    """

    name = ""

    def encode(self, value):
        # type: (Any) -> bytes
        """The bytes of ``value``.

        Raises:
            EncodeError: this type cannot carry it. (Any other exception of a subclass is turned into this.)
        """
        raise NotImplementedError("%s.encode" % type(self).__name__)

    def decode(self, data):
        # type: (bytes) -> Any
        """The value whose bytes are ``data``.

        Raises:
            DecodeError: they are not a message of this type. (Any other exception is turned into this.)
        """
        raise NotImplementedError("%s.decode" % type(self).__name__)

    def encode_batch(self, values):
        # type: (Sequence[Any]) -> Tuple[List[int], bytes]
        """The length in bytes of each value's message, and all the messages joined.

        Raises:
            EncodeError: for the first value that does not fit; it says which.
        """
        parts = []
        for index, value in enumerate(values):
            try:
                parts.append(encode_message(self, value))
            except EncodeError as error:
                raise EncodeError("message %d of %d: %s" % (index, len(values), error))
        return [len(part) for part in parts], b"".join(parts)

    def decode_batch(self, lengths, data):
        # type: (Sequence[int], bytes) -> List[Any]
        """The values of messages that lie one after the other in ``data``.

        Raises:
            DecodeError: for the first message that is not one of this type (it says which), or when the lengths do
                not add up to the data.
        """
        _check_total(lengths, data)
        values = []
        start = 0
        for index, length in enumerate(lengths):
            stop = start + length
            try:
                values.append(decode_message(self, data[start:stop]))
            except DecodeError as error:
                raise DecodeError("message %d of %d: %s" % (index, len(lengths), error))
            start = stop
        return values

    def __repr__(self):
        # type: () -> str
        return "<message type %s>" % (self.name or type(self).__name__)


def check_message_type(message_type):
    # type: (Union[MessageType, Type[MessageType]]) -> MessageType
    """``message_type`` as an instance whose name may travel (a subclass itself is instantiated).

    Raises:
        TypeError: it is no message type, or its name is no text.
        ValueError: the name is empty, longer than 32 characters, or not printable ASCII.
    """
    if isinstance(message_type, type) and issubclass(message_type, MessageType):
        message_type = message_type()
    if not isinstance(message_type, MessageType):
        raise TypeError("a message type is TEXT, BINARY, OBJECT or an instance of a MessageType subclass, not %s"
                        % _type_name(message_type))
    name = message_type.name
    if not isinstance(name, (str, text_type)):
        raise TypeError("the name of a message type is a text, not %s" % _type_name(name))
    if not 1 <= len(name) <= MAX_NAME or any(not " " <= character <= "~" for character in name):
        raise ValueError("the name of a message type is 1 to %d printable ASCII characters, not %r" % (MAX_NAME, name))
    return message_type


def encode_message(message_type, value):
    # type: (MessageType, Any) -> bytes
    """``message_type.encode(value)``, with every foreign exception turned into EncodeError."""
    try:
        data = message_type.encode(value)
    except EncodeError:
        raise
    except Exception as error:
        raise EncodeError("%s could not encode %s: %s: %s"
                          % (message_type, _type_name(value), type(error).__name__, error))
    if not isinstance(data, bytes):
        raise EncodeError("%s encoded to %s instead of bytes" % (message_type, _type_name(data)))
    return data


def decode_message(message_type, data):
    # type: (MessageType, bytes) -> Any
    """``message_type.decode(data)``, with every foreign exception turned into DecodeError."""
    try:
        return message_type.decode(data)
    except DecodeError:
        raise
    except Exception as error:
        raise DecodeError("%s could not decode %d bytes: %s: %s"
                          % (message_type, len(data), type(error).__name__, error))


def _type_name(value):
    # type: (Any) -> str
    return type(value).__name__


def _check_total(lengths, data):
    # type: (Sequence[int], bytes) -> None
    if sum(lengths) != len(data):
        raise DecodeError("%d messages add up to %d bytes, but %d arrived" % (len(lengths), sum(lengths), len(data)))


class _Text(MessageType):
    """Text: ``str``, on 2.7 ``unicode`` (and a native ``str`` while it is ASCII)."""

    name = "text"

    def encode(self, value):
        # type: (Any) -> bytes
        """See MessageType."""
        if not isinstance(value, text_type):
            if not isinstance(value, string_types):
                raise EncodeError("TEXT carries text, not %s" % _type_name(value))
            try:
                return text_type(value).encode("ascii")
            except UnicodeError:
                raise EncodeError("TEXT carries unicode; this native str is not ASCII (decode it first)")
        return value.encode("utf-8", SURROGATES)

    def decode(self, data):
        # type: (bytes) -> Any
        """See MessageType."""
        return decode_text(data)

    def encode_batch(self, values):
        # type: (Sequence[Any]) -> Tuple[List[int], bytes]
        """See MessageType. While all is ASCII, which is the common case, one join and one encode do it all."""
        try:
            if _JOIN_TAKES_BYTES and not all(isinstance(value, text_type) for value in values):
                raise TypeError
            joined = u"".join(values)
            data = joined.encode("utf-8")
        except (TypeError, UnicodeError):  # Not a text, or a surrogate: slower, and it finds out which.
            return super(_Text, self).encode_batch(values)
        if len(data) == len(joined):
            return list(map(len, values)), data
        return super(_Text, self).encode_batch(values)

    def decode_batch(self, lengths, data):
        # type: (Sequence[int], bytes) -> List[Any]
        """See MessageType. ASCII is decoded once and sliced."""
        _check_total(lengths, data)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            return super(_Text, self).decode_batch(lengths, data)
        if len(text) != len(data):
            return super(_Text, self).decode_batch(lengths, data)
        values = []  # type: List[Any]
        append = values.append
        start = 0
        for length in lengths:
            stop = start + length
            append(text[start:stop])
            start = stop
        return values


class _Binary(MessageType):
    """Bytes, from ``bytes``, ``bytearray`` or ``memoryview``."""

    name = "binary"

    def encode(self, value):
        # type: (Any) -> bytes
        """See MessageType."""
        if type(value) is bytes:
            return value
        if isinstance(value, (bytes, bytearray)):
            return bytes(value)
        if isinstance(value, memoryview):
            return value.tobytes()  # bytes(view) would be its repr on 2.7.
        raise EncodeError("BINARY carries bytes, bytearray and memoryview, not %s" % _type_name(value))

    def decode(self, data):
        # type: (bytes) -> bytes
        """See MessageType."""
        return self.encode(data)


class _Object(MessageType):
    """Plain data: None, bool, int, float, str, bytes, list (and tuple) and dict, in each other to 64 levels.

    Keys are None, bool, int, float, str or bytes. Instances of subclasses travel as what they are derived from. On 2.7
    a native ``str`` is bytes, and ``long`` is int.
    """

    name = "object"

    def encode(self, value):
        # type: (Any) -> bytes
        """See MessageType."""
        return encode_object(value)

    def decode(self, data):
        # type: (bytes) -> Any
        """See MessageType."""
        return decode_object(data if type(data) is bytes else BINARY.encode(data))


TEXT = _Text()
BINARY = _Binary()
OBJECT = _Object()
