"""Source lines in tracebacks of code that has no file.

Python 3.13 shows them for ``-c`` and for its prompt, and loads ``linecache`` for that in every such process; older ones show
none, and so do we. How the lines are kept changed within 3.13: first by a file name that is unique for each input (shown as
``<stdin>``), then by the code object.
"""
from __future__ import absolute_import, division, print_function

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: What plain Python calls the code that is typed at its prompt.
PROMPT = "<stdin>"


def is_by_name():
    # type: () -> bool
    """Whether the lines of a cell are kept under a file name that is its own."""
    linecache = _linecache()
    return linecache is not None and not hasattr(linecache, "_interactive_cache")


def cell_name(number):
    # type: (int) -> str
    """The file name of the cell with that number, from 0, when the frontend gave none and it could be parsed."""
    return "%s-%d" % (PROMPT, number) if is_by_name() else PROMPT


def announce(name, source):
    # type: (str, Any) -> None
    """Before code is compiled: errors of the compiler show lines, too, where they are kept by name."""
    if is_by_name():
        _linecache()._register_code(name, source, name)


def complete(error, source):
    # type: (Any, Any) -> None
    """Give an error of the compiler its line, where plain Python would: from a tree alone it cannot know it."""
    if _linecache() is not None and error.text is None and error.lineno:
        error.text = source.splitlines(True)[error.lineno - 1]


def show(code, source):
    # type: (Any, Any) -> None
    """Give tracebacks the lines of ``code``."""
    linecache = _linecache()
    if linecache is not None:
        name = code.co_filename
        linecache._register_code(name if is_by_name() else code, source, name)


def forget_boot():
    # type: () -> None
    """Let nobody see the text that this process was started with."""
    linecache = _linecache()
    if linecache is not None:
        linecache.cache.clear()
        getattr(linecache, "_interactive_cache", {}).clear()


def forget_linecache():
    # type: () -> None
    """A process that runs a file has not loaded ``linecache``; ours has, because it was started with ``-c``.

    It was looked for in the current directory first, which the import system remembers.
    """
    if _linecache() is not None:
        del sys.modules["linecache"]
        sys.path_importer_cache.pop(os.getcwd(), None)


def _linecache():
    # type: () -> Any
    module = sys.modules.get("linecache")
    return module if hasattr(module, "_register_code") else None
