"""The loop of a context: sockets and time into the protocol, by whichever thread is best placed to do it.

Theory of operation. One thread at a time *leads*: it polls all descriptors and handles what is ready. By default that
is the context's own I/O thread, so the context works whatever the program does. But a thread that waits for a message
would be woken by the I/O thread at the cost of two switches between threads, which is more than the message costs.
So a thread that begins to wait leads itself when nobody does, and reads its message from the socket with its own
hands. To make that the usual case, whoever leads and has woken another thread gives the lead up: the thread that was
just served will likely wait again, and finds it free. If nobody has taken it after :data:`STANDBY` seconds, the I/O
thread does.

Handlers run under the context's guard, and nothing that the user wrote runs here.
"""
from __future__ import absolute_import, division, print_function

import sys
from collections import deque

from .._compat import allocate_lock, monotonic, start_new_thread
from .guard import Guard
from .streams import LARGE_READ
from .waiting import READABLE, WRITABLE, Poller, Waiter, Wakeup, own_waiter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Deque, Dict, List, Optional

#: Seconds that the lead is left to a thread that has just been served and will likely wait again. It delays what comes
#: in meanwhile by no more than that; a round trip on one machine takes a tenth of it.
STANDBY = 0.001
#: The same after threads have taken turns without a pause, :data:`BRISK` of them or more in each STANDBY: each time that
#: the I/O thread looks after them it costs them some 50 us.
LONG_STANDBY, BRISK = 0.004, 4

_IO = object()  # the I/O thread, as the leader


