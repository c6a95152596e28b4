"""Waiting for descriptors, such that Ctrl-C gets through on every Python.

A thread that waits blocks in ``poll``, on a pipe of its own if need be. Locks and conditions are not used for that:
on 2.7 an untimed one swallows Ctrl-C and a timed one polls.

Python looks for signals, and then calls ``poll``. One that comes in between only sets a flag, and the wait would go on as
if it had not come. So while the main thread waits, signals make something readable that it polls: see
:meth:`Wakeup.take_signals`.
"""
from __future__ import absolute_import, division, print_function

import errno
import os
import select
import socket
import sys
import threading

from .._compat import lazy_map, monotonic, set_wakeup_fd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Set, Tuple

_IN, _OUT = getattr(select, "POLLIN", 1), getattr(select, "POLLOUT", 4)
#: Masks for what :meth:`Poller.poll` reports; an error or a hang-up counts as both.
READABLE, WRITABLE = ~_OUT, ~(_IN | getattr(select, "POLLPRI", 2))
#: ... and for a descriptor that is none.
INVALID = getattr(select, "POLLNVAL", 0)

_AGAIN = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)


#: Seconds that :meth:`Poller.poll_eagerly` looks again and again before it sleeps: about what sleeping costs, which is a
#: third of a round trip of 80 us between two processes that only write and read. Whoever spins no longer than
#: that loses at most as much as it could have gained.
SPIN = 0.00005
#: Seconds that one poll waits at most: the system's takes no more than 24.8 days. Whoever waits for longer waits again.
LONGEST = 86400.0
#: How many waits at most do without spinning after it was in vain.
MOST_SKIPPED = 64

#: What :meth:`Wakeup.set` writes: no signal has this number.
_SET = b"\xff"


class Poller(object):
    """Readiness of descriptors: ``poll`` where there is one, ``select`` elsewhere (Windows)."""

    def __init__(self):
        # type: () -> None
        self._wishes = {}  # type: Dict[int, Tuple[bool, bool]]
        self._poll = select.poll() if hasattr(select, "poll") else None
        self._skip = 0     # so many waits will not spin
        self._skipped = 1  # so many will not after the next time that it is in vain

    def watch(self, fd, read, write):
        # type: (int, bool, bool) -> None
        """Watch ``fd``, or change what it is watched for."""
        self._wishes[fd] = read, write
        if self._poll is not None:
            self._poll.register(fd, (_IN if read else 0) | (_OUT if write else 0))

    def forget(self, fd):
        # type: (int) -> None
        """Watch it no longer."""
        if self._wishes.pop(fd, None) is not None and self._poll is not None:
            self._poll.unregister(fd)

    def poll(self, timeout, wakeup=None):
        # type: (Optional[float], Optional[Wakeup]) -> List[Tuple[int, int]]
        """(descriptor, what) of those that are ready; see :data:`READABLE` and :data:`WRITABLE`.

        Args:
            timeout: seconds; None waits for ever. :data:`LONGEST` may end the wait early, and so may a signal.
            wakeup: one that is watched here, for the signals that come in the main thread.
        """
        if wakeup is not None and timeout != 0:
            try:
                wakeup.take_signals()
                return self.poll(timeout)
            finally:
                try:
                    wakeup.leave_signals()
                except BaseException:  # Ctrl-C struck in that; the context may be closed next, by another thread
                    wakeup.leave_signals()
                    raise
        if timeout is not None:
            timeout = LONGEST if timeout > LONGEST else 0 if timeout < 0 else timeout
        try:
            if self._poll is None:
                return self._select(timeout)
            return self._poll.poll(None if timeout is None else int(timeout * 1000 + 0.999))
        except (EnvironmentError, select.error) as error:
            if error.args[0] == errno.EINTR:
                return []
            raise

    def poll_eagerly(self, timeout, wakeup):
        # type: (Optional[float], Wakeup) -> List[Tuple[int, int]]
        """As :meth:`poll`, for a thread whose descriptor may become ready any moment.

        To be put to sleep and woken costs more than most answers take. So it looks for :data:`SPIN` seconds before it
        sleeps, and where that is in vain, as it is when nothing happens or the other end needs this very core, the next waits
        sleep at once, twice as many each time.
        """
        if timeout == 0:
            return self.poll(0)
        if self._skip:
            self._skip -= 1
            return self.poll(timeout, wakeup)
        until = monotonic() + (SPIN if timeout is None or timeout > SPIN else timeout)
        while True:
            found = self.poll(0)
            if found:
                self._skipped = 1
                return found
            if monotonic() >= until:
                break
        self._skip = self._skipped
        self._skipped = min(2 * self._skipped, MOST_SKIPPED)
        return self.poll(timeout, wakeup)

    def _select(self, timeout):
        # type: (Optional[float]) -> List[Tuple[int, int]]
        reads = [fd for fd, (read, _) in self._wishes.items() if read]
        writes = [fd for fd, (_, write) in self._wishes.items() if write]
        got, put, bad = select.select(reads, writes, writes, timeout)
        return [(fd, (_IN if fd in got or fd in bad else 0) | (_OUT if fd in put or fd in bad else 0))
                for fd in set(got + put + bad)]


