"""The line between kernel and broker: dicts over an inherited stream socket, in yotonlike's protocol.

The same object serves at both ends. It has no thread and no loop: whoever owns it polls :meth:`Wire.fileno` and calls
:meth:`Wire.receive`, :meth:`Wire.flush` and :meth:`Wire.tick`. It reads and writes with ``os.read`` and ``os.write``
and imports no socket module, because the kernel must not load what a plain Python would not.

There is no handshake: whoever inherited the descriptor was meant to have it.
"""
from __future__ import absolute_import, division, print_function

import errno
import os
from _collections import deque  # type: ignore[import-not-found]  # C: the module around it costs the kernel 2 ms at its start

from yotonlike.errors import Closed, RemoteProtocolError
from yotonlike.protocol import events
from yotonlike.protocol.codecs import OBJECT
from yotonlike.protocol.connection import Connection
from yotonlike.protocol.credit import BLOCK, SUBSCRIPTION, Batch
from yotonlike.protocol.settings import Settings

from ._compat import allocate_lock, monotonic, set_nonblocking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Deque, Dict, List, Optional

#: Bytes that may be under way in one direction. The messages are small; a value's text can be long.
WINDOW = 1 << 20
#: One read, while the last one was full: a loopback socket rarely holds more.
READ_SIZE = 1 << 18
#: ... and else: messages are small, and for a large buffer the allocator makes four system calls.
SMALL_READ = 1 << 14
#: Seconds between two heartbeats of a kernel that runs nothing (see kernel/link.py for one that does): each wakes two processes
#: that have nothing else to do.
HEARTBEAT = 0.25
_SINK = 1  # each end opens just one


class Wire(object):
    """One end of the line.

    Attributes:
        last_heard (float): monotonic seconds of the last bytes from the other end, heartbeats included.
    """

    def __init__(self, fd, name, heartbeat=HEARTBEAT):
        # type: (int, str, float) -> None
        """
        Args:
            fd: a connected stream socket, which is made non-blocking and is closed by :meth:`close`.
            name: of this end, for the other.
            heartbeat: seconds between two heartbeats.
        """
        self.fd = fd
        set_nonblocking(fd)
        now = monotonic()
        self._connection = Connection(Settings(os.urandom(16), os.urandom(16), name, heartbeat), now)
        self._inlet = self._connection.open_sink(_SINK, SUBSCRIPTION, BLOCK, WINDOW, u"messages", OBJECT.name)
        self._outlet = None  # type: Any  # the other end's sink, once it has opened it
        self._epoch = os.urandom(16)
        self._number = 0
        self._posted = deque()  # type: Deque[bytes]  # appending is atomic, so post() needs no lock
        self._unsent = b""
        self._deaf = False  # the other end takes no more
        self._read_size = SMALL_READ
        self._lock = allocate_lock()  # guards everything but _posted

    def fileno(self):
        # type: () -> int
        """The descriptor to poll."""
        return self.fd

    @property
    def last_heard(self):
        # type: () -> float
        """Monotonic seconds of the last bytes from the other end."""
        return self._connection.liveness.last_received

    def post(self, message):
        # type: (Dict[str, Any]) -> None
        """Queue a message for the next :meth:`flush`, which somebody else has to be woken for.

        Safe wherever a KeyboardInterrupt may strike: the message is queued whole or not at all.

        Raises:
            EncodeError: the message holds what OBJECT cannot carry.
        """
        self._posted.append(OBJECT.encode(message))

    def send(self, message):
        # type: (Dict[str, Any]) -> None
        """Queue a message and write as much as the socket takes now. Never blocks; safe from any thread.

        Raises:
            EncodeError: the message holds what OBJECT cannot carry.
        """
        self.post(message)
        self.flush()

    def wants_write(self):
        # type: () -> bool
        """Whether something waits for the socket to take more."""
        return not self._deaf and bool(self._unsent or self._connection.has_output()
                                       or (self._posted and self._outlet is not None))

    def flush(self, now=None):
        # type: (Optional[float]) -> None
        """Write what waits, as far as the socket takes it.

        An end that is gone shows in :meth:`receive`, behind what it said before.
        """
        with self._lock:
            while self._outlet is not None and self._posted:
                data = self._posted.popleft()
                self._connection.push(self._outlet, Batch(self._epoch, self._number, (len(data),), data))
                self._number += 1
            while not self._deaf:
                if not self._unsent:
                    self._unsent = self._connection.data_to_send()
                    if not self._unsent:
                        return
                if not self._write():
                    return

    def _write(self):
        # type: () -> bool
        """One write; False when the socket takes no more."""
        try:
            sent = os.write(self.fd, self._unsent)
        except EnvironmentError as error:
            if error.errno == errno.EINTR:
                return True
            if error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK):
                self._deaf = True
            return False
        self._unsent = self._unsent[sent:]
        return True

    def receive(self, now):
        # type: (float) -> List[Dict[str, Any]]
        """What has arrived. Call when the descriptor is readable.

        Raises:
            Closed: the other end is gone.
            RemoteProtocolError: it speaks another protocol.
        """
        with self._lock:
            try:
                data = os.read(self.fd, self._read_size)
            except EnvironmentError as error:
                if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR):
                    return []
                data = b""
            self._read_size = READ_SIZE if len(data) == self._read_size else SMALL_READ
            if data:
                self._connection.receive_data(data, now)
            else:
                self._connection.receive_eof()
            messages = self._take_events()
            failure = self._connection.error
        if not messages and failure is not None:
            raise failure if isinstance(failure, RemoteProtocolError) else Closed(str(failure))
        if self.wants_write():
            self.flush()
        return messages

    def _take_events(self):
        # type: () -> List[Dict[str, Any]]
        messages = []
        for event in self._connection.events():
            if isinstance(event, events.Opened):
                self._outlet = event.outlet
            elif isinstance(event, events.Data):
                messages += OBJECT.decode_batch(event.batch.lengths, event.batch.data)
                self._connection.consume(event.inlet, event.batch.cost)
            elif isinstance(event, events.Wanted):
                self._connection.release(event.inlet)
        return messages

    def pace(self, seconds):
        # type: (float) -> None
        """Send heartbeats that often from now on."""
        if seconds != self._connection.liveness.interval:
            self._connection.liveness.interval = seconds

    def next_deadline(self):
        # type: () -> Optional[float]
        """When :meth:`tick` wants to be called next, monotonic seconds."""
        return self._connection.next_deadline()

    def tick(self, now):
        # type: (float) -> None
        """Send a heartbeat if one is due."""
        deadline = self._connection.next_deadline()
        if deadline is not None and now >= deadline:
            with self._lock:
                self._connection.tick(now)
        if self.wants_write():
            self.flush()

    def close(self):
        # type: () -> None
        """Close the descriptor."""
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            os.close(fd)
