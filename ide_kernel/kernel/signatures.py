"""The signature of a callable as text, from what the object itself holds. Imports nothing, as ``introspection``."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional

_VARARGS, _VARKEYWORDS = 0x04, 0x08  # flags of code objects
_DEPTH = 10  # wrappers around wrappers; a cycle ends here


def signature_of(value, skip=0, depth=_DEPTH):
    # type: (Any, int, int) -> Optional[str]
    """Parameters in parentheses, such as ``"(a, b=1, *, c)"``; None when the object does not tell.

    Args:
        value: any callable.
        skip: how many leading parameters are bound already.
        depth: how many wrappers to look through.
    """
    if not depth:
        return None
    wrapped = getattr(value, "__wrapped__", None)
    if wrapped is not None:
        return signature_of(wrapped, skip, depth - 1)
    bound = getattr(value, "__self__", None)
    function = getattr(value, "__func__", None)
    if function is not None:
        return signature_of(function, skip + (bound is not None), depth - 1)
    code = getattr(value, "__code__", None)
    if code is not None and hasattr(code, "co_varnames"):
        return _from_code(value, code, skip)
    if isinstance(value, type) or hasattr(value, "__bases__"):
        return _from_class(value, depth)
    text = getattr(value, "__text_signature__", None)
    if text:
        return _from_text(text, bound is not None)
    call = type(value).__call__
    if code is None and hasattr(call, "__code__"):
        return signature_of(call, skip + 1, depth - 1)
    return _from_doc(value)


def _from_class(value, depth):
    # type: (Any, int) -> Optional[str]
    for name in ("__init__", "__new__"):
        method = getattr(value, name, None)
        if hasattr(method, "__code__") or hasattr(getattr(method, "__func__", None), "__code__"):
            return signature_of(getattr(method, "__func__", method), 1, depth - 1)
    text = getattr(value, "__text_signature__", None)
    return _from_text(text, False) if text else _from_doc(value)


def _from_code(function, code, skip):
    # type: (Any, Any, int) -> str
    names = code.co_varnames
    count = code.co_argcount
    only_keywords = getattr(code, "co_kwonlyargcount", 0)
    only_positions = getattr(code, "co_posonlyargcount", 0)
    defaults = function.__defaults__ or ()
    notes = getattr(function, "__annotations__", None) or {}
    shown = []  # type: List[str]
    for index in range(count):
        missing = index - (count - len(defaults))
        shown.append(_parameter(names[index], notes, [defaults[missing]] if missing >= 0 else []))
        if index + 1 == only_positions:
            shown.append("/")
    del shown[:skip]
    position = count + only_keywords
    if code.co_flags & _VARARGS:
        shown.append("*" + _parameter(names[position], notes, []))
        position += 1
    elif only_keywords:
        shown.append("*")
    keyword_defaults = getattr(function, "__kwdefaults__", None) or {}
    for name in names[count:count + only_keywords]:
        shown.append(_parameter(name, notes, [keyword_defaults[name]] if name in keyword_defaults else []))
    if code.co_flags & _VARKEYWORDS:
        shown.append("**" + _parameter(names[position], notes, []))
    result = "(%s)" % ", ".join(shown)
    return result + " -> " + _annotation(notes["return"]) if "return" in notes else result


def _parameter(name, notes, default):
    # type: (str, Any, List[Any]) -> str
    text = name
    if name in notes:
        text += ": " + _annotation(notes[name])
    if default:
        text += (" = %s" if name in notes else "=%s") % _short(default[0])
    return text


def _annotation(note):
    # type: (Any) -> str
    if isinstance(note, type):
        return note.__name__
    return note if isinstance(note, str) else _short(note)


def _short(value):
    # type: (Any) -> str
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _from_text(text, is_bound):
    # type: (str, bool) -> str
    """``($self, a, /)`` as C functions give it, without what the user cannot pass."""
    parts = [part.strip() for part in text.strip("()").split(",")] if text.strip("()") else []
    if parts and parts[0].startswith("$"):
        if is_bound or parts[0] in ("$module", "$type"):
            parts = parts[1:]
            if parts and parts[0] == "/":
                parts = parts[1:]
        else:
            parts[0] = parts[0][1:]
    return "(%s)" % ", ".join(parts)


def _from_doc(value):
    # type: (Any) -> Optional[str]
    """The first line of the documentation, where C functions without a signature describe the call."""
    line = (getattr(value, "__doc__", None) or "").strip().split("\n")[0]
    begin = line.find("(")
    end = line.rfind(")")
    if begin > 0 and end > begin and line[:begin].replace(".", "").replace("_", "").isalnum():
        return line[begin:end + 1]
    return None
