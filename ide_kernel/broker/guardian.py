"""The guardian: the small process between broker and kernel, which outlives neither the one nor the other's children.

It is forked by the broker, is the kernel's parent, and does four things:

* it starts the kernel: the pipes' ends become the kernel's descriptors 1 and 2, and the kernel its own process group;
* it is the only one that signals and reaps the kernel. A pid that was not reaped cannot be another process's, so a
  signal through the guardian never hits a stranger;
* it adopts what the kernel's children leave behind (``PR_SET_CHILD_SUBREAPER``, where there is one);
* it kills everything below itself when it is told to, or when the broker's end of its pipe closes, which the system
  does when the broker dies, however it dies.

Orders are single bytes: `END`, or the number of a signal for the kernel's group; or `THREAD` with the number of one, and the
system's number of the kernel's thread that shall get it. Reports are lines: ``pid N``,
``failed STEP ERRNO``, ``sent SIGNAL ERRNO``, ``exit STATUS`` (as waitpid gives it), ``clear`` when nothing below the
guardian lives any more, ``broken TEXT`` for an error of our own.

This runs between ``fork`` and ``_exit``, on a restart in a copy of a process that had threads: it imports only C
modules beforehand, takes no lock, and calls nothing of the broker's.
"""
from __future__ import absolute_import, division, print_function

import errno
import fcntl
import gc
import os
import select
import struct
import sys

try:
    import _signal as signal  # type: ignore[import-not-found]  # C only: the module ``signal`` costs 7 ms on Python 3, for its enums
except ImportError:
    import signal  # type: ignore[no-redef]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Optional, Set, Tuple

END = 0
THREAD = 0x80
NUMBER = struct.Struct("=I")  # of a thread
_PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>
_IGNORED = ("SIGINT", "SIGHUP", "SIGQUIT", "SIGTERM", "SIGTSTP", "SIGTTIN", "SIGTTOU")

#: ``tgkill`` in the 64-bit systems' tables of calls, for C libraries without a function of that name (glibc before 2.30, musl).
_TGKILL = {"x86_64": 234, "aarch64": 131, "riscv64": 131, "ppc64le": 250, "s390x": 241}

_libc = []  # type: List[Any]  # the C library once it was loaded, None where it cannot be


def prepare():
    # type: () -> None
    """Load what `become_subreaper` calls; in a process with threads this belongs before the fork."""
    if not _libc:
        try:
            import ctypes
            _libc.append(ctypes.CDLL(None))
        except (ImportError, EnvironmentError, TypeError):
            _libc.append(None)


def become_subreaper():
    # type: () -> bool
    """Ask to adopt orphaned descendants; whether the system does that."""
    prepare()
    try:
        return _libc[0].prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    except AttributeError:  # no C library, or one without prctl (macOS)
        return False


def signal_thread(pid, thread, number):
    # type: (int, int, int) -> bool
    """Send a signal to one thread of a process, so that no other one is disturbed; False where that cannot be done.

    Args:
        pid: of a process that we have not reaped.
        thread: the system's number of one of its threads; nothing happens if it is none.
    """
    prepare()
    function = getattr(_libc[0], "tgkill", None)
    if function is not None:
        return function(pid, thread, number) == 0
    call = _TGKILL.get(os.uname()[4]) if sys.platform.startswith("linux") and sys.maxsize > 1 << 32 else None
    function = getattr(_libc[0], "syscall", None)
    if call is None or function is None:
        return False
    import ctypes  # `prepare` has found it
    return function(*[ctypes.c_long(each) for each in (call, pid, thread, number)]) == 0


def guard(launch, orders, reports):
    # type: (Launch, int, int) -> None
    """Run the guardian in this (just forked) process; never returns.

    Args:
        launch: the kernel to start.
        orders: descriptor that the broker's orders arrive on.
        reports: descriptor for our reports.
    """
    try:
        gc.disable()  # a finalizer of the broker's would close a descriptor number that is ours by now
        _close_all_but(launch.descriptors() | set((orders, reports)))
        Guardian(launch, orders, reports).run()
    except BaseException as error:  # nobody above can handle it; whatever it is, the broker is told
        os.write(reports, ("broken %s: %s" % (type(error).__name__, error)).splitlines()[0].encode("utf-8") + b"\n")
    finally:
        os._exit(0)


