"""What the operating system says of a process: one interface, whatever the system. None means that it does not say.

`find` gives the best that there is: ``/proc`` (``procfs.py``), ``libproc`` (``darwin.py``), ``kernel32`` (``winapi.py``), or
a system that tells nothing. The diagnosis then does with less, and its words say so.
"""
from __future__ import absolute_import, division, print_function

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional


class Facts(object):
    """A look at a process at one moment.

    Attributes:
        state (text | None): its state as one letter, as ``ps`` shows it: R, S, D, T (stopped), t (traced), Z.
        threads (dict | None): thread id -> seconds of processor time that it used, or waited for in vain, so far.
        ran (dict | None): thread id -> the part of it that it used; where it is not told apart, the same.
        states (dict): thread id -> state, of some threads; the one that was asked for is among them.
        tracer (text | None): who traces it, as ``NAME, process PID``, while it is stopped for that one.
        frozen (bool | None): whether its cgroup is frozen.
    """

    def __init__(self, state=None, threads=None, states=None, tracer=None, frozen=None, ran=None):
        # type: (Any, Optional[Dict[int, float]], Optional[Dict[int, Any]], Any, Optional[bool], Any) -> None
        self.state = state
        self.threads = threads
        self.ran = threads if ran is None else ran
        self.states = states or {}
        self.tracer = tracer
        self.frozen = frozen

    @property
    def stopped(self):
        # type: () -> Any
        """Why the system does not let it run, in words; None when it does."""
        if self.frozen:
            return u"its control group is frozen"
        if self.state == u"t":
            return u"stopped by a debugger or tracer (%s)" % (self.tracer or u"unknown")
        if self.state == u"T":
            return u"stopped by a signal (SIGSTOP or SIGTSTP); SIGCONT lets it go on"
        return None


class System(object):
    """A system that tells nothing."""

    def look(self, pid, thread=None):
        # type: (int, Optional[int]) -> Optional[Facts]
        """How a process is now; None when there is no such process.

        Args:
            pid: of the process.
            thread: whose state is wanted, too.
        """
        return Facts()

    def memory(self, pid):
        # type: (int) -> Optional[int]
        """Bytes of main memory that it uses."""
        return None

    def children(self, pid):
        # type: (int) -> Optional[int]
        """How many children it has."""
        return None

    def out_of_memory_kills(self, pid):
        # type: (int) -> Dict[Any, int]
        """How many processes were killed for want of memory so far: place (in words) -> count. {} when nobody counts."""
        return {}


def find():
    # type: () -> System
    """The one for this machine."""
    try:
        if os.path.exists("/proc/self/stat"):
            from .procfs import Procfs
            return Procfs()
        if sys.platform == "darwin":
            from .darwin import Darwin
            return Darwin()
        if sys.platform == "win32":
            from .winapi import Windows
            return Windows()
    except (ImportError, AttributeError, EnvironmentError):  # a Python without ctypes, a system without the library
        pass
    return System()