class Loop(object):
    """Polls, and calls handlers.

    A handler has ``on_ready(readable, writable, now)``. The owner has ``next_deadline()``, ``tick(now)`` and
    ``pressing()``, which says whether there is something for ``tick`` right now.

    Attributes:
        guard (Guard): the context's lock; handlers run under it, and everything else that touches their state must.
    """

    def __init__(self, owner):
        # type: (Any) -> None
        self.guard = Guard(getattr(owner, "forget", None))
        self._owner = owner
        self._poller = Poller()
        self._handlers = {}  # type: Dict[int, Any]
        self._kick = Wakeup()      # ends a poll
        self._nap = Waiter()       # what the I/O thread sleeps on while it does not lead
        self._poller.watch(self._kick.fileno(), True, False)
        # All guarded by the guard:
        self._posted = deque()  # type: Deque[Callable[[], None]]
        self._leader = None  # type: Any   # None, _IO, or the waiter of a thread
        self._awaits = None  # type: Any   # the list of waiters that a leading thread would else be in
        self._turns = 0            # how often other threads have led
        self._led_at = 0.0         # when the last of them stopped, or was woken
        self._asleep = False       # whether the I/O thread sleeps until it is called
        self._served = False       # whether the leader has woken another thread
        self._polls = False        # whether the leader is in its poll, or about to be
        self._stopped = False
        self._buffer = None  # type: Optional[bytearray]
        self._over = False         # the I/O thread has ended
        self.deadline = None  # type: Optional[float]
        self._ended = allocate_lock()  # held while the I/O thread runs
        self._ended.acquire()
        start_new_thread(self._run, ())

    # -- descriptors; under the guard -----------------------------------------------------------------------------

    def watch(self, fd, handler, read=True, write=False):
        # type: (int, Any, bool, bool) -> None
        """Watch a descriptor, or change what for."""
        self._handlers[fd] = handler
        self._poller.watch(fd, read, write)
        self.kick()

    def forget(self, fd):
        # type: (int) -> None
        """Watch it no longer; call before it is closed."""
        if self._handlers.pop(fd, None) is not None:
            self._poller.forget(fd)
            self.kick()

    def post(self, function):
        # type: (Callable[[], None]) -> None
        """Have the leader call ``function`` under the guard, soon."""
        self._posted.append(function)
        self.kick()

    def kick(self):
        # type: () -> None
        """Make the leader look again: at its descriptors, its deadline, what was posted."""
        if self._polls:
            self._polls = False
            self._kick.set()

    def buffer(self):
        # type: () -> bytearray
        """Room for one large read, for whoever handles something; under the guard."""
        if self._buffer is None:
            bytearray(16 * LARGE_READ)  # freed at once, from which glibc learns to keep memory for the next long message
            self._buffer = bytearray(LARGE_READ)
        return self._buffer

    # -- waiting --------------------------------------------------------------------------------------------------

    def notify(self, waiters):
        # type: (List[Waiter]) -> None
        """Let threads go on that wait, the one that leads included; empties the list. Under the guard."""
        if waiters is self._awaits:
            self.kick()  # needless, and nothing happens, when it is the leader itself that handles something
        for waiter in waiters:
            waiter.set()
            self._served = True
        del waiters[:]

    def wait(self, ready, waiters, deadline):
        # type: (Callable[[], Any], List[Waiter], Optional[float]) -> Any
        """Wait until ``ready()``, called under the guard, is true; returns what it returned last.

        Args:
            ready: the condition.
            waiters: the list that :meth:`notify` is called with when the condition may have changed.
            deadline: monotonic seconds, or None.
        """
        me = own_waiter()
        leads, may_lead, found = False, True, ()  # type: bool, bool, Any
        try:
            while True:
                # One section for all there is to do between two polls: each costs more than what is done in it.
                with self.guard:
                    now = monotonic()
                    if leads:
                        self._handle(found, now)
                    result = ready()
                    if result or (deadline is not None and now >= deadline):
                        self._leave(me, waiters, now)
                        return result
                    if leads and self._served:
                        may_lead = False  # the one that was served will likely wait again, and lead
                        self._hand_over(now)
                    leads = self._leads(me, waiters, may_lead)
                    if leads:
                        timeout = self._timeout(deadline, now)
                    else:
                        timeout = None if deadline is None else max(0.0, deadline - now)
                if leads:
                    found = self._poller.poll_eagerly(timeout)
                else:
                    me.wait(timeout)
        finally:  # after an exception, such as KeyboardInterrupt; nobody but this thread puts itself in either place
            if self._leader is me or me in waiters:
                with self.guard:
                    self._leave(me, waiters, monotonic())

    def _leads(self, me, waiters, may_lead):
        # type: (Waiter, List[Waiter], bool) -> bool
        """Whether the thread leads, as it does when nobody else does; if not, it is among the waiters."""
        if self._leader is me:
            return True
        if may_lead and self._leader is None and not self._stopped:
            self._leader, self._awaits = me, waiters
            self._turns += 1
            if me in waiters:
                waiters.remove(me)
            return True
        if me not in waiters:
            waiters.append(me)
        return False

    def _leave(self, me, waiters, now):
        # type: (Waiter, List[Waiter], float) -> None
        """The thread waits no longer."""
        if self._leader is me:
            self._hand_over(now)
        elif me in waiters:
            waiters.remove(me)

    def _hand_over(self, now):
        # type: (float) -> None
        """The leading thread stops waiting, or leaves the lead to one that it served."""
        self._leader = self._awaits = None
        self._led_at = now
        if self._asleep:
            self._asleep = False
            self._nap.set()
        if self._over:
            self._close()

    # -- leading --------------------------------------------------------------------------------------------------

    def _timeout(self, deadline, now):
        # type: (Optional[float], float) -> Optional[float]
        """How long to poll; under the guard."""
        owner = self._owner
        self.deadline = until = owner.next_deadline()
        if self._posted or owner.pressing():
            return 0.0
        self._polls = True
        if until is None or (deadline is not None and deadline < until):
            until = deadline
        return None if until is None else max(0.0, until - now)

    def _handle(self, found, now):
        # type: (Any, float) -> None
        """Handle what a poll found, what was posted, and what is due; under the guard."""
        self._polls = self._served = False
        for fd, what in found:
            handler = self._handlers.get(fd)
            if handler is not None:
                handler.on_ready(what & READABLE, what & WRITABLE, now)
            elif fd == self._kick.fileno():
                self._kick.clear()
        while self._posted:
            self._posted.popleft()()
        self._owner.tick(now)

    def _run(self):
        # type: () -> None
        """The I/O thread."""
        found, leads = (), False  # type: Any, bool
        while not self._stopped:
            try:
                with self.guard:
                    if self._stopped:
                        break
                    now = monotonic()
                    if leads:
                        ready, found = found, ()
                        self._handle(ready, now)
                        if self._served:
                            self._hand_over(now)
                    nap = self._plan(now)
                    leads = self._leader is _IO
                    timeout = self._timeout(None, now) if leads else nap
                if leads:
                    found = self._poller.poll(timeout)
                else:
                    self._doze(timeout)
            except Exception:  # a bug of ours must not stop the context silently
                sys.excepthook(*sys.exc_info())
        with self.guard:
            self._over = True
            if self._leader in (None, _IO):
                self._close()
        self._ended.release()

    def join(self):
        # type: () -> None
        """After :meth:`stop`, wait until the I/O thread has ended; not under the guard.

        An interpreter that ends under a thread that still runs makes 2.7 print what that thread stumbled over.
        """
        self._ended.acquire()
        self._ended.release()

    def _close(self):
        # type: () -> None
        """Give the descriptor back that ends a poll: not before the last leader, which has to come out of its poll."""
        if self._kick.fileno() >= 0:
            self._poller.forget(self._kick.fileno())
            self._kick.close()

    def _plan(self, now):
        # type: (float) -> Optional[float]
        """Take the lead, or say how long to leave it alone (None: until called)."""
        if self._leader is _IO:
            return None
        if self._leader is not None:
            if self._turns == self._seen_turns:
                self._asleep = True
                return None
            self._seen_turns = self._turns
            return STANDBY
        left = self._led_at + STANDBY - now
        if left > 0:
            return left
        self._leader = _IO
        return None

    def _doze(self, nap):
        # type: (Optional[float]) -> None
        """Leave the lead alone: longer while other threads take turns at it in quick succession.

        That is judged without the guard, since a thread that wakes up and takes locks costs them several switches.
        """
        while True:
            turns = self._turns
            if self._nap.wait(nap) or nap is None or (self._turns - turns) * STANDBY < nap * BRISK:
                break
            nap = min(2 * nap, LONG_STANDBY)

    _seen_turns = 0  # as the I/O thread saw _turns when it last let another thread lead

    def abandon(self):
        # type: () -> None
        """We are a forked child: the I/O thread is the parent's, and so is whoever waits."""
        self.guard.renew()
        self._stopped = self._over = True
        self._polls = self._asleep = False
        self._leader = self._awaits = None
        self._handlers.clear()
        self._posted.clear()
        self._close()

    def stop(self):
        # type: () -> None
        """End the I/O thread; under the guard. Handlers are called no more."""
        self._stopped = True
        self._polls = False
        self._kick.set()
        self._nap.set()