class Launch(object):
    """How to start the kernel: the program with its arguments, where, and with which descriptors."""

    def __init__(self, argv, link, out, err, cwd=None, env=None, dump=None):
        # type: (List[Any], int, int, int, Optional[Any], Optional[Dict[Any, Any]], Optional[int]) -> None
        self.argv = argv
        self.link = link
        self.out = out
        self.err = err
        self.dump = dump
        self.cwd = cwd
        self.env = os.environ if env is None else env

    def descriptors(self):
        # type: () -> Set[int]
        """The descriptors that the kernel inherits."""
        return set((self.link, self.out, self.err)) | set(() if self.dump is None else (self.dump,))

    def exec_kernel(self, failure):
        # type: (int) -> None
        """In the forked child: become the kernel, or write which step failed, and why, to ``failure``; never returns."""
        step = "setup"
        try:
            os.setpgid(0, 0)
            null = os.open(os.devnull, os.O_RDONLY)
            for source, target in ((null, 0), (self.out, 1), (self.err, 2)):
                os.dup2(source, target)
            os.close(null)
            _inherit(self.link)
            if self.dump is not None:
                _inherit(self.dump)
            _default_signals()
            step = "cwd"
            if self.cwd is not None:
                os.chdir(self.cwd)
            step = "exec"
            os.execve(self.argv[0], self.argv, self.env)
        except EnvironmentError as error:
            os.write(failure, ("%s %d" % (step, error.errno or errno.EINVAL)).encode("ascii"))
        finally:
            os._exit(127)


class Guardian(object):
    """The guardian's own state: the kernel's pid until it is reaped, and whether orphans come to us."""

    def __init__(self, launch, orders, reports):
        # type: (Launch, int, int) -> None
        self._launch = launch
        self._orders = orders
        self._reports = reports
        self._kernel = 0  # 0: not started, or reaped
        self._adopts = False
        self._unread = bytearray()  # the beginning of an order
        self._wakeup, wakeup = os.pipe()
        for fd in (self._wakeup, wakeup):
            nonblocking(fd)
            close_on_exec(fd)
        for name in _IGNORED:
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGCHLD, _no_action)  # a handler of Python's, or nothing is written to the wake-up pipe

    def run(self):
        # type: () -> None
        """Start the kernel, watch over it, and return when nothing below us lives."""
        if not self._start():
            return
        self._adopts = become_subreaper()  # 5 ms of ctypes, 40 on PyPy: the kernel boots meanwhile
        self._report("pid %d" % self._kernel)  # only now may it be given code to run
        poller = select.poll()
        poller.register(self._orders, select.POLLIN)
        poller.register(self._wakeup, select.POLLIN)
        while True:
            ready = dict(retry(poller.poll))
            if self._wakeup in ready:
                retry(os.read, self._wakeup, 4096)
                self._reap()
            if self._orders in ready and not self._obey():
                return self._clear()

    def _start(self):
        # type: () -> bool
        receiver, failure = os.pipe()
        close_on_exec(failure)
        close_on_exec(receiver)
        pid = os.fork()
        if pid == 0:
            self._launch.exec_kernel(failure)
        os.close(failure)
        trouble = retry(os.read, receiver, 100)  # the end comes when exec closed the other end
        os.close(receiver)
        for fd in self._launch.descriptors():
            os.close(fd)
        if trouble:
            retry(os.waitpid, pid, 0)
            self._report("failed " + trouble.decode("ascii"))
            return False
        self._kernel = pid
        return True

    def _obey(self):
        # type: () -> bool
        """Carry out the orders that arrived; False when it is time to end everything."""
        came = retry(os.read, self._orders, 100)
        orders = self._unread = self._unread + bytearray(came)
        while orders:
            number = orders.pop(0)
            if number == END:
                return False
            if not number & THREAD:
                self._signal(number)
            elif len(orders) < NUMBER.size:
                orders.insert(0, number)
                break
            else:
                thread, = NUMBER.unpack(bytes(orders[:NUMBER.size]))
                del orders[:NUMBER.size]
                if self._kernel:
                    signal_thread(self._kernel, thread, number & ~THREAD)
        return bool(came)

    def _signal(self, number):
        # type: (int) -> None
        code = errno.ESRCH
        if self._kernel:
            code = attempt(os.killpg, self._kernel, number)
        self._report("sent %d %d" % (number, code))

    def _reap(self):
        # type: () -> bool
        """Reap all that ended; False when there are no children left."""
        while True:
            try:
                pid, status = retry(os.waitpid, -1, os.WNOHANG)
            except EnvironmentError:  # ECHILD
                return False
            if pid == 0:
                return True
            self._reaped(pid, status)

    def _reaped(self, pid, status):
        # type: (int, int) -> None
        if pid == self._kernel:
            self._kernel = 0
            self._report("exit %d" % status)

    def _clear(self):
        # type: () -> None
        """Kill everything below us.

        Orphans become our children, and nobody else can reap those: killing children until there are none reaches
        every descendant and never a stranger. Each round kills one generation and wakes with the first death.
        """
        if self._kernel:
            attempt(os.killpg, self._kernel, signal.SIGKILL)
        while True:
            for pid in descendants(os.getpid(), not self._adopts) or [self._kernel]:
                if pid:
                    attempt(os.kill, pid, signal.SIGKILL)
            try:
                self._reaped(*retry(os.waitpid, -1, 0))
            except EnvironmentError:  # ECHILD
                break
            self._reap()
        self._report("clear")

    def _report(self, text):
        # type: (str) -> None
        attempt(os.write, self._reports, (text + "\n").encode("ascii"))  # without a broker nobody needs to know


