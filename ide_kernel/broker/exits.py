"""How a process ended, in the words that frontends get."""
from __future__ import absolute_import, division, print_function

import os
import signal

from ..vocabulary import extended

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

_SIGNALS = dict((int(getattr(signal, name)), name) for name in sorted(dir(signal), reverse=True)
                if name.startswith("SIG") and not name.startswith("SIG_") and name not in ("SIGCLD", "SIGPOLL", "SIGIOT"))

#: What it usually means.
_WORDS = {
    "SIGSEGV": u"segmentation fault: C code used memory that is not there",
    "SIGBUS": u"bus error: C code used memory that is not there any more, such as a file that became shorter",
    "SIGABRT": u"aborted: C code found itself in a state that must not be, and gave up",
    "SIGFPE": u"arithmetic error in C code, such as an integer divided by zero",
    "SIGILL": u"illegal instruction: C code built for another processor, or gone astray",
    "SIGTRAP": u"a breakpoint without a debugger",
    "SIGPIPE": u"broken pipe: it wrote to somebody who was gone",
    "SIGXCPU": u"out of processor time: its limit was reached",
    "SIGXFSZ": u"a file grew beyond its limit",
    "SIGSYS": u"forbidden system call: a sandbox does not allow it",
    "SIGINT": u"interrupted, and the program did not handle it",
    "SIGTERM": u"told to end, by a person, a program or the system that goes down",
    "SIGHUP": u"its terminal or session went away",
    "SIGALRM": u"an alarm went off that the program did not handle",
    "SIGKILL": u"killed from outside: by a person, a program, or a system that is short of memory",
}
#: The signals whose traceback ``faulthandler`` writes.
_FATAL = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGILL")


def signal_name(number):
    # type: (int) -> Any
    """The name of a signal, such as ``"SIGSEGV"``."""
    name = _SIGNALS.get(number)
    if name is None:
        first = int(getattr(signal, "SIGRTMIN", 0))
        name = "SIGRTMIN+%d" % (number - first) if 0 < first < number else "signal %d" % number
    return u"" + name


def exit_of(wait_status, out_of_memory=None, memory=None, crash=u"", tail=b""):
    # type: (int, Any, Optional[int], Any, bytes) -> Dict[Any, Any]
    """How a process ended, from what ``waitpid`` said.

    Args:
        wait_status: that.
        out_of_memory: where the system counted a process that it killed for want of memory, in words; None for nowhere.
        memory: bytes that it used when that was looked at last.
        crash: what it wrote of a fatal error.
        tail: the last of its output.

    Returns:
        dict: ``code`` (int or None), ``signal`` (int or None), ``name`` of the signal or None; as ``reason`` what
        there is to say beyond them; ``traceback`` of a crash and ``output``, the last lines of it.
    """
    if not os.WIFSIGNALED(wait_status):
        return exit_record(os.WEXITSTATUS(wait_status), None, None, u"", u"", tail)
    number = os.WTERMSIG(wait_status)
    name = signal_name(number)
    reason = _WORDS.get(name, u"")
    if name == "SIGKILL" and out_of_memory is not None:
        reason = u"out of memory: the system killed it (%s counts one more such kill%s)" % (
            out_of_memory, u"; it used %d MiB shortly before" % (memory >> 20) if memory else u"")
    return exit_record(None, number, name, reason, crash if name in _FATAL else u"", tail)


def as_asked(exit, sent):
    # type: (Dict[Any, Any], Any) -> Dict[Any, Any]
    """The same exit; where one of the signals ended it that we have sent ourselves, nobody else is to blame."""
    return extended(exit, {u"reason": u"as asked"}) if exit[u"name"] in sent else exit


def exit_record(code, number, name, reason, crash=u"", tail=b""):
    # type: (Optional[int], Optional[int], Optional[Any], Any, Any, bytes) -> Dict[Any, Any]
    """An exit as frontends get it."""
    return {u"code": code, u"signal": number, u"name": name, u"reason": reason, u"traceback": crash,
            u"output": u"\n".join(tail.decode("utf-8", "replace").splitlines()[-LINES:])}


#: Lines of output that belong to a cause of death: a traceback that was printed, mostly.
LINES = 20
