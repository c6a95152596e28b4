"""How threads wait for the broker's events, and who of them runs the callbacks.

Theory. One descriptor becomes readable when events wait. Any thread that waits for something (a result, the end of a restart)
watches it, and the first that wakes *takes the turn*: it takes the events, runs the callbacks, and then wakes the others, whose
own conditions may hold now. Only the holder of the turn takes events, so callbacks run one at a time and in order, and a slow
callback holds the kernel up (that is the backpressure) instead of filling our memory. A callback may wait itself: its thread
has the turn already, and takes events in the nested wait.

Once a program calls ``process_events()``, that thread is its event loop, and callbacks run nowhere else: other threads only wait
to be woken.

Each waiting thread sleeps in ``poll`` with a pipe of its own, because that is what Ctrl-C gets through on every Python, at once.
`Shield` keeps Ctrl-C from tearing an event between "taken" and "noted"; while callbacks run and while a thread sleeps it is off.
"""
from __future__ import absolute_import, division, print_function

import collections
import errno
import fcntl
import os
import select
import signal

from yotonlike import Timeout, WouldBlock

from .._compat import allocate_lock, get_ident, monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Deque, List, Optional, Tuple


def wait_readable(fds, timeout=None):
    # type: (Any, Optional[float]) -> List[int]
    """Wait until one of ``fds`` is readable (or hung up); Ctrl-C gets through.

    Returns:
        The descriptors that are; none when ``timeout`` (seconds) ran out.
    """
    deadline = None if timeout is None else monotonic() + timeout
    poller = select.poll()
    for fd in fds:
        poller.register(fd, select.POLLIN)
    while True:
        remaining = None if deadline is None else max(0.0, deadline - monotonic())
        try:
            # Rounded up: a wait that ends a little early would come back and spin.
            ready = poller.poll(None if remaining is None else int(remaining * 1000.0 + 0.999))
        except (EnvironmentError, select.error) as error:  # 2.7 has no PEP 475, and its error is no EnvironmentError
            if error.args[0] != errno.EINTR:
                raise
            continue
        if ready or deadline is None or monotonic() >= deadline:
            return [fd for fd, _ in ready]


class Waiter(object):
    """A pipe that wakes one thread. The descriptors are closed with the object."""

    def __init__(self):
        # type: () -> None
        self.read_fd = self._write_fd = -1
        self.read_fd, self._write_fd = os.pipe()
        for fd in (self.read_fd, self._write_fd):  # 2.7 would pass them on to every child
            fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.fcntl(fd, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)
        self.thread = None  # type: Any
        self.woken = False

    def wake(self):
        # type: () -> None
        """Let the thread's present or next `sleep` return; any number of calls count as one."""
        if not self.woken:
            self.woken = True
            os.write(self._write_fd, b"w")  # never full: it holds at most a byte for each thread that wakes at once

    def sleep(self, fd, timeout):
        # type: (Optional[int], Optional[float]) -> None
        """Wait for `wake`, for ``fd`` to become readable where there is one, or for ``timeout`` seconds."""
        ready = wait_readable((self.read_fd,) if fd is None else (self.read_fd, fd), timeout)
        if self.read_fd in ready:
            os.read(self.read_fd, 512)
            self.woken = False  # last: a wake that was skipped until here had its cause before our next look at it

    def __del__(self):
        # type: () -> None
        for fd in (self.read_fd, self._write_fd):
            if fd >= 0:
                os.close(fd)


class Shield(object):
    """Holds Ctrl-C back in the main thread for the few microseconds in which state must not be torn.

    In other threads it does nothing: Python never raises KeyboardInterrupt there.
    """

    def __init__(self):
        # type: () -> None
        self._handler = None  # type: Any
        self._caught = None  # type: Optional[Tuple[Any, Any]]

    def on(self):
        # type: () -> None
        """From here on, remember Ctrl-C instead of raising."""
        if self._handler is None:
            handler = signal.getsignal(signal.SIGINT)
            if callable(handler):
                try:
                    self._handler = handler
                    signal.signal(signal.SIGINT, self._catch)
                except ValueError:  # not the main thread
                    self._handler = None

    def off(self):
        # type: () -> None
        """Back to the handler that was there; it is called now if Ctrl-C came."""
        handler, self._handler = self._handler, None
        if handler is not None:
            signal.signal(signal.SIGINT, handler)
            caught, self._caught = self._caught, None
            if caught is not None:
                handler(*caught)

    def _catch(self, number, frame):
        # type: (Any, Any) -> None
        self._caught = (number, frame)


