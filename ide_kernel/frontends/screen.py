"""What a terminal shows: the kernel's output, notices, and the prompt that these must not tear.

Output is gathered, and shown some thirty times a second: the first bytes at once, a flood in large pieces. Nothing is left out.

Output may come while the user is typing at the prompt, in another thread. The prompt is erased then, the output is written in its
place, and the prompt is written again below, with what was typed so far. The line editor is not asked: it finds everything as it
left it, only further down. A line of output that is not finished, such as a progress bar, is written again as far as it was, and
goes on in its place. (To have it step aside, with an exception, was tried: it can cost the line that was being entered at
that very moment.)
"""
from __future__ import absolute_import, division, print_function

import fcntl
import re
import struct
import termios
import threading

from .._compat import monotonic
from .standard import write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional, Tuple

#: Seconds between two refreshes: what people see as smooth, and 30 times a second is little work however much is written.
REFRESH = 0.033
#: Bytes that do not wait for it. A refresh writes at most this much, and what one event carries.
GATHERED = 64 << 10
#: Characters of an unfinished line that can be written again when it goes on above the prompt; a longer one goes on below.
PARTIAL = 1000
_COLOURS = re.compile(u"\x1b\\[[0-9;]*m")


class Screen(object):
    """A terminal's output side.

    ``_lock`` guards all fields and keeps the writes of several threads whole.

    Args:
        fd: where to write; errors of the kernel go to ``error_fd``.
        encoding: the terminal's, to encode notices.
        fancy: whether it understands colours and erasing.
        clock: gives monotonic seconds.
    """

    def __init__(self, fd, error_fd, encoding="utf-8", fancy=True, clock=monotonic):
        # type: (int, int, str, bool, Callable[[], float]) -> None
        self._fds = {u"stdout": fd, u"stderr": error_fd}
        self._encoding = encoding
        self._utf8 = encoding.lower().replace("-", "") == "utf8"
        self.fancy = fancy
        self._lock = threading.Lock()
        self._fresh = True  # the cursor is in the first column
        self._prompt = None  # type: Optional[Callable[[], Any]]
        self._redrawn = False  # whether it was written again
        self._partial = u""  # the line of output above it that has no end yet, where it can be written again
        self._gathered = []  # type: List[Tuple[int, List[bytes]]]  # output that is not shown yet, by descriptor
        self._size = 0  # its bytes
        self._clock = clock
        self._shown = clock() - REFRESH  # when something was shown last

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
        """Take what the kernel wrote, to be shown with the next `refresh`: byte for byte where the terminal speaks UTF-8."""
        if output.source == u"broker":
            self.notice(output.text.rstrip(u"\n"))
            return
        data = output.data if self._utf8 else output.text.encode(self._encoding, "replace")
        if not data:
            return
        fd = self._fds.get(output.stream, self._fds[u"stdout"])
        with self._lock:
            self._gather(fd, data)
            if self._size >= GATHERED:
                self._show()

    def _gather(self, fd, data):
        # type: (int, bytes) -> None
        if self._gathered and self._gathered[-1][0] == fd:
            self._gathered[-1][1].append(data)
        else:
            self._gathered.append((fd, [data]))
        self._size += len(data)

    def refresh(self):
        # type: () -> Optional[float]
        """Show what has gathered, unless that was done a moment ago; the seconds after which it is time then, or None."""
        with self._lock:
            if not self._gathered:
                return None
            wait = self._shown + REFRESH - self._clock()
            if wait > 0:
                return wait
            self._show()
            return REFRESH if self._gathered else None

    def flush(self):
        # type: () -> None
        """Show what has gathered."""
        with self._lock:
            self._show()

    def notice(self, text):
        # type: (Any) -> None
        """Show a remark of the frontend's own, dim, on lines of its own."""
        data = text.encode(self._encoding, "replace")
        if self.fancy:
            data = b"\x1b[2m" + data + b"\x1b[0m"
        with self._lock:
            self._show()
            self._partial = u""
            self._write([(self._fds[u"stdout"], (b"" if self._fresh else b"\n") + data + b"\n")])

    def begin_prompt(self, prompt, question=False):
        # type: (Callable[[], Any], bool) -> None
        """A prompt is about to be drawn, at the start of a line.

        Args:
            prompt: gives what is on its line at any later moment, as a pair of texts: the prompt, and what was typed; None as
                long as it is not drawn.
            question: whether the prompt is what the kernel's code has written already, to be drawn anew.
        """
        with self._lock:
            self._show()
            if question and self.fancy:
                write_all(self._fds[u"stdout"], b"\r\x1b[K")
            elif not self._fresh and not question:
                write_all(self._fds[u"stdout"], b"\n")
            self._fresh = True
            self._partial = u""
            self._prompt = prompt

    def repaint(self):
        # type: () -> None
        """The prompt looks different now: write it over the old one, and leave the cursor where the line editor has it.

        Nothing is done where it takes several rows, being long or pasted: nobody knows in which of them the cursor is.
        """
        with self._lock:
            drawn = self._prompt() if self._prompt is not None and self.fancy else None
            if drawn is not None and not rows_above(plain(drawn[0]) + drawn[1], columns(self._fds[u"stdout"])):
                text = u"\x1b7\r%s\x1b8" % drawn[0].replace(u"\001", u"").replace(u"\002", u"")
                write_all(self._fds[u"stdout"], text.encode(self._encoding, "replace"))

    def end_prompt(self, entered=False):
        # type: (bool) -> None
        """The line was entered, or left: the cursor is in the first column."""
        with self._lock:
            if entered and self._redrawn and self.fancy:  # maybe even after the line was entered: then it is one too many
                write_all(self._fds[u"stdout"], b"\r\x1b[K")
            self._prompt = None
            self._redrawn = False
            self._fresh = True
            self._partial = u""

    def _show(self):
        # type: () -> None
        gathered, self._gathered, self._size = self._gathered, [], 0
        if gathered:
            self._write([(fd, b"".join(pieces)) for fd, pieces in gathered])
            self._shown = self._clock()

    def _write(self, pieces):
        # type: (List[Tuple[int, bytes]]) -> None
        """Write pieces of output, to a descriptor each, above the prompt if there is one."""
        drawn = self._prompt() if self._prompt is not None else None
        if self._prompt is not None and drawn is None:  # it is being drawn, or was entered, this moment: it would be torn
            for fd, data in pieces:
                self._gather(fd, data)
            return
        if drawn is None:
            for fd, data in pieces:
                self._fresh = data.endswith(b"\n")
                write_all(fd, data)
            return
        prompt, typed = drawn
        self._redrawn = True
        before = b"\n"
        if self.fancy:
            wide = columns(self._fds[u"stdout"])
            rows = rows_above(plain(prompt) + typed, wide)
            if self._partial:  # the line that stands unfinished above the prompt goes on
                rows += 1 + (width(self._partial) - 1) // wide
            before = (b"\x1b[%dA" % rows if rows else b"") + b"\r\x1b[J" + self._partial.encode(self._encoding, "replace")
            self._partial = unfinished(self._partial, b"".join(data for _, data in pieces), self._encoding)
        for fd, data in pieces:
            # A line editor may have switched off that the terminal makes "\r\n" of "\n"; "\r" twice does no harm.
            write_all(fd, before + data.replace(b"\n", b"\r\n"))
            before = b""
        after = b"" if pieces[-1][1].endswith(b"\n") else b"\x1b[0m\r\n" if self.fancy else b"\r\n"
        write_all(self._fds[u"stdout"], after + (
            prompt.replace(u"\001", u"").replace(u"\002", u"") + typed.replace(u"\n", u"\r\n")).encode(self._encoding, "replace"))


