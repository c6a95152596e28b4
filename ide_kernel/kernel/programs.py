"""Scripts, commands and modules: what ``python FILE``, ``python -c`` and ``python -m`` do before the user's code runs."""
from __future__ import absolute_import, division, print_function

import marshal
import os
import sys

from .._compat import ABSOLUTE_SCRIPTS, MODULE_PATH, STR_IS_BYTES, text_type
from ..vocabulary import COMMAND, SCRIPT
from . import sources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Tuple

#: What a ``.pyc`` of 2.7 starts with before its code: magic number and time. Python 3 has loaders for it.
_PYC_HEADER = 8
_NO_INPUT = 2  # exit status when there is nothing to run


class Program(object):
    """One program to run in ``__main__``.

    Args:
        mode: SCRIPT, COMMAND or MODULE.
        code (text): the command, or the name of the module.
        filename (text): the path of the script, or None.
        argv: the program's own arguments.
        namespace: the dictionary of ``__main__``.
        has_first: whether this interpreter puts the program's place at the head of ``sys.path`` (not with ``-P`` or ``-I``).
    """

    def __init__(self, mode, code, filename, argv, namespace, has_first):
        # type: (Any, Any, Any, List[Any], Dict[str, Any], bool) -> None
        self._mode = mode
        self._code = code
        self._filename = _native(filename or u"")
        self._argv = [_native(argument) for argument in argv]
        self._namespace = namespace
        self._has_first = has_first

    def load(self):
        # type: () -> Any
        """Set up ``sys.argv``, ``sys.path`` and ``__main__``.

        Returns:
            a code object to execute, or a function to call and its arguments.

        Raises:
            SyntaxError: as plain Python would.
            SystemExit: there is no such file.
        """
        if self._mode == COMMAND:
            return self._load_command()
        sources.forget_linecache()
        if self._mode == SCRIPT:
            return self._load_script()
        return self._load_module()

    def _load_command(self):
        # type: () -> Any
        self._set_argv("-c", ["-c", _native(self._code)])
        source = self._code + u"\n"  # as the interpreter adds it
        code = compile(source.encode("utf-8") if STR_IS_BYTES and u"coding" in source else source, "<string>", "exec", 0, True)
        sources.show(code, source)
        return code

    def _load_module(self):
        # type: () -> Tuple[Any, ...]
        name = _native(self._code)
        self._set_argv("-m", ["-m", name])
        if MODULE_PATH is not None:
            self._set_first(MODULE_PATH())
        import runpy
        return runpy._run_module_as_main, name, True  # type: ignore[attr-defined]  # what the interpreter itself calls

    def _load_script(self):
        # type: () -> Any
        name = self._filename
        self._set_argv(name, [name])
        shown = os.path.abspath(name) if ABSOLUTE_SCRIPTS else name
        if _is_importable(shown):
            sys.path.insert(0, shown)
            if self._has_first:
                del sys.path[1]
            import runpy
            return runpy._run_module_as_main, "__main__", False  # type: ignore[attr-defined]
        try:
            with open(name, "rb") as stream:
                data = stream.read()
        except EnvironmentError as error:
            sys.stderr.write("%s: can't open file %r: [Errno %d] %s\n"
                             % (sys.executable, shown, error.errno or 0, error.strerror))
            raise SystemExit(_NO_INPUT)
        self._set_first(os.path.dirname(os.path.realpath(name)))
        self._namespace["__file__"] = shown
        if not STR_IS_BYTES:
            return self._prepare_file(shown, data)
        return marshal.loads(data[_PYC_HEADER:]) if name.endswith(".pyc") else compile(data, name, "exec", 0, True)

    def _prepare_file(self, name, data):
        # type: (str, bytes) -> Any
        """Python 3: fill ``__main__`` as the interpreter does for a file, and compile it."""
        is_compiled = name.endswith(".pyc")
        machinery = sys.modules["_frozen_importlib_external"]
        loader = (machinery.SourcelessFileLoader if is_compiled else machinery.SourceFileLoader)("__main__", name)
        self._namespace["__cached__"] = None
        self._namespace["__loader__"] = loader
        return loader.get_code("__main__") if is_compiled else compile(data, name, "exec", 0, True)

    def _set_first(self, path):
        # type: (str) -> None
        if self._has_first:
            sys.path[:1] = [path]

    def _set_argv(self, name, arguments):
        # type: (str, List[str]) -> None
        sys.argv[:] = [name] + self._argv
        if hasattr(sys, "orig_argv"):
            sys.orig_argv[1:] = arguments + self._argv


def _is_importable(name):
    # type: (str) -> bool
    """Whether ``name`` is a directory or an archive with a ``__main__`` in it, rather than a file of code.

    The interpreter asks the import system, and leaves the answer in its cache; so do we.
    """
    if STR_IS_BYTES and os.path.isdir(name):
        return True
    finder = None
    for hook in sys.path_hooks:
        try:
            finder = hook(name)
            break
        except ImportError:
            continue
    sys.path_importer_cache[name] = finder
    return finder is not None


def _native(text):
    # type: (Any) -> Any
    """A path, name or argument as this Python's ``sys.argv`` holds it."""
    if STR_IS_BYTES:
        return text.encode(sys.getfilesystemencoding() or "utf-8") if isinstance(text, text_type) else text
    return str(text)
