"""What Python 2.7 has instead of text layers: objects of ours with the interface of its ``file``.

Its native file swallows the first Ctrl-C in a big blocked write and can freeze the process; these do neither.
"""
from __future__ import absolute_import, division, print_function

import errno
import os
import select
import thread  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, List, Optional

#: As much unfinished text as Python 3's text layer keeps.
CHUNK = 8192


class TryLock(object):
    """Stands in for a re-entrant lock: the I/O thread takes it or does without, all others wait while it is taken.

    2.7 has no re-entrant lock in C, and a lock of two steps can stay locked for ever when Ctrl-C comes between them. So the
    others only wait, for the blink in which the I/O thread takes out unfinished text; it looks whether one of them is writing.
    """

    def __init__(self):
        # type: () -> None
        self._lock = thread.allocate_lock()
        self._pid = os.getpid()  # a forked child has no I/O thread that would give it back

    def acquire(self, blocking=True):
        # type: (bool) -> bool
        return bool(self._lock.acquire(False))

    def release(self):
        # type: () -> None
        self._lock.release()

    def __enter__(self):
        # type: () -> None
        while self._lock.locked() and os.getpid() == self._pid:
            select.select((), (), (), 0)  # let the other thread run

    def __exit__(self, *exc_info):
        # type: (*Any) -> None
        return None


class RawFile(object):
    """The little of ``io.FileIO`` that the raw files need; loading 2.7's ``_io`` would cost a third of the start."""

    def __init__(self, fd, mode, closefd):
        # type: (int, str, bool) -> None
        self._fd = fd
        self.closed = False

    def fileno(self):
        # type: () -> int
        return self._fd

    def write(self, data):
        # type: (bytes) -> Optional[int]
        """Like ``FileIO.write`` of Python 3: None when the pipe is full; goes on after a signal whose handler returned."""
        while True:
            try:
                return os.write(self._fd, data)
            except EnvironmentError as error:
                if error.errno == errno.EAGAIN:
                    return None
                if error.errno != errno.EINTR:
                    raise


class FileLike(object):
    """The attributes that every 2.7 ``file`` has."""

    softspace = 0
    newlines = None

    def __init__(self, raw, name, mode, encoding, errors):
        # type: (Any, str, str, str, Optional[str]) -> None
        self.name = name
        self.mode = mode
        self.encoding = encoding
        self.errors = errors
        self.closed = False
        self._raw = raw

    def __repr__(self):
        # type: () -> str
        return "<%s file %r, mode %r at 0x%x>" % ("closed" if self.closed else "open", self.name, self.mode, id(self))

    def __enter__(self):
        # type: () -> FileLike
        self._check()
        return self

    def __exit__(self, *exc_info):
        # type: (*Any) -> None
        self.close()

    def close(self):
        # type: () -> None
        self.closed = True

    def fileno(self):
        # type: () -> int
        self._check()
        return self._raw.fileno()

    def isatty(self):
        # type: () -> bool
        self._check()
        return os.isatty(self._raw.fileno())

    def seek(self, offset, whence=0):
        # type: (int, int) -> None
        raise IOError(errno.ESPIPE, os.strerror(errno.ESPIPE))

    def tell(self):
        # type: () -> int
        raise IOError(errno.ESPIPE, os.strerror(errno.ESPIPE))

    def _check(self):
        # type: () -> None
        if self.closed:
            raise ValueError("I/O operation on closed file")


