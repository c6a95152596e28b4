"""State: a value that every channel of the same name holds, wherever it is in the network.

Theory of operation. Each state channel is a sink that keeps only the newest message, and feeds the sinks of all the
others. Who joins is sent the value by everybody who holds one. A message carries a version, (counter, id of the
setter), ahead of the value; the highest version wins, so that all agree after values were set at the same time.
"""
from __future__ import absolute_import, division, print_function

import os
import struct

from .._compat import quoted
from ..dispatch import Signal
from ..errors import MessageTooBig
from ..protocol.codecs import OBJECT, decode_message, encode_message
from ..protocol.credit import LATEST, STATE, Batch
from .base import Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Tuple

    from ..protocol.credit import Inlet, Outlet

_VERSION = struct.Struct(">Q16s")
#: Counters stay below this, so that there is always a next one, whatever a peer claims.
_VERSIONS_END = (1 << 63,)
#: The newest value passes whatever its length; this only bounds what a relay holds of small ones.
_WINDOW = 1 << 16


class StateChannel(Channel):
    """Holds a value, and sends it to the others when it is set here.

    Args:
        context (Context): where it lives.
        name (str): of the channel.
        message_type (MessageType): of the value.

    Attributes:
        changed (Signal): called with the value in ``process_events()`` when another channel has set it, also before the
            callback was connected. When it is set many times before that, only the last value comes, and none if
            that was set here.
    """

    def __init__(self, context, name, message_type=OBJECT):
        # type: (Any, str, Any) -> None
        super(StateChannel, self).__init__(context, name, message_type)
        self.kind = STATE
        self.changed = Signal(context.dispatcher, self._schedule_unguarded)
        self._key = STATE, self.name, self.message_type.name
        self._epoch = os.urandom(16)
        self._number = 0
        self._version = 0, b""  # type: Tuple[int, bytes]
        self._data = None  # type: Optional[bytes]
        self._decoded = None  # type: Any  # (version, value)
        self._outlets = []  # type: List[Outlet]
        self._dispatching = False
        self._told = self._version  # the version that callbacks were called with last, or that was set here since
        with self._guard:
            self._register()
            self._sink = context.node.open_sink(STATE, LATEST, _WINDOW, self.name, self.message_type.name, self)
            context.node.add_feeder(self._key, self)
            context.transmit()

    @property
    def value(self):
        # type: () -> Any
        """The value, None until one is set.

        Raises:
            DecodeError: what another channel set is none of this type.
        """
        with self._guard:
            version, data, decoded = self._version, self._data, self._decoded
        if data is None:
            return None
        if decoded is None or decoded[0] != version:
            decoded = self._decoded = version, decode_message(self.message_type, data)
        return decoded[1]

    def send(self, value):
        # type: (Any) -> None
        """Set the value, here and everywhere. Never waits.

        Raises:
            EncodeError, MessageTooBig: it is no value of this channel.
            Closed: the channel is closed.
        """
        data = encode_message(self.message_type, value)
        if len(data) + _VERSION.size > self.context.max_message:
            raise MessageTooBig("A value of %d bytes is longer than max_message of %s, %d bytes."
                                % (len(data), quoted(self.context.name), self.context.max_message))
        with self._guard:
            self._check_open()
            self._version = self._told = self._version[0] + 1, self._epoch
            self._data = data
            for outlet in self._outlets:
                self._push(outlet)
            self.context.transmit()

    def _push(self, outlet):
        # type: (Outlet) -> None
        data = _VERSION.pack(*self._version) + (self._data or b"")
        self._number += 1
        outlet.owner.push(outlet, Batch(self._epoch, self._number, (len(data),), data))

    # -- what the network brings; under the guard -----------------------------------------------------------------------

    def attach(self, outlet):
        # type: (Outlet) -> None
        """Another state channel appeared; it learns the value."""
        if outlet.owner is self.context.node.local and outlet.sink == self._sink.number:
            return
        self._outlets.append(outlet)
        if self._data is not None:
            self._push(outlet)

    def detach(self, outlet):
        # type: (Outlet) -> None
        """It is gone."""
        if outlet in self._outlets:
            self._outlets.remove(outlet)

    def granted(self, outlet):
        # type: (Outlet) -> None
        """Window is of no concern here: the outlet keeps the newest value until it can go."""

    def deliver(self, inlet, batch):
        # type: (Inlet, Batch) -> None
        """A value arrived."""
        inlet.owner.consume(inlet, batch.cost)
        data = batch.data[len(batch.data) - batch.lengths[-1]:]
        if len(data) < _VERSION.size:
            return
        version = _VERSION.unpack_from(data)
        if self._version < version < _VERSIONS_END:
            self._version, self._data = version, data[_VERSION.size:]
            self.context.loop.notify(self._waiters)
            if self.changed:
                self._schedule()

    def _schedule(self):
        # type: () -> None
        if self._told != self._version and not self._dispatching:
            self._dispatching = True
            self.context.dispatcher.post(self._dispatch)

    def _schedule_unguarded(self):
        # type: () -> None
        with self._guard:
            self._schedule()

    def _dispatch(self):
        # type: () -> None
        with self._guard:
            self._dispatching = False
            news = self.changed and self._told != self._version
            if news:
                self._told = self._version
        if news:
            self.changed.call(self.value)

    def attached(self, inlet, source, number, anew=False):
        # type: (Inlet, bytes, int, bool) -> None
        """Who sets the value does not matter."""

    def wanted(self, inlet):
        # type: (Inlet) -> None
        """Everything is consumed as it comes, so it can be handed back."""
        inlet.owner.release(inlet)

    def lost(self, inlet):
        # type: (Inlet) -> None
        """The value stays."""

    def cancelled(self, connection, request):
        # type: (Any, int) -> None
        """Never happens to a state."""

    def _withdraw(self):
        # type: () -> None
        self.context.node.remove_feeder(self._key, self)
        self.context.node.close_sink(self._sink)
