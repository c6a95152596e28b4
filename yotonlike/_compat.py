"""The one place in this package that names a Python version or implementation.

Feature tests come before version tests; everything else in the package is written in the common subset of
CPython 2.7, CPython 3.6+ and PyPy.
"""
from __future__ import absolute_import, division, print_function

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PY2 = sys.version_info[0] == 2

if PY2:
    text_type = unicode  # type: ignore[name-defined]  # noqa: F821
    integer_types = (int, long)  # type: ignore[name-defined]  # noqa: F821
    string_types = (str, unicode)  # type: ignore[name-defined]  # noqa: F821
    #: 2.7's utf-8 codec passes lone surrogates by itself and does not know the handler's name.
    SURROGATES = "strict"
    from itertools import imap as lazy_map  # type: ignore[attr-defined]

    def shown(text):
        # type: (Any) -> str
        """``text`` for the message of an error or a repr: a native string that goes with every other one."""
        return text.encode("ascii", "backslashreplace") if isinstance(text, text_type) else text

    def quoted(text):
        # type: (Any) -> str
        """The same in quotes."""
        return repr(text).lstrip("u")

    class TimeoutBase(Exception):
        """Stands in for the built-in ``TimeoutError``, which 2.7 lacks."""

    def iterbytes(data):
        # type: (bytes) -> bytearray
        """The integers of ``data``."""
        return bytearray(data)

    def reraise(error):
        # type: (BaseException) -> None
        """Raise ``error`` (2.7 keeps no traceback on the exception)."""
        raise error
else:
    text_type = str
    integer_types = (int,)
    string_types = (str,)
    SURROGATES = "surrogatepass"
    lazy_map = map
    TimeoutBase = TimeoutError
    quoted = repr

    def shown(text):
        # type: (str) -> str
        """``text`` for the message of an error or a repr."""
        return text

    def iterbytes(data):
        # type: (bytes) -> bytes
        """The integers of ``data``."""
        return data

    def reraise(error):
        # type: (BaseException) -> None
        """Raise ``error`` without chaining it to whatever is being handled."""
        error.__cause__ = None
        error.__suppress_context__ = True
        raise error

#: Whether forked children are told so; where not (2.7, 3.6), a process has to look for itself.
TELLS_OF_FORKS = hasattr(os, "register_at_fork")

try:
    monotonic = time.monotonic
except AttributeError:  # 2.7 has none; the liveness rules treat a jump of this clock as lateness of their own.
    monotonic = time.time

try:
    from _thread import allocate_lock, error as ThreadError, get_ident, start_new_thread
except ImportError:
    from thread import (  # type: ignore[import-not-found,no-redef]  # noqa: F401
        allocate_lock, error as ThreadError, get_ident, start_new_thread)

try:
    import _signal as signal_module  # type: ignore[import-not-found]  # the module behind ``signal``, without the cost of its enums
except ImportError:
    import signal as signal_module  # type: ignore[no-redef]

#: Has Python tell of signals by a descriptor; None where it cannot. On Windows that is a socket, which 2.7 does not write to.
set_wakeup_fd = None if PY2 and os.name != "posix" else getattr(signal_module, "set_wakeup_fd", None)  # type: Any


def main_thread_ident():
    # type: () -> int
    """The identity of the main thread, the one that signal handlers run in."""
    import threading
    if hasattr(threading, "main_thread"):
        return threading.main_thread().ident or get_ident()
    for thread in threading.enumerate():
        if type(thread).__name__ == "_MainThread":
            return thread.ident or get_ident()
    return get_ident()