def columns(fd):
    # type: (int) -> int
    """How wide a terminal is."""
    size = struct.pack("HHHH", 0, 0, 0, 0)
    try:
        return struct.unpack("HHHH", fcntl.ioctl(fd, termios.TIOCGWINSZ, size))[1] or 80
    except EnvironmentError:
        return 80


def rows_above(text, wide):
    # type: (Any, int) -> int
    """How many rows are above the one in which a text ends, if it begins in the first column."""
    lines = text.split(u"\n")
    return len(lines) - 1 + sum(len(line) // wide for line in lines)


def plain(prompt):
    # type: (Any) -> Any
    """A prompt without what takes no room: that stands between ``\\001`` and ``\\002``."""
    parts = prompt.split(u"\001")
    return parts[0] + u"".join(part.split(u"\002", 1)[-1] for part in parts[1:])


def width(text):
    # type: (Any) -> int
    """The columns that a line takes: colours take none, and what stands before a carriage return is written over."""
    return max(len(part) for part in _COLOURS.sub(u"", text).split(u"\r"))


def unfinished(before, data, encoding):
    # type: (Any, bytes, str) -> Any
    """The line that stands unfinished after ``data`` has followed ``before``; nothing if it cannot be written again as it was."""
    line = data.rsplit(b"\n", 1)[-1]
    if len(line) > PARTIAL:
        return u""
    text = (u"" if b"\n" in data else before) + line.decode(encoding, "replace")
    at = text.rfind(u"\r")
    if at > 0 and width(text[:at]) <= width(text[at:]):
        text = text[at:]  # all of it was written over
    plain_text = _COLOURS.sub(u"", text)
    if len(plain_text) > PARTIAL or any(character < u" " and character != u"\r" for character in plain_text):
        return u""
    return text
