"""The lock of a context, and Ctrl-C put off while the main thread holds it.

Python runs signal handlers in the main thread between any two bytecodes. A KeyboardInterrupt that struck after a
socket took bytes and before that was noted would send them twice and ruin the link. So while the main thread is in
such a section (some microseconds) SIGINT's handler is one that only takes note, and the real one runs at its end.
Where SIGINT has no Python handler there is nothing to put off, and the handlers of other signals are left alone: one
that raises from within such a section is the one way to break a link from outside.
"""
from __future__ import absolute_import, division, print_function

import os

from .._compat import TELLS_OF_FORKS, allocate_lock, get_ident, main_thread_ident, signal_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List

_SIGINT = signal_module.SIGINT
_getsignal, _signal = signal_module.getsignal, signal_module.signal
_noted = []  # type: List[Any]  # what came while it was put off: (signum, frame)


def _take_note(signum, frame):
    # type: (int, Any) -> None
    _noted.append((signum, frame))


class Guard(object):
    """Use it with ``with``; not reentrant."""

    def __init__(self, on_fork=None):
        # type: (Any) -> None
        """
        Args:
            on_fork: called in a forked child before it enters, on Pythons that do not tell of forks themselves.
        """
        self._handler = None  # type: Any  # what the holder has to restore
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
        handler = None  # type: Any
        if get_ident() == self._main:
            handler = _getsignal(_SIGINT)
            if callable(handler) and handler is not _take_note:
                try:
                    _signal(_SIGINT, _take_note)
                except ValueError:  # the main thread of a subinterpreter, or of a child forked by another thread
                    handler = None
            else:
                handler = None
        self._acquire()
        self._handler = handler

    def __exit__(self, kind, error, trace):
        # type: (Any, Any, Any) -> None
        handler = self._handler
        self._release()
        if handler is not None:
            _restore(handler)


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
