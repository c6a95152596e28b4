"""What Linux says of a process, in ``/proc`` and the control groups.

Processor time is taken for each thread from ``schedstat``, which is exact to a few milliseconds; ``stat`` counts in
hundredths of a second. To the time that a thread ran comes the time that it was ready to run and had no processor: on a busy
machine a thread that computes may hardly run at all, and still is none that waits.
"""
from __future__ import absolute_import, division, print_function

import os

from .guardian import descendants
from .system import Facts, System

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple

_ENOUGH = 65536
_CGROUPS = "/sys/fs/cgroup"
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Procfs(System):
    """Reads ``/proc``."""

    def __init__(self):
        # type: () -> None
        self._groups = {}  # type: Dict[Tuple[int, str], List[Any]]  # a dead process no longer says where it was

    def look(self, pid, thread=None):
        # type: (int, Optional[int]) -> Optional[Facts]
        status = _fields(_read("/proc/%d/status" % pid))
        if not status:
            return None
        state = status.get(u"State", u"?")[:1]
        tracer = _name(status.get(u"TracerPid", u"0")) if state == u"t" else None
        states = {pid: state}  # the first thread's is the process's own
        if thread is not None:
            states[thread] = _state_of(pid, thread)
        ran, waited = _times(pid)
        wanted = dict((each, time + waited[each]) for each, time in ran.items())
        return Facts(state, wanted or None, states, tracer, self._is_frozen(pid), ran)

    def memory(self, pid):
        # type: (int) -> Optional[int]
        text = _read("/proc/%d/statm" % pid)
        return int(text.split()[1]) * _PAGE if text else None

    def children(self, pid):
        # type: (int) -> Optional[int]
        return len(descendants(pid, False))

    def out_of_memory_kills(self, pid):
        # type: (int) -> Dict[Any, int]
        for folder in self._folders(pid, "memory"):
            for name in ("memory.events.local", "memory.events", "memory.oom_control"):
                count = _count(_read(folder + "/" + name), u"oom_kill")
                if count is not None:  # of its processes alone, whoever was short of memory
                    return {u"its control group": count}
        count = _count(_read("/proc/vmstat"), u"oom_kill")
        return {} if count is None else {u"the machine": count}

    def _is_frozen(self, pid):
        # type: (int) -> Optional[bool]
        frozen = None
        for folder in self._folders(pid, "freezer"):
            text = _read(folder + "/freezer.state")
            if text:
                frozen = text.strip() == u"FROZEN"
            count = _count(_read(folder + "/cgroup.events"), u"frozen")
            if count is not None:
                frozen = bool(frozen or count)
        return frozen

    def _folders(self, pid, controller):
        # type: (int, str) -> List[Any]
        """The directories of a process's control group: of version 2, and of version 1 for one controller."""
        folders = []
        for line in _read("/proc/%d/cgroup" % pid).splitlines():
            number, controllers, path = line.split(u":", 2)
            if path == u"/":
                continue  # the root has no such files
            if number == u"0" and not controllers:
                folders += [root + path for root in (_CGROUPS, _CGROUPS + "/unified")]
            elif controller in controllers.split(u","):
                folders.append("%s/%s%s" % (_CGROUPS, controller, path))
        if folders:
            self._groups = dict((key, value) for key, value in self._groups.items() if key[0] == pid)
            self._groups[pid, controller] = folders
        return folders or self._groups.get((pid, controller), [])


def _read(path):
    # type: (Any) -> Any
    """A small file's text; empty when it is not there."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except EnvironmentError:
        return u""
    try:
        return os.read(fd, _ENOUGH).decode("utf-8", "replace")
    except EnvironmentError:  # the process ended meanwhile
        return u""
    finally:
        os.close(fd)


def _fields(text):
    # type: (Any) -> Dict[Any, Any]
    return dict((name, value.strip()) for name, _, value in (line.partition(u":") for line in text.splitlines()))


def _count(text, name):
    # type: (Any, Any) -> Optional[int]
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == name and words[1].isdigit():
            return int(words[1])
    return None


def _times(pid):
    # type: (int) -> Tuple[Dict[int, float], Dict[int, float]]
    """Seconds that each thread ran, and that it was ready to; nothing where the system was built without schedstat."""
    ran, waited = {}, {}  # type: Dict[int, float], Dict[int, float]
    try:
        threads = os.listdir("/proc/%d/task" % pid)
    except EnvironmentError:
        return ran, waited
    for thread in threads:
        words = _read("/proc/%d/task/%s/schedstat" % (pid, thread)).split()
        if len(words) >= 2:
            ran[int(thread)], waited[int(thread)] = int(words[0]) / 1e9, int(words[1]) / 1e9
    return ran, waited


def _state_of(pid, thread):
    # type: (int, int) -> Any
    text = _read("/proc/%d/task/%d/stat" % (pid, thread))
    return text[text.rindex(u")") + 2:][:1] if u")" in text else None


def _name(pid):
    # type: (Any) -> Any
    return u"%s, process %s" % (_read("/proc/%s/comm" % pid).strip() or u"unknown", pid)
