"""Answers about the user's objects: completion, signatures, documentation, and whether an input is complete.

Written without the standard library: what this module imported would show up among the user's modules, or be the user's
own ``inspect.py``. ``from __future__ import``, which all other modules begin with, would do so, too. It stands alone because
it is loaded past ``sys.modules``, when somebody first asks. Asking an object for an attribute can run the user's code, so all
of this belongs in a thread of its own.
"""
import os
import sys

try:
    import builtins
except ImportError:
    import __builtin__ as builtins  # type: ignore[import-not-found,no-redef]

STR_IS_BYTES = str is bytes
text_type = type(u"")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, List, Tuple

_KEYWORDS = (
    "and as assert break class continue def del elif else except finally for from global if import in is lambda not or pass "
    "raise return try while with yield").split() + (
    ["exec", "print"] if STR_IS_BYTES else ["False", "None", "True", "async", "await", "nonlocal"])
_MODULE_ENDINGS = (".py", ".pyc", ".so", ".pyd")
#: More names than anybody reads, from an object with a ``__dir__`` gone wild.
_MAX_MATCHES = 10000

# Flags of compile(), with which the codeop module finds out whether more input is to come.
_DONT_IMPLY_DEDENT = 0x200
_ALLOW_INCOMPLETE = 0x4000


class Introspection(object):
    """Answers questions about the namespace of ``__main__``.

    Args:
        namespace: its dictionary.
        signature_of: see ``signatures``.
    """

    def __init__(self, namespace, signature_of):
        # type: (Dict[str, Any], Callable[[Any], Any]) -> None
        self._namespace = namespace
        self._signature_of = signature_of

    def answer(self, what, code, cursor):
        # type: (Any, Any, int) -> Dict[str, Any]
        """The result of one request.

        Raises:
            ValueError: no such question.
        """
        method = {u"complete": self.complete, u"inspect": self.inspect, u"signature": self.signature,
                  u"is_complete": self.is_complete}.get(what)
        if method is None:
            raise ValueError("unknown question: %s" % what)
        return method(code, cursor)

    def complete(self, code, cursor):
        # type: (Any, int) -> Dict[str, Any]
        """Names that continue the text before the cursor."""
        before = code[:cursor]
        start = _start_of_dotted(before)
        dotted = before[start:]
        line = before[before.rfind(u"\n") + 1:].lstrip()
        names = None
        if line.startswith((u"import ", u"from ")):
            names = _complete_import(line, dotted)
        if names is None:
            base, dot, _ = dotted.rpartition(u".")
            names = self._attributes(base) if dot else self._names()
        partial = dotted[dotted.rfind(u".") + 1:]
        matches = sorted(set(name for name in names if name.startswith(partial)), key=_order)
        if not partial or not partial.startswith(u"_"):
            public = [name for name in matches if not name.startswith(u"_")]
            matches = public if partial or public else matches
        return {"matches": matches[:_MAX_MATCHES], "start": cursor - len(partial), "end": cursor}

    def inspect(self, code, cursor):
        # type: (Any, int) -> Dict[str, Any]
        """What is known of the object at the cursor."""
        found, value = self._evaluate(_dotted_around(code, cursor))
        if not found:
            return {"found": False, "text": u""}
        lines = [u"type: " + _text(type(value).__name__)]
        shown = self._signature_text(value)
        if shown:
            lines.append(u"signature: " + shown)
        if not callable(value) and not isinstance(value, type(sys)):
            lines.append(u"value: " + _text(repr(value))[:1000])
        doc = _doc(value)
        if doc:
            lines += [u"", doc]
        return {"found": True, "text": u"\n".join(lines)}

    def signature(self, code, cursor):
        # type: (Any, int) -> Dict[str, Any]
        """The signature of the call that the cursor is in."""
        name = _called_at(code[:cursor]) or _dotted_around(code, cursor)
        found, value = self._evaluate(name)
        if not found or not callable(value):
            return {"found": False, "name": name, "signature": u"", "doc": u""}
        return {"found": True, "name": name, "signature": self._signature_text(value), "doc": _doc(value)}

    def is_complete(self, code, cursor):
        # type: (Any, int) -> Dict[str, Any]
        """Whether the code can run as it stands, and how the next line would be indented."""
        state = _completeness(code)
        return {"state": state, "indent": _next_indent(code) if state == u"incomplete" else u""}

    def _signature_text(self, value):
        # type: (Any) -> Any
        if not callable(value):
            return u""
        try:
            return _text(self._signature_of(value) or u"")
        except Exception:  # objects that only pretend; a signature is a courtesy
            return u""

    def _names(self):
        # type: () -> Iterable[Any]
        names = list(_KEYWORDS) + list(self._namespace) + dir(builtins)
        return [_text(name) for name in names if isinstance(name, (str, text_type))]

    def _attributes(self, base):
        # type: (Any) -> Iterable[Any]
        found, value = self._evaluate(base)
        if not found:
            return []
        names = set(dir(value))
        if isinstance(value, type):
            names.update(dir(type(value)))
        return [_text(name) for name in names if isinstance(name, (str, text_type))]

    def _evaluate(self, dotted):
        # type: (Any) -> Tuple[bool, Any]
        """The object that a dotted name stands for; names only, so nothing is called but attribute access."""
        parts = dotted.split(u".")
        try:
            names = [str(part) for part in parts]
        except UnicodeError:  # 2.7: no such name can exist
            return False, None
        if names[0] in self._namespace:
            value = self._namespace[names[0]]
        elif hasattr(builtins, names[0]):
            value = getattr(builtins, names[0])
        else:
            return False, None
        for name in names[1:]:
            try:
                value = getattr(value, name)
            except Exception:  # whatever the user's __getattr__ raises: there is nothing to show
                return False, None
        return True, value


