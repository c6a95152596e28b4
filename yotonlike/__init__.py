"""Channels over sockets: publish and subscribe with backpressure, request and reply, state.

See the README for a tour and docs/protocol.md for what goes over the wire.
"""
from __future__ import absolute_import, division, print_function

from . import adapters as adapters
from .channels.publisher import PubChannel, Subscriber
from .channels.replier import RepChannel
from .channels.requester import ReqChannel
from .channels.state import StateChannel
from .channels.subscriber import Gap, SubChannel
from .context import Context
from .dispatch import Signal
from .errors import (AddressError, AuthenticationFailed, Closed, CycleError, DecodeError, EncodeError, Error,
                     LocalProtocolError, MessageTooBig, NoReplier, PeerLost, ProtocolError, RemoteError,
                     RemoteProtocolError, Timeout, WouldBlock)
from .futures import Cancelled, Future
from .protocol.codecs import BINARY, OBJECT, TEXT, MessageType
from .protocol.history import History
from .transport.guard import Shield
from .transport.link import Link
from .transport.listener import Listener

__all__ = [
    "AddressError", "AuthenticationFailed", "BINARY", "Cancelled", "Closed", "Context", "CycleError", "DecodeError",
    "EncodeError", "Error", "Future", "Gap", "History", "Link", "Listener", "LocalProtocolError", "MessageTooBig",
    "MessageType", "NoReplier", "OBJECT", "PeerLost", "ProtocolError", "PubChannel", "RemoteError",
    "RemoteProtocolError", "RepChannel", "ReqChannel", "Shield", "Signal", "StateChannel", "SubChannel", "Subscriber",
    "TEXT", "Timeout", "WouldBlock",
]
