"""How a process ended, in the words that frontends get."""
from __future__ import absolute_import, division, print_function

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

_SIGNALS = dict((int(getattr(signal, name)), name) for name in sorted(dir(signal), reverse=True)
                if name.startswith("SIG") and not name.startswith("SIG_") and name not in ("SIGCLD", "SIGPOLL", "SIGIOT"))

_WORDS = {
    "SIGSEGV": u"segmentation fault", "SIGABRT": u"aborted", "SIGFPE": u"arithmetic error",
    "SIGILL": u"illegal instruction", "SIGBUS": u"bus error", "SIGPIPE": u"broken pipe",
    "SIGXCPU": u"out of processor time", "SIGSYS": u"forbidden system call",
}


def signal_name(number):
    # type: (int) -> Any
    """The name of a signal, such as ``"SIGSEGV"``."""
    name = _SIGNALS.get(number)
    if name is None:
        first = int(getattr(signal, "SIGRTMIN", 0))
        name = "SIGRTMIN+%d" % (number - first) if 0 < first < number else "signal %d" % number
    return u"" + name


def exit_of(wait_status):
    # type: (int) -> Dict[Any, Any]
    """How a process ended, from what ``waitpid`` said.

    Returns:
        dict: ``code`` (int or None), ``signal`` (int or None), ``name`` of the signal or None, and as ``reason`` what
        there is to say beyond them.
    """
    if os.WIFSIGNALED(wait_status):
        number = os.WTERMSIG(wait_status)
        name = signal_name(number)
        return exit_record(None, number, name, _WORDS.get(name, u""))
    return exit_record(os.WEXITSTATUS(wait_status), None, None, u"")


def exit_record(code, number, name, reason):
    # type: (Optional[int], Optional[int], Optional[Any], Any) -> Dict[Any, Any]
    """An exit as frontends get it."""
    return {u"code": code, u"signal": number, u"name": name, u"reason": reason}
