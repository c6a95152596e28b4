"""The marks in the kernel's output pipe: bytes in, what they mean out. Pure.

The kernel writes Python-level stdout as it is, and everything else behind a mark: where an execution starts and ends,
and each chunk of ``sys.stderr``. That keeps the order of all of it, which two pipes would lose. A mark begins with a
head that holds a nonce of this kernel, so no output contains one by accident; a program that looks the nonce up and
forges marks garbles its own output and nothing else.

A mark may be cut anywhere by the end of a read. What may still become a mark is held back, and only that.
"""
from __future__ import absolute_import, division, print_function

import struct

from ..vocabulary import (MARK_END, MARK_HEAD, MARK_START, MARK_START_BESIDE, MARK_STDERR, MARK_STDOUT, MARK_TAIL,
                          PIPE_BUF)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Tuple

    Item = Tuple[Any, Any]

_TAIL = struct.Struct(MARK_TAIL)
#: What stands in the pipe without a mark.
STDOUT = ("stdout", None)
_STREAMS = {MARK_STDOUT: "stdout", MARK_STDERR: "stderr"}
_MARKS = {MARK_START: "start", MARK_START_BESIDE: "start beside", MARK_END: "end"}


class MarkParser(object):
    """Takes the bytes of one kernel's output pipe apart."""

    def __init__(self, nonce):
        # type: (bytes) -> None
        self._head = MARK_HEAD + nonce
        self._kind_at = len(self._head)
        self._size = self._kind_at + 1 + _TAIL.size
        self._held = b""

    @property
    def holds(self):
        # type: () -> bool
        """Whether bytes are held back that may be the beginning of a mark."""
        return bool(self._held)

    def feed(self, data):
        # type: (bytes) -> List[Item]
        """Take what was read.

        Returns:
            in order ``(STDOUT, bytes)`` for what stands without a mark, ``(("stdout" or "stderr", execution), bytes)``,
            ``("start", execution)``, ``("start beside", execution)`` and ``("end", execution)``.
        """
        if self._held:
            data = self._held + data
        items = []  # type: List[Item]
        position = 0
        while True:
            found = data.find(self._head, position)
            if found < 0:
                found = self._begun(data, position)
            if found > position:
                items.append((STDOUT, data[position:found]))
            mark = self._parse(data, found)
            if mark is None:
                self._held = data[found:]
                return items
            position, item = mark
            items.append(item)

    def release(self):
        # type: () -> List[Item]
        """Nothing followed what is held back: give out what only looked like the beginning of a mark's head.

        A mark is written in one piece where the system promises that for pipes, so a head without the rest is no mark.
        Elsewhere the rest may still come: a whole head is held on.
        """
        if len(self._held) >= self._kind_at:
            return []
        return self.finish()

    def finish(self):
        # type: () -> List[Item]
        """Nothing will follow at all: give out everything that is held back."""
        held, self._held = self._held, b""
        return [(STDOUT, held)] if held else []

    def _begun(self, data, position):
        # type: (bytes, int) -> int
        """Where the beginning of a head stands at the end of ``data``; its length when there is none."""
        found = data.find(self._head[:1], max(position, len(data) - self._kind_at + 1))
        while found >= 0:
            if self._head.startswith(data[found:]):
                return found
            found = data.find(self._head[:1], found + 1)
        return len(data)

    def _parse(self, data, start):
        # type: (bytes, int) -> Optional[Tuple[int, Item]]
        """The mark at ``start`` as (where it ends, what it means); None when it is not whole."""
        if len(data) - start < self._size:
            return None
        kind = data[start + self._kind_at:start + self._kind_at + 1]
        execution, length = _TAIL.unpack_from(data, start + self._kind_at + 1)
        end = start + self._size + length
        if kind in _STREAMS and length <= PIPE_BUF - self._size:
            return None if len(data) < end else (end, ((_STREAMS[kind], execution), data[start + self._size:end]))
        if length == 0 and kind in _MARKS:
            return end, (_MARKS[kind], execution)
        return start + self._kind_at, (STDOUT, self._head)  # forged or garbled: it is the user's output
