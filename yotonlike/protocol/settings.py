"""What one end of a link tells the other about itself, and what such numbers may be.

They are checked where a program gives them, because a number that cannot travel would end every link later.
"""
from __future__ import absolute_import, division, print_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Largest message (bytes) unless the context says otherwise.
MAX_MESSAGE = 1 << 30
#: Largest number of bytes in a field of 64 bits that is added to others, such as a window.
MOST_BYTES = (1 << 62) - 1
#: Bytes of the name of a channel or a context: it travels in a control frame.
MAX_NAME = 1024
#: Seconds between two heartbeats: they travel as milliseconds in 32 bits.
SHORTEST_BEAT, LONGEST_BEAT = 0.001, 4e6


def whole(what, value, least=0, most=MOST_BYTES):
    # type: (str, Any, int, int) -> int
    """``value`` as an int; 1e6 is one too.

    Raises:
        TypeError: it is no number.
        ValueError: it is not a whole one from ``least`` to ``most``.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    elif not isinstance(value, float):
        try:
            value = value.__index__()
        except (AttributeError, TypeError):
            raise TypeError("%s is a number of bytes, not %r." % (what, value))
    if isinstance(value, float) or not least <= value <= most:
        raise ValueError("%s is a whole number of bytes from %d to %d, not %r." % (what, least, most, value))
    return value


def beat(value):
    # type: (Any) -> float
    """``value`` as seconds between two heartbeats.

    Raises:
        TypeError: it is no number.
        ValueError: it is too small or too large.
    """
    try:
        value = value + 0.0
    except TypeError:
        raise TypeError("A heartbeat is a number of seconds, not %r." % (value,))
    if not SHORTEST_BEAT <= value <= LONGEST_BEAT:
        raise ValueError("A heartbeat is %g to %g seconds, not %r." % (SHORTEST_BEAT, LONGEST_BEAT, value))
    return value


class Settings(object):
    """What one end tells the other when the link comes up.

    Attributes:
        context_id (bytes): 16 bytes, unique in the network.
        nonce (bytes): 16 bytes, unique to this link.
        name (str): for people.
        heartbeat (float): seconds between two heartbeats.
        max_message (int): bytes.
    """

    def __init__(self, context_id, nonce, name, heartbeat=1.0, max_message=MAX_MESSAGE):
        # type: (bytes, bytes, str, float, int) -> None
        self.context_id = context_id
        self.nonce = nonce
        self.name = name
        self.heartbeat = heartbeat
        self.max_message = max_message
