"""Marks in the pipe of the kernel's output: where an execution starts and ends, and what belongs to ``sys.stderr``.

One pipe for both streams is what keeps their order. A mark is one ``write`` of at most PIPE_BUF bytes, which POSIX keeps in
one piece whoever else writes, so nothing can split a mark from its text.
"""
from __future__ import absolute_import, division, print_function

import errno
import os
import struct

from .. import vocabulary
from .descriptors import wait_writable

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
        self._head = vocabulary.MARK_HEAD + nonce
        #: How many bytes of payload fit into a mark.
        self.room = vocabulary.PIPE_BUF - len(self._head) - 1 - struct.calcsize(vocabulary.MARK_TAIL)

    def start(self, execution):
        # type: (int) -> None
        """Say that from here on output belongs to ``execution``."""
        self.execution = execution
        self._send(self._mark(vocabulary.MARK_START, b""))

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
        for begin in range(0, len(data), self.room):
            self._write(self._mark(vocabulary.MARK_STDERR, data[begin:begin + self.room]))

    def _mark(self, kind, payload):
        # type: (bytes, bytes) -> bytes
        return self._head + kind + _pack_tail(self.execution, len(payload)) + payload

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
