"""The result of something that is still under way."""
from __future__ import absolute_import, division, print_function

import sys

from ._compat import monotonic, reraise
from .errors import Error, LocalProtocolError, too_late
from .transport.guard import Guard, reentered
from .transport.waiting import deadline_after, own_waiter, remaining, waits, waits_already

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional


class Cancelled(Error):
    """The future was cancelled before it had a result."""


def attempt(callback, *arguments):
    # type: (Callable[..., Any], *Any) -> None
    """Call a callback on behalf of somebody who has nothing to do with what it raises: that goes to ``sys.excepthook``."""
    try:
        callback(*arguments)
    except Exception:
        sys.excepthook(*sys.exc_info())


class _Alone(object):
    """Waiting without a context: for futures that a program makes itself."""

    def __init__(self):
        # type: () -> None
        self.guard = Guard()

    def notify(self, waiters):
        # type: (List[Any]) -> None
        """Let threads go on."""
        for waiter in waiters:
            waiter.set()
        del waiters[:]

    @waits
    def wait(self, ready, waiters, deadline):
        # type: (Callable[[], Any], List[Any], Optional[float]) -> Any
        """As Loop.wait."""
        me = own_waiter()
        nested = me.busy and waits_already()
        try:
            while True:
                with self.guard:
                    result = ready()
                    if result or (deadline is not None and monotonic() >= deadline):
                        return result
                    if nested:
                        raise reentered()
                    if me not in waiters:
                        waiters.append(me)
                me.busy = True
                me.wait(remaining(deadline))
        finally:
            me.busy = nested


class Future(object):
    """A result to come. ``request`` returns one; a handler may make one, return it, and set its result later.

    It has the methods of ``concurrent.futures.Future`` that its users call, with the errors of this package; but ``wait()``
    and ``as_completed()`` of that module do not take it. :meth:`running` is true until it is done, and :meth:`cancel` works
    until then: a handler that has begun goes on, and nobody gets its answer. Callbacks run in ``process_events()`` of the
    context, or in a thread that waits in :meth:`result`; those of a future made by a program itself, in the thread that
    sets it.
    """

    # What most never change is set here, as one is made for each request.
    _done = False
    _cancelled = False
    _value = None  # type: Any
    _encoded = None  # type: Any  # what arrived; it is decoded once, in a thread of the user's
    _error = None  # type: Optional[BaseException]

    def __init__(self, context=None):
        # type: (Any) -> None
        self._context = context
        self._loop = context.loop if context is not None else _Alone()
        self._waiters = []  # type: List[Any]
        self._callbacks = []  # type: List[Callable[[Future], None]]

    def __repr__(self):
        # type: () -> str
        state = "cancelled" if self._cancelled else "pending" if not self._done else "done"
        return "<Future %s>" % state

    def done(self):
        # type: () -> bool
        """Whether there is a result or an error, or it was cancelled."""
        return self._done

    def cancelled(self):
        # type: () -> bool
        """Whether it was cancelled."""
        return self._cancelled

    def running(self):
        # type: () -> bool
        """Whether it may still get a result."""
        return not self._done

    def result(self, timeout=None):
        # type: (Optional[float]) -> Any
        """Wait for the result.

        Args:
            timeout: seconds; None waits for ever, 0 not at all.

        Raises:
            Timeout, for 0 WouldBlock: it has none yet.
            Cancelled: it was cancelled.
            Exception: what went wrong: RemoteError, PeerLost, NoReplier, Closed, ...
        """
        error = self.exception(timeout)
        if error is not None:
            reraise(error)
        return self._value

    def exception(self, timeout=None):
        # type: (Optional[float]) -> Optional[BaseException]
        """Wait until it is done; returns what went wrong, or None.

        Raises:
            Timeout, for 0 WouldBlock: it is not done yet.
            Cancelled: it was cancelled.
        """
        if not self._done:
            if not self._loop.wait(self.done, self._waiters, deadline_after(timeout)):
                raise too_late(timeout, "There is no result after %s s; it may still come." % timeout)
        if self._callbacks:
            self._run_callbacks()
        if self._cancelled:
            raise Cancelled("The request was cancelled.")
        data = self._encoded
        if data is not None:
            try:
                self._value = self._decode(data)
            except Error as error:
                self._error = error
            self._encoded = None  # two threads may both have decoded it: to the same value
        return self._error

    def _decode(self, data):
        # type: (Any) -> Any
        """The value of what :meth:`settle` got."""
        return data

    def _give_up(self):
        # type: () -> None
        """It is being cancelled; under the guard."""

    def cancel(self):
        # type: () -> bool
        """Give up: nobody waits any more, and a replier that has not begun will not. False if it is done already."""
        with self._loop.guard:
            if self._done:
                return self._cancelled
            self._cancelled = True
            self._give_up()
            self._settle()
        self._after()
        return True

    def add_done_callback(self, callback):
        # type: (Callable[[Future], None]) -> None
        """Have ``callback(future)`` called when it is done; here and now if it is.

        What it raises goes to ``sys.excepthook``, and nobody else is concerned.
        """
        with self._loop.guard:
            if not self._done:
                self._callbacks.append(callback)
                return
        attempt(callback, self)

    def set_result(self, value):
        # type: (Any) -> None
        """For whoever made this future.

        Raises:
            LocalProtocolError: it has one already.
        """
        self._set(value, None)

    def set_exception(self, error):
        # type: (BaseException) -> None
        """For whoever made this future.

        Raises:
            LocalProtocolError: it has a result already.
        """
        self._set(None, error)

    def _set(self, value, error):
        # type: (Any, Optional[BaseException]) -> None
        with self._loop.guard:
            if self._done:
                if self._cancelled:
                    return
                raise LocalProtocolError("The future is done already.")
            self._value, self._error = value, error
            self._settle()
        self._after()

    def settle(self, error, encoded=None):
        # type: (Optional[BaseException], Any) -> None
        """It is done, with an error or with what ``encoded`` will be decoded to; under the context's guard."""
        if not self._done:
            self._error, self._encoded = error, encoded
            self._settle()
            if self._callbacks:
                self._context.dispatcher.post(self._run_callbacks)

    def forget(self, reason):
        # type: (Exception) -> None
        """We are a forked child: nothing will come, and who waits is the parent's."""
        del self._waiters[:], self._callbacks[:]
        self.settle(reason)

    def _settle(self):
        # type: () -> None
        self._done = True
        self._loop.notify(self._waiters)

    def _after(self):
        # type: () -> None
        if self._context is None:
            self._run_callbacks()
        elif self._callbacks:
            self._context.dispatcher.post_unguarded(self._run_callbacks)

    def _run_callbacks(self):
        # type: () -> None
        while self._callbacks:
            try:
                callback = self._callbacks.pop(0)
            except IndexError:  # another thread took it
                break
            attempt(callback, self)