def _completeness(code):
    # type: (Any) -> Any
    """The rule of the interactive interpreter: a block is complete when an empty line ends it."""
    if not code.strip():
        return u"complete"
    source = code.rstrip(u" \t")
    try:
        _compile(source + u"\n", 0)
        complete = True
    except SyntaxError:
        complete = False
    except (ValueError, OverflowError, MemoryError, RuntimeError):
        return u"invalid"
    if _goes_on(code):
        return u"incomplete"
    if complete:
        lines = source.split(u"\n")
        is_open = len(lines) > 1 or lines[0].rstrip().endswith(u":") or lines[0].startswith(u"@")
        last = lines[-1]
        return u"incomplete" if is_open and last[:1].isspace() and last.strip() else u"complete"
    errors = []
    for ending in (u"\n", u"\n\n"):
        try:
            _compile(source + ending, _DONT_IMPLY_DEDENT | _ALLOW_INCOMPLETE)
            return u"incomplete"
        except SyntaxError as error:
            if _says_incomplete(error):
                return u"incomplete"
            errors.append((error.msg, error.lineno, error.offset, error.text))
    if not _knows_incomplete() and errors[0] != errors[1]:
        return u"incomplete"
    return u"invalid"


def _goes_on(code):
    # type: (Any) -> bool
    """Whether a backslash at the end of the last line joins one to it that is not there yet. In a comment it does not: then a
    definition may follow, which nothing can be joined with."""
    if not code.endswith((u"\\", u"\\\n")):
        return False
    try:
        _compile(code.rstrip(u"\n") + u"\ndef f(): pass\n", 0)
    except SyntaxError:
        return True
    return False


def _says_incomplete(error):
    # type: (SyntaxError) -> bool
    """Whether the error itself tells: CPython since 3.11 by type and words, PyPy by what was left open."""
    if "IncompleteInput" in type(error).__name__:
        return True
    return any(words in str(error.msg) for words in ("incomplete input", "parenthesis is never closed", "end of file (EOF)"))


def _compile(source, flags):
    # type: (Any, int) -> None
    known = flags if _knows_incomplete() else flags & ~_ALLOW_INCOMPLETE
    hooks = _quiet_warnings()
    try:
        compile(source, "<input>", "exec", known, True)
    finally:
        hooks()


def _quiet_warnings():
    # type: () -> Any
    """A half-typed line is not worth a SyntaxWarning; the filter is the process's own, so it goes again at once."""
    warnings = sys.modules.get("warnings")
    if warnings is None:
        return lambda: None
    entry = ("ignore", None, SyntaxWarning, None, 0)
    filters = warnings.filters  # type: ignore[attr-defined]
    filters.insert(0, entry)

    def restore():
        # type: () -> None
        if entry in filters:
            filters.remove(entry)
    return restore


