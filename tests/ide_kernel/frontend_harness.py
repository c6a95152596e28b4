"""What the tests of client, terminal and command line share: running the command line, and a person at a terminal."""
from __future__ import absolute_import, division, print_function

import errno
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time

import ide_kernel
from ide_kernel import connection_file
from ide_kernel.frontends.commands import Observer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMMAND = [sys.executable, "-m", "ide_kernel"]
#: Seconds until a test stops to wait for what should come in one: the machine may be busy with other things.
LIMIT = 15.0
#: The names of reading a line and of text, in code for a kernel of this Python.
INPUT = "raw_input" if sys.version_info[0] == 2 else "input"


def popen(*arguments, **settings):
    """Start the command line."""
    settings.setdefault("stdin", subprocess.PIPE)
    settings.setdefault("stdout", subprocess.PIPE)
    settings.setdefault("stderr", subprocess.PIPE)
    return subprocess.Popen(COMMAND + list(arguments), cwd=settings.pop("cwd", ROOT), **settings)


def run(*arguments, **settings):
    """Run the command line to its end: (exit status, stdout, stderr)."""
    stdin = settings.pop("input", b"")
    process = popen(*arguments, **settings)
    timer = threading.Timer(LIMIT, process.kill)
    timer.start()
    try:
        out, err = process.communicate(stdin)
    finally:
        timer.cancel()
    return process.returncode, out, (err or b"").decode("utf-8")


def read_until(stream, expected):
    """Read from a pipe until ``expected`` has come; all that came."""
    seen, deadline = b"", time.time() + LIMIT
    while expected not in seen:
        ready = select.select([stream], [], [], max(0.0, deadline - time.time()))[0]
        chunk = os.read(stream.fileno(), 65536) if ready else b""
        assert chunk, "%r did not come, only %r" % (expected, seen)
        seen += chunk
    return seen


def wait_gone(pid):
    """Wait until no process has that pid."""
    deadline = time.time() + LIMIT
    while time.time() < deadline:
        try:
            os.kill(pid, 0)
        except EnvironmentError as error:
            if error.errno == errno.ESRCH:
                return
        select.select([], [], [], 0.02)
    raise AssertionError("process %d is still there" % pid)


def end_all():
    """End all kernels whose connection files lie in the tests' directory, and with them their brokers."""
    for connection in connection_file.find_all():
        try:
            observer = Observer(connection.path)
            observer.ask(u"kill")
            observer.close()
        except ide_kernel.KernelError:
            pass  # it is ending already


class Person(object):
    """Somebody who types at a terminal and reads it.

    Args:
        arguments: of the command line.
        settings: environment variables; and as ``columns``, how wide the terminal is.

    Attributes:
        screen (str): all that the terminal got, without colours and the like; where a line was erased, a new one begins.
    """

    def __init__(self, *arguments, **settings):
        environment = dict(os.environ, TERM="xterm", PYTHONIOENCODING="utf-8", LC_ALL="C.UTF-8")
        columns = settings.pop("columns", 80)
        environment.update(settings)
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            os.execve(sys.executable, COMMAND + list(arguments), environment)
        self._raw = b""
        self._seen = 0
        self.status = None

    @property
    def screen(self):
        text = re.sub(u"\x1b7.*?\x1b8", u"", self._raw.decode("utf-8", "replace"))  # what is painted over does not move the rest
        text = text.replace(u"\r\x1b[K", u"\n").replace(u"\r\x1b[J", u"\n").replace(u"\r", u"")
        return re.sub(u"\x1b\\[[0-9;?]*[A-Za-z@]|\x1b[=>]|[\x01\x02\x08]", u"", text)

    def sees(self, *expected):
        """Wait until all that is expected is on the screen, one after the other, below what was seen before."""
        deadline = time.time() + LIMIT
        for text in expected:
            while text not in self.screen[self._seen:]:
                ready = select.select([self._fd], [], [], max(0.0, deadline - time.time()))[0]
                chunk = self._read() if ready else b""
                assert chunk, "%r did not come; the screen is:\n%s" % (text, self.screen)
                self._raw += chunk
            self._seen = self.screen.index(text, self._seen) + len(text)
        return self

    def paints(self, text):
        """Wait until the prompt is painted over with that in it."""
        deadline = time.time() + LIMIT
        painted = len(self._raw)
        wanted = re.compile(u"\x1b7\r(\x1b\\[[0-9;]*m)?%s" % re.escape(text))
        while not wanted.search(self._raw[painted:].decode("utf-8", "replace")):
            ready = select.select([self._fd], [], [], max(0.0, deadline - time.time()))[0]
            chunk = self._read() if ready else b""
            assert chunk, "%r was not painted; the screen is:\n%s" % (text, self.screen)
            self._raw += chunk
        return self

    def types(self, text):
        """Type a line, with Enter."""
        return self.keys(text + u"\r")

    def keys(self, text):
        """Press keys."""
        os.write(self._fd, text.encode("utf-8"))
        return self

    def types_secretly(self, text):
        """Wait until the terminal shows nothing that is typed, and type a line."""
        deadline = time.time() + LIMIT
        while termios.tcgetattr(self._fd)[3] & (termios.ECHO | termios.ICANON) != termios.ICANON:
            assert time.time() < deadline, "the terminal shows what is typed; the screen is:\n%s" % self.screen
            select.select([], [], [], 0.01)
        return self.types(text)

    def leaves(self):
        """Wait until the program has ended; its exit status (negative for a signal)."""
        deadline = time.time() + LIMIT
        while time.time() < deadline and select.select([self._fd], [], [], max(0.0, deadline - time.time()))[0]:
            chunk = self._read()
            if not chunk:
                break
            self._raw += chunk
        status = self._wait(deadline)
        self.status = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        return self.status

    def _wait(self, deadline):
        while time.time() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return status
            select.select([], [], [], 0.01)
        raise AssertionError("the program has not ended; the screen is:\n%s" % self.screen)

    def _read(self):
        try:
            return os.read(self._fd, 65536)
        except EnvironmentError as error:
            if error.errno == errno.EIO:  # how Linux says that the other end of a terminal is closed
                return b""
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._fd)
