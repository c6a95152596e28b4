"""Lets the broker see where the threads are while C code holds the GIL, and what the last crash was.

``faulthandler`` can write all stacks from a signal handler, into a file that the broker reads. The handler must run while nobody
changes what it reads; the broker sends the signal only when C code provably holds the GIL. It is a real-time signal, sent to our
I/O thread alone, so no call of the user's is ever cut short by it. The user's own ``faulthandler.register`` is for other signals,
and their ``faulthandler.enable`` simply takes the place of ours.

Not in 2.7, which has no ``faulthandler``, and on PyPy only the crash.
"""
from __future__ import absolute_import, division, print_function

import os

from .._compat import ASKS_FOR_GIL, HAS_SAFE_DUMPS, get_ident, get_native_id
from .descriptors import move_high
from .interrupt import signal

try:
    import faulthandler
except ImportError:
    faulthandler = None  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

_mask = getattr(signal, "pthread_sigmask", None)
#: SIGRTMAX is taken (see forks.py), the first ones are what programs use.
_BELOW_LAST = 2


class Where(object):
    """Prepares dumps. Made in the main thread, before user code runs.

    Args:
        fd: the file for them, inherited from the broker; None for none.

    Attributes:
        signal (int | None): what makes this process dump its stacks; None when nothing does.
    """

    def __init__(self, fd):
        # type: (Optional[int]) -> None
        self.signal = None  # type: Optional[int]
        self._main = get_ident()
        if fd is None:
            return
        fd = move_high(fd)
        if faulthandler is None:
            return
        if not faulthandler.is_enabled():
            faulthandler.enable(fd)
        if HAS_SAFE_DUMPS and _mask is not None and hasattr(signal, "SIGRTMAX"):
            self.signal = signal.SIGRTMAX - _BELOW_LAST
            faulthandler.register(self.signal, fd)

    def enter_thread(self):
        # type: () -> Dict[str, Any]
        """In the I/O thread, each time when it starts: let the signal through, whatever the thread blocks that started it.

        Returns:
            what the broker has to know of our threads.
        """
        if self.signal is not None and _mask is not None:
            _mask(signal.SIG_UNBLOCK, (self.signal,))
        return {"kind": u"thread", "thread": _system_thread(), "ident": get_ident(), "main": self._main, "dump": self.signal,
                "asks": ASKS_FOR_GIL}


def _system_thread():
    # type: () -> Optional[int]
    """This thread's number as the system counts: in ``/proc``, or what Python tells since 3.8."""
    try:
        return int(os.readlink("/proc/thread-self").rpartition("/")[2])
    except (EnvironmentError, ValueError):
        return None if get_native_id is None else get_native_id()
