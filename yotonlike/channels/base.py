"""What all channels share."""
from __future__ import absolute_import, division, print_function

import functools

from .._compat import TELLS_OF_FORKS, quoted, string_types, text_type
from ..errors import Closed
from ..protocol.codecs import check_message_type
from ..protocol.settings import MAX_NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional


def checked_name(whose, name, least=0):
    # type: (str, Any, int) -> Any
    """``name`` as text; 2.7's native strings are taken for UTF-8.

    Raises:
        TypeError: it is no text.
        ValueError: it is too short or too long, or cannot be encoded.
    """
    if not isinstance(name, string_types):
        raise TypeError("The name of a %s is text, not %r." % (whose, name))
    text = name if isinstance(name, text_type) else name.decode("utf-8")
    if not least <= len(text.encode("utf-8")) <= MAX_NAME:
        raise ValueError("The name of a %s is %d to %d bytes long, not %r." % (whose, least, MAX_NAME, name))
    return text


def looks_for_forks(method):
    # type: (Any) -> Any
    """For methods of a channel that begin without the guard, on Pythons that do not tell of forks themselves."""
    if TELLS_OF_FORKS:
        return method

    @functools.wraps(method)
    def looking(channel, *arguments, **named):
        # type: (Channel, *Any, **Any) -> Any
        channel._guard.look()
        return method(channel, *arguments, **named)
    return looking


class Channel(object):
    """A channel of a context. Close it, use it as a context manager, or let the context's end close it.

    Attributes:
        name (str): channels meet that have the same name, kind and message type.
        message_type (MessageType): what its messages are.
        context (Context): where it lives.
    """

    def __init__(self, context, name, message_type):
        # type: (Any, Any, Any) -> None
        self.context = context
        self.name = checked_name("channel", name, 1)
        self.message_type = check_message_type(message_type)
        self._closed = None  # type: Optional[Exception]
        self._waiters = []  # type: List[Any]
        self._guard = context.guard

    def _register(self):
        # type: () -> None
        """Under the guard, last in ``__init__``."""
        if self.context.closed:
            raise Closed("The context %s is closed." % quoted(self.context.name))
        self.context.channels.append(self)

    def __repr__(self):
        # type: () -> str
        return "<%s %s of %s%s>" % (type(self).__name__, quoted(self.name), quoted(self.context.name),
                                    ", closed" if self._closed else "")

    def __enter__(self):
        # type: () -> Any
        return self

    def __exit__(self, *_):
        # type: (*Any) -> None
        self.close()

    @property
    def closed(self):
        # type: () -> bool
        """Whether the channel, or its context, is closed."""
        return self._closed is not None

    def close(self):
        # type: () -> None
        """Close the channel; closing again does nothing.

        Also in a signal handler and ``__del__``: what those have interrupted is done first, if need be.
        """
        self._guard.do(self._close)

    def _close(self):
        # type: () -> None
        self.end(Closed("The channel %s was closed." % quoted(self.name)))
        self.context.transmit()

    def end(self, reason):
        # type: (Exception) -> None
        """Close it for that reason; under the guard."""
        if self._closed is not None:
            return
        self._withdraw()
        self._closed = reason
        if self in self.context.channels:
            self.context.channels.remove(self)
        self.context.loop.notify(self._waiters)

    def forget(self, reason):
        # type: (Exception) -> None
        """We are a forked child: the channel is the parent's, and so is who waits at it."""
        self._closed = reason
        del self._waiters[:]

    def _withdraw(self):
        # type: () -> None
        """Take the channel out of the network."""
        raise NotImplementedError

    def _check_open(self):
        # type: () -> None
        if self._closed is not None:
            raise Closed(str(self._closed))

    def holds(self):
        # type: () -> bool
        """Whether messages are staged here that no link has yet; under the guard."""
        return False
