"""What other systems than Linux say of a process: stand-ins for their libraries, filled as their documents say."""
from __future__ import absolute_import, division, print_function

import ctypes
import sys

import pytest

from ide_kernel.broker import system
from ide_kernel.broker.darwin import BSD_INFO, TASK_INFO, THREAD_INFO, Darwin
from ide_kernel.broker.winapi import MemoryCounters, ProcessEntry, ThreadEntry, Windows


class Libproc(object):
    """One process, 7, of two threads and three children."""

    status, flags = 2, 0
    threads = {901: (2 * 10**9, 5 * 10**8, 1), 902: (0, 10**6, 3)}  # nanoseconds, run state

    def proc_pidinfo(self, pid, kind, argument, data, size):
        if pid != 7:
            return 0
        if kind == 28:
            for place, thread in enumerate(sorted(self.threads) + [903]):  # one that has ended when it is asked for
                data[place] = thread
            return 8 * (len(self.threads) + 1)
        if kind == 3:
            found = BSD_INFO.pack(*[self.flags, self.status] + [0] * 10 + [b"python", b"python"] + [0] * 8)
        elif kind == 4:
            found = TASK_INFO.pack(*[1 << 32, 5 << 20] + [0] * 16)
        elif kind == 15 and argument.value in self.threads:
            user, kernel, state = self.threads[argument.value]
            found = THREAD_INFO.pack(user, kernel, 0, 0, state, 0, 0, 0, 0, 0, b"")
        else:
            return 0
        assert size == len(found)
        data.raw = found
        return size

    def proc_listchildpids(self, pid, data, size):
        return 3 if pid == 7 else -1


def test_layouts_are_as_long_as_the_headers_of_macos_say():
    assert (BSD_INFO.size, TASK_INFO.size, THREAD_INFO.size) == (136, 96, 112)


def test_macos():
    darwin = Darwin(Libproc())
    facts = darwin.look(7, 902)
    assert (facts.state, facts.stopped, facts.states) == (u"R", None, {901: u"R", 902: u"S"})
    assert facts.threads == {901: 2.5, 902: 0.001}
    assert (darwin.memory(7), darwin.children(7), darwin.out_of_memory_kills(7)) == (5 << 20, 3, {})


def test_macos_tells_who_is_gone():
    darwin = Darwin(Libproc())
    assert (darwin.look(8), darwin.memory(8), darwin.children(8)) == (None, None, None)


@pytest.mark.parametrize("status, flags, words", [(4, 0, "signal"), (4, 2, "tracer"), (2, 2, None), (3, 0, None)])
def test_macos_tells_what_is_stopped(status, flags, words):
    library = Libproc()
    library.status, library.flags = status, flags
    stopped = Darwin(library).look(7).stopped
    assert stopped is None if words is None else words in stopped


class Function(object):
    """Of a library: it can be told what it returns."""

    restype = None

    def __init__(self, call):
        self.call = call

    def __call__(self, *arguments):
        return self.call(*arguments)


class Kernel32(object):
    """One process, 7, of two threads; a thread and two children elsewhere."""

    code = 259
    threads = [(901, 7), (902, 8), (903, 7)]
    parents = [(8, 7), (9, 7), (7, 1)]

    def __init__(self):
        self.open = []
        self.OpenProcess = Function(lambda access, inherit, pid: self.new(("process", pid)) if pid == 7 else None)
        self.OpenThread = Function(lambda access, inherit, thread: self.new(("thread", thread)) if thread != 903 else None)
        self.CreateToolhelp32Snapshot = Function(lambda kind, pid: self.new((kind, 0)))

    def new(self, what):
        self.open.append(what)
        return len(self.open)

    def what(self, handle):
        return self.open[handle.value - 1]

    def CloseHandle(self, handle):
        self.open[handle.value - 1] = None
        return 1

    def GetExitCodeProcess(self, handle, code):
        assert self.what(handle) == ("process", 7)
        code._obj.value = self.code
        return 1

    def Thread32First(self, snapshot, entry):
        assert self.what(snapshot) == (4, 0) and entry._obj.size == ctypes.sizeof(ThreadEntry)
        self.left = list(self.threads)
        return self.Thread32Next(snapshot, entry)

    def Thread32Next(self, snapshot, entry):
        if self.left:
            entry._obj.thread, entry._obj.owner = self.left.pop(0)
            return 1
        return 0

    def GetThreadTimes(self, handle, created, ended, system, user):
        assert self.what(handle) == ("thread", 901)
        system._obj.value, user._obj.value = 10**7, 5 * 10**6
        return 1

    def K32GetProcessMemoryInfo(self, handle, counters, size):
        assert size == ctypes.sizeof(MemoryCounters)
        counters._obj.working_set = 5 << 20
        return 1

    def Process32FirstW(self, snapshot, entry):
        assert self.what(snapshot) == (2, 0) and entry._obj.size == ctypes.sizeof(ProcessEntry)
        self.left = list(self.parents)
        return self.Process32NextW(snapshot, entry)

    def Process32NextW(self, snapshot, entry):
        if self.left:
            entry._obj.pid, entry._obj.parent = self.left.pop(0)
            return 1
        return 0


def test_structures_are_as_long_as_those_of_windows():
    wide = ctypes.sizeof(ctypes.c_void_p) == 8
    assert ctypes.sizeof(ThreadEntry) == 28
    assert ctypes.sizeof(ProcessEntry) == (568 if wide else 556)
    assert ctypes.sizeof(MemoryCounters) == (72 if wide else 40)


def test_windows():
    library = Kernel32()
    windows = Windows(library)
    facts = windows.look(7, 901)
    assert (facts.threads, facts.stopped, facts.state) == ({901: 1.5}, None, None)
    assert (windows.memory(7), windows.children(7), windows.out_of_memory_kills(7)) == (5 << 20, 2, {})
    assert not any(library.open), "handles are left open"


def test_windows_tells_who_is_gone():
    library = Kernel32()
    windows = Windows(library)
    assert (windows.look(8), windows.memory(8)) == (None, None)
    library.code = 1
    assert windows.look(7) is None and not any(library.open)


@pytest.mark.parametrize("platform", ["darwin", "win32", "sunos5"])
def test_a_system_without_its_library_tells_nothing(platform, monkeypatch):
    monkeypatch.setattr(system.os.path, "exists", lambda path: False)
    monkeypatch.setattr(sys, "platform", platform)
    found = system.find()
    assert type(found) is system.System and found.look(1).threads is None
