"""What callbacks are given: output of the kernel, and questions that its code asks the user."""
from __future__ import absolute_import, division, print_function

import codecs

from .._compat import text_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

try:
    codecs.lookup_error("surrogateescape")
    #: How bytes that are not UTF-8 show in `Output.text`: as Python's own streams and file names keep them ...
    UNDECODABLE = "surrogateescape"
except LookupError:
    UNDECODABLE = "replace"  # ... or as U+FFFD on 2.7, which has no such handler
_ENCODE_ERRORS = "surrogateescape" if UNDECODABLE == "surrogateescape" else "strict"


# Kinds of news, as callbacks are chosen by.
OUTPUT = "output"
INPUT = "input"
INPUT_OVER = "input-over"
EXECUTION = "execution"
DONE = "done"
END = "end"
READY = "ready"
MISSED = "missed"  # events are missing: the broker has to be asked how things are


class Output(object):
    """Something that the kernel's process wrote.

    Attributes:
        stream (str): ``"stdout"`` or ``"stderr"``.
        data (bytes): exactly what was written. A character may be split between two outputs.
        text (str): the same, decoded as UTF-8 over the whole stream: a split character comes with its last byte.
        execution (int | None): the id of the execution that wrote it, where that is known.
        source (str): ``"kernel"``, ``"fd2"`` (C code or a child wrote to descriptor 2), or ``"broker"``.
    """

    __slots__ = ("stream", "data", "text", "execution", "source")

    def __init__(self, stream, data, text, execution=None, source=u"kernel"):
        # type: (Any, bytes, Any, Optional[int], Any) -> None
        self.stream = stream
        self.data = data
        self.text = text
        self.execution = execution
        self.source = source

    def __repr__(self):
        # type: () -> str
        return "<Output %s %r>" % (self.stream, self.text)


class Gap(Output):
    """A place in the output where some is missing. Its ``source`` is ``"broker"``, its ``data`` is empty, its ``text`` says it.

    Attributes:
        bytes (int): how many bytes were written there, exactly, to all streams.
        lines (int): how many of them were newlines.
    """

    __slots__ = ("bytes", "lines")

    def __init__(self, bytes, lines, reason):
        # type: (int, int, Any) -> None
        text = u"[%s bytes of output, %s lines, are missing here: %s]\n" % (_number(bytes), _number(lines), reason)
        super(Gap, self).__init__(u"stderr", b"", text, None, u"broker")
        self.bytes = bytes
        self.lines = lines


def _number(value):
    # type: (int) -> Any
    return u"{0:,}".format(value)


class InputRequest(object):
    """A line that the kernel's code waits for.

    Attributes:
        id (int): the broker's number for it.
        execution (int | None): the id of the execution that asks.
        prompt (str): what to show in front of the answer.
        password (bool): whether the answer must not be shown.
        over (bool): whether it was answered, by whomever, or the code no longer waits.
    """

    def __init__(self, id, execution, prompt, password, answer):
        # type: (int, Optional[int], Any, bool, Callable[[int, Optional[bytes]], Any]) -> None
        self.id = id
        self.execution = execution
        self.prompt = prompt
        self.password = password
        self.over = False
        self._answer = answer

    def reply(self, text):
        # type: (Any) -> None
        """Answer with a line of text or bytes (a missing newline is added), or None for the end of the input.

        Returns at once. The first answer of any frontend counts; later ones are ignored.
        """
        if text is None:
            self.reply_exactly(None)
            return
        if not isinstance(text, (bytes, text_type)):
            raise TypeError("an answer is text, bytes or None, not %r" % (text,))
        data = text if isinstance(text, bytes) else text.encode("utf-8", _ENCODE_ERRORS)
        self.reply_exactly(data if data.endswith(b"\n") else data + b"\n")

    def reply_exactly(self, data):
        # type: (Optional[bytes]) -> None
        """Answer with bytes as they are: without a newline they are the last of the input before its end."""
        self._answer(self.id, data)

    def __repr__(self):
        # type: () -> str
        return "<InputRequest %s %r%s>" % (self.id, self.prompt, " over" if self.over else "")
