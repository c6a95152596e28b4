"""Joins a kernel to our own descriptors 0, 1 and 2: output passes byte for byte, input line by line, Ctrl-C as an interrupt.

One thread, one loop: it waits for the kernel's events, for Ctrl-C and, only while the kernel's code asks, for our stdin.
"""
from __future__ import absolute_import, division, print_function

import errno
import os
import select
import signal
import stat

from .._compat import monotonic
from ..client.waiting import wait_readable
from .standard import Unwritable, poll, signal_pipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional

#: What a pipe takes without blocking once ``poll`` calls it writable (PIPE_BUF on Linux; POSIX says 512, macOS has 16384).
_PIECE = 4096
#: Seconds within which a second Ctrl-C means "it did not help": long enough to see that, short enough to mean the same wish.
_AGAIN = 2.0
_READ = 65536


class Conduit(object):
    """Joins ``kernel`` to this process.

    Attributes:
        broken (Unwritable | None): our stdout takes no more: there is no point in going on.
    """

    def __init__(self, kernel):
        # type: (Any) -> None
        self.broken = None  # type: Optional[Unwritable]
        self._kernel = kernel
        self._pressed, self._press = signal_pipe()
        self._presses = []  # type: List[float]
        self._question = None  # type: Any
        self._source = 0  # the descriptor that answers the question
        self._echo = None  # type: Any  # the terminal's settings, while it shows nothing
        self._unread = b""
        self._slow = [_may_block(fd) for fd in (0, 1, 2)]
        kernel.on_output(self._output)
        kernel.on_input(self._asked)
        kernel.on_input_over(self._over)
        # By Python itself, not by the handler: that runs after a wait which the signal came too early to end.
        self._old_descriptor = signal.set_wakeup_fd(self._press)
        self._old_handler = signal.signal(signal.SIGINT, lambda number, frame: None)

    def close(self):
        # type: () -> None
        """Give Ctrl-C and the terminal back."""
        self._settle()
        signal.signal(signal.SIGINT, self._old_handler)
        signal.set_wakeup_fd(self._old_descriptor)
        os.close(self._pressed)
        os.close(self._press)

    def until(self, condition):
        # type: (Callable[[], Any]) -> None
        """Pass things until ``condition()`` holds or nobody reads."""
        self._kernel.process_events()
        while not condition() and not self.broken:
            self._pass_once()

    def read_line(self):
        # type: () -> bytes
        """A line of our stdin for ourselves; ``b""`` at its end. The kernel is served meanwhile."""
        while b"\n" not in self._unread and not self.broken:
            if 0 in self._pass_once(True):
                chunk = _read(0)
                if not chunk:
                    break
                self._unread += chunk
        return self._take_line()

    def _pass_once(self, stdin=False):
        # type: (bool) -> List[int]
        fds = [self._kernel.fileno(), self._pressed]
        if stdin or self._question is not None:
            fds.append(0 if stdin else self._source)
        ready = wait_readable(fds)
        if self._pressed in ready:
            os.read(self._pressed, 512)
            self._interrupt()
        if self._question is not None and self._source in ready:
            self._answer()
        if self._kernel.fileno() in ready:
            self._kernel.process_events()
        return ready

    # Ctrl-C

    def _interrupt(self):
        # type: () -> None
        now = monotonic()
        self._presses = [at for at in self._presses if now - at < _AGAIN] + [now]
        if len(self._presses) == 1:
            self._kernel.interrupt(wait=False)
        elif len(self._presses) == 2:
            self._kernel.terminate(0, wait=False)
        else:
            self._kernel.kill(wait=False)

    # Output

    def _output(self, output):
        # type: (Any) -> None
        if output.source == u"broker":  # a gap: that is our word, and no byte of the program's
            self.write(2, b"ide-kernel: " + output.text.encode("utf-8"))
        else:
            self.write(2 if output.stream == u"stderr" else 1, output.data)

    def write(self, fd, data):
        # type: (int, bytes) -> None
        """Write to one of our descriptors, such that Ctrl-C gets through a reader that has stopped reading."""
        if self.broken:
            return
        try:
            while data:
                if self._slow[fd]:
                    self._wait_writable(fd)
                try:
                    data = data[os.write(fd, data[:_PIECE] if self._slow[fd] else data):]
                except EnvironmentError as error:
                    if error.errno not in (errno.EINTR, errno.EAGAIN):
                        raise
                    self._slow[fd] = True  # somebody made it non-blocking: poll
        except EnvironmentError as error:
            if fd == 1:  # as for stderr: there is nobody to tell
                self.broken = Unwritable(error)

    def _wait_writable(self, fd):
        # type: (int) -> None
        while True:
            ready = poll({fd: select.POLLOUT, self._pressed: select.POLLIN})
            if self._pressed in ready:
                os.read(self._pressed, 512)
                self._interrupt()
            if fd in ready:
                return

    # Input

    def _asked(self, request):
        # type: (Any) -> None
        self._question = request
        self._source = 0
        if request.password:
            self._ask_secretly()
        if self._source == 0 and b"\n" in self._unread:
            self._reply(self._take_line())

    def _ask_secretly(self):
        # type: () -> None
        """As getpass does: read at the terminal itself, without echo; where there is none, from stdin."""
        import termios
        try:
            self._source = os.open("/dev/tty", os.O_RDWR | getattr(os, "O_NOCTTY", 0))
        except EnvironmentError:
            return
        self._echo = termios.tcgetattr(self._source)
        silent = list(self._echo)
        silent[3] &= ~termios.ECHO
        termios.tcsetattr(self._source, termios.TCSADRAIN, silent)  # not FLUSH: somebody may have typed already

    def _answer(self):
        # type: () -> None
        chunk = _read(self._source)
        if self._source != 0:
            os.write(self._source, b"\n")
            self._reply(chunk)
            return
        self._unread += chunk
        if b"\n" in self._unread or not chunk:
            self._reply(self._take_line())

    def _take_line(self):
        # type: () -> bytes
        at = self._unread.find(b"\n") + 1 or len(self._unread)
        line, self._unread = self._unread[:at], self._unread[at:]
        return line

    def _reply(self, line):
        # type: (bytes) -> None
        question = self._question
        self._settle()
        question.reply_exactly(line or None)

    def _over(self, request):
        # type: (Any) -> None
        if request is self._question:
            self._settle()

    def _settle(self):
        # type: () -> None
        self._question = None
        if self._source != 0:
            import termios
            termios.tcsetattr(self._source, termios.TCSADRAIN, self._echo)
            os.close(self._source)
            self._source = 0


def _read(fd):
    # type: (int) -> bytes
    try:
        return os.read(fd, _READ)
    except EnvironmentError as error:
        if error.errno in (errno.EIO, errno.EBADF):  # the terminal is gone, or there is no stdin
            return b""
        raise


def _may_block(fd):
    # type: (int) -> bool
    """Whether a write can wait for a reader: not to a file."""
    try:
        return not stat.S_ISREG(os.fstat(fd).st_mode)
    except EnvironmentError:
        return False


def die_like(exit_signal):
    # type: (int) -> Optional[int]
    """End this process by the signal that ended the kernel, so that a shell sees the same; returns if that cannot be."""
    signal.signal(exit_signal, signal.SIG_DFL)
    os.kill(os.getpid(), exit_signal)
    return 128 + exit_signal
