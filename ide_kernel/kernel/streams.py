"""``sys.stdout`` and ``sys.stderr``: Python's own text layers over raw files of ours.

A finished line is out of the process when ``print`` returns, so that no crash can lose it; text without a newline leaves on
flush, input, the end of an execution, or within ``FLUSH_INTERVAL``. There is no ``BufferedWriter`` between: its lock would
keep Ctrl-C from the main thread while another thread is blocked in ``print``, and would hang a forked child.

Where threads or children of earlier executions are still there, text goes behind marks too: bytes without one may be theirs.

``sys.stdout`` is fd 1 itself. ``sys.stderr`` goes into the same pipe behind marks, which keeps the order of both, until the
user redirects fd 2; then it follows. C code and children write to fd 2 past us.

How unfinished text leaves: the I/O thread flushes the text layer while ``_slow`` makes every other writer take the long way,
so what it takes out (the *stash*) goes before whatever is printed next. The I/O thread writes the stash only without
waiting and when no other thread is in the middle of a write; otherwise the next writer takes it along.
"""
from __future__ import absolute_import, division, print_function

import errno
import os
import sys

from .._compat import STR_IS_BYTES, get_ident
from .descriptors import identity, wait_writable
from .stacks import stack

try:
    from _thread import RLock
except ImportError:
    from .oldtext import TryLock as RLock  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional

    from .marks import MarkWriter

#: Seconds after which a line without an end is shown: below what people notice, above what costs a busy program anything.
FLUSH_INTERVAL = 0.05
#: How much of an unfinished line is kept as the prompt of an input request.
PROMPT_LIMIT = 4096

if STR_IS_BYTES:
    from .oldtext import RawFile
else:
    from _io import FileIO as RawFile  # type: ignore[assignment]
_write = RawFile.write


