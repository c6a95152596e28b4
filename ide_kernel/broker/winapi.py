"""What Windows says of a process, through ``kernel32``. Never run there: written after the documentation, tested on a stand-in.

The broker needs POSIX so far; this is for the day when it does not. Processor time is that which a thread ran. Whether another
process is suspended or traced Windows does not say in any documented way, and nothing is killed for want of memory there.
"""
from __future__ import absolute_import, division, print_function

import ctypes

from .system import Facts, System

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, Optional

_QUERY_PROCESS, _QUERY_THREAD = 0x1000, 0x0800  # PROCESS_, THREAD_QUERY_LIMITED_INFORMATION
_STILL_ACTIVE = 259
_PROCESSES, _THREADS = 0x2, 0x4                 # TH32CS_SNAPPROCESS, TH32CS_SNAPTHREAD
_NO_HANDLE = ctypes.c_void_p(-1).value
_TICK = 1e-7                                    # seconds; FILETIME counts in them

_long = ctypes.c_uint32                         # DWORD; ctypes.wintypes cannot be imported everywhere


class ThreadEntry(ctypes.Structure):
    """THREADENTRY32."""

    _fields_ = [("size", _long), ("usage", _long), ("thread", _long), ("owner", _long), ("base", ctypes.c_int32),
                ("delta", ctypes.c_int32), ("flags", _long)]


class ProcessEntry(ctypes.Structure):
    """PROCESSENTRY32W."""

    _fields_ = [("size", _long), ("usage", _long), ("pid", _long), ("heap", ctypes.c_size_t), ("module", _long),
                ("threads", _long), ("parent", _long), ("base", ctypes.c_int32), ("flags", _long),
                ("name", ctypes.c_uint16 * 260)]


class MemoryCounters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS."""

    _fields_ = [("size", _long), ("faults", _long)] + [(name, ctypes.c_size_t) for name in (
        "peak_working_set", "working_set", "peak_paged", "paged", "peak_nonpaged", "nonpaged", "pagefile", "peak_pagefile")]


class Windows(System):
    """Asks kernel32.

    Args:
        library: in its place, for tests.

    Raises:
        AttributeError: this is not Windows.
    """

    def __init__(self, library=None):
        # type: (Any) -> None
        self._library = library if library is not None else ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]
        for name in ("OpenProcess", "OpenThread", "CreateToolhelp32Snapshot"):
            getattr(self._library, name).restype = ctypes.c_void_p  # a handle is as wide as a pointer

    def look(self, pid, thread=None):
        # type: (int, Optional[int]) -> Optional[Facts]
        process = self._library.OpenProcess(_QUERY_PROCESS, False, pid)
        if not process:
            return None
        try:
            code = _long()
            if not self._library.GetExitCodeProcess(ctypes.c_void_p(process), ctypes.byref(code)) or code.value != _STILL_ACTIVE:
                return None
        finally:
            self._library.CloseHandle(ctypes.c_void_p(process))
        times = {}  # type: Dict[int, float]
        for entry in self._entries(_THREADS, u"Thread32First", u"Thread32Next", ThreadEntry()):
            seconds = self._time(entry.thread) if entry.owner == pid else None
            if seconds is not None:
                times[entry.thread] = seconds
        return Facts(None, times or None)

    def memory(self, pid):
        # type: (int) -> Optional[int]
        process = self._library.OpenProcess(_QUERY_PROCESS, False, pid)
        if not process:
            return None
        try:
            counters = MemoryCounters(ctypes.sizeof(MemoryCounters))
            found = self._library.K32GetProcessMemoryInfo(ctypes.c_void_p(process), ctypes.byref(counters), counters.size)
            return counters.working_set if found else None
        finally:
            self._library.CloseHandle(ctypes.c_void_p(process))

    def children(self, pid):
        # type: (int) -> Optional[int]
        entries = self._entries(_PROCESSES, u"Process32FirstW", u"Process32NextW", ProcessEntry())
        return sum(entry.parent == pid for entry in entries)

    def _entries(self, kind, first, following, entry):
        # type: (int, Any, Any, Any) -> Iterator[Any]
        """All of a snapshot of the machine; each time the same object, filled anew."""
        snapshot = self._library.CreateToolhelp32Snapshot(kind, 0)
        if snapshot == _NO_HANDLE:
            return
        try:
            entry.size = ctypes.sizeof(entry)
            more = getattr(self._library, str(first))(ctypes.c_void_p(snapshot), ctypes.byref(entry))
            while more:
                yield entry
                more = getattr(self._library, str(following))(ctypes.c_void_p(snapshot), ctypes.byref(entry))
        finally:
            self._library.CloseHandle(ctypes.c_void_p(snapshot))

    def _time(self, thread):
        # type: (int) -> Optional[float]
        """Seconds that a thread has run; None when it ended meanwhile."""
        handle = self._library.OpenThread(_QUERY_THREAD, False, thread)
        if not handle:
            return None
        try:
            created, ended, system, user = [ctypes.c_uint64() for _ in range(4)]
            found = self._library.GetThreadTimes(ctypes.c_void_p(handle), *[ctypes.byref(each) for each in (
                created, ended, system, user)])
            return (system.value + user.value) * _TICK if found else None
        finally:
            self._library.CloseHandle(ctypes.c_void_p(handle))
