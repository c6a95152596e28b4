"""Every error that the client of a kernel raises on purpose, as one tree.

::

    KernelError
     +-- StartError             start() found no kernel at the end
     |    +-- InterpreterNotFound   no such interpreter, or one that cannot be run
     |    +-- BrokerFailed          the broker's process ended, or said nothing that can be understood
     |    +-- StartTimeout          the interpreter was not ready in time; a ``yotonlike.Timeout``, too
     +-- NoConnection           no connection file, or one that leads nowhere
     +-- KernelDied             the kernel's process ended; ``cause`` says how
     +-- BrokerLost             the broker cannot be reached: nothing is known of the kernel
     +-- Cancelled              the execution was taken back before it began
     +-- ResultLost             the execution ended, but this frontend was so slow that its result is not kept any more
     +-- RequestFailed          the broker or the kernel refused a request, or failed in it

Time limits raise ``yotonlike.Timeout`` (``yotonlike.WouldBlock`` for a limit of 0): they belong to every blocking call
of both packages.
"""
from __future__ import absolute_import, division, print_function

from yotonlike import Timeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional


class KernelError(Exception):
    """The root of all errors of this package."""


class StartError(KernelError):
    """No kernel came up.

    Attributes:
        exit: how the kernel's process ended, where there was one (see ``client.status.Exit``), or None.
        stderr (str): the last lines that it wrote to stderr, or ``""``.
    """

    def __init__(self, message, exit=None, stderr=u""):
        # type: (Any, Any, Any) -> None
        super(StartError, self).__init__(message)
        self.exit = exit
        self.stderr = stderr


class InterpreterNotFound(StartError):
    """The interpreter asked for does not exist or cannot be run."""


class BrokerFailed(StartError):
    """The broker's own process did not come up."""


class StartTimeout(StartError, Timeout):
    """The interpreter did not become ready in the time that it was given: it hangs, or is no Python."""


class NoConnection(KernelError):
    """There is no connection file, or nobody answers at the address in it."""


class KernelDied(KernelError):
    """The kernel's process ended while something waited for it.

    Attributes:
        cause: how it ended, with ``code``, ``signal``, ``name`` and ``reason`` (see ``client.status.Exit``).
    """

    def __init__(self, cause=None, message=None):
        # type: (Any, Optional[Any]) -> None
        super(KernelDied, self).__init__(message or "the kernel died: %s" % (cause or "nobody knows how"))
        self.cause = cause


class BrokerLost(KernelError):
    """The link to the broker is gone; the kernel may live on or not."""


class Cancelled(KernelError):
    """The execution was cancelled while it was still queued: none of it ran."""


class ResultLost(KernelError):
    """The execution ended, and this frontend missed it together with output: it was slow, and the broker did not wait for it."""


class RequestFailed(KernelError):
    """The other end refused a request or failed in it.

    Attributes:
        type (str): the name of the error's class at the other end.
        traceback (str): its traceback as text, or ``""``.
    """

    def __init__(self, message, type=u"", traceback=u""):
        # type: (Any, Any, Any) -> None
        super(RequestFailed, self).__init__(message)
        self.type = type
        self.traceback = traceback
