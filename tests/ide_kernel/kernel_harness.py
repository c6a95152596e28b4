"""Plays the broker for one real kernel process: real pipes, real marks, a real wire, one thread."""
from __future__ import absolute_import, division, print_function

import binascii
import errno
import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
import sys

from ide_kernel import vocabulary
from ide_kernel._compat import monotonic
from ide_kernel.wire import Wire
from yotonlike.errors import Closed

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIMIT = 30.0
PY2 = sys.version_info[0] == 2
PYPY = hasattr(sys, "pypy_version_info")


class Execution(object):
    """What came back from one execution."""

    def __init__(self):
        self.pieces = []  # (stream, bytes), in the order of the pipe
        self.started = False
        self.finished = None
        self.ended = False  # its end mark was seen

    def text(self, stream=None):
        data = b"".join(piece for name, piece in self.pieces if stream in (None, name))
        return data.decode("utf-8", "replace")

    out = property(lambda self: self.text("stdout"))
    err = property(lambda self: self.text("stderr"))


class KernelProcess(object):
    """A kernel, from its start to its end."""

    def __init__(self, python=sys.executable, cwd=None, env=None, heartbeat=0.1, root=ROOT):
        self.nonce = os.urandom(16)
        ours, theirs = socket.socketpair()
        fd, their_fd = os.dup(ours.fileno()), os.dup(theirs.fileno())
        ours.close()
        theirs.close()
        fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.FD_CLOEXEC)  # else the kernel would hold our end, too, on 2.7
        options = {"pass_fds": [their_fd]} if not PY2 else {"close_fds": False}
        environment = dict(os.environ if env is None else env)
        for name in ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"):
            environment.pop(name, None)
        with open(os.devnull, "rb") as nothing:
            self.process = subprocess.Popen(
                [python, "-c", str(vocabulary.BOOT), root, str(their_fd), binascii.hexlify(self.nonce).decode("ascii")],
                stdin=nothing, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd, env=environment,
                bufsize=0, preexec_fn=os.setsid, **options)
        os.close(their_fd)
        self.pid = self.process.pid
        self.wire = Wire(fd, u"harness", heartbeat)
        self.linked = True
        self.executions = {}
        self.messages = []
        self.inputs = []
        self.answers = {}
        self.err = b""     # fd 2
        self.stray = b""   # output that belongs to no execution
        self.current = 0
        self.beside = False  # the execution is not alone: only what is marked as its is its
        self._buffer = b""
        self._next = 0
        self._requests = 0
        self._pipes = {self.process.stdout.fileno(): "out", self.process.stderr.fileno(): "err"}
        self.auto_input = None  # function(message) -> bytes or None

    # -- driving --------------------------------------------------------------------------------------------------

    def pump(self, until, limit=LIMIT, read=True):
        """Move bytes until ``until()`` is true; fails after ``limit`` seconds."""
        end = monotonic() + limit
        while not until():
            now = monotonic()
            assert now < end, "nothing happened: %r err %r" % (self.messages[-5:], self.err[-2000:])
            self._step(min(end, self.wire.next_deadline() or end) - now, read)

    def _step(self, seconds, read=True):
        waiter = select.poll()
        if self.linked:
            waiter.register(self.wire.fileno(), select.POLLIN | (select.POLLOUT if self.wire.wants_write() else 0))
        for fd in self._pipes if read else ():
            waiter.register(fd, select.POLLIN)
        if not self.linked and not (self._pipes and read):
            seconds = min(seconds, 0.01)  # nothing left to wait for but the end of the process
        for fd, event in waiter.poll(max(0, seconds * 1000)):
            if self.linked and fd == self.wire.fileno():
                self._read_wire(event)
            else:
                self._read_pipe(fd)
        if self.linked:
            self.wire.tick(monotonic())

    def _read_wire(self, event):
        if event & select.POLLOUT:
            self.wire.flush(monotonic())
        try:
            messages = self.wire.receive(monotonic())
        except Closed:
            self.linked = False
            return
        for message in messages:
            self._take(message)

    def _take(self, message):
        self.messages.append(message)
        kind = message["kind"]
        if kind == "finished":
            self.executions[message["execution"]].finished = message
        elif kind == "input":
            self.inputs.append(message)
            if self.auto_input is not None:
                self.answer(message, self.auto_input(message))
        elif kind == "answer":
            self.answers[message["request"]] = message

    def _read_pipe(self, fd):
        data = os.read(fd, 1 << 16)
        if not data:
            if self._pipes.pop(fd) == "out":
                self._output("stdout", self._buffer)
            return
        if self._pipes[fd] == "err":
            self.err += data
            return
        self._buffer += data
        self._parse()

    def _parse(self):
        head = vocabulary.MARK_HEAD + self.nonce
        while True:
            begin = self._buffer.find(head)
            if begin < 0:
                keep = next((n for n in range(min(len(head) - 1, len(self._buffer)), 0, -1)
                             if head.startswith(self._buffer[-n:])), 0)
                self._output("stdout", self._buffer[:len(self._buffer) - keep])
                self._buffer = self._buffer[len(self._buffer) - keep:]
                return
            self._output("stdout", self._buffer[:begin])
            self._buffer = self._buffer[begin:]
            fixed = len(head) + 7
            if len(self._buffer) < fixed:
                return
            kind = self._buffer[len(head):len(head) + 1]
            execution, size = struct.unpack(vocabulary.MARK_TAIL, self._buffer[len(head) + 1:fixed])
            if len(self._buffer) < fixed + size:
                return
            assert fixed + size <= vocabulary.PIPE_BUF
            payload = self._buffer[fixed:fixed + size]
            self._buffer = self._buffer[fixed + size:]
            if kind in b"SB":
                self.beside = kind == b"B"
                self.current = execution
                self.executions[execution].started = True
            elif kind == b"E":
                self.executions[execution].ended = True
                self.current = 0
            else:
                assert kind in b"XO"
                self._output("stdout" if kind == b"O" else "stderr", payload, execution)

    def _output(self, stream, data, execution=None):
        if data:
            if self.current and execution in (None, self.current) and not (self.beside and execution is None):
                self.executions[self.current].pieces.append((stream, data))
            else:
                self.stray += data

    # -- what a broker does ---------------------------------------------------------------------------------------

    def wait_ready(self):
        self.pump(lambda: any(message["kind"] == "ready" for message in self.messages) or self.process.poll() is not None)
        assert self.process.poll() is None, self.err
        return self

    def start(self, code, mode=u"cell", filename=None, line=1, argv=()):
        """Send an execution; returns at once."""
        self._next += 1
        execution = self.executions[self._next] = Execution()
        self.wire.send({"kind": u"execute", "execution": self._next, "mode": mode, "code": code, "filename": filename,
                        "line": line, "argv": list(argv)})
        return execution

    def run(self, code, **options):
        """Send an execution and wait until it and its output are here."""
        execution = self.start(code, **options)
        self.pump(lambda: execution.finished is not None and execution.ended)
        return execution

    def ask(self, what, code=u"", cursor=None):
        self._requests += 1
        number = self._requests
        self.wire.send({"kind": u"ask", "request": number, "what": what, "code": code,
                        "cursor": len(code) if cursor is None else cursor})
        self.pump(lambda: number in self.answers)
        assert self.answers[number]["error"] is None, self.answers[number]
        return self.answers[number]["result"]

    def answer(self, message, data):
        self.wire.send({"kind": u"input", "request": message["request"], "data": data})

    def wait_input(self):
        self.pump(lambda: self.inputs)
        return self.inputs.pop(0)

    def interrupt(self):
        os.killpg(self.pid, signal.SIGINT)

    def wait_exit(self):
        """Everything until the end of both pipes and of the line; the exit status as subprocess gives it."""
        self.pump(lambda: not self._pipes and not self.linked and self.process.poll() is not None)
        return self.process.returncode

    def close(self):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except EnvironmentError as error:
            if error.errno not in (errno.ESRCH, errno.EPERM):
                raise
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()
        self.wire.close()

    def __enter__(self):
        return self.wait_ready()

    def __exit__(self, *exc_info):
        self.close()


def run_program(code, mode=u"command", argv=(), filename=None, answers=(), **options):
    """A program in a kernel of its own: (exit status, execution, kernel)."""
    lines = list(answers)
    kernel = KernelProcess(**options)
    try:
        kernel.wait_ready()
        kernel.auto_input = lambda message: lines.pop(0) if lines else None
        execution = kernel.start(code, mode=mode, argv=argv, filename=filename)
        status = kernel.wait_exit()
        return status, execution, kernel
    finally:
        kernel.close()
