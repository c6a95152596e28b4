"""The contexts of this process: closed when the interpreter ends, forgotten in a forked child."""
from __future__ import absolute_import, division, print_function

import atexit
import os
import sys
import weakref

from ._compat import TELLS_OF_FORKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Seconds that an interpreter which ends waits for messages to leave.
EXIT_PATIENCE = 1.0

contexts = weakref.WeakSet()  # type: Any


def close_all():
    # type: () -> None
    """What was sent before the interpreter ends should leave, even if nobody closed the context."""
    for context in list(contexts):
        try:
            context.close(EXIT_PATIENCE)
        except Exception:  # the others have something to send as well
            sys.excepthook(*sys.exc_info())


def _after_fork():
    # type: () -> None
    for context in list(contexts):
        context.forget()
    contexts.clear()


atexit.register(close_all)
if TELLS_OF_FORKS:
    os.register_at_fork(after_in_child=_after_fork)