class Wakeup(object):
    """A descriptor that one thread makes readable for another: a pipe, or a socket pair on Windows."""

    _close = staticmethod(os.close)  # when an interpreter ends, modules may go before their objects

    def __init__(self):
        # type: () -> None
        self._before = []  # type: List[int]  # whom Python told of signals before it told this
        if os.name == "posix":
            self._read, self._write = os.pipe()
            for fd in (self._read, self._write):
                _prepare(fd)
            self._sockets = ()  # type: Tuple[Any, ...]
        else:
            self._sockets = socket.socketpair()
            for end in self._sockets:
                end.setblocking(False)
            self._read, self._write = [end.fileno() for end in self._sockets]

    def fileno(self):
        # type: () -> int
        """Readable after :meth:`set`, until :meth:`clear`."""
        return self._read

    def set(self):
        # type: () -> None
        """Make it readable. Safe from any thread; never blocks."""
        try:
            if self._sockets:
                self._sockets[1].send(_SET)
            elif self._read >= 0:
                os.write(self._write, _SET)
        except EnvironmentError as error:
            if error.errno not in _AGAIN:  # full means readable already
                raise

    def clear(self):
        # type: () -> bytes
        """Make it unreadable again; what was in it."""
        try:
            return self._sockets[0].recv(4096) if self._sockets else os.read(self._read, 4096) if self._read >= 0 else b""
        except EnvironmentError as error:
            if error.errno not in _AGAIN:
                raise
            return b""

    def take_signals(self):
        # type: () -> None
        """In the main thread: signals make it readable, until :meth:`leave_signals`. Elsewhere nothing happens.

        A program may have Python tell it of signals itself, as event loops do. It cannot look while its main thread waits
        here; :meth:`leave_signals` tells it then, also where a handler has left the wait.
        """
        if set_wakeup_fd is None:
            return
        try:
            # One step for the interpreter, so that what the program had is noted wherever Ctrl-C strikes.
            self._before.extend(lazy_map(set_wakeup_fd, (self._write,)))
        except ValueError:  # another thread, to which no signal goes
            pass

    def leave_signals(self):
        # type: () -> None
        """As it was before :meth:`take_signals`. Where Ctrl-C strikes in that, the next one does it, or :meth:`close`."""
        if not self._before or set_wakeup_fd is None:  # which it also is when the interpreter ends
            return
        before = ([-1] + [fd for fd in self._before if fd != self._write])[-1]
        try:
            now = set_wakeup_fd(before)
            if now != self._write:  # a handler that ran meanwhile wants it so
                set_wakeup_fd(now)
            if before != -1:
                self._tell(before)
        except (EnvironmentError, ValueError):  # closed meanwhile
            try:
                set_wakeup_fd(-1)
            except ValueError:  # this is another thread
                return
        del self._before[:]

    def _tell(self, fd):
        # type: (int) -> None
        """Tell a program of the signals that came meanwhile."""
        told = self.clear()
        if _SET in told:
            self.set()
        _pass_on(told.replace(_SET, b""), fd)

    def close(self):
        # type: () -> None
        """Give the descriptors back."""
        if self._read < 0:
            return
        self.leave_signals()
        if self._before:  # nor here: better lost than told to whoever has the same descriptor next
            return
        read, self._read = self._read, -1
        if self._sockets:
            for end in self._sockets:
                end.close()
        else:
            self._close(read)
            self._close(self._write)


