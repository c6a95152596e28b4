"""What one end of a link tells the other about itself."""
from __future__ import absolute_import, division, print_function

#: Largest message (bytes) unless the context says otherwise.
MAX_MESSAGE = 1 << 30


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