def descendants(ancestor, deep):
    # type: (int, bool) -> List[int]
    """The children of a process, or all that descend from it; [] where there is no ``/proc``.

    Args:
        ancestor: pid of the process.
        deep: whether children's children count, and so on.
    """
    children = {}  # type: Dict[int, List[int]]
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found = list(children.get(ancestor, ()))
    if deep:
        for pid in found:  # grows while we walk it
            found.extend(children.get(pid, ()))
    return found


def _parents():
    # type: () -> Iterable[Tuple[int, int]]
    try:
        names = os.listdir("/proc")
    except EnvironmentError:
        return
    for name in names:
        if name.isdigit():
            try:
                fd = os.open("/proc/%s/stat" % name, os.O_RDONLY)
            except EnvironmentError:  # it ended meanwhile
                continue
            try:
                text = os.read(fd, 1000)
            except EnvironmentError:
                continue
            finally:
                os.close(fd)
            yield int(name), int(text[text.rindex(b")") + 1:].split()[1])  # the command may hold spaces and ")"


def close_on_exec(fd):
    # type: (int) -> None
    """Keep a descriptor from the programs that we start (Python 3 does so by itself)."""
    fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.fcntl(fd, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)


def _inherit(fd):
    # type: (int) -> None
    fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.fcntl(fd, fcntl.F_GETFD) & ~fcntl.FD_CLOEXEC)


def nonblocking(fd):
    # type: (int) -> None
    """Make reads and writes of a descriptor return at once."""
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)


def retry(function, *arguments):
    # type: (Any, *Any) -> Any
    """Call again when a signal interrupted the call (2.7 reports EINTR, Python 3.5+ does this by itself)."""
    while True:
        try:
            return function(*arguments)
        except (EnvironmentError, select.error) as error:
            if error.args[0] != errno.EINTR:
                raise


def attempt(function, *arguments):
    # type: (Any, *Any) -> int
    """Call; 0, or the errno that came of it."""
    try:
        retry(function, *arguments)
    except EnvironmentError as error:
        return error.errno or errno.EINVAL
    return 0


def _close_all_but(kept):
    # type: (Set[int]) -> None
    """Close what the broker had open, and make 0, 1 and 2 harmless: the frontend waits for the end of the broker's stdout."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    low = 3
    for fd in sorted(kept):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, _highest_descriptor() + 1)


def _highest_descriptor():
    # type: () -> int
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return max(int(name) for name in os.listdir(folder))
        except (EnvironmentError, ValueError):
            continue
    return min(os.sysconf("SC_OPEN_MAX"), 65536)  # closing as many takes 10 ms; more are not opened by a broker


def _default_signals():
    # type: () -> None
    """What a program started from a shell would find: Python ignores SIGPIPE, a shell's ``&`` SIGINT, we a few more."""
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_DFL)
        except (ValueError, RuntimeError, EnvironmentError):  # SIGKILL, SIGSTOP, and those of the C library
            continue
    if hasattr(signal, "pthread_sigmask"):  # 2.7 cannot look at the mask
        signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _no_action(number, frame):
    # type: (int, Any) -> None
    """A handler that does nothing."""
