"""``sys.stdin``: Python's own text layers over a raw file that asks the frontends for a line.

fd 0 itself is ``/dev/null``, for children and C code; when the user puts something else there, and in a forked child, reads
go to fd 0 as usual. Each read that finds nothing left sends one *input* message and waits at a `Bell` of its own, which Ctrl-C
gets through on every Python. Nothing can be typed ahead: every answer belongs to a request.
"""
from __future__ import absolute_import, division, print_function

import os
import sys

from .._compat import STR_IS_BYTES
from .bell import Bell
from .descriptors import identity, read

if STR_IS_BYTES:
    from .oldtext import LineReader
    RawIOBase = object
else:
    from io import BufferedReader, RawIOBase, TextIOWrapper  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple

#: What Python gives the buffers of its own standard streams.
BUFFER_SIZE = 8192


class InputRequests(object):
    """The reads that wait for an answer.

    Args:
        post: hands a message to the I/O thread; may be called where Ctrl-C can strike at any moment.
        describe: gives ``(execution or None, prompt, where a debugger asks or None)`` for a new request.
    """

    def __init__(self, post, describe):
        # type: (Callable[[Any], None], Callable[[], Tuple[Optional[int], Any, Any]]) -> None
        self._post = post
        self._describe = describe
        self._count = 0
        # Requests that nobody answered yet, and the bell at which each waits. Whoever removes an entry decides whether the
        # request was answered or given up. A ring only says that it is worth looking: one may come late, to the next
        # request that waits there.
        self._waiting = {}  # type: Dict[int, Bell]
        self._answers = {}  # type: Dict[int, Optional[bytes]]
        self._spare = []  # type: List[Bell]  # to use again
        #: False in a forked child, which no frontend knows.
        self.connected = True

    def ask(self, password=False, prompt=None):
        # type: (bool, Any) -> bytes
        """Wait for one line; ``b""`` means the end of the input.

        Args:
            password: whether what is typed should be hidden.
            prompt: what to ask with; None: what stands in the unfinished line of the output.

        Raises:
            KeyboardInterrupt: and whatever else a signal handler raises.
        """
        if not self.connected:
            return b""
        execution, line, debugger = self._describe()
        self._count += 1
        request = self._count
        bell = self._spare.pop() if self._spare else Bell()
        try:
            self._waiting[request] = bell
            self._post({"kind": u"input", "request": request, "execution": execution,
                        "prompt": line if prompt is None else prompt,
                        "password": password, "debugger": debugger})
            bell.wait(lambda: request not in self._waiting)
            return self._answers.pop(request, None) or b""
        except BaseException:
            self._give_up(request)
            raise
        finally:
            self._spare.append(bell)

    def _give_up(self, request):
        # type: (int) -> None
        self._waiting.pop(request, None)
        self._answers.pop(request, None)
        self._post({"kind": u"input-over", "request": request})

    def answer(self, request, data):
        # type: (int, Optional[bytes]) -> None
        """In the I/O thread: wake the read; an answer that nobody waits for any more is dropped."""
        if request not in self._waiting:
            return
        self._answers[request] = data
        bell = self._waiting.pop(request, None)
        if bell is None:
            self._answers.pop(request, None)
        else:
            bell.ring()


class InputFile(RawIOBase):  # type: ignore[misc,valid-type]
    """The raw file under ``sys.stdin``."""

    def __init__(self, requests, encoding):
        # type: (InputRequests, Any) -> None
        super(InputFile, self).__init__()
        self.name = "<stdin>"
        self.mode = "rb"
        self._requests = requests
        self._encoding = encoding
        self._rest = b""
        self._home = identity(0)

    def fileno(self):
        # type: () -> int
        if self.closed:
            raise ValueError("I/O operation on closed file")
        _serve_getpass(sys._getframe(2 if STR_IS_BYTES else 1), self._requests)  # 2.7: through a text layer of ours
        return 0

    def readable(self):
        # type: () -> bool
        return True

    def isatty(self):
        # type: () -> bool
        if self.closed:
            raise ValueError("I/O operation on closed file")
        return os.isatty(0)

    def readinto(self, target):
        # type: (Any) -> int
        data = self._rest or self.read_line(len(target))
        count = min(len(data), len(target))
        self._rest = data[count:]
        target[:count] = data[:count]
        return count

    def read_line(self, size=BUFFER_SIZE):
        # type: (int) -> bytes
        """One line as it is typed, in the encoding of the stream; or at most ``size`` bytes of fd 0."""
        if not self._requests.connected or identity(0) != self._home:
            return read(0, size)
        data = self._requests.ask()
        if self._encoding is not None:
            data = data.decode("utf-8", "replace").encode(self._encoding, "replace")
        return data

    if STR_IS_BYTES:
        closed = False


def install(requests):
    # type: (InputRequests) -> None
    """Put our ``sys.stdin`` in the place of Python's own, with the settings of that one."""
    old = sys.stdin
    if STR_IS_BYTES:
        sys.stdin = sys.__stdin__ = LineReader(  # type: ignore[assignment,misc]
            InputFile(requests, None), "<stdin>", old.encoding or "UTF-8", old.errors)
        return
    encoding = old.encoding.lower().replace("_", "-")
    raw = InputFile(requests, None if encoding in ("utf-8", "ascii", "us-ascii") else old.encoding)
    text = TextIOWrapper(BufferedReader(raw, BUFFER_SIZE), old.encoding, old.errors)  # type: ignore[type-var]
    text.mode = "r"  # type: ignore[misc]
    sys.stdin = sys.__stdin__ = text  # type: ignore[misc]


def _serve_getpass(caller, requests):
    # type: (Any, InputRequests) -> None
    """Let ``getpass.getpass`` ask the frontends, who can hide what is typed.

    Without a terminal, ``getpass`` asks ``sys.stdin`` for its descriptor to switch the echo off there, fails, warns, and calls
    its own ``fallback_getpass``. This puts a better fallback into the module at the moment when it asks, so that neither
    the module nor anything that loads modules has to be touched before.
    """
    module = caller.f_globals
    if caller.f_code.co_name != "unix_getpass" or module.get("__name__") != "getpass":
        return

    def fallback_getpass(prompt="Password: ", stream=None):
        # type: (str, Any) -> str
        stream = stream or sys.stderr
        stream.write(prompt)
        stream.flush()
        data = requests.ask(True, prompt.decode("utf-8", "replace") if isinstance(prompt, bytes) else str(prompt))
        if not data:
            raise EOFError
        line = data if STR_IS_BYTES else data.decode("utf-8", "replace")  # type: Any
        return line[:-1] if line.endswith("\n") else line

    module["fallback_getpass"] = fallback_getpass
