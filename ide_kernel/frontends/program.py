"""Without a terminal: reads a program from stdin and runs it statement by statement, echoing values as a shell does."""
from __future__ import absolute_import, division, print_function

import signal

from .blocks import Blocks
from .conduit import Conduit, die_like
from .script import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(kernel, own):
    # type: (Any, bool) -> int
    """Run what stdin holds, up to the first error.

    Args:
        kernel: where.
        own: whether the kernel is ours, and ends with the program as an interpreter would.

    Returns:
        The exit status: the program's own, 1 after an error.
    """
    conduit = Conduit(kernel)
    try:
        return Program(kernel, conduit).run(own)
    finally:
        conduit.close()
        kernel.close()


class Program(object):
    """One pass over stdin."""

    def __init__(self, kernel, conduit):
        # type: (Any, Conduit) -> None
        self._kernel = kernel
        self._conduit = conduit
        self._error = None  # type: Any

    def run(self, own):
        # type: (bool) -> int
        """See `run`."""
        blocks = Blocks()
        going = True
        while going:
            line = self._conduit.read_line()
            found = blocks.feed(line.decode("utf-8", "replace")) if line else blocks.finish()
            going = all(self._execute(code, number) for code, number in found) and bool(line)
        if self._conduit.broken:
            self._kernel.terminate(0, wait=False)
            raise self._conduit.broken
        status = 0 if self._error is None else 1
        if own and not self._over():
            self._kernel.execute(u"raise SystemExit(%d)" % status)  # ends it as Python ends: atexit, threads
            self._conduit.until(self._over)
        if self._error is not None and self._error.type == u"KeyboardInterrupt":
            die_like(signal.SIGINT)
        return report(self._kernel.exit) if self._kernel.exit is not None else status

    def _execute(self, code, number):
        # type: (Any, int) -> bool
        """Run one statement; whether to go on."""
        execution = self._kernel.execute(code, filename=u"<stdin>", line=number)
        self._conduit.until(execution.done)
        if self._conduit.broken:
            return False
        if execution.exception() is not None:
            if self._kernel.exit is None:
                raise execution.exception()
            return False
        result = execution.result()
        if result.exit is not None:
            self._conduit.until(self._over)
            return False
        self._error = result.error
        return result.ok

    def _over(self):
        # type: () -> bool
        return self._kernel.exit is not None or self._kernel.lost
