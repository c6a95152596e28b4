"""The loop of a context: sockets and time into the protocol, by whichever thread is best placed to do it.

Theory of operation. One thread at a time *leads*: it polls all descriptors and handles what is ready. By default that
is the context's own I/O thread, so the context works whatever the program does. But a thread that waits for a message
would be woken by the I/O thread at the cost of two switches between threads, which is more than the message costs.
So a thread that begins to wait leads itself when nobody does, and reads its message from the socket with its own
hands. To make that the usual case, whoever leads and has woken another thread gives the lead up: the thread that was
just served will likely wait again, and finds it free. If nobody has taken it after :data:`STANDBY` seconds, the I/O
thread does. A context may do without an I/O thread: then nothing happens but while some thread waits.

A waiting thread may name descriptors of its own, which are polled along with the context's, and end its wait.

Handlers run under the context's guard, and nothing that the user wrote runs here.
"""
from __future__ import absolute_import, division, print_function

import sys
from collections import deque

from .._compat import allocate_lock, monotonic, start_new_thread
from .guard import Guard, reentered
from .streams import LARGE_READ
from .waiting import READABLE, WRITABLE, Poller, Waiter, Wakeup, become, own_waiter, waits, waits_already

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Deque, Dict, List, Optional, Tuple

#: Seconds that the lead is left to a thread that has just been served and will likely wait again. It delays what comes
#: in meanwhile by no more than that; a round trip on one machine takes a tenth of it.
STANDBY = 0.001
#: The same after threads have taken turns without a pause, :data:`BRISK` of them or more in each STANDBY: each time that
#: the I/O thread looks after them it costs them some 50 us.
LONG_STANDBY, BRISK = 0.004, 1

_IO = object()  # the I/O thread, as the leader
_NONE = {}  # type: Dict[int, Tuple[bool, bool]]  # no descriptors of a caller's


class Loop(object):
    """Polls, and calls handlers.

    A handler has ``on_ready(readable, writable, now)``. The owner has ``next_deadline()``, ``tick(now)`` and
    ``pressing()``, which says whether there is something for ``tick`` right now.

    Attributes:
        guard (Guard): the context's lock; handlers run under it, and everything else that touches their state must.
    """

    def __init__(self, owner, thread=True):
        # type: (Any, bool) -> None
        self.guard = Guard(getattr(owner, "forget", None))
        self._owner = owner
        self._poller = Poller()
        self._handlers = {}  # type: Dict[int, Any]
        self._kick = Wakeup()      # ends a poll
        self._nap = Waiter()       # what the I/O thread sleeps on while it does not lead
        self._poller.watch(self._kick.fileno(), True, False)
        # All guarded by the guard:
        self._posted = deque()  # type: Deque[Callable[[], None]]
        self._along = _NONE        # a caller's descriptors that are in the poller
        self._leader = None  # type: Any   # None, _IO, or the waiter of a thread
        self._awaits = None  # type: Any   # the list of waiters that a leading thread would else be in
        self._turns = 0            # how often other threads have led
        self._led_at = 0.0         # when the last of them stopped, or was woken
        self._asleep = False       # whether the I/O thread sleeps until it is called
        self._served = False       # whether the leader has woken another thread
        self._polls = False        # whether the leader is in its poll, or about to be
        self._stopped = False
        self._buffer = None  # type: Optional[bytearray]
        self._over = not thread    # the I/O thread has ended
        self.deadline = None  # type: Optional[float]
        self._ended = allocate_lock()  # held while the I/O thread runs
        if thread:
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

    @waits
    def wait(self, ready, waiters, deadline, along=_NONE, found=None):
        # type: (Callable[[], Any], List[Waiter], Optional[float], Dict[int, Tuple[bool, bool]], Any) -> Any
        """Wait until ``ready()``, called under the guard, is true; returns what it returned last.

        Args:
            ready: the condition.
            waiters: the list that :meth:`notify` is called with when the condition may have changed.
            deadline: monotonic seconds, or None.
            along: descriptors of the caller's, {fd: (read, write)}; readiness of one of them ends the wait.
            found: a list that those are added to that are ready, as :meth:`Poller.poll` gives them. With it there is always
                one look at all descriptors, so that none starves however often ``ready()`` is true at once.

        Raises:
            LocalProtocolError: it would have to wait, and this thread does so already, in what it was interrupted in.
        """
        me = own_waiter()
        if me.busy and waits_already():
            return self._look(ready, deadline)
        me.busy = True
        try:
            return self._wait(me, ready, waiters, deadline, along, found)
        finally:  # after an exception, such as KeyboardInterrupt; nobody but this thread puts itself in either place
            me.busy = False
            if self._leader is me or me in waiters:
                with self.guard:
                    self._leave(me, waiters, monotonic())

    def _wait(self, me, ready, waiters, deadline, along, found):
        # type: (Waiter, Callable[[], Any], List[Waiter], Optional[float], Dict[int, Tuple[bool, bool]], Any) -> Any
        leads, may_lead, looked, polled = False, True, found is None, ()  # type: bool, bool, bool, Any
        while True:
            with self.guard:  # one for all there is to do between two polls: each costs more than what is done in it
                now = monotonic()
                if leads:
                    self._handle(polled, now)
                if along:
                    found += [each for each in polled if each[0] in along]
                result = ready()
                over = result or found or (deadline is not None and now >= deadline)
                if over and looked:
                    self._leave(me, waiters, now)
                    return result
                if leads and self._served:
                    may_lead = False  # the one that was served will likely wait again, and lead
                    self._hand_over(now)
                leads, looked = self._leads(me, waiters, may_lead, along), True
                timeout = self._timeout(deadline, now) if leads else None if deadline is None else deadline - now
                if over:
                    timeout = 0.0
            polled = self._poller.poll_eagerly(timeout, self._kick) if leads else me.wait(timeout, along)

    def _look(self, ready, deadline):
        # type: (Callable[[], Any], Optional[float]) -> Any
        """:meth:`wait` where nothing can be waited for."""
        with self.guard:
            result = ready()
            if result or (deadline is not None and monotonic() >= deadline):
                return result
        raise reentered()

    def _leads(self, me, waiters, may_lead, along):
        # type: (Waiter, List[Waiter], bool, Dict[int, Tuple[bool, bool]]) -> bool
        """Whether the thread leads, as it does when nobody else does; if not, it is among the waiters."""
        if self._leader is me:
            return True
        if may_lead and self._leader is None and not self._stopped:
            self._leader, self._awaits = me, waiters
            self._poll_along(along)
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
        if self._over and self._stopped:
            self._close()

    # -- leading --------------------------------------------------------------------------------------------------

    def _poll_along(self, along):
        # type: (Dict[int, Tuple[bool, bool]]) -> None
        """Poll these descriptors of the leader's beside ours; what an earlier leader had is polled no more."""
        before, self._along = self._along, along
        if along != before:
            for fd in before:
                if fd not in along and fd not in self._handlers:  # closed since, maybe, and ours by now
                    self._poller.forget(fd)
            for fd in along:
                if along[fd] != before.get(fd):
                    self._poller.watch(fd, *along[fd])

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

    @waits
    def _run(self):
        # type: () -> None
        """The I/O thread."""
        become(self._nap)
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
                    if leads:
                        self._poll_along(_NONE)
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
        self._nap.close()
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
        if self._over and self._leader is None:
            self._close()