class Turns(object):
    """Who takes events and runs callbacks, and how the others sleep meanwhile.

    Args:
        fd: a function that gives the descriptor which is readable when events wait.
        take: a function that takes all waiting events and calls `post` with each.
        handle: a function that notes one event and gives the calls to make then, as pairs of a function and its argument. They
            are made before the next event is noted, so that callbacks see the state that goes with their event.

    ``_turn`` is held by the thread that takes events, ``_owner`` names it; nothing else is locked, and no lock is taken inside.
    """

    def __init__(self, fd, take, handle):
        # type: (Callable[[], int], Callable[[], Any], Callable[[Any], Any]) -> None
        self._fd = fd
        self._take = take
        self._handle = handle
        self._turn = allocate_lock()
        self._owner = None  # type: Any
        self._loop = None  # type: Any
        self._changed = False
        self._events = collections.deque()  # type: Deque[Any]
        self._calls = collections.deque()  # type: Deque[Tuple[Callable[[Any], Any], Any]]
        self._sleeping = []  # type: List[Waiter]
        self._spare = []  # type: List[Waiter]

    def post(self, event):
        # type: (Any) -> None
        """Have ``event`` handled by whoever has the turn."""
        self.post_all([event])

    def post_all(self, events):
        # type: (List[Any]) -> None
        """The same for several, all or none of them wherever Ctrl-C strikes."""
        self._events.extend(events)
        self._changed = True

    def changed(self):
        # type: () -> None
        """Called while events are taken: somebody's condition may hold now."""
        self._changed = True

    def wake(self):
        # type: () -> None
        """Let every other waiting thread look at its condition again; from any thread."""
        me = get_ident()
        for waiter in list(self._sleeping):
            if waiter.thread != me:
                waiter.wake()

    def loop_step(self):
        # type: () -> None
        """The program's event loop calls: take what waits, run the callbacks, return at once."""
        self._loop = get_ident()
        self._step()

    def wait(self, condition, timeout=None):
        # type: (Callable[[], Any], Optional[float]) -> None
        """Return when ``condition()`` holds; take events and run callbacks meanwhile where that is this thread's part.

        Raises:
            Timeout: not within ``timeout`` seconds; WouldBlock for 0.
        """
        deadline = None if timeout is None else monotonic() + timeout
        if self._mine():
            self._step()
        if condition():
            return
        if timeout == 0:
            raise WouldBlock("not done yet")
        try:
            waiter = self._spare.pop()
        except IndexError:
            waiter = Waiter()
        waiter.thread = get_ident()
        self._sleeping.append(waiter)
        try:
            while not condition():
                remaining = None if deadline is None else deadline - monotonic()
                if remaining is not None and remaining <= 0:
                    raise Timeout("not done within %s s" % timeout)
                watch = self._mine() and self._owner in (None, get_ident())
                waits = bool(self._events or self._calls)
                waiter.sleep(self._fd() if watch else None, 0 if watch and waits else remaining)
                if self._mine():
                    self._step()
        finally:
            self._sleeping.remove(waiter)
            if not waiter.woken:
                self._spare.append(waiter)

    def _mine(self):
        # type: () -> bool
        """Whether taking events is this thread's part."""
        me = get_ident()
        return self._loop in (None, me) or self._owner == me

    def _step(self):
        # type: () -> None
        me = get_ident()
        nested = self._owner == me
        shield = Shield()
        shield.on()
        try:
            if not nested and not self._turn.acquire(False):
                return
            self._owner = me
            try:
                self._take()
                while self._events or self._calls:
                    if self._calls:
                        self._deliver(shield)
                    else:
                        self._calls.extend(self._handle(self._events.popleft()))
            finally:
                if not nested:
                    self._owner = None
                    self._turn.release()
                if self._changed:
                    self._changed = False
                    self.wake()
        finally:
            shield.off()

    def _deliver(self, shield):
        # type: (Shield) -> None
        call = self._calls.popleft()
        try:
            shield.off()
        except BaseException:
            self._calls.appendleft(call)
            raise
        try:
            call[0](call[1])
        finally:
            shield.on()
