"""Marks in the pipe of the kernel's output: where an execution starts and ends, and what belongs to ``sys.stderr``.

One pipe for both streams is what keeps their order. A mark is one ``write`` of at most PIPE_BUF bytes, which POSIX keeps in
one piece whoever else writes, so nothing can split a mark from its text.
"""
from __future__ import absolute_import, division, print_function

import errno
import os
import struct

from .. import vocabulary
from .company import is_one_of
from .descriptors import wait_writable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

_pack_tail = struct.Struct(vocabulary.MARK_TAIL).pack


class MarkWriter(object):
    """Writes marks to a private descriptor of the output pipe.

    Args:
        fd: the descriptor; it may be non-blocking.
        nonce (bytes): what tells this kernel's marks from bytes that happen to look like one.
    """

    def __init__(self, fd, nonce):
        # type: (int, bytes) -> None
        self.fd = fd
        #: The execution that output is charged to, or 0.
        self.execution = 0
        self._strangers = {}  # type: Dict[int, Any]  # the threads whose output is not
        self._head = vocabulary.MARK_HEAD + nonce
        #: How many bytes of payload fit into a mark.
        self.room = vocabulary.PIPE_BUF - len(self._head) - 1 - struct.calcsize(vocabulary.MARK_TAIL)

    def start(self, execution, strangers, alone):
        # type: (int, Dict[int, Any], bool) -> None
        """Say that from here on output belongs to ``execution``.

        Args:
            execution: its number.
            strangers: threads that were there before it, as `Company.threads` gives them.
            alone: whether bytes without a mark are all its own.
        """
        self._strangers = strangers
        self.execution = execution
        self._send(self._mark(vocabulary.MARK_START if alone else vocabulary.MARK_START_BESIDE, b""))

    def end(self):
        # type: () -> None
        """Say that the output of the current execution ends here."""
        mark = self._mark(vocabulary.MARK_END, b"")
        self.execution = 0
        self._send(mark)

    def stderr(self, data):
        # type: (bytes) -> None
        """Write text of ``sys.stderr``, in as many marks as it takes.

        Raises:
            EnvironmentError: the pipe has no reader any more.
        """
        self._text(vocabulary.MARK_STDERR, data)

    def stdout(self, data):
        # type: (bytes) -> None
        """Write text of ``sys.stdout`` so that it can be told from what others write, as `stderr` does."""
        self._text(vocabulary.MARK_STDOUT, data)

    def is_stranger(self):
        # type: () -> bool
        """Whether the thread that runs was there before the execution."""
        return bool(self._strangers) and is_one_of(self._strangers)

    def _text(self, kind, data):
        # type: (bytes, bytes) -> None
        execution = 0 if self._strangers and is_one_of(self._strangers) else self.execution
        for begin in range(0, len(data), self.room):
            self._write(self._mark(kind, data[begin:begin + self.room], execution))

    def _mark(self, kind, payload, execution=None):
        # type: (bytes, bytes, Optional[int]) -> bytes
        number = self.execution if execution is None else execution
        return self._head + kind + _pack_tail(number, len(payload)) + payload

    def _send(self, mark):
        # type: (bytes) -> None
        try:
            self._write(mark)
        except EnvironmentError as error:
            if error.errno not in (errno.EPIPE, errno.EBADF):  # no broker reads: the link tells us so, too
                raise

    def _write(self, mark):
        # type: (bytes) -> None
        while True:
            try:
                os.write(self.fd, mark)
                return
            except EnvironmentError as error:
                if error.errno == errno.EAGAIN:
                    wait_writable(self.fd)
                elif error.errno != errno.EINTR:
                    raise
