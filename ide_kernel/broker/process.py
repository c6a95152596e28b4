"""A kernel's process as the broker sees it: start it, signal it, learn of its end, be rid of all that is left of it.

The work is done by the guardian (see ``guardian.py``); this is its handle. Everything returns at once: what happens is
read from `Process.report_fd` when that is readable.

POSIX. macOS has neither subreapers nor ``/proc``: there, children that left the kernel's process group survive the
broker. That branch was never run; nor is there one for Windows, which has no fork.
"""
from __future__ import absolute_import, division, print_function

import errno
import fcntl
import os
import sys

import _socket  # the module ``socket`` costs 5 to 10 ms, and the kernel waits for us

from ..vocabulary import BOOT
from . import guardian

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple

    Report = Tuple[Any, ...]

_F_SETPIPE_SZ = 1031  # <linux/fcntl.h>; the module fcntl has it from 3.10 on
#: Big pipes let the reader nap, but what is in one comes before the end of an interrupted execution: a MiB of short lines, stdout
#: and stderr by turns, took 0.6 s, this takes 0.2, and no flood is slower for it. Unprivileged users may have fewer such pages
#: (pipe-user-pages-soft), so there are steps.
_PIPE_SIZES = (1 << 18, 1 << 17)


class Process(object):
    """A started kernel: its pipes and link, and the guardian that watches it.

    Attributes:
        out_fd, err_fd (int): what the kernel writes to its descriptors 1 and 2; non-blocking.
        link_fd (int): the broker's end of the socket pair to the kernel.
        report_fd (int): readable when `reports` has something.
        nonce (bytes): what the kernel's marks carry.
        pid (int | None): the kernel's pid once it is known, for display; it may be reaped: never signal it from here.
        reaped (bool): whether the guardian reaped the kernel.
    """

    def __init__(self, guardian_pid, orders, report_fd, out_fd, err_fd, link_fd, nonce, dump_fd=None):
        # type: (int, int, int, int, int, int, bytes, Optional[int]) -> None
        self._guardian_pid = guardian_pid
        self._orders = orders  # type: Optional[int]
        self._partial = b""
        self._gone = False
        self.report_fd = report_fd
        self.out_fd = out_fd
        self.err_fd = err_fd
        self.link_fd = link_fd
        self.nonce = nonce
        self._dump_fd = dump_fd
        self.pid = None  # type: Optional[int]
        self.reaped = False

    def reports(self):
        # type: () -> List[Report]
        """What the guardian has to say; call when `report_fd` is readable.

        Returns:
            tuples: ``("pid", pid)``, ``("failed", step, errno)``, ``("sent", signal, errno)``, ``("exit", waitpid
            status)``, ``("clear",)``, ``("broken", text)``, and after the last one ``("gone",)``: the guardian ended.
        """
        data = guardian.retry(os.read, self.report_fd, 4096)
        lines = (self._partial + data).split(b"\n")
        self._partial = lines.pop()
        found = [self._noted(line.decode("utf-8", "replace")) for line in lines]
        self._gone = not data
        return found + [("gone",)] if self._gone else found

    def _noted(self, line):
        # type: (Any) -> Report
        word, _, rest = line.partition(u" ")
        if word == u"failed":
            step, code = rest.split()
            return word, step, int(code)
        if word == u"broken":
            return word, rest
        report = (word,) + tuple(int(number) for number in rest.split())
        if word == u"pid":
            self.pid = report[1]
        elif word == u"exit":
            self.reaped = True
        return report

    def signal(self, number):
        # type: (int) -> bool
        """Have a signal sent to the kernel's process group; a ``sent`` report follows. False when there is no guardian."""
        return self._order(number)

    def signal_thread(self, thread, number):
        # type: (int, int) -> bool
        """Have a signal sent to one of the kernel's threads, by the system's number of it; nothing is reported."""
        return not self.reaped and 0 < thread < 1 << 31 and self._order(guardian.THREAD | number, guardian.NUMBER.pack(thread))

    def dump_size(self):
        # type: () -> int
        """How many bytes of stacks the kernel has written so far."""
        return 0 if self._dump_fd is None else os.fstat(self._dump_fd).st_size

    def read_dump(self, begin, limit):
        # type: (int, int) -> bytes
        """What it has written from there on, at most the last ``limit`` bytes."""
        if self._dump_fd is None:
            return b""
        size = self.dump_size()
        begin = max(begin, size - limit)
        copy = os.dup(self._dump_fd)  # 2.7 has no pread
        with os.fdopen(copy, "rb") as stream:
            stream.seek(begin)
            return stream.read(size - begin)

    def end(self):
        # type: () -> bool
        """Have the kernel and all that descends from it killed; ``clear`` and ``gone`` follow."""
        return self._order(guardian.END)

    def _order(self, number, more=b""):
        # type: (int, bytes) -> bool
        if self._orders is None or self._gone:
            return False
        try:
            guardian.retry(os.write, self._orders, bytearray((number,)) + more)
        except EnvironmentError as error:
            if error.errno != errno.EPIPE:
                raise
            return False
        return True

    def bury(self):
        # type: () -> Optional[int]
        """The guardian was killed: what was below it is ours now, where we are a subreaper. Kill and reap it.

        Returns:
            The kernel's wait status; None where nobody hands orphans to us, and nothing is known of the kernel.
        """
        status = None
        while True:
            for pid in guardian.descendants(os.getpid(), False):
                guardian.attempt(os.kill, pid, guardian.signal.SIGKILL)
            try:
                pid, ended = guardian.retry(os.waitpid, -1, 0)
            except EnvironmentError:  # ECHILD
                return status
            if pid == self.pid:
                status, self.reaped = ended, True

    def close(self):
        # type: () -> None
        """Give up all descriptors and reap the guardian; call after ``gone``, or to end everything at once."""
        if self._orders is None:
            return
        os.close(self._orders)  # the guardian takes this for the order to end
        self._orders = None
        for fd in (self.out_fd, self.err_fd):
            os.close(fd)
        try:
            guardian.retry(os.waitpid, self._guardian_pid, 0)
        except EnvironmentError as error:
            if error.errno != errno.ECHILD:
                raise
        os.close(self.report_fd)
        if self._dump_fd is not None:
            os.close(self._dump_fd)
            self._dump_fd = None