class LineWriter(FileLike):
    """``sys.stdout`` or ``sys.stderr``: hands on every finished line at once.

    Text waits in a list of which only single operations are used, each of which is atomic: no lock, so nothing that Ctrl-C,
    a signal handler that prints, or a fork could leave locked.
    """

    def __init__(self, raw, name, encoding, errors):
        # type: (Any, str, str, Optional[str]) -> None
        FileLike.__init__(self, raw, name, "w", encoding, errors)
        self._pending = []  # type: List[Any]
        self._write = raw.write

    def write(self, text):
        # type: (Any) -> None
        if text.__class__ is not str or self.closed:
            text = self._convert(text)
        pending = self._pending
        if "\n" in text or "\r" in text or len(text) > CHUNK:
            if pending:
                pending.append(text)
                self.flush()
            else:
                self._write(text)
        elif text:
            pending.append(text)
            if len(pending) > 64:  # looked at now and then only: adding up the lengths takes longer than writing
                if sum(map(len, pending)) > CHUNK:
                    self.flush()

    def writelines(self, lines):
        # type: (Iterable[Any]) -> None
        for line in lines:
            self.write(line)

    def flush(self):
        # type: () -> None
        self._check()
        pending = self._pending
        parts = []
        try:
            while pending:
                parts.append(pending.pop(0))
        except IndexError:
            pass  # another thread took the last one
        if parts:
            self._write("".join(parts))

    def close(self):
        # type: () -> None
        if not self.closed:
            self.flush()
            self.closed = True
            self.__dict__.pop("write", None)

    def _convert(self, text):
        # type: (Any) -> Any
        self._check()
        if isinstance(text, unicode):  # type: ignore[name-defined]  # noqa: F821
            return text.encode(self.encoding, self.errors or "strict")
        if isinstance(text, str):
            return str(text)
        return str(buffer(text))  # type: ignore[name-defined]  # noqa: F821


def speed_up(stream, raw):
    # type: (LineWriter, Any) -> Any
    """Give ``stream`` a ``write`` that is twice as fast for ``print``, which writes a short text and then a newline.

    Args:
        stream: the text layer of ``sys.stdout``.
        raw: the ``OutputFile`` under it.

    Returns:
        the function's code, by which the I/O thread sees that a thread is writing.
    """
    pending, fd, slowly, system_write = stream._pending, raw.fileno(), stream.write, os.write
    pop, append, complete = pending.pop, pending.append, raw._complete

    def write(text):
        # type: (Any) -> None
        if text == "\n":
            if len(pending) == 1 and not raw._slow:
                try:
                    line = pop() + "\n"
                except IndexError:  # another thread took it
                    return slowly(text)
                try:
                    count = system_write(fd, line)  # type: Any
                except EnvironmentError as error:
                    if error.errno not in (errno.EAGAIN, errno.EINTR):
                        raise
                    count = None if error.errno == errno.EAGAIN else 0
                if count != len(line):
                    complete(line, count)
                return None
        elif not pending and text.__class__ is str and len(text) < CHUNK and "\n" not in text and "\r" not in text:
            return append(text)
        return slowly(text)
    stream.write = write  # type: ignore[method-assign]
    return write.__code__


class LineReader(FileLike):
    """``sys.stdin`` over a raw file whose ``read_line`` gives one line, or ``b""`` at the end of the input."""

    def __init__(self, raw, name, encoding, errors):
        # type: (Any, str, str, Optional[str]) -> None
        FileLike.__init__(self, raw, name, "r", encoding, errors)
        self._rest = b""  # type: Any

    def readline(self, size=-1):
        # type: (int) -> Any
        self._check()
        line = self._rest
        self._rest = b""
        while not line.endswith(b"\n") and (size < 0 or len(line) < size):
            more = self._raw.read_line()
            if not more:
                break
            line += more
        end = line.find(b"\n") + 1 or len(line)
        if size >= 0:
            end = min(end, size)
        self._rest = line[end:]
        return line[:end]

    def read(self, size=-1):
        # type: (int) -> Any
        self._check()
        parts = []  # type: List[Any]
        count = 0
        while size < 0 or count < size:
            part = self.readline(-1 if size < 0 else size - count)
            if not part:
                break
            parts.append(part)
            count += len(part)
        return b"".join(parts)

    def readlines(self, hint=-1):
        # type: (int) -> List[Any]
        return [line for line in self]  # type: ignore[attr-defined]

    def __iter__(self):
        # type: () -> LineReader
        return self

    def next(self):
        # type: () -> Any
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    xreadlines = __iter__
