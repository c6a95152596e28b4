"""When Ctrl-C may raise: only while user code runs.

Three modes, and what a SIGINT does in each:

========  ==========================================================================================
held      our bookkeeping: SIGINT is noted; no other handler of the user runs (blocked, where the system can)
idle      waiting for work: SIGINT is dropped, other handlers of the user run
user      the user's own handler runs, ``signal.default_int_handler`` unless they set another
========  ==========================================================================================

An interrupt that comes after an execution was announced and before its code runs is not lost: it strikes when the code begins.

Blocking alone does not keep SIGINT away: another thread of the user's receives it in our place, and Python still calls the
handler in the main thread. So a handler of ours, which raises nothing, stands in for the user's whenever their code does not run.
Which of them is in place is asked of Python and not noted in a flag, which an interrupt could part from the truth.
"""
from __future__ import absolute_import, division, print_function

import os
import sys

try:
    import _signal as signal  # type: ignore[import-not-found]
except ImportError:
    import signal  # type: ignore[no-redef]  # 2.7 and PyPy: built in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_mask = getattr(signal, "pthread_sigmask", None)
#: What stays deliverable although we are busy: the system's word for a fault in the running code.
_FAULTS = ("SIGKILL", "SIGSTOP", "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT", "SIGTRAP", "SIGSYS")
#: All other signals. glibc keeps the numbers between the ordinary and the real-time ones for itself.
_ALL = frozenset(range(1, min(32, signal.NSIG))).union(
    range(signal.SIGRTMIN, signal.SIGRTMAX + 1) if hasattr(signal, "SIGRTMIN") else ()
).difference(getattr(signal, name, 0) for name in _FAULTS)


class Interrupts(object):
    """Switches between the modes; used by the main thread only, and starts in ``user``."""

    def __init__(self):
        # type: () -> None
        self._late = None  # type: Any  # what a handler of another signal raised while we entered ``held``
        self._ours = self._note  # one object, to be known again
        self._users = None  # type: Any  # the user's handler, while ours is in its place
        self._users_mask = None  # type: Any  # ... and mask, from the moment when we are about to change it
        self._seen = False  # an interrupt came while ours was

    def hold(self):
        # type: () -> None
        """Enter ``held``, from any mode. Interrupts are dropped, other exceptions of handlers come up in ``idle``.

        One that strikes before the first line in here raises in the caller, who has to call again.
        """
        while True:
            try:
                handler = signal.getsignal(signal.SIGINT)
                if handler is not self._ours and handler is not None:  # None: not set by Python, so nothing that raises here
                    self._users = handler
                    signal.signal(signal.SIGINT, self._ours)
                if _mask is not None:
                    if self._users_mask is None:
                        self._users_mask = _mask(signal.SIG_BLOCK, ())
                    _mask(signal.SIG_BLOCK, _ALL)  # handlers that are due run in here, and may raise
                return
            except KeyboardInterrupt:
                continue
            except BaseException:
                self._late = sys.exc_info()

    def survive(self):
        # type: () -> None
        """Enter ``held`` because of an exception, which is being handled: it fares like those that strike in ``hold``."""
        self.hold()
        error = sys.exc_info()
        if not isinstance(error[1], KeyboardInterrupt):
            self._late = error

    def announce(self):
        # type: () -> None
        """While held, before an execution is announced: from here on an interrupt belongs to it."""
        self._seen = False

    def user(self):
        # type: () -> None
        """Enter ``user``. Signals that waited strike in here.

        Raises:
            KeyboardInterrupt: and whatever else the user's handlers raise.
        """
        self._give_back()
        if self._seen:
            self._seen = False
            os.kill(os.getpid(), signal.SIGINT)

    def idle(self):
        # type: () -> None
        """Enter ``idle`` from ``held``.

        Raises:
            BaseException: what the user's handlers of other signals raise, in here and from here on.
        """
        self._unblock()
        late, self._late = self._late, None
        if late is not None:
            raise late[1]

    def release(self):
        # type: () -> None
        """At the end of the process: back to what the user set, for what the interpreter still runs."""
        self._give_back()

    def _give_back(self):
        # type: () -> None
        if signal.getsignal(signal.SIGINT) is self._ours:
            signal.signal(signal.SIGINT, self._users)
        self._unblock()

    def _unblock(self):
        # type: () -> None
        if _mask is not None:
            _mask(signal.SIG_SETMASK, self._users_mask)
            self._users_mask = None  # not reached when a handler raises: then no user code runs that could set another mask

    def _note(self, number, frame):
        # type: (int, Any) -> None
        self._seen = True


def block_all():
    # type: () -> None
    """In a thread of ours: leave all signals to the main thread, whose waits they have to end."""
    if _mask is not None:
        _mask(signal.SIG_BLOCK, _ALL)