def _knows_incomplete():
    # type: () -> bool
    if not _KNOWN:
        try:
            compile("(", "<input>", "exec", _ALLOW_INCOMPLETE | _DONT_IMPLY_DEDENT, True)
        except ValueError:  # no such flag
            _KNOWN.append(False)
        except SyntaxError as error:
            _KNOWN.append("incomplete" in str(error) or "Incomplete" in type(error).__name__)
    return _KNOWN[0]


_KNOWN = []  # type: List[bool]  # the answer of _knows_incomplete, once asked


def _next_indent(code):
    # type: (Any) -> Any
    line = code.rstrip(u"\n").rpartition(u"\n")[2]
    indent = line[:len(line) - len(line.lstrip())]
    words = line.split(u"#")[0].rstrip()
    if words.endswith(u":"):
        return indent + u"    "
    if words.split()[:1] and words.split()[0] in (u"return", u"pass", u"break", u"continue", u"raise"):
        return indent[:-4] if indent.endswith(u"    ") else indent
    return indent


def _complete_import(line, dotted):
    # type: (Any, Any) -> Any
    """Module names after ``import`` and ``from``, names of the module after ``from x import``; None elsewhere."""
    words = line.split()
    if words[0] == u"from" and u"import" in words[2:]:
        module = sys.modules.get(str(words[1]))
        found = [_text(name) for name in dir(module)] if module is not None else []
        return found + _modules_in(_package_path(words[1]))
    package = dotted.rpartition(u".")[0]
    if package:
        return _modules_in(_package_path(package))
    return [_text(name) for name in sys.builtin_module_names] + [
        _text(name) for name in getattr(sys, "stdlib_module_names", ())] + _modules_in(sys.path)


def _package_path(name):
    # type: (Any) -> List[Any]
    """The directories of a package, found without importing it."""
    module = sys.modules.get(str(name))
    if module is not None:
        return list(getattr(module, "__path__", ()))
    parts = name.split(u".")
    return [os.path.join(entry or ".", *parts) for entry in sys.path if isinstance(entry, (str, text_type))]


def _modules_in(path):
    # type: (Iterable[Any]) -> List[Any]
    names = []
    for entry in path:
        try:
            files = os.listdir(entry or ".")
        except (EnvironmentError, TypeError):
            continue
        for name in files:
            stem, dot, ending = name.partition(".")
            is_module = any(("." + ending).endswith(known) for known in _MODULE_ENDINGS) if dot else (
                os.path.isdir(os.path.join(entry or ".", name)))
            if is_module and stem.isidentifier() if not STR_IS_BYTES else is_module and stem.replace("_", "a").isalnum():
                names.append(_text(stem))
    return names


def _is_name(char):
    # type: (Any) -> bool
    return char.isalnum() or char == u"_"


def _start_of_dotted(text):
    # type: (Any) -> int
    start = len(text)
    while start and (_is_name(text[start - 1]) or text[start - 1] == u"."):
        start -= 1
    return start


def _dotted_around(code, cursor):
    # type: (Any, int) -> Any
    end = cursor
    while end < len(code) and _is_name(code[end]):
        end += 1
    if end == cursor and cursor and code[cursor - 1:cursor] == u"(":
        end = cursor - 1
    return code[_start_of_dotted(code[:end]):end].strip(u".")


def _called_at(before):
    # type: (Any) -> Any
    """The name before the parenthesis that is open at the end of ``before``; brackets in strings count like any other."""
    depth = 0
    for index in range(len(before) - 1, -1, -1):
        char = before[index]
        if char in u")]}":
            depth += 1
        elif char in u"([{":
            depth -= 1
            if depth < 0:
                if char != u"(":
                    depth = 0
                    continue
                head = before[:index].rstrip()
                return head[_start_of_dotted(head):].strip(u".")
    return u""


def _doc(value):
    # type: (Any) -> Any
    """The documentation with its common indent taken off, as ``inspect.getdoc`` shows it."""
    try:
        doc = value.__doc__
    except Exception:  # the user's __getattr__
        return u""
    if not isinstance(doc, (str, text_type)):
        return u""
    lines = _text(doc).expandtabs().split(u"\n")
    margins = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    margin = min(margins) if margins else 0
    return u"\n".join([lines[0].strip()] + [line[margin:].rstrip() for line in lines[1:]]).strip(u"\n")


def _order(name):
    # type: (Any) -> Tuple[bool, Any]
    return name.startswith(u"_"), name


def _text(value):
    # type: (Any) -> Any
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else text_type(value)
