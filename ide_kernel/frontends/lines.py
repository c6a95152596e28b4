"""Reads lines from a person at a terminal: with editing, history and completion where there is a readline."""
from __future__ import absolute_import, division, print_function

import errno
import os
import signal
import sys

from .._compat import text_type
from .standard import signal_pipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional

#: Lines kept between sessions: what fits in a few hundred kB.
HISTORY_LENGTH = 5000


def history_path():
    # type: () -> str
    """Where the history is kept: in the user's state directory."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(state, "ide-kernel", "history")


def line_editor():
    # type: () -> Any
    """The module ``readline``; None on Windows, and for a Python that was built without it."""
    try:
        import readline
    except ImportError:
        return None
    return readline


try:
    _read_line = raw_input  # type: ignore[name-defined]  # noqa: F821  # 2.7's input() evaluates what it reads
except NameError:
    _read_line = input


class ReadCancelled(Exception):
    """The line that was being read is no longer wanted."""


class LineReader(object):
    """The terminal's input side. All methods but `cancel` belong to the main thread.

    Args:
        complete: ``complete(line, cursor)`` gives (start, matches): what may stand instead of ``line[start:cursor]``.
        encoding: the terminal's.
        editor: the module that edits lines (see `line_editor`); None to leave that to the terminal.

    Attributes:
        signal_fd (int): readable while a Ctrl-C has come in a `read` and had no effect yet; if it stays so, `send_again` is
            called for.
        typed (str): what was in the line when the last `read` was ended by Ctrl-C.
    """

    def __init__(self, complete, encoding="utf-8", editor=None):
        # type: (Callable[[Any, int], Any], str, Any) -> None
        self._editor = editor
        self._complete = complete
        self._encoding = encoding
        self._matches = []  # type: List[Any]
        self._old = 0
        self._reading = False
        self._hooked = False  # whether the editor tells when it has drawn the prompt
        self.signal_fd, self._signal_write = signal_pipe()
        self._drawn = False  # whether the prompt of the `read` in progress is on the screen
        self._cancelled = False
        self.typed = u""

    @property
    def edits(self):
        # type: () -> bool
        """Whether there is a line editor."""
        return self._editor is not None

    @property
    def colours(self):
        # type: () -> bool
        """Whether the line editor takes ``\\001`` and ``\\002`` around what takes no room in the prompt (PyPy's own does not)."""
        return (getattr(self._editor, "__doc__", None) or "").startswith("Importing")

    def install(self):
        # type: () -> None
        """Take over Ctrl-C, the completion and the history."""
        signal.signal(signal.SIGINT, self._interrupted)
        if self._editor is None:
            return
        libedit = "libedit" in (self._editor.__doc__ or "")
        self._editor.set_completer(self._completion)
        # PyPy's own editor has it only for show, and libedit never calls it.
        self._hooked = self.colours and not libedit and hasattr(self._editor, "set_pre_input_hook")
        if self._hooked:
            self._editor.set_pre_input_hook(self._draws)
        if libedit:
            self._editor.parse_and_bind("bind ^I rl_complete")
        else:
            self._editor.parse_and_bind("tab: complete")
            self._editor.parse_and_bind("set enable-bracketed-paste on")  # a pasted text comes as one, with its blank lines
        self._editor.set_history_length(HISTORY_LENGTH)
        try:
            self._editor.read_history_file(history_path())
        except (EnvironmentError, ValueError):
            pass  # none yet, or not readable: begin with an empty one
        self._old = self._editor.get_current_history_length()

    def save(self):
        # type: () -> None
        """Keep the history for the next session; where it cannot be written, it is lost."""
        if self._editor is None:
            return
        path = history_path()
        new = self._editor.get_current_history_length() - self._old
        try:
            if not os.path.isdir(os.path.dirname(path)):
                os.makedirs(os.path.dirname(path), 0o700)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
            if hasattr(self._editor, "append_history_file"):  # keeps what another terminal wrote meanwhile
                self._editor.append_history_file(max(0, new), path)
            else:
                self._editor.write_history_file(path)
            os.chmod(path, 0o600)
        except EnvironmentError as error:
            sys.stderr.write("the history was not saved: %s\n" % error)

    def read(self, prompt, remember=True):
        # type: (Any, bool) -> Any
        """Read one line, without its newline. A pasted text may come with newlines inside.

        Args:
            prompt: what stands before it.
            remember: whether it belongs in the history.

        Raises:
            EOFError, KeyboardInterrupt: Ctrl-D, Ctrl-C.
            ReadCancelled: see `cancel`.
        """
        length = self._editor.get_current_history_length() if self._editor is not None else 0
        try:
            line = self._guarded(lambda: _read_line(self._native(prompt)))
        finally:
            if not remember and self._editor is not None:
                while self._editor.get_current_history_length() > length:
                    self._editor.remove_history_item(self._editor.get_current_history_length() - 1)
        return self._decode(line)

    def current(self):
        # type: () -> Any
        """From any thread: what is in the line now; None where no prompt is drawn, or nobody knows."""
        if not self._drawn or not self._reading:
            return None
        return self._decode(self._editor.get_line_buffer()) if self._editor is not None else u""

    def _draws(self):
        # type: () -> None
        """The editor calls this when it has drawn the prompt. It swallows what is raised here, so nothing is."""
        self._drawn = True

    def send_again(self):
        # type: () -> None
        """From any thread: send a Ctrl-C again that the line editor has missed.

        One that comes between the drawing of the prompt and the wait for a key has no effect until there is a key.
        """
        if self._reading:
            os.kill(os.getpid(), signal.SIGINT)

    def read_password(self):
        # type: () -> Any
        """Read one line that is not shown."""
        import getpass
        return self._decode(self._guarded(lambda: getpass.getpass("")))

    def cancel(self):
        # type: () -> None
        """From any thread: let the `read` in progress, or the next one before `settle`, raise `ReadCancelled`.

        What is entered at that moment is lost.
        """
        self._cancelled = True
        if self._reading:
            os.kill(os.getpid(), signal.SIGINT)

    def settle(self):
        # type: () -> None
        """Forget a `cancel` that came too late to matter."""
        self._cancelled = False

    def _guarded(self, read):
        # type: (Callable[[], Any]) -> Any
        self.typed = u""
        self._drawn = not self._hooked
        _drain(self.signal_fd)
        before = signal.set_wakeup_fd(self._signal_write)  # only for now: in a wait a handler may run before this is told
        self._reading = True
        try:
            if self._cancelled:
                raise ReadCancelled()
            return read()
        finally:
            self._reading = False
            signal.set_wakeup_fd(before)

    def _interrupted(self, number, frame):
        # type: (Any, Any) -> None
        if frame is not None and frame.f_code is LineReader._draws.__code__:
            return  # nothing may be raised there
        _drain(self.signal_fd)
        if self._reading and self._editor is not None:
            self.typed = self._decode(self._editor.get_line_buffer())
        if not self._cancelled:
            raise KeyboardInterrupt()
        if self._reading:
            raise ReadCancelled()

    def _native(self, text):
        # type: (Any) -> Any
        return text.encode(self._encoding, "replace") if str is bytes else text

    def _decode(self, line):
        # type: (Any) -> Any
        return line if isinstance(line, text_type) else line.decode(self._encoding, "replace")

    def _completion(self, text, index):
        # type: (Any, int) -> Optional[Any]
        """What the editor calls with 0, 1, 2, ... until it gets None."""
        if index == 0:
            line = self._editor.get_line_buffer()
            try:
                begin, end = self._editor.get_begidx(), self._editor.get_endidx()
            except NameError:  # some of PyPy's 3.9 use an xrange there that they do not have
                begin, end = len(line) - len(text), len(line)
            if not line[:end].strip():
                self._matches = [u"    "]  # nothing to complete: Tab indents
            else:
                before = self._decode(line[:begin])
                start, matches = self._complete(self._decode(line), len(self._decode(line[:end])))
                self._matches = list(fit(self._decode(line), len(before), start, matches))
        return self._native(self._matches[index]) if index < len(self._matches) else None


def _drain(fd):
    # type: (int) -> None
    try:
        while os.read(fd, 512):
            pass
    except EnvironmentError as error:
        if error.errno != errno.EAGAIN:
            raise


def fit(line, begin, start, matches):
    # type: (Any, int, int, Any) -> Any
    """Completions of ``line[start:]`` as completions of ``line[begin:]``: a line editor splits words by its own rules."""
    for match in matches:
        if start >= begin:
            yield line[begin:start] + match
        elif match.startswith(line[start:begin]):
            yield match[begin - start:]
