"""The one place in this package that names a Python version or implementation.

Feature tests come before version tests; everything else in the package is written in the common subset of
CPython 2.7, CPython 3.6+ and PyPy.
"""
from __future__ import absolute_import, division, print_function

import os
import sys
import time

PY2 = sys.version_info[0] == 2

if PY2:
    text_type = unicode  # type: ignore[name-defined]  # noqa: F821
    integer_types = (int, long)  # type: ignore[name-defined]  # noqa: F821
    string_types = (str, unicode)  # type: ignore[name-defined]  # noqa: F821
    from itertools import imap as lazy_map, izip as lazy_zip  # type: ignore[attr-defined]
else:
    text_type = str
    integer_types = (int,)
    string_types = (str,)
    lazy_map, lazy_zip = map, zip

try:
    monotonic = time.monotonic
except AttributeError:  # 2.7 has none; a jump of this clock counts as lateness of our own.
    monotonic = time.time

try:
    processor_time = time.process_time
except AttributeError:  # 2.7
    processor_time = time.clock  # type: ignore[attr-defined]

try:
    from _thread import _count as count_threads, allocate_lock, get_ident, start_new_thread
except ImportError:
    from thread import (  # type: ignore[import-not-found,no-redef]  # noqa: F401
        _count as count_threads, allocate_lock, get_ident, start_new_thread)

try:
    from _thread import get_native_id
except ImportError:  # before 3.8
    get_native_id = None  # type: ignore[assignment]

if hasattr(os, "set_blocking"):
    def set_nonblocking(fd):
        # type: (int) -> None
        """Have reads and writes of a descriptor return at once."""
        os.set_blocking(fd, False)
else:
    def set_nonblocking(fd):
        # type: (int) -> None
        """Have reads and writes of a descriptor return at once."""
        import fcntl
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)

#: 2.7: texts are bytes, standard streams are files without text layers, and exceptions carry no traceback.
STR_IS_BYTES = str is bytes
#: 3.9 made ``__file__`` of a script, and its name in tracebacks, absolute.
ABSOLUTE_SCRIPTS = sys.version_info >= (3, 9)
#: What ``python -m`` puts at the head of ``sys.path``: the directory since 3.7; before, and on PyPy 2.7, an empty string (None).
MODULE_PATH = os.getcwd if sys.version_info >= (3, 7) else None
#: 3.12 keeps the last uncaught exception in ``sys.last_exc``, too, and warns when a process with threads forks.
HAS_LAST_EXC = FORK_WARNS = sys.version_info >= (3, 12)
#: ``faulthandler`` of CPython 3 reads the stacks of threads that hold still; PyPy's needs more, and without a GIL none do.
HAS_SAFE_DUMPS = not PY2 and not hasattr(sys, "pypy_version_info") and getattr(sys, "_is_gil_enabled", lambda: True)()
#: A thread that wants the GIL asks for it again and again. In 2.7 it sleeps until the GIL is given up, and may miss it.
ASKS_FOR_GIL = hasattr(sys, "setswitchinterval")
#: What a frontend shows.
VERSION_TEXT = u"%d.%d.%d" % sys.version_info[:3]
