"""When Ctrl-C may raise: only while user code runs.

Three modes, and what a SIGINT does in each:

========  ==========================================================================================
held      our bookkeeping: no Python-level signal handler runs at all (blocked, where the system can)
idle      waiting for work: SIGINT is dropped, other handlers of the user run
user      the user's own handler runs, ``signal.default_int_handler`` unless they set another
========  ==========================================================================================

An interrupt that comes after an execution was announced and before its code runs is not lost: it strikes when the code begins.
"""
from __future__ import absolute_import, division, print_function

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
        self._handler = signal.getsignal(signal.SIGINT)  # the user's, while ours is in its place
        self._users_mask = None  # type: Any
        self._seen = False  # an interrupt came while held
        self._is_ours = False

    def hold(self):
        # type: () -> None
        """Enter ``held``. Never raises: interrupts are dropped, other exceptions of handlers come up in ``idle``."""
        is_queried = False
        while True:
            try:
                if _mask is not None:
                    if not is_queried:
                        users_mask = _mask(signal.SIG_BLOCK, ())
                        is_queried = True
                    _mask(signal.SIG_BLOCK, _ALL)  # handlers that are due run in here, and may raise
                    self._users_mask = users_mask
                self._take_away()
                return
            except KeyboardInterrupt:
                continue
            except BaseException:
                self._late = sys.exc_info()

    def announce(self):
        # type: () -> None
        """While held, before an execution is announced: from here on an interrupt belongs to it."""
        self._seen = False
        if _mask is not None:
            self._give_back()

    def user(self):
        # type: () -> None
        """Enter ``user``. Signals that waited strike in here.

        Raises:
            KeyboardInterrupt: and whatever else the user's handlers raise.
        """
        if _mask is None:
            self._give_back()
            if self._seen:
                self._seen = False
                raise KeyboardInterrupt
        else:
            _mask(signal.SIG_SETMASK, self._users_mask)

    def idle(self):
        # type: () -> None
        """Enter ``idle`` from ``held``.

        Raises:
            BaseException: what the user's handlers of other signals raise, in here and from here on.
        """
        if _mask is not None:
            _mask(signal.SIG_SETMASK, self._users_mask)
        late, self._late = self._late, None
        if late is not None:
            raise late[1]

    def release(self):
        # type: () -> None
        """At the end of the process: back to what the user set, for what the interpreter still runs."""
        self.announce()
        if _mask is not None:
            _mask(signal.SIG_SETMASK, self._users_mask)

    def _take_away(self):
        # type: () -> None
        handler = signal.getsignal(signal.SIGINT)
        if not self._is_ours and handler is not None:  # None: not set by Python, so nothing that raises here
            self._handler = handler
            self._is_ours = True
            signal.signal(signal.SIGINT, self._drop)

    def _give_back(self):
        # type: () -> None
        if self._is_ours:
            signal.signal(signal.SIGINT, self._handler)
            self._is_ours = False

    def _drop(self, number, frame):
        # type: (int, Any) -> None
        self._seen = True


def block_all():
    # type: () -> None
    """In a thread of ours: leave all signals to the main thread, whose waits they have to end."""
    if _mask is not None:
        _mask(signal.SIG_BLOCK, _ALL)
