"""Every error that this package raises on purpose, as one tree.

::

    Error
     +-- WouldBlock               the call could not be done at once
     +-- Timeout                  ... or not in the time given (also a built-in TimeoutError on Python 3)
     |    +-- NoReplier           nobody serves that channel
     +-- Closed                   this channel, link or context was closed at our end
     +-- PeerLost                 the link to the other end was lost while a call waited for it
     +-- AuthenticationFailed     the other end does not have the key, or proved nothing in time
     +-- CycleError               the link would close a loop in the network
     +-- AddressError             not an address, or one that cannot be bound or reached
     +-- MessageTooBig            longer than the context's ``max_message``
     +-- EncodeError              the message type cannot carry this value
     +-- DecodeError              the bytes that arrived are not a message of this type
     +-- ProtocolError
     |    +-- LocalProtocolError  our end asked for what the protocol's state does not allow
     |    +-- RemoteProtocolError the other end broke the protocol; its link is closed
     +-- RemoteError              a handler at the other end raised
     +-- Cancelled                the future was cancelled (from futures.py)
"""
from __future__ import absolute_import, division, print_function

from ._compat import TimeoutBase, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Tuple


class Error(Exception):
    """The root of all errors of this package."""


class WouldBlock(Error):
    """The call cannot be done without waiting, and was told not to wait."""


class Timeout(Error, TimeoutBase):
    """The time given ran out; what was waited for may still happen."""


def too_late(timeout, text):
    # type: (Any, str) -> Error
    """What a call raises that was not done in the time given, or, if that is 0, could not be done at once."""
    return WouldBlock(text) if timeout == 0 else Timeout(text)


class NoReplier(Timeout):
    """No replier for that channel was found in the time given."""


class Closed(Error):
    """The channel, link or context was closed at this end."""


class PeerLost(Error):
    """The link to the peer was lost while something waited for it."""


class AuthenticationFailed(Error):
    """The two ends do not share the key, or one proved nothing within the handshake's deadline."""


class CycleError(Error):
    """The link would join two contexts that already reach each other."""


class AddressError(Error, ValueError):
    """Not an address that this package understands, or one that cannot be bound or reached."""


class MessageTooBig(Error, ValueError):
    """The encoded message is longer than the context's ``max_message``."""


class EncodeError(Error, ValueError):
    """The channel's message type cannot carry this value."""


class DecodeError(Error, ValueError):
    """The bytes are not a message of the channel's type."""


class ProtocolError(Error):
    """One end broke the rules of the protocol."""


class LocalProtocolError(ProtocolError):
    """This end asked for something that the protocol's state does not allow."""


class RemoteProtocolError(ProtocolError):
    """The other end broke the protocol; its link is closed with this as the reason."""


class RemoteError(Error):
    """A handler at the other end raised.

    Attributes:
        type (str): the name of the remote exception's class, such as ``"ZeroDivisionError"``.
        message (str): its text.
        traceback (str): the remote traceback as text, or ``""`` where there is none.
    """

    def __init__(self, type, message, traceback=""):
        # type: (Any, Any, Any) -> None
        super(RemoteError, self).__init__(type, message, traceback)
        self.type = type
        self.message = message
        self.traceback = traceback

    def __str__(self):
        # type: () -> str
        return "%s: %s" % (shown(self.type), shown(self.message))

    def __unicode__(self):
        # type: () -> Any
        """The same on 2.7 as text, with all its letters."""
        return u"%s: %s" % (self.type, self.message)

    def __reduce__(self):
        # type: () -> Tuple[Any, ...]
        return type(self), self.args
