"""A cell: code that runs in ``__main__`` as if it were typed at the prompt, except that it may hold several statements."""
from __future__ import absolute_import, division, print_function

import sys

from .._compat import STR_IS_BYTES, text_type
from . import sources

try:
    import builtins
except ImportError:
    import __builtin__ as builtins  # type: ignore[import-not-found,no-redef]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

_ONLY_AST = 0x400  # ast.PyCF_ONLY_AST, without the module


class Cells(object):
    """Compiles cells; remembers their ``from __future__ import`` as the interactive interpreter does."""

    def __init__(self):
        # type: () -> None
        self._flags = 0
        self._count = 0  # cells without a name that could be parsed

    def compile(self, source, filename, line):
        # type: (Any, Any, int) -> Any
        """The code object of a cell, in which every expression statement shows its value.

        Args:
            source (text): what to compile.
            filename (text): what tracebacks call it, or None.
            line: the number of its first line.

        Raises:
            SyntaxError: and what else ``compile`` raises, with no entry of the user's in the traceback.
        """
        if not source.endswith(u"\n"):
            source += u"\n"
        source = u"\n" * (line - 1) + source
        if STR_IS_BYTES and source.lstrip().startswith(u"#") and u"coding" in source:
            source = source.encode("utf-8")  # 2.7 refuses a coding comment in unicode
        name = _native(filename) if filename else sources.PROMPT
        is_one_line = "\n" not in source.strip() and source.strip()[:1] not in ("", "#")
        if is_one_line and (filename or not sources.is_by_name()):
            code = compile(source, name, "single", self._flags, True)  # far cheaper, and 2 ms the first time
        else:
            code = self._compile_tree(source, name, bool(filename))
        if "__future__" in source:
            self._flags |= _future_flags(code)
        sources.show(code, source)
        return code

    def _compile_tree(self, source, name, is_named):
        # type: (Any, str, bool) -> Any
        tree = compile(source, name, "exec", _ONLY_AST | self._flags, True)
        if not is_named:
            name = sources.cell_name(self._count)
            self._count += 1
        sources.announce(name, source)
        try:
            return compile(_interactive(tree), name, "single", self._flags, True)
        except SyntaxError as error:
            sources.complete(error, source)
            raise


class Display(object):
    """``sys.displayhook`` of cells: the same output and ``_`` as Python's own, from a single call of ``repr``.

    Attributes:
        value (text): what the last expression statement of this execution showed, or None.
    """

    def __init__(self):
        # type: () -> None
        self.value = None  # type: Optional[Any]
        self._is_installed = False

    def install(self):
        # type: () -> None
        """Become ``sys.displayhook``, once: the user may put another in its place. Prompts show that this is interactive."""
        if self._is_installed:
            return
        self._is_installed = True
        def displayhook(value):
            # type: (Any) -> None
            """Print an object to sys.stdout and also save it in builtins._"""
            if value is not None:
                self._show(value)
        sys.displayhook = displayhook
        sys.ps1, sys.ps2 = ">>> ", "... "  # type: ignore[attr-defined]

    def _show(self, value):
        # type: (Any) -> None
        builtins._ = None  # type: ignore[attr-defined]
        text = repr(value)
        stream = getattr(sys, "stdout", None)
        if stream is None:
            raise RuntimeError("lost sys.stdout")
        try:
            stream.write(text)
        except UnicodeEncodeError:
            encoded = text.encode(stream.encoding, "backslashreplace")
            if hasattr(stream, "buffer"):
                stream.buffer.write(encoded)
            else:
                stream.write(encoded.decode(stream.encoding, "strict"))
        if STR_IS_BYTES:
            stream.softspace = 0
        stream.write("\n")
        self.value = text.decode("utf-8", "replace") if isinstance(text, bytes) else text_type(text)
        builtins._ = value  # type: ignore[attr-defined]


def _native(filename):
    # type: (Any) -> str
    return filename.encode(sys.getfilesystemencoding() or "utf-8") if STR_IS_BYTES else str(filename)


def _interactive(tree):
    # type: (Any) -> Any
    """The same statements as if each were typed at the prompt."""
    was_loaded = "_ast" in sys.modules
    import _ast
    if not was_loaded:
        del sys.modules["_ast"]
    return _ast.Interactive(tree.body)  # type: ignore[call-arg]


def _future_flags(code):
    # type: (Any) -> int
    """Which flags of ``code`` come from ``__future__``, which its own import loads in a moment."""
    import __future__ as future
    flags = 0
    for name in future.all_feature_names:
        flags |= getattr(future, name).compiler_flag
    return flags & code.co_flags
