"""How threads wait for the broker's events, and who of them runs the callbacks.

Theory. Any thread that waits for something (a result, the end of a restart) does so in ``context.wait()``, and the first that
finds callbacks of the context *takes the turn*: it takes the events, runs the callbacks, and then wakes the others, whose own
conditions may hold now. Only the holder of the turn takes events, so callbacks run one at a time and in order, and a slow
callback holds the kernel up (that is the backpressure) instead of filling our memory. A callback may wait itself: its thread has
the turn already, and takes events in the nested wait.

A turn ends when nothing waits, or when its time is over, whatever it was that took the time: many events, long ones, slow
callbacks. What is left waits for the next turn, before anything new is taken.

Once a program calls ``process_events()``, that thread is its event loop, and callbacks run nowhere else: other threads only wait
to be woken. They take no events for themselves, although a result needs no callback: it is noted in its place among the events,
and each callback is to find things as they were at its own event, so none can be noted before the callbacks of those before
it have run; and what was taken ahead of them would be bounded by nothing.

A shield keeps Ctrl-C from tearing an event between "taken" and "noted"; while callbacks run and while a thread sleeps it is off.
"""
from __future__ import absolute_import, division, print_function

import collections
import errno
import select

from yotonlike import Closed, Shield, Timeout, WouldBlock

from .._compat import allocate_lock, get_ident, monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Deque, Iterable, List, Optional, Tuple


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


#: What is added where a thread has waited for another one.
ELSEWHERE = ": what comes is taken in another thread, which called process_events() and has to go on with that"
#: Seconds of a turn; its last step may take longer. A program's event loop has other work to do, of which nobody notices that it
#: was late by so much, and who waits looks whether it has come. It is long against what a turn costs by itself.
TURN = 0.005


class Turns(object):
    """Who takes events and runs callbacks, and how the others sleep meanwhile.

    Args:
        context: whose callbacks call `post` with events.
        take: makes those calls, or some of them.
        handle: a function that notes one event and gives the calls to make then, as pairs of a function and its argument. They
            are made before the next event is noted, so that callbacks see the state that goes with their event.

    ``_turn`` is held by the thread that takes events, ``_owner`` names it; nothing else is locked, and no lock is taken inside.
    """

    def __init__(self, context, take, handle):
        # type: (Any, Callable[[], Any], Callable[[Any], Iterable[Tuple[Callable[[Any], Any], Any]]]) -> None
        self._context = context
        self._take = take
        self._handle = handle
        self._turn = allocate_lock()
        self._owner = None  # type: Any
        self._loop = None  # type: Any
        self._changed = False
        self._news = object()  # another one each time that somebody's condition may have changed
        self._events = collections.deque()  # type: Deque[Any]
        self._calls = collections.deque()  # type: Deque[Tuple[Callable[[Any], Any], Any]]
        self._sleeping = []  # type: List[int]  # threads in `wait`

    def post(self, event):
        # type: (Any) -> None
        """Have ``event`` handled by whoever has the turn."""
        self.post_all([event])

    def post_all(self, events):
        # type: (List[Any]) -> None
        """The same for several, all or none of them wherever Ctrl-C strikes."""
        self._events.extend(events)
        if self._owner != get_ident():
            self._remind()

    def _remind(self):
        # type: () -> None
        """Have the context's descriptor readable, and those who wait look, because of what waits here."""
        if not self._context.pending:
            self._context.post(_nothing)

    def changed(self):
        # type: () -> None
        """Called while events are taken: somebody's condition may hold now."""
        self._changed = True

    def wake(self):
        # type: () -> None
        """Let every other waiting thread look at its condition again; from any thread."""
        self._news = object()  # first: who is not yet asleep sees this
        self._rouse()

    def _rouse(self):
        # type: () -> None
        """Let the other threads look whether they are to go on."""
        me = get_ident()
        if any(thread != me for thread in list(self._sleeping)):
            self._context.wake()

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
            Closed: the context is closed.
        """
        deadline = None if timeout is None else monotonic() + timeout
        if self._has_part():
            self._step()
        if condition():
            return
        if timeout == 0:
            raise WouldBlock("not done yet")
        me = get_ident()
        self._sleeping.append(me)
        try:
            while True:
                news = self._news
                if condition():
                    return
                remaining = None if deadline is None else deadline - monotonic()
                if remaining is not None and remaining <= 0:
                    raise Timeout("not done within %s s%s" % (timeout, ELSEWHERE if self._loop not in (None, me) else ""))
                self._sleep(news, remaining, condition)
                if self._has_part():
                    self._step()
        finally:
            self._sleeping.remove(me)

    def _sleep(self, news, timeout, condition):
        # type: (Any, Optional[float], Callable[[], Any]) -> None
        """Until there are other news than those, or events to take."""
        try:
            self._context.wait(timeout, until=lambda: self._news is not news or self._has_part())
        except Closed:
            if not condition():
                raise

    def _has_part(self):
        # type: () -> bool
        """Whether there are events, and taking them is this thread's part."""
        if not (self._context.pending or self._events or self._calls):
            return False
        me = get_ident()
        return self._owner == me or (self._owner is None and self._loop in (None, me))

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
                self._work(shield)
            finally:
                if self._events or self._calls:
                    self._remind()
                if not nested:
                    self._owner = None
                    self._turn.release()
                if self._changed:
                    self._changed = False
                    self.wake()
                else:
                    self._rouse()  # what came meanwhile may be theirs now
        finally:
            shield.off()

    def _work(self, shield):
        # type: (Shield) -> None
        """One turn: run what waits here, then take more, as long as there is time."""
        end, looked = monotonic() + TURN, False
        while True:
            if self._calls:
                self._changed = True
                self._deliver(shield)
            elif self._events:
                self._changed = True
                self._calls.extend(self._handle(self._events.popleft()))
                continue  # the time is that of the calls, and of taking more
            elif not looked or (self._context.pending and monotonic() < end):
                looked = True
                self._take()
                continue  # some of it belongs to this turn, however late we are: who does not wait gets what has come
            else:
                return
            if monotonic() >= end:
                return

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


def _nothing():
    # type: () -> None
    """A call that is there for being there."""
