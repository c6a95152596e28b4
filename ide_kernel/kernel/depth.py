"""How deep the user's code may recurse: as deep as without the frames of ours that are under it.

There is no way to hide a frame from the interpreter's count, but the limit can be raised by as much. ``sys.getrecursionlimit()``
then shows a few more than usual; in exchange, code that runs into the limit does so at the same depth, and the traceback says
the same number of repetitions.
"""
from __future__ import absolute_import, division, print_function

import sys

from .._compat import STR_IS_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

#: Executed by the frame under the user's code, as the user's code will be.
PROBE = compile("found.append(depth())", "<probe>", "exec", 0, True)
_IS_COUNTED = hasattr(sys, "getrefcount")  # by CPython; PyPy limits the bytes of the stack
_OLD_PYTHON = 2  # what 2.7 needs, which tells no count: it takes any limit, and then every other thread runs into that


def depth():
    # type: () -> Optional[int]
    """The interpreter's count of what is on the stack, which it tells only when one asks for too low a limit."""
    if not _IS_COUNTED or STR_IS_BYTES:
        return None
    try:
        sys.setrecursionlimit(1)
    except RuntimeError as error:  # RecursionError, where there is one
        words = str(error).replace(":", " ").split()
        return int(words[words.index("depth") + 1])
    return None


class Depth(object):
    """Raises the limit by what lies under the user's code.

    Args:
        bottom: what ``depth`` gives when it is called in the bottom frame of ``__main__``.
    """

    def __init__(self, bottom):
        # type: (Optional[int]) -> None
        self._bottom = bottom
        self._is_raised = not _IS_COUNTED
        self._found = []  # type: List[Optional[int]]

    def space(self):
        # type: () -> Dict[str, Any]
        """The namespace for ``PROBE``."""
        return {"found": self._found, "depth": depth}

    def allow(self, here, is_call):
        # type: (Optional[int], bool) -> None
        """Raise the limit, the first time; after the probe was executed.

        Args:
            here: what ``depth`` gives in the frame under the user's code.
            is_call: whether that frame calls a function instead of executing code.
        """
        if self._is_raised:
            return
        self._is_raised = True
        if self._bottom is None or here is None:
            extra = _OLD_PYTHON
        elif is_call:
            extra = here - self._bottom + 1  # plain Python calls such a function where we call it, but from no frame
        else:
            extra = (self._found[0] or here) - self._bottom
        sys.setrecursionlimit(sys.getrecursionlimit() + extra)
