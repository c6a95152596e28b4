"""One piece of code that was sent to the kernel, and what became of it."""
from __future__ import absolute_import, division, print_function

from .. import vocabulary as names
from ..errors import Cancelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator, List, Optional

#: The life of an execution: sent -> queued -> running -> finished, and from anywhere to cancelled or failed.
SENT = u"sent"            # the broker has not said yet that it has it
QUEUED = u"queued"        # waits for its turn
RUNNING = u"running"
FINISHED = u"finished"    # ran to its end, well or with an error of its own: there is a result
CANCELLED = u"cancelled"  # taken back before it ran
FAILED = u"failed"        # no result will come: the kernel died, the broker is lost, or it was refused
OVER = (FINISHED, CANCELLED, FAILED)


class ErrorInfo(object):
    """An exception that ended an execution.

    Attributes:
        type (str): the name of its class.
        message (str): its text.
        traceback (str): as Python prints it.
    """

    def __init__(self, type, message, traceback):
        # type: (Any, Any, Any) -> None
        self.type = type
        self.message = message
        self.traceback = traceback

    def __repr__(self):
        # type: () -> str
        return "<ErrorInfo %s: %s>" % (self.type, self.message)


class Result(object):
    """How an execution ended.

    Attributes:
        ok (bool): whether it ran to its end without an exception.
        value (str | None): the repr of the last expression's value, where it had one that is not None.
        error (ErrorInfo | None): the exception that ended it.
        count (int): how many executions that kernel had begun by then.
        exit (int | None): the exit status, where the kernel's process ends with this execution.
    """

    def __init__(self, ok, value=None, error=None, count=0, exit=None):
        # type: (bool, Optional[Any], Optional[ErrorInfo], int, Optional[int]) -> None
        self.ok = ok
        self.value = value
        self.error = error
        self.count = count
        self.exit = exit

    @classmethod
    def from_message(cls, message):
        # type: (Dict[Any, Any]) -> Result
        """The result that a "finished" event carries."""
        error = message.get(u"error")
        info = None
        if error is not None:
            info = ErrorInfo(error.get(u"type", u""), error.get(u"message", u""), error.get(u"traceback", u""))
        return cls(bool(message.get(u"ok")), message.get(u"value"), info, message.get(u"count") or 0,
                   message.get(u"exit"))

    def __repr__(self):
        # type: () -> str
        return "<Result %s>" % (self.value if self.ok else self.error or "exit status %s" % self.exit,)


class Execution(object):
    """Code that some frontend sent, from the moment it is known here until it is over.

    Its fields change only in the thread that processes events; reading them is safe from any thread.

    Attributes:
        id (int | None): the broker's number for it, once the broker has it.
        code (str | None): its text, or None where this frontend joined too late to see it.
        mode (str): ``"cell"``, ``"script"``, ``"command"`` or ``"module"``.
        frontend (str | None): who sent it.
        mine (bool): whether this frontend did.
        state (str): ``"sent"``, ``"queued"``, ``"running"``, ``"finished"``, ``"cancelled"`` or ``"failed"``.
    """

    def __init__(self, code=None, mode=names.CELL, frontend=None, token=None, kernel=None, mine=False):
        # type: (Any, Any, Any, Any, Any, bool) -> None
        self.id = None  # type: Optional[int]
        self.code = code
        self.mode = mode
        self.frontend = frontend
        self.mine = mine
        self.state = SENT
        self._token = token
        self._kernel = kernel
        self._result = None  # type: Optional[Result]
        self._error = None  # type: Optional[BaseException]
        self._callbacks = []  # type: List[Callable[[Execution], Any]]

    def done(self):
        # type: () -> bool
        """Whether it is over: `result` would return or raise at once."""
        return self.state in OVER

    def running(self):
        # type: () -> bool
        """Whether the kernel has begun it and not ended it."""
        return self.state == RUNNING

    def result(self, timeout=None):
        # type: (Optional[float]) -> Result
        """Wait until it is over. In a program with an event loop, other threads depend on that: see `Kernel.process_events`.

        Args:
            timeout: seconds; None waits for ever, 0 does not wait.

        Returns:
            How it ended, with or without an exception of its own.

        Raises:
            KernelDied: the kernel's process ended first.
            BrokerLost: the link to the broker was lost first.
            Cancelled: it was cancelled before it ran.
            yotonlike.Timeout: not in the time given (``yotonlike.WouldBlock`` for 0). It runs on.
            KeyboardInterrupt: Ctrl-C in the wait. It runs on.
        """
        self._wait(timeout)
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def exception(self, timeout=None):
        # type: (Optional[float]) -> Optional[BaseException]
        """Wait as `result` does; the error that `result` would raise, or None where there is a result."""
        self._wait(timeout)
        return self._error

    def cancel(self, timeout=None):
        # type: (Optional[float]) -> bool
        """Take it back while it is still queued; whether that was in time. Waits for the broker's answer, which comes at once,
        ``timeout`` seconds at most."""
        if not self.done():
            return self._kernel._cancel(self, timeout)
        return self.cancelled()

    def cancelled(self):
        # type: () -> bool
        """Whether it was taken back."""
        return self.state == CANCELLED

    def add_done_callback(self, callback):
        # type: (Callable[[Execution], Any]) -> None
        """Call ``callback(execution)`` once when it is over: where callbacks run, or here and now if it is over already."""
        self._callbacks.append(callback)
        if self.done():
            for waiting in self._take_callbacks():
                waiting(self)

    def _take_callbacks(self):
        # type: () -> Iterator[Callable[[Execution], Any]]
        while True:
            try:
                callback = self._callbacks.pop(0)  # atomic: no two threads get the same one
            except IndexError:
                return
            yield callback

    def _wait(self, timeout):
        # type: (Optional[float]) -> None
        if not self.done():
            self._kernel._wait(self.done, timeout)

    def _finish(self, result):
        # type: (Result) -> None
        self._result = result
        self.state = FINISHED

    def _fail(self, error):
        # type: (BaseException) -> None
        self._error = error
        self.state = CANCELLED if isinstance(error, Cancelled) else FAILED

    def __repr__(self):
        # type: () -> str
        return "<Execution %s %s>" % (self.id, self.state)
