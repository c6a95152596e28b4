"""What a terminal shows: the kernel's output, notices, and the prompt that these must not tear.

Output may come while the user is typing at the prompt, in another thread. The prompt is erased then, the output is written in its
place, and the prompt is written again below, with what was typed so far. The line editor is not asked: it finds everything as it
left it, only further down. (To have it step aside, with an exception, was tried: it can cost the line that was being entered at
that very moment.)
"""
from __future__ import absolute_import, division, print_function

import fcntl
import os
import struct
import termios
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional


def write_all(fd, data):
    # type: (int, bytes) -> None
    """Write everything to a blocking descriptor, however short its writes are."""
    while data:
        data = data[os.write(fd, data):]


class Screen(object):
    """A terminal's output side.

    ``_lock`` guards all fields and keeps the writes of several threads whole.

    Args:
        fd: where to write; errors of the kernel go to ``error_fd``.
        encoding: the terminal's, to encode notices.
        fancy: whether it understands colours and erasing.
    """

    def __init__(self, fd, error_fd, encoding="utf-8", fancy=True):
        # type: (int, int, str, bool) -> None
        self._fds = {u"stdout": fd, u"stderr": error_fd}
        self._encoding = encoding
        self._utf8 = encoding.lower().replace("-", "") == "utf8"
        self.fancy = fancy
        self._lock = threading.Lock()
        self._fresh = True  # the cursor is in the first column
        self._prompt = None  # type: Optional[Callable[[], Any]]
        self._redrawn = False  # whether it was written again

    def encodes(self, text):
        # type: (Any) -> bool
        """Whether the terminal can show ``text``."""
        try:
            text.encode(self._encoding)
        except UnicodeError:
            return False
        return True

    def output(self, output):
        # type: (Any) -> None
        """Show what the kernel wrote: byte for byte where the terminal speaks UTF-8."""
        data = output.data if self._utf8 else output.text.encode(self._encoding, "replace")
        if data:
            with self._lock:
                self._write(self._fds.get(output.stream, self._fds[u"stdout"]), data)

    def notice(self, text):
        # type: (Any) -> None
        """Show a remark of the frontend's own, dim, on lines of its own."""
        data = text.encode(self._encoding, "replace")
        if self.fancy:
            data = b"\x1b[2m" + data + b"\x1b[0m"
        with self._lock:
            self._write(self._fds[u"stdout"], (b"" if self._fresh else b"\n") + data + b"\n")

    def begin_prompt(self, prompt, question=False):
        # type: (Callable[[], Any], bool) -> None
        """A prompt is about to be drawn, at the start of a line.

        Args:
            prompt: gives what is on its line at any later moment, as a pair of texts: the prompt, and what was typed; None as
                long as it is not drawn.
            question: whether the prompt is what the kernel's code has written already, to be drawn anew.
        """
        with self._lock:
            if question and self.fancy:
                write_all(self._fds[u"stdout"], b"\r\x1b[K")
            elif not self._fresh and not question:
                write_all(self._fds[u"stdout"], b"\n")
            self._fresh = True
            self._prompt = prompt

    def end_prompt(self, entered=False):
        # type: (bool) -> None
        """The line was entered, or left: the cursor is in the first column."""
        with self._lock:
            if entered and self._redrawn and self.fancy:  # maybe even after the line was entered: then it is one too many
                write_all(self._fds[u"stdout"], b"\r\x1b[K")
            self._prompt = None
            self._redrawn = False
            self._fresh = True

    def _write(self, fd, data):
        # type: (int, bytes) -> None
        drawn = self._prompt() if self._prompt is not None else None
        if drawn is None:
            self._fresh = data.endswith(b"\n")
            write_all(fd, data)
            return
        prompt, typed = drawn
        self._redrawn = True
        before = b"\n"
        if self.fancy:
            rows = (len(plain(prompt)) + len(typed)) // self._columns()
            before = (b"\x1b[%dA" % rows if rows else b"") + b"\r\x1b[J"
        # A line editor may have switched off that the terminal makes "\r\n" of "\n"; "\r" twice does no harm.
        data = (data + (b"" if data.endswith(b"\n") else b"\n")).replace(b"\n", b"\r\n")
        write_all(fd, before + data)
        write_all(self._fds[u"stdout"], (prompt.replace(u"\001", u"").replace(u"\002", u"") + typed).encode(
            self._encoding, "replace"))

    def _columns(self):
        # type: () -> int
        size = struct.pack("HHHH", 0, 0, 0, 0)
        try:
            columns = struct.unpack("HHHH", fcntl.ioctl(self._fds[u"stdout"], termios.TIOCGWINSZ, size))[1]
        except EnvironmentError:
            columns = 0
        return columns or 80


def plain(prompt):
    # type: (Any) -> Any
    """A prompt without what takes no room: that stands between ``\\001`` and ``\\002``."""
    parts = prompt.split(u"\001")
    return parts[0] + u"".join(part.split(u"\002", 1)[-1] for part in parts[1:])
