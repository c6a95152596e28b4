"""What the kernel's process writes, as events: from two pipes and the marks in one of them."""
from __future__ import absolute_import, division, print_function

from .marks import MarkParser
from .pipes import PipeReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional, Tuple

    from .executions import Executions
    from .loop import Loop
    from .process import Process


_MARKS = ("start", "start beside", "end")


class Output(object):
    """Reads a kernel's pipes and publishes what they give.

    During an execution that is not alone (threads or children of earlier ones are there) only what stands behind its own
    marks is charged to it.

    What descriptor 2 gives (C code, children) comes behind what was written to descriptor 1 before it was found, and before
    the end of its execution. More cannot be known: the pipes have no common order.

    Args:
        loop: the main loop.
        process: whose pipes to read.
        executions: whom output is charged to.
        publish: called with each event, and True if it is in no hurry.
        on_end: called when an end mark was read.
    """

    def __init__(self, loop, process, executions, publish, on_end):
        # type: (Loop, Process, Executions, Callable[..., None], Callable[[], None]) -> None
        self._executions = executions
        self._publish = publish
        self._on_end = on_end
        self._started = 0
        self._beside = False  # others may write during this execution
        self._parser = MarkParser(process.nonce)
        self.paused = False
        self._parsing = False  # descriptor 1's bytes are being handled, so those of 2 must not ask for more of them
        self._untold = b""  # what descriptor 2 gave, while descriptor 1 is read first
        self._out = PipeReader(loop, process.out_fd, self._out_came, self._nothing_follows)
        self._err = PipeReader(loop, process.err_fd, self._err_came)

    def pause(self):
        # type: () -> None
        """Leave everything in the pipes: the frontends take no more."""
        self.paused = True
        self._out.pause()
        self._err.pause()

    def resume(self):
        # type: () -> None
        """Read again."""
        self.paused = False
        self._out.resume()
        self._err.resume()

    def nap(self):
        # type: () -> None
        """An execution begins: its mark alone is no reason to wake up."""
        self._out.nap()

    def is_full(self):
        # type: () -> bool
        """Whether the kernel waits, or would with its next line."""
        return self._out.is_full() or self._err.is_full()

    def open_reserve(self):
        # type: () -> None
        """Let an interrupt's last words out although the frontends take no more."""
        self._out.open_reserve()
        self._err.open_reserve()

    def catch_up(self):
        # type: () -> None
        """Publish what is in the pipes at this moment."""
        self._out.read_all()
        self._err.read_all()

    def drain(self):
        # type: () -> None
        """The kernel is dead: publish all that it left. Children may hold the pipes and write on; that is read later."""
        self.catch_up()
        self._handle(self._parser.finish())

    def close(self):
        # type: () -> None
        """Read no more."""
        self._out.close()
        self._err.close()

    def _out_came(self, data):
        # type: (bytes) -> None
        self._parsing = True
        self._handle(self._parser.feed(data))
        self._parsing = False

    def _nothing_follows(self):
        # type: () -> None
        self._handle(self._parser.release())

    def _handle(self, items):
        # type: (List[Tuple[str, Any]]) -> None
        pieces = []  # type: List[bytes]  # of one stream, in a row: stderr comes in chunks of 4 kB at most
        stream = None
        for kind, value in items:
            if kind != stream:
                self._emit(stream, pieces)
                pieces, stream = [], kind
            if kind not in _MARKS:
                pieces.append(value)
            else:
                self._mark(kind, value)
        self._emit(stream, pieces)

    def _emit(self, kind, pieces):
        # type: (Any, List[bytes]) -> None
        if any(pieces):  # a chunk may be empty
            charged, (stream, execution) = self._executions.charged, kind
            if charged is not None and execution is not None:
                charged = charged if execution == charged else None
            elif self._beside:
                charged = None
            self._output(stream, b"".join(pieces), u"kernel", charged)

    def _mark(self, kind, number):
        # type: (str, int) -> None
        if kind == "end":
            self._tell()
            self._err.read_all()
            self._executions.end_seen(number)
            self._on_end()
        elif self._executions.start_seen(number) is not None:
            self._beside = kind == "start beside"
            self._started += 1
            self._publish({u"event": u"started", u"execution": number, u"count": self._started}, True)

    def _err_came(self, data):
        # type: (bytes) -> None
        self._untold += data
        if not self._parsing:
            self._out.read_all()  # which tells it, should the end of the execution be in there
        self._tell()

    def _tell(self):
        # type: () -> None
        data, self._untold = self._untold, b""
        if data:
            self._output("stderr", data, u"fd2", None if self._beside else self._executions.charged)

    def _output(self, stream, data, source, execution):
        # type: (str, bytes, Any, Optional[int]) -> None
        self._publish({u"event": u"output", u"stream": u"" + stream, u"data": data, u"source": source,
                       u"execution": execution})