class OutputFile(RawFile):  # type: ignore[misc,valid-type]
    """The raw file under ``sys.stdout``: every write is complete when it returns."""

    _slow = False  # somebody has to look at _stash or _tail, or the I/O thread is at work
    _tail = b""    # the unfinished last line, as far as it was written
    _thief = 0     # the thread that takes unfinished text out
    _beside = False  # others write, too: text of ours has to be marked

    def __init__(self, fd, marks):
        # type: (int, MarkWriter) -> None
        RawFile.__init__(self, fd, "wb", False)
        self._marks = marks
        self._stash = []  # type: List[bytes]
        self._lock = RLock()  # guards _stash and _slow; held for a moment only, never while something waits
        self._home = identity(fd)
        self.writers = _WRITERS  # the code by which the I/O thread knows them in a frame

    @property
    def raw(self):
        # type: () -> OutputFile
        """Itself: where Python's own ``sys.stdout.buffer`` has a raw file below, this one is it."""
        return self

    def write(self, data):
        # type: (Any) -> int
        if self._slow or data[-1:] != b"\n":
            return self._write_slowly(data)
        count = _write(self, data)
        if count == len(data):
            return count
        return self._complete(data, count)

    def take_prompt(self):
        # type: () -> bytes
        """What stands in the unfinished last line. Whoever answers, or does not, ends that line, as Enter, Ctrl-C and Ctrl-D do
        at a terminal: it is nothing that the next question begins with."""
        with self._lock:
            prompt, self._tail = self._tail, b""
            self._slow = bool(self._stash or self._beside)
        return prompt

    def is_home(self):
        # type: () -> bool
        """Whether this writes to the pipe, and not where the user has redirected it."""
        return _is_at(self, self._home)

    def recover(self):
        # type: () -> None
        """Where nothing can interrupt us: free the lock, which some versions keep when Ctrl-C ends a ``with``."""
        is_owned = getattr(self._lock, "_is_owned", None)
        while is_owned is not None and is_owned():
            self._lock.release()

    def mark(self, beside):
        # type: (bool) -> None
        """At the beginning and the end of an execution: whether text is to be marked, because others write, too.

        What the next execution asks stands on a line of its own, since the frontend's prompt does.
        """
        with self._lock:
            self._beside = beside
            self._tail = b""
            self._slow = bool(self._stash or beside)

    def relieve(self, text):
        # type: (Any) -> None
        """In the I/O thread: let unfinished text out, if that goes without waiting.

        Args:
            text: the text layer above this file.
        """
        if not self._lock.acquire(False):
            return
        try:
            if self.closed or identity(self.fileno()) != self._home:
                return  # redirected by the user, to where we must not write without being asked
            self._slow = True
            self._thief = get_ident()
            try:
                text.flush()
            except (ValueError, EnvironmentError):
                pass  # closed, or detached from us: nothing to let out
            self._thief = 0
            if self._stash and not self._is_writing():
                self._write_stash()
            self._slow = bool(self._stash or self._tail or self._beside)
            if self._stash:
                self.flush = self._flush_stash  # type: ignore[method-assign]  # costs a line nothing as long as it is not there
        except EnvironmentError as error:
            if error.errno != errno.EBADF:  # fd 1 is closed
                raise
        finally:
            self._lock.release()

    def after_fork(self):
        # type: () -> None
        """In a child: the I/O thread is gone, whatever it held."""
        self._lock = RLock()
        self._thief = 0
        self._beside = False

    def _write_slowly(self, data):
        # type: (Any) -> int
        data = memoryview(data).tobytes()
        if self._beside and not (self._thief or self._stash or self._tail) and data[-1:] == b"\n" and self._is_own():
            self._marks.stdout(data)
            return len(data)
        if self._thief == get_ident():
            self._stash.append(data)
            return len(data)
        with self._lock:
            stash, self._stash = self._stash, []
            self.__dict__.pop("flush", None)
        if self._beside and self._is_own():
            if stash:
                self._complete(b"".join(stash), 0)  # nobody knows whose that is
            self._marks.stdout(data)
            stash.append(data)
            whole = b"".join(stash)
        else:
            stash.append(data)
            whole = b"".join(stash)
            self._complete(whole, 0)
        with self._lock:
            self._remember(whole)
            self._slow = bool(self._stash or self._tail or self._beside)
        return len(data)

    def _is_own(self):
        # type: () -> bool
        """Whether what this thread writes now goes to the broker, and is the execution's."""
        return not self._marks.is_stranger() and self.is_home()

    def _flush_stash(self):
        # type: () -> None
        """Stands in for ``flush`` while the stash holds something."""
        if self._thief != get_ident():
            self._write_slowly(b"")

    def _complete(self, data, count):
        # type: (Any, Optional[int]) -> int
        """Write what is missing of ``data`` after its first ``count`` bytes (None: the pipe is full)."""
        rest = memoryview(data).tobytes()
        size = len(rest)
        while True:
            if count is None:
                wait_writable(self.fileno())
            else:
                rest = rest[count:] if count else rest
                if not rest:
                    return size
            count = _write(self, rest)

    def _remember(self, data):
        # type: (bytes) -> None
        before, newline, after = data.rpartition(b"\n")
        self._tail = (after if newline else self._tail + after)[-PROMPT_LIMIT:]

    def _is_writing(self):
        # type: () -> bool
        """Whether any other thread is somewhere inside a write of ours."""
        others = set(sys._current_frames()).difference((get_ident(),))
        return any(frame.f_code in self.writers for thread in others for frame, _ in stack(thread))

    def _write_stash(self):
        # type: () -> None
        data = b"".join(self._stash)
        try:
            count = os.write(self._marks.fd, data)
        except EnvironmentError as error:
            if error.errno not in (errno.EAGAIN, errno.EINTR, errno.EPIPE, errno.EBADF):
                raise
            return
        self._stash = [data[count:]] if count < len(data) else []
        self._remember(data[:count])


#: The functions in whose middle a thread has taken text that is not written yet.
_WRITERS = tuple(OutputFile.__dict__[name].__code__ for name in ("write", "_write_slowly", "_complete"))


class ErrorFile(RawFile):  # type: ignore[misc,valid-type]
    """The raw file under ``sys.stderr``.

    Args:
        marks: writes text behind marks into the output pipe.
        before: called before every write; lets out what was printed earlier.
    """

    def __init__(self, fd, marks, before):
        # type: (int, MarkWriter, Any) -> None
        RawFile.__init__(self, fd, "wb", False)
        self._marks = marks
        self._before = before
        self._home = identity(fd)

    @property
    def raw(self):
        # type: () -> ErrorFile
        """Itself, as with ``OutputFile``."""
        return self

    def is_home(self):
        # type: () -> bool
        """As with ``OutputFile``."""
        return _is_at(self, self._home)

    def write(self, data):
        # type: (Any) -> int
        data = memoryview(data).tobytes()
        if self.closed or identity(self.fileno()) != self._home:
            return self._write_through(data)
        self._before()
        self._marks.stderr(data)
        return len(data)

    def _write_through(self, data):
        # type: (bytes) -> int
        rest = data
        while rest:
            count = _write(self, rest)
            if count is None:
                wait_writable(self.fileno())
            else:
                rest = rest[count:]
        return len(data)


