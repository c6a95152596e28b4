"""Who was there before an execution began and may write during it: threads, children, and what these left behind.

Bytes in a pipe do not say who wrote them. As long as an execution is alone they are its own. When it is not, Python's own
streams say whose text it is, in marks (``streams.py``), and bytes without a mark are charged to no execution.

Threads that C code made are not seen, and nothing where the system does not tell of children: 2.7 without ``/proc``.
"""
from __future__ import absolute_import, division, print_function

import os
import sys

from .._compat import count_threads, get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict


class Company(object):
    """Looks around.

    Args:
        own: gives the idents of threads that are not the user's: the main thread and ours.
    """

    def __init__(self, own):
        # type: (Callable[[], Any]) -> None
        self._own = own
        self._parent = "/proc/%d/task/%d/children" % (os.getppid(), os.getppid())
        self._alone = self._read(self._parent)  # what the guardian has as long as we leave nothing behind

    def threads(self):
        # type: () -> Dict[int, Any]
        """The user's threads: ident -> its ``threading.Thread``, or None where it has none."""
        if count_threads() <= 1:  # the I/O thread
            return {}
        names = _known_threads()
        return dict((ident, names.get(ident)) for ident in set(sys._current_frames()).difference(self._own()))

    def children(self):
        # type: () -> bool
        """Whether there are child processes, or orphans of such: the guardian adopts them."""
        return _has_children() or self._read(self._parent) != self._alone

    def _read(self, path):
        # type: (str) -> bytes
        try:
            fd = os.open(path, os.O_RDONLY)
        except EnvironmentError:
            return b""
        try:
            return os.read(fd, 4096)
        finally:
            os.close(fd)


def is_one_of(threads):
    # type: (Dict[int, Any]) -> bool
    """Whether the thread that runs is one of those that `Company.threads` gave. The ident of one that has ended is used again."""
    me = get_ident()
    return me in threads and threads[me] is _known_threads().get(me)


def _known_threads():
    # type: () -> Any
    return getattr(sys.modules.get("threading"), "_active", None) or {}


if hasattr(os, "waitid"):

    def _has_children():
        # type: () -> bool
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except EnvironmentError:
            return False  # ECHILD
        return True
else:

    def _has_children():
        # type: () -> bool
        try:
            for thread in os.listdir("/proc/self/task"):
                with open("/proc/self/task/%s/children" % thread) as stream:
                    if stream.read(1):
                        return True
        except EnvironmentError:
            pass  # no such thing here, or a thread that has just ended
        return False
