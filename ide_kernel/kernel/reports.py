"""Tracebacks as Python itself prints them, without a frame of ours.

The text is made by ``sys.__excepthook__``, whatever the version makes of it; all we do is to take our own entries out of the
traceback first. They stand at its beginning (the frame that calls the user's code), and, when Ctrl-C strikes in a read of
``sys.stdin`` or a ``repr`` fails, at its end or in the middle.
"""
from __future__ import absolute_import, division, print_function

import os
import sys

from .._compat import HAS_LAST_EXC, get_ident, text_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Set

#: All our code objects are called after files in here.
_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class Reporter(object):
    """Shows exceptions of user code and describes them for the frontends.

    Args:
        boot_frame: the frame of the boot code, which has no file of ours.
    """

    def __init__(self, boot_frame):
        # type: (Any) -> None
        self._boot_code = boot_frame.f_code
        self._home = sys.excepthook

    def show(self, kind, value, trace):
        # type: (Any, Any, Any) -> Dict[str, Any]
        """Do what Python does with an exception that nobody caught; return its description for the wire."""
        trace = self.clean(value, trace)
        sys.last_type, sys.last_value, sys.last_traceback = kind, value, trace
        if HAS_LAST_EXC:
            sys.last_exc = value  # type: ignore[attr-defined]
        hook = getattr(sys, "excepthook", None)
        text = self.render(kind, value, trace)
        if hook is self._home:
            _write(text)
        elif hook is None:
            _write("sys.excepthook is missing\n")
            _write(text)
        else:
            self._call_hook(hook, kind, value, trace, text)
        return describe(kind, value, text)

    def minimal(self, kind, value):
        # type: (Any, Any) -> Dict[str, Any]
        """A description for when showing the exception fails."""
        return describe(kind, None, "%s\n" % getattr(kind, "__name__", kind))

    def _call_hook(self, hook, kind, value, trace, text):
        # type: (Any, Any, Any, Any, Any) -> None
        try:
            hook(kind, value, trace)
        except SystemExit:
            raise
        except:  # noqa: E722  (2.7: a class of the old style is no BaseException)
            error = sys.exc_info()
            _write("Error in sys.excepthook:\n")
            _write(self.render(error[0], error[1], self.clean(error[1], error[2])))
            _write("\nOriginal exception was:\n")
            _write(text)

    def render(self, kind, value, trace):
        # type: (Any, Any, Any) -> Any
        """The text that the interpreter prints for an exception; ``trace`` is clean already."""
        real = getattr(sys, "stderr", None)
        recorder = _Recorder(real)
        sys.stderr = recorder  # type: ignore[assignment]
        try:
            if self._has_ours(trace):
                _print_without_ours(self, kind, value, trace, recorder)
            else:
                self._home(kind, value, trace)
        finally:
            sys.stderr = real  # type: ignore[assignment]
        return recorder.text()

    def recover(self):
        # type: () -> None
        """Where nothing can interrupt us: undo what an interrupted ``render`` has left."""
        stream = getattr(sys, "stderr", None)
        if isinstance(stream, _Recorder):
            sys.stderr = stream.real

    def clean(self, value, trace, seen=None):
        # type: (Any, Any, Optional[Set[int]]) -> Any
        """Take our entries out of a traceback and of all that are chained to it.

        Returns:
            the traceback without ours; on 2.7 and 3.6, where tracebacks cannot be changed, only without those at its beginning.
        """
        seen = set() if seen is None else seen
        if id(value) in seen:
            return trace
        seen.add(id(value))
        trace = self._clean_chain(trace)
        if hasattr(value, "with_traceback"):
            if value.__traceback__ is not trace:
                value.__traceback__ = trace
            chained = [value.__cause__, value.__context__]
            chained.extend(getattr(value, "exceptions", None) or () if "Group" in type(value).__name__ else ())
            for other in chained:
                if isinstance(other, BaseException):
                    self.clean(other, other.__traceback__, seen)
        return trace

    def _clean_chain(self, trace):
        # type: (Any) -> Any
        while trace is not None and self.is_ours(trace):
            trace = trace.tb_next
        entry = trace
        while entry is not None:
            following = entry.tb_next
            while following is not None and self.is_ours(following):
                following = following.tb_next
            if following is not entry.tb_next:
                try:
                    entry.tb_next = following
                except (AttributeError, TypeError):  # read-only before 3.7
                    break
            entry = following
        return trace

    def is_ours(self, entry):
        # type: (Any) -> bool
        """Whether a traceback entry (or any object with ``tb_frame``) belongs to us."""
        code = entry.tb_frame.f_code
        return code is self._boot_code or code.co_filename.startswith(_HERE)

    def _has_ours(self, trace):
        # type: (Any) -> bool
        while trace is not None:
            if self.is_ours(trace):
                return True
            trace = trace.tb_next
        return False


class _Recorder(object):
    """Stands in for ``sys.stderr`` while this thread writes a traceback; other threads' text goes where it belongs."""

    def __init__(self, real):
        # type: (Any) -> None
        self.real = real
        self._thread = get_ident()
        self._parts = []  # type: ignore[var-annotated]

    def write(self, text):
        # type: (Any) -> Any
        if get_ident() == self._thread:
            self._parts.append(text)
            return len(text)
        return self.real.write(text) if self.real is not None else None

    def flush(self):
        # type: () -> None
        return None

    def text(self):
        # type: () -> Any
        """What was recorded; on 2.7 bytes, if any of it was."""
        return type(self._parts[0])().join(self._parts) if self._parts else ""

    def __getattr__(self, name):
        # type: (str) -> Any
        return getattr(self.real, name)


def describe(kind, value, text):
    # type: (Any, Any, Any) -> Dict[str, Any]
    """An exception as the wire carries it: the name of its class, its message, and the traceback's text."""
    try:
        message = str(value)
    except Exception:  # the user's own __str__; Python prints the same words
        message = "<exception str() failed>"
    return {"type": _as_text(getattr(kind, "__name__", kind)), "message": _as_text(message), "traceback": _as_text(text)}


def _as_text(value):
    # type: (Any) -> Any
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else text_type(value)


def _write(text):
    # type: (Any) -> None
    stream = getattr(sys, "stderr", None)
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except Exception:  # the user's own object; the interpreter ignores it, too
        return


def _print_without_ours(reporter, kind, value, trace, stream):
    # type: (Reporter, Any, Any, Any, Any) -> None
    """2.7 and 3.6 cannot take an entry out of a traceback; their ``traceback`` module prints the same text from a list."""
    import traceback
    entries = []  # type: List[Any]
    while trace is not None:
        if not reporter.is_ours(trace):
            entries.extend(traceback.extract_tb(trace, 1))
        trace = trace.tb_next
    stream.write("Traceback (most recent call last):\n")
    for line in traceback.format_list(entries) + traceback.format_exception_only(kind, value):
        stream.write(line)
