"""The end of the kernel's process: as late as Python lets us, the last execution is over.

What ``atexit`` functions and non-daemon threads print still belongs to the execution, so its end mark and its *finished* message
come after them: when user code has ended, we register one more exit function. It is called first, runs all others, and
then is the last. Exceptions leave through the interpreter itself, which gives them their exit status and, since 3.8, lets
Ctrl-C end the process by the signal; only the printing is ours, so that no frame of ours shows.
"""
from __future__ import absolute_import, division, print_function

import sys

from .._compat import STR_IS_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

_INTERRUPTED = 130  # 128 + SIGINT, as shells count


def at_the_end(function, show):
    # type: (Callable[[], None], Callable[[Any, Any, Any], Any]) -> None
    """Call ``function`` after everything that is registered with ``atexit``; ``show`` prints an exception."""
    if STR_IS_BYTES:
        _wrap_exitfunc(function, show)
        return
    import atexit

    def run():
        # type: () -> None
        atexit.unregister(run)
        try:
            atexit._run_exitfuncs()
        except BaseException:  # shown already, each as it came; Python goes on to its end, too
            return
        finally:
            function()
    atexit.register(run)


def _wrap_exitfunc(function, show):
    # type: (Callable[[], None], Callable[[Any, Any, Any], Any]) -> None
    """2.7 has a single exit function, which the ``atexit`` module takes."""
    others = getattr(sys, "exitfunc", None)

    def run():
        # type: () -> None
        try:
            if others is not None:
                others()
        except SystemExit:
            function()
            raise
        except:  # noqa: E722  (what the interpreter does, and before our own end)
            sys.stderr.write("Error in sys.exitfunc:\n")
            show(*sys.exc_info())
        function()
    sys.exitfunc = run  # type: ignore[attr-defined]


def leave_through(hook, show):
    # type: (Any, Callable[[Any, Any, Any], None]) -> None
    """Let ``show`` print the exception that is about to reach the interpreter, and put the user's hook back before."""
    def once(kind, value, trace):
        # type: (Any, Any, Any) -> None
        sys.excepthook = hook
        show(kind, value, trace)
    sys.excepthook = once


def status_of(kind, value):
    # type: (Any, Any) -> int
    """The exit status that an exception gives the process; ``kind`` None: there was none."""
    if kind is None:
        return 0
    if not isinstance(value, SystemExit):
        return _INTERRUPTED if isinstance(value, KeyboardInterrupt) else 1
    code = value.code  # type: Optional[Any]
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1
