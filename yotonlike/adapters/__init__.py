"""A context's callbacks in the event loop that a program has anyway (3.8+).

``yotonlike.adapters.asyncio``, ``.qt`` and ``.tk`` are each loaded when first used, since a program has one of these at
most. Each has ``attach(context, ...)``, which runs ``context.process_events()`` whenever callbacks wait, in the loop's
thread, and returns a function that undoes it.
"""
from __future__ import absolute_import, division, print_function

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def __getattr__(name):
    # type: (str) -> Any
    if name not in ("asyncio", "qt", "tk"):
        raise AttributeError("module %r has no attribute %r" % (__name__, name))
    __import__(__name__ + "." + name)
    return sys.modules[__name__ + "." + name]
