"""The stacks of other threads, each read in one go.

A thread that runs between two looks at its stack has left the frames of the first look, and a frame that was left does not
say who called it; PyPy even raises SystemError then, with a report of its own on fd 2. Threads are switched between two
instructions of ours, so a stack is read within a single one: a list that is extended by what is read of its own elements.
"""
from __future__ import absolute_import, division, print_function

import sys
from itertools import chain, islice, repeat, starmap

from .._compat import lazy_map, lazy_zip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Tuple


def stack(thread):
    # type: (int) -> List[Tuple[Any, int]]
    """The frames of a thread, innermost first, each with the line at which it is; empty when there is no such thread."""
    read = [None]  # type: List[Any]  # then frame and line by turns, and None after the outermost
    innermost = lazy_map(dict.__getitem__, starmap(sys._current_frames, [()]), repeat(thread))
    lines = lazy_map(getattr, islice(read, 1, None, 2), repeat("f_lineno"))
    callers = lazy_map(getattr, islice(read, 1, None, 2), repeat("f_back"))
    try:
        read.extend(chain(innermost, chain.from_iterable(lazy_zip(lines, callers))))
    except (KeyError, AttributeError):  # no such thread; the end of the stack: None has no line
        pass
    return [(frame, line or 0) for frame, line in zip(read[1:-1:2], read[2:-1:2])]