def start(interpreter, root, cwd=None, env=None):
    # type: (Any, Any, Optional[Any], Optional[Dict[Any, Any]]) -> Process
    """Fork a guardian that starts a kernel.

    Args:
        interpreter: absolute path of the Python that runs the kernel.
        root: the directory that holds our packages.
        cwd: the kernel's working directory; None for ours.
        env: the kernel's environment; None for ours.

    Returns:
        Process: its first report is ``pid`` or ``failed``.
    """
    nonce = os.urandom(16)
    out, err, orders, reports = (_pipe() for _ in range(4))
    for receiver, sender in (out, err):
        _enlarge(sender)
        guardian.nonblocking(receiver)
    ours, theirs = _socket_pair()
    dump = _dump_file()
    command = [interpreter, "-c", BOOT, root, "%d" % theirs, "".join("%02x" % byte for byte in bytearray(nonce))]
    if dump is not None:
        command.append("%d" % dump)
    launch = guardian.Launch([_native(text) for text in command], theirs, out[1], err[1], cwd=cwd, env=env, dump=dump)
    pid = fork()
    if pid == 0:
        guardian.guard(launch, orders[0], reports[1])
    for fd in (orders[0], reports[1], out[1], err[1], theirs):
        os.close(fd)
    return Process(pid, orders[1], reports[0], out[0], err[0], ours, nonce, dump)


def fork():
    # type: () -> int
    """``os.fork``, without 3.12's warning in a process with threads: the guardian needs no lock that a thread may hold."""
    if "threading" not in sys.modules:  # none can have been started, and the kernel waits for us
        return os.fork()
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _dump_file():
    # type: () -> Optional[int]
    """A file without a name for the kernel to write its stacks to, always at the end; None where there can be none."""
    path = "%s/ide-kernel-stacks-%s" % (os.environ.get("TMPDIR") or "/tmp",
                                        "".join("%02x" % byte for byte in bytearray(os.urandom(8))))
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        os.unlink(path)
    except EnvironmentError:
        return None
    guardian.close_on_exec(fd)
    return fd


def _pipe():
    # type: () -> Tuple[int, int]
    receiver, sender = os.pipe()
    guardian.close_on_exec(receiver)
    guardian.close_on_exec(sender)
    return receiver, sender


def _enlarge(fd):
    # type: (int) -> None
    for size in _PIPE_SIZES:
        try:
            fcntl.fcntl(fd, _F_SETPIPE_SZ, size)
        except EnvironmentError:  # not Linux, or above this user's allowance
            continue
        return


def _socket_pair():
    # type: () -> Tuple[int, int]
    """Two connected sockets as plain descriptors (2.7's socket objects cannot give theirs away, so these are copies)."""
    pair = _socket.socketpair()
    fds = []
    for end in pair:
        fds.append(os.dup(end.fileno()))
        guardian.close_on_exec(fds[-1])
        end.close()
    return fds[0], fds[1]


def _native(text):
    # type: (Any) -> Any
    """An argument as ``execve`` wants it: 2.7 would encode unicode as ASCII."""
    return text if isinstance(text, str) else text.encode("utf-8")
