"""What callbacks are given: output of the kernel, and questions that its code asks the user."""
from __future__ import absolute_import, division, print_function

import codecs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional

try:
    codecs.lookup_error("surrogateescape")
    #: How bytes that are not UTF-8 show in `Output.text`: as Python's own streams and file names keep them ...
    UNDECODABLE = "surrogateescape"
except LookupError:
    UNDECODABLE = "replace"  # ... or as U+FFFD on 2.7, which has no such handler
_ENCODE_ERRORS = "surrogateescape" if UNDECODABLE == "surrogateescape" else "strict"


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
        data = text if isinstance(text, bytes) else text.encode("utf-8", _ENCODE_ERRORS)
        self.reply_exactly(data if data.endswith(b"\n") else data + b"\n")

    def reply_exactly(self, data):
        # type: (Optional[bytes]) -> None
        """Answer with bytes as they are: without a newline they are the last of the input before its end."""
        self._answer(self.id, data)

    def __repr__(self):
        # type: () -> str
        return "<InputRequest %s %r%s>" % (self.id, self.prompt, " over" if self.over else "")


class Decoders(object):
    """One incremental UTF-8 decoder for each stream of a kernel."""

    def __init__(self):
        # type: () -> None
        self._make = codecs.getincrementaldecoder("utf-8")
        self._decoders = {}  # type: Dict[Any, Any]

    def output(self, event):
        # type: (Dict[Any, Any]) -> Output
        """The output that an event carries."""
        stream, source, data = event[u"stream"], event.get(u"source", u"kernel"), event[u"data"]
        decoder = self._decoders.get((stream, source))
        if decoder is None:
            decoder = self._decoders[stream, source] = self._make(UNDECODABLE)
        return Output(stream, data, decoder.decode(data), event.get(u"execution"), source)

    def flush(self):
        # type: () -> Any
        """What is left of characters that were begun: nothing follows that could complete them."""
        for (stream, source), decoder in sorted(self._decoders.items()):
            text = decoder.decode(b"", True)
            decoder.reset()
            if text:
                yield Output(stream, b"", text, None, source)