class Streams(object):
    """Puts our ``sys.stdout`` and ``sys.stderr`` in the place of Python's own.

    Attributes:
        stdout, stderr: the text layers.
        output: the raw file under ``stdout``.
    """

    def __init__(self, marks):
        # type: (MarkWriter) -> None
        self.output = OutputFile(1, marks)
        self.stdout = _text_layer(self.output, sys.stdout, "<stdout>")
        if STR_IS_BYTES:
            from .oldtext import speed_up
            self.output.writers += (speed_up(self.stdout, self.output),)
        self.errors = ErrorFile(2, marks, self._let_out)
        self.stderr = _text_layer(self.errors, sys.stderr, "<stderr>")
        sys.stdout = sys.__stdout__ = self.stdout  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = self.stderr  # type: ignore[misc]

    def relieve(self):
        # type: () -> None
        """In the I/O thread: let unfinished text out."""
        self.output.relieve(self.stdout)

    def take_prompt(self):
        # type: () -> bytes
        """What stands in the unfinished last line of the output, which the question that is asked now will end."""
        self._let_out()
        return self.output.take_prompt()

    def encoding(self):
        # type: () -> str
        """The encoding of ``stdout``."""
        return self.stdout.encoding

    def after_fork(self):
        # type: () -> None
        """In a child."""
        self.output.after_fork()

    def end_cell(self):
        # type: () -> None
        """As ``flush_users``, and as the prompt of 2.7: the line that ``print x,`` has begun ends, so that the next one begins
        with no blank. A ``print`` that was interrupted may have ended its line, and not noted that."""
        stream = getattr(sys, "stdout", None)
        if STR_IS_BYTES and getattr(stream, "softspace", False):
            stream.softspace = 0  # type: ignore[union-attr]
            if stream is not self.stdout or self.take_prompt():
                stream.write("\n")  # type: ignore[union-attr]
        self.flush_users()

    def flush(self):
        # type: () -> None
        """Flush what the user prints to, as the interactive interpreter does after each input."""
        self.flush_users()
        self.flush_ours()

    def flush_users(self):
        # type: () -> None
        """The part of ``flush`` that may wait for somebody else than the broker, so that Ctrl-C has to get through."""
        for stream in (sys.stdout, sys.stderr):
            if stream is not self.stdout and stream is not self.stderr:
                _try_to_flush(stream)
        if not (self.output.is_home() and self.errors.is_home()):
            self.flush_ours()

    def flush_ours(self):
        # type: () -> None
        """The part in which an interrupt would lose text: what has left the text layer has not reached the pipe."""
        self.output.recover()
        for stream in (self.stdout, self.stderr):
            _try_to_flush(stream)

    def _let_out(self):
        # type: () -> None
        try:
            self.stdout.flush()
        except ValueError:
            return  # closed by the user


def _is_at(raw, home):
    # type: (Any, Any) -> bool
    try:
        return not raw.closed and identity(raw.fileno()) == home
    except EnvironmentError:  # the descriptor is closed
        return False


def _try_to_flush(stream):
    # type: (Any) -> None
    try:
        stream.flush()
    except Exception:  # None, the user's own object, or a closed one: the interpreter ignores it here, too
        return


def _text_layer(raw, old, name):
    # type: (Any, Any, str) -> Any
    """The text layer that Python would have put over ``raw``, with the settings of the one it made at its start."""
    if STR_IS_BYTES:
        from .oldtext import LineWriter
        return LineWriter(raw, name, old.encoding or "UTF-8", old.errors)
    from _io import TextIOWrapper
    raw.name = name
    text = TextIOWrapper(raw, old.encoding, old.errors, "\n", True)  # line buffering
    text.mode = "w"  # type: ignore[misc]
    return text
