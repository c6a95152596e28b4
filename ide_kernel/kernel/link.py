"""The I/O thread: the one thread of ours beside the user's. It drives the wire to the broker and lets unfinished text out.

Nothing that the user wrote runs in it: questions that need their objects go to a thread of their own, which exists only while
there are questions.
"""
from __future__ import absolute_import, division, print_function

import errno
import os
import select
import sys

from .._compat import allocate_lock, get_ident, monotonic, start_new_thread
from ..wire import HEARTBEAT
from .descriptors import private_pipe
from .interrupt import block_all
from .streams import FLUSH_INTERVAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional

    from ..wire import Wire

#: What poll says of a descriptor that somebody closed under us: user code, with ``os.closerange`` for instance.
_STOLEN = select.POLLNVAL
_LINK_ENDED = 1  # exit status when the broker is gone; nobody is left to read it
#: Seconds between two heartbeats while user code may run: then the I/O thread is awake anyway, and silence is noticed sooner.
BUSY_BEAT = 0.1
_FAULT = 70  # EX_SOFTWARE of sysexits.h


class Link(object):
    """Owns the wire and its thread.

    Args:
        wire: the line to the broker.
        receive: called in the I/O thread with each message; must not wait.
        relieve: called in the I/O thread every ``FLUSH_INTERVAL`` while user code may print.
        is_busy: whether user code may print now.
        on_start: called in the I/O thread when it starts.

    Attributes:
        thread: the ident of the I/O thread.
        pid: the process that the link belongs to; a forked child has none.
    """

    def __init__(self, wire, receive, relieve, is_busy, on_start):
        # type: (Wire, Callable[[Any], None], Callable[[], None], Callable[[], bool], Callable[[], None]) -> None
        self.thread = 0
        self.pid = os.getpid()
        self._wire = wire
        self._receive = receive
        self._relieve = relieve
        self._is_busy = is_busy
        self._on_start = on_start
        self._got_message = 0.0
        self._wake_reader, self._wake_writer = private_pipe()
        self._stopping = False
        self._over = allocate_lock()  # held while the I/O thread runs

    def start(self):
        # type: () -> None
        """Start the I/O thread."""
        self._stopping = False
        self._over.acquire()
        start_new_thread(self._run, ())

    def stop(self):
        # type: () -> None
        """Let the I/O thread end and wait until it has: around a fork, and before the interpreter takes itself apart."""
        if self._over.locked():
            self._stopping = True
            self.wake()
            self._over.acquire()
            self._over.release()

    def send(self, message):
        # type: (Dict[str, Any]) -> None
        """Send from any thread, where nothing can interrupt us. Never waits."""
        self._wire.send(message)
        if self._wire.wants_write():
            self.wake()

    def post(self, message):
        # type: (Dict[str, Any]) -> None
        """Let the I/O thread send; may be called where Ctrl-C can strike at any moment."""
        self._wire.post(message)
        self.wake()

    def wake(self):
        # type: () -> None
        """Make the I/O thread look around."""
        try:
            os.write(self._wake_writer, b"w")
        except EnvironmentError as error:
            if error.errno not in (errno.EBADF, errno.EPIPE):  # closed under us: there is nobody to wake
                raise

    def drain(self):
        # type: () -> None
        """Wait until what was sent has left the process or the broker is gone; only at the very end."""
        while self._wire.wants_write():
            waiter = select.poll()
            waiter.register(self._wire.fileno(), select.POLLOUT)
            if any(happened & ~select.POLLOUT for _, happened in _poll(waiter, None)):
                return
            self._wire.flush(monotonic())

    def disown(self):
        # type: () -> None
        """In a forked child: the link is the parent's."""
        self.pid = 0
        for fd in (self._wire.fileno(), self._wake_reader, self._wake_writer):
            try:
                os.close(fd)
            except EnvironmentError as error:
                if error.errno != errno.EBADF:
                    raise

    def _run(self):
        # type: () -> None
        try:
            block_all()
            self.thread = get_ident()
            self._on_start()
            self._drive()
        except BaseException:  # a fault of ours: better a kernel that died of it than one that hears nothing
            _write_fault(sys.exc_info())
            os._exit(_FAULT)
        self._over.release()

    def _drive(self):
        # type: () -> None
        wire = self._wire
        link_fd = wire.fileno()
        waiter = select.poll()
        waiter.register(self._wake_reader, select.POLLIN)
        relieved = monotonic()
        while not self._stopping:
            now = monotonic()
            is_busy = self._is_busy() or now - self._got_message < BUSY_BEAT  # the main thread may not have begun yet
            wire.pace(BUSY_BEAT if is_busy else HEARTBEAT)
            if is_busy and now - relieved >= FLUSH_INTERVAL:
                relieved = now
                self._relieve()
            waiter.register(link_fd, select.POLLIN | (select.POLLOUT if wire.wants_write() else 0))
            deadlines = [wire.next_deadline(), relieved + FLUSH_INTERVAL if is_busy else None]
            ready = _poll(waiter, _until(deadlines, now))
            now = monotonic()
            for fd, happened in ready:
                if happened & _STOLEN:
                    return  # the process lives on, without us: the broker sees a closed link and a living process
                if fd == self._wake_reader:
                    os.read(fd, 4096)
                    wire.flush(now)
                elif happened & ~select.POLLOUT:
                    self._read(now)
                elif happened:
                    wire.flush(now)
            wire.tick(now)

    def _read(self, now):
        # type: (float) -> None
        try:
            messages = self._wire.receive(now)
        except Exception:  # closed, or not our protocol: without a broker there is no kernel
            os._exit(_LINK_ENDED)
        for message in messages:
            self._got_message = now
            self._receive(message)


def _write_fault(error):
    # type: (Any) -> None
    """Say on fd 2 what ended the I/O thread; the user's streams may be what failed."""
    lines = ["the kernel's I/O thread failed: %s: %s" % (error[0].__name__, error[1])]
    trace = error[2]
    while trace is not None:
        lines.append("  %s:%d in %s" % (trace.tb_frame.f_code.co_filename, trace.tb_lineno, trace.tb_frame.f_code.co_name))
        trace = trace.tb_next
    os.write(2, ("\n".join(lines) + "\n").encode("utf-8", "replace"))


def _until(deadlines, now):
    # type: (List[Optional[float]], float) -> Optional[float]
    """Milliseconds until the first deadline, rounded up; None without any."""
    waits = [deadline - now for deadline in deadlines if deadline is not None]
    return max(0, int(min(waits) * 1000) + 1) if waits else None


def _poll(waiter, timeout):
    # type: (Any, Optional[float]) -> Any
    try:
        return waiter.poll(timeout)
    except (EnvironmentError, select.error) as error:
        if error.args[0] != errno.EINTR:
            raise
        return []
