"""The lock of a context: it knows who is in it, and Ctrl-C is put off while the main thread holds it.

Python runs signal handlers in the main thread between any two bytecodes. A KeyboardInterrupt that struck after a
socket took bytes and before that was noted would send them twice and ruin the link. So while the main thread is in
such a section (some microseconds) SIGINT's handler is one that only takes note, and the real one runs at its end.
Where SIGINT has no Python handler there is nothing to put off, and the handlers of other signals are left alone: one
that raises from within such a section is the one way to break a link from outside.

What Python calls between any two bytecodes (handlers of other signals, and in every thread ``__del__`` and the callbacks
of weak references) may call a context in turn, while the thread that it interrupted is in a guard. It cannot wait for
that thread, which is its own, so there what may be done later (to close, to wake, to post) is done when the guard is left,
and everything else is an error. That goes for any two guards: no thread ever holds two.
"""
from __future__ import absolute_import, division, print_function

import os
from collections import deque

from .._compat import TELLS_OF_FORKS, allocate_lock, get_ident, main_thread_ident, signal_module
from ..errors import LocalProtocolError
from .waiting import waits_already

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Deque, Dict, List, Set

_SIGINT = signal_module.SIGINT
_getsignal, _signal = signal_module.getsignal, signal_module.signal
_noted = []  # type: List[Any]  # what came while it was put off: (signum, frame)

# What is done with these is one step each for the interpreter.
_inside = set()  # type: Set[int]  # the threads that are in a guard or wait for one
_add, _discard = _inside.add, _inside.discard  # called several times for each message, as all that a guard does
_deferred = {}  # type: Dict[int, Deque[Callable[[], None]]]  # what each of them is to do when it has left it


def _forget_threads():
    # type: () -> None
    """We are a forked child: the others are not here any more, and their numbers may be given anew."""
    _inside.clear()
    _deferred.clear()


if TELLS_OF_FORKS:
    os.register_at_fork(after_in_child=_forget_threads)


def interrupted():
    # type: () -> bool
    """Whether the calling thread is in a guard or in a wait: then what runs now has interrupted it there."""
    return get_ident() in _inside or waits_already()


def reentered():
    # type: () -> LocalProtocolError
    """What a call raises that would have to wait for its own thread."""
    return LocalProtocolError(
        "This thread is in a call of a context already. A signal handler, __del__, the callback of a weak reference, or a "
        "function that is called with a context locked, can close(), wake() and post() there, and nothing else for sure.")


def _take_note(signum, frame):
    # type: (int, Any) -> None
    _noted.append((signum, frame))


class Guard(object):
    """Use it with ``with``; whoever is in one already gets LocalProtocolError."""

    def __init__(self, on_fork=None):
        # type: (Any) -> None
        """
        Args:
            on_fork: called in a forked child before it enters, on Pythons that do not tell of forks themselves.
        """
        self._holder = 0           # the thread that is in it
        self._handler = None  # type: Any  # what that has to restore
        self._on_fork = on_fork if not TELLS_OF_FORKS else None
        self._pid = os.getpid()
        self._new_lock()

    def _new_lock(self):
        # type: () -> None
        lock = allocate_lock()
        self._main = main_thread_ident()
        self._acquire = lock.acquire  # both are called several times for each message
        self._release = lock.release

    def renew(self):
        # type: () -> None
        """We are a forked child: whoever held this is not here any more, and neither is who would restore SIGINT."""
        self._pid = os.getpid()
        self._new_lock()
        _forget_threads()
        if self._handler is not None and _getsignal(_SIGINT) is _take_note and get_ident() == self._main:
            _signal(_SIGINT, self._handler)

    def look(self):
        # type: () -> None
        """See whether we are a forked child by now."""
        if self._on_fork is not None and self._pid != os.getpid():
            self._pid = os.getpid()
            self._on_fork()

    def __enter__(self):
        # type: () -> None
        if self._on_fork is not None:
            self.look()
        me = get_ident()
        if me in _inside:
            raise reentered()
        handler = None  # type: Any
        if me == self._main:
            handler = _getsignal(_SIGINT)
            if callable(handler) and handler is not _take_note:
                try:
                    _signal(_SIGINT, _take_note)
                except ValueError:  # the main thread of a subinterpreter, or of a child forked by another thread
                    handler = None
            else:
                handler = None
        try:
            _add(me)  # first: what interrupts us right after we got the lock has to know
            self._acquire()
        except BaseException:  # raised by the handler of another signal
            _discard(me)
            _catch_up(me)
            if handler is not None:
                _restore(handler)
            raise
        self._holder = me
        self._handler = handler

    def __exit__(self, kind, error, trace):
        # type: (Any, Any, Any) -> None
        me, handler = self._holder, self._handler
        self._release()
        _discard(me)
        if _deferred:
            _catch_up(me)
        if handler is not None:
            _restore(handler)

    def do(self, function):
        # type: (Callable[[], None]) -> None
        """Call ``function`` under the guard: now, or, if this thread is in one already, as soon as it has left that."""
        me = get_ident()
        if me in _inside:
            _deferred.setdefault(me, deque()).append(lambda: self.do(function))
        else:
            with self:
                function()


def _catch_up(me):
    # type: (int) -> None
    """The thread is in no guard any more: it does what was put off."""
    for function in _deferred.pop(me, ()):
        function()


class Shield(object):
    """Puts Ctrl-C off in the main thread, for the few microseconds in which a program's own state must not be torn.

    In other threads it does nothing: Python never raises KeyboardInterrupt there.
    """

    def __init__(self):
        # type: () -> None
        self._handler = None  # type: Any

    def on(self):
        # type: () -> None
        """From here on Ctrl-C is only noted."""
        if self._handler is None:
            handler = _getsignal(_SIGINT)
            if callable(handler) and handler is not _take_note:
                try:
                    self._handler = handler  # first: Ctrl-C between the two lines is raised, and changes nothing
                    _signal(_SIGINT, _take_note)
                except ValueError:  # not the main thread
                    self._handler = None

    def off(self):
        # type: () -> None
        """Back to the handler that was there; it is called now if Ctrl-C came."""
        handler, self._handler = self._handler, None
        if handler is not None:
            _restore(handler)


def _restore(handler):
    # type: (Any) -> None
    _signal(_SIGINT, handler)
    if _noted:
        arguments = _noted[-1]
        del _noted[:]
        handler(*arguments)