def _pass_on(signals, fd):
    # type: (bytes, int) -> None
    """Tell of these signals there, as Python would have; where it cannot be told, it is not."""
    try:
        if signals and os.name == "posix":
            os.write(fd, signals)
        elif signals:
            end = socket.socket(fileno=fd)
            try:
                end.send(signals)
            finally:
                end.detach()
    except EnvironmentError:
        pass


def _prepare(fd):
    # type: (int) -> None
    import fcntl
    fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.fcntl(fd, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)


class Waiter(object):
    """What one thread blocks on until others have something for it."""

    def __init__(self):
        # type: () -> None
        self.wakeup = Wakeup()
        self.busy = False  # whether its thread is in a wait; stays set when Ctrl-C tears the end of one
        self.pid = os.getpid()
        self._poller = Poller()
        self._poller.watch(self.wakeup.fileno(), True, False)

    def set(self):
        # type: () -> None
        """Let the thread go on."""
        self.wakeup.set()

    def wait(self, timeout, along=None):
        # type: (Optional[float], Optional[Dict[int, Tuple[bool, bool]]]) -> List[Tuple[int, int]]
        """Block until :meth:`set` (also one before this call), the timeout in seconds, or a signal on 2.7.

        Args:
            along: other descriptors that end it, {fd: (read, write)}.

        Returns:
            What is ready, as :meth:`Poller.poll` says it; something when it was set.
        """
        poller = self._poller
        if along:
            poller = Poller()
            poller.watch(self.wakeup.fileno(), True, False)
            for fd in along:
                poller.watch(fd, *along[fd])
        ready = poller.poll(timeout, self.wakeup)
        if any(fd == self.wakeup.fileno() for fd, _ in ready):
            self.wakeup.clear()
        return ready

    def close(self):
        # type: () -> None
        """Give the descriptors back, at once also where objects are freed late."""
        self.wakeup.close()

    def __del__(self):
        # type: () -> None
        if hasattr(self, "wakeup"):
            self.close()


_threads = threading.local()


def own_waiter():
    # type: () -> Waiter
    """The calling thread's waiter. A forked child gets one of its own: the pipe is its parent's."""
    waiter = getattr(_threads, "waiter", None)
    if waiter is None or not (_FORKS_SEEN or waiter.pid == os.getpid()):
        waiter = _threads.waiter = Waiter()
    return waiter


def become(waiter):
    # type: (Waiter) -> None
    """The calling thread has this one, and is in a wait all its life."""
    _threads.waiter, waiter.busy = waiter, True


_codes = set()  # type: Set[Any]


def waits(function):
    # type: (Any) -> Any
    """For functions that wait and while they do have their waiter ``busy``."""
    _codes.add(function.__code__)
    return function


def waits_already():
    # type: () -> bool
    """Whether the caller of the calling function runs within a wait: as a signal handler, or for the garbage collector."""
    waiter = getattr(_threads, "waiter", None)
    if waiter is None or not waiter.busy:
        return False
    frame = sys._getframe(2)  # type: Any
    while frame is not None and frame.f_code not in _codes:
        frame = frame.f_back
    return frame is not None


def _forget_waiter():
    # type: () -> None
    _threads.waiter = None


_FORKS_SEEN = hasattr(os, "register_at_fork")  # then a system call for each wait is spared
if _FORKS_SEEN:
    os.register_at_fork(after_in_child=_forget_waiter)


def remaining(deadline):
    # type: (Optional[float]) -> Optional[float]
    """Seconds until a monotonic deadline, at least 0; None for none."""
    return None if deadline is None else max(0.0, deadline - monotonic())


def deadline_after(timeout):
    # type: (Optional[float]) -> Optional[float]
    """The monotonic deadline of a timeout in seconds, which may be infinite.

    Raises:
        ValueError: it is nan.
    """
    if timeout is None:
        return None
    if timeout != timeout:
        raise ValueError("A timeout is a number of seconds, not nan.")
    try:
        return monotonic() + timeout
    except OverflowError:  # an int with more digits than a float can have
        return float("inf") if timeout > 0 else 0.0
