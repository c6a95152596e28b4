"""What macOS says of a process, through ``libproc``. Never run there: written after the system's headers, tested on a stand-in.

Processor time is that which a thread ran; unlike Linux, macOS does not say how long it waited for a processor, so on a busy
machine C code that computes may look as if it waited. Who traces a process, and what was killed for want of memory, it does
not say either.
"""
from __future__ import absolute_import, division, print_function

import ctypes
import struct

from .system import Facts, System

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional, Tuple

LIBRARY = "/usr/lib/libproc.dylib"

# <sys/proc_info.h>: kinds of information, and the layouts of their structures.
_BSD_INFO, _TASK_INFO, _THREAD_INFO, _THREADS = 3, 4, 15, 28
BSD_INFO = struct.Struct("=12I16s32s5Ii2Q")   # flags, status, ...
TASK_INFO = struct.Struct("=6Q12i")           # virtual size, resident size, ...
THREAD_INFO = struct.Struct("=2Q8i64s")       # user and system time in nanoseconds, usage, policy, run state, ...
_TRACED = 2                                   # among the flags
_STOPPED = 4                                  # <sys/proc.h>, SSTOP
_STATES = {1: u"I", 2: u"R", 3: u"S", _STOPPED: u"T", 5: u"Z"}
_THREAD_STATES = {1: u"R", 2: u"T", 3: u"S", 4: u"D", 5: u"T"}  # <mach/thread_info.h>
#: More than any kernel has; what does not fit is left out.
_MANY = 4096


class Darwin(System):
    """Asks libproc.

    Args:
        library: in its place, for tests.

    Raises:
        OSError: there is no such library.
    """

    def __init__(self, library=None):
        # type: (Any) -> None
        self._library = library if library is not None else ctypes.CDLL(LIBRARY)

    def look(self, pid, thread=None):
        # type: (int, Optional[int]) -> Optional[Facts]
        info = self._read(pid, _BSD_INFO, BSD_INFO)
        if info is None:
            return None
        state = _STATES.get(info[1])
        if state == u"T" and info[0] & _TRACED:
            state = u"t"
        times, states = self._threads(pid)
        return Facts(state, times or None, states)

    def memory(self, pid):
        # type: (int) -> Optional[int]
        info = self._read(pid, _TASK_INFO, TASK_INFO)
        return None if info is None else info[1]

    def children(self, pid):
        # type: (int) -> Optional[int]
        found = (ctypes.c_int * _MANY)()
        count = self._library.proc_listchildpids(pid, found, ctypes.sizeof(found))
        return count if count >= 0 else None

    def _threads(self, pid):
        # type: (int) -> Tuple[Dict[int, float], Dict[int, Any]]
        """Seconds that each thread has run, and its state."""
        times, states = {}, {}
        ids = (ctypes.c_uint64 * _MANY)()
        size = self._library.proc_pidinfo(pid, _THREADS, ctypes.c_uint64(0), ids, ctypes.sizeof(ids))
        for thread in ids[:max(0, size) // ctypes.sizeof(ctypes.c_uint64)]:
            info = self._read(pid, _THREAD_INFO, THREAD_INFO, thread)
            if info is not None:  # else it ended meanwhile
                times[thread] = (info[0] + info[1]) / 1e9
                states[thread] = _THREAD_STATES.get(info[4])
        return times, states

    def _read(self, pid, kind, layout, argument=0):
        # type: (int, int, struct.Struct, int) -> Any
        data = ctypes.create_string_buffer(layout.size)
        size = self._library.proc_pidinfo(pid, kind, ctypes.c_uint64(argument), data, layout.size)
        return layout.unpack(data.raw) if size == layout.size else None
