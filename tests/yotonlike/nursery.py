"""Processes for tests: forked from one that has the product loaded, since to start Python costs more than most tests do.

Each is one as ``python -c`` would make it, with what had been loaded, and stdin and stdout of its own, which are one socket.
Tests of how an interpreter ends start one.
"""
from __future__ import absolute_import, division, print_function

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile

import yotonlike

LIMIT = 30  # seconds until a process has to be there
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(yotonlike.__file__)))

PARENT = """
import json, os, signal, socket, sys, traceback
import encodings.idna, fcntl, yotonlike, yotonlike.protocol.handshake  # the last ones when they are used, else
def run(path, code, arguments):
    status = 1
    try:
        stream = socket.socket(socket.AF_UNIX)
        stream.connect(path)
        for descriptor in (0, 1):
            os.dup2(stream.fileno(), descriptor)
        stream.close()
        sys.argv[1:] = map(str, arguments)
        exec(compile(code, "<a child>", "exec"), {"__name__": "__main__"})
        sys.stdout.flush()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)
for line in iter(sys.stdin.readline, ""):
    command, arguments = json.loads(line)
    if command == "start":
        answer = os.fork()
        if not answer:
            run(*arguments)
    else:
        if command == "kill":
            os.kill(arguments[0], signal.SIGKILL)
        answer = os.waitpid(arguments[0], 0)[1]
    os.write(1, ("%d\\n" % answer).encode("ascii"))
"""


class Nursery(object):
    """Starts processes; the one that they are forked from is there with the first of them."""

    def __init__(self):
        self._process = None

    def start(self, code, *arguments):
        """A process that runs ``code``."""
        if self._process is None:
            self._directory = tempfile.mkdtemp(prefix="n", dir=os.environ["XDG_RUNTIME_DIR"])
            self._path = os.path.join(self._directory, "s")
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(self._path)
            self._listener.listen(1)
            self._listener.settimeout(LIMIT)
            self._process = subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, bufsize=0, stdin=subprocess.PIPE,
                                             stdout=subprocess.PIPE, env=dict(os.environ, PYTHONPATH=ROOT))
        pid = self.ask("start", self._path, code, arguments)
        stream, _ = self._listener.accept()
        stream.setblocking(True)
        return Child(self, pid, stream)

    def ask(self, command, *arguments):
        """Have the parent do something; its answer is a number."""
        self._process.stdin.write(json.dumps([command, arguments]).encode("ascii") + b"\n")
        return int(self._process.stdout.readline())

    def close(self):
        """The parent ends, as it does when the tests are gone; its children have ended before."""
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()
            self._listener.close()
            shutil.rmtree(self._directory)


class Child(object):
    """One of these processes.

    Attributes:
        pid (int): its own until it was waited for.
        stream: its stdin and stdout, a socket.
        status (int): how it ended, as ``waitpid`` says it; None before.
    """

    def __init__(self, nursery, pid, stream):
        self._nursery, self.pid, self.stream, self.status = nursery, pid, stream, None

    def line(self):
        """The next line that it writes, or what it wrote when it ended in the middle of one."""
        found = b""
        while not found.endswith(b"\n"):
            byte = self.stream.recv(1)
            if not byte:
                break
            found += byte
        return found.decode("utf-8").strip()

    def send_signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        """Kill it, unless it was waited for, and wait for its end."""
        if self.status is None:
            self.status = self._nursery.ask("kill", self.pid)

    def wait(self):
        """Wait until it ends by itself; returns how."""
        if self.status is None:
            self.status = self._nursery.ask("wait", self.pid)
        return self.status

    def close(self):
        """Let nothing of it be left."""
        self.kill()
        self.stream.close()
