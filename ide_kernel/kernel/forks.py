"""Forks in user code: the child leaves the line to the broker alone, and the parent is not warned because of our thread.

3.12 and newer warn when a process forks that has more than one thread. Ours ends before a fork and is started again after it;
what of the broker's arrives in between waits in the socket. Some versions count the threads only when the functions of
``os.register_at_fork`` have run. So the start is put off until ``os.fork`` has returned: a C function lets the
interpreter think that a signal came, whose handler runs as soon as it executes bytecode again. The handler is there for
just that moment, and Ctrl-C waits until then: it would leave us without an I/O thread. A fork from another thread than the
main one, which alone may set handlers, can be warned of on those versions.

Where ``os.register_at_fork`` is missing (2.7, 3.6), a child notices when it comes back from the user's code, and keeps the line
open until then; only ``waitpid`` says that a kernel is dead, so that misleads nobody.
"""
from __future__ import absolute_import, division, print_function

import os

from .._compat import FORK_WARNS, get_ident
from .interrupt import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .interrupt import Interrupts
    from .link import Link

#: How often to look whether the system is done with a thread that has run to its end; each look takes 10 to 20 us.
_LOOKS = 200
#: Never really sent. The interpreter's own libraries use none of the real-time signals; where there are none, an unused one.
_SIGNAL = getattr(signal, "SIGRTMAX", signal.SIGTTOU)


def watch(link, interrupts, become_child):
    # type: (Link, Interrupts, Callable[[], None]) -> None
    """Register what has to happen around ``os.fork``.

    Args:
        link: the link with the I/O thread.
        interrupts: keeps Ctrl-C away meanwhile.
        become_child: called in the child.
    """
    register = getattr(os, "register_at_fork", None)
    if register is None:
        return
    if not FORK_WARNS:
        register(after_in_child=become_child)
        return

    from _functools import partial  # type: ignore[import-not-found]  # C: there is no need for the module around it
    from _thread import interrupt_main
    pause = _Pause(link, interrupts, become_child)
    register(before=pause.before, after_in_parent=pause.after, after_in_child=pause.in_child)
    register(after_in_parent=partial(interrupt_main, _SIGNAL))


class _Pause(object):
    """Ends the I/O thread before a fork, and starts it again after."""

    def __init__(self, link, interrupts, become_child):
        # type: (Link, Interrupts, Callable[[], None]) -> None
        self._link = link
        self._interrupts = interrupts
        self._become_child = become_child
        self._main_thread = get_ident()
        self._users = None  # type: Any  # the handler that ours has replaced, while it has
        self._is_due = False  # after() has to start the I/O thread

    def before(self):
        # type: () -> None
        if self._link.pid != os.getpid():
            return  # a child forks; nothing of ours runs in it
        is_main = get_ident() == self._main_thread
        if is_main:
            self._interrupts.hold()
        count = _count_system_threads()
        self._link.stop()
        _wait_below(count)
        if is_main:
            self._users = signal.signal(_SIGNAL, self._start)
        else:
            self._is_due = True

    def after(self):
        # type: () -> None
        if self._is_due:
            self._is_due = False
            self._link.start()

    def in_child(self):
        # type: () -> None
        self._is_due = False
        self._become_child()
        if self._put_back():
            self._interrupts.release()

    def _start(self, number, frame):
        # type: (int, Any) -> None
        self._put_back()
        self._link.start()
        self._interrupts.user()

    def _put_back(self):
        # type: () -> bool
        """Whether our handler was there."""
        users, self._users = self._users, None
        if users is not None:
            signal.signal(_SIGNAL, users)
        return users is not None


def _wait_below(count):
    # type: (int) -> None
    """A thread that has run to its end exists for some microseconds more; the interpreter asks the system, so do we."""
    for _ in range(_LOOKS):
        if _count_system_threads() < count:
            return
        os.sched_yield()


def _count_system_threads():
    # type: () -> int
    """The number of threads of this process, as the interpreter finds it; 0 where there is no ``/proc``."""
    try:
        with open("/proc/self/stat", "rb") as stream:
            return int(stream.read().rpartition(b")")[2].split()[17])
    except (EnvironmentError, IndexError, ValueError):
        return 0
