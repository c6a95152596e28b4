"""The output as the broker's messages bring it: what is missing, and bytes as text. Pure."""
from __future__ import absolute_import, division, print_function

import codecs

from .news import UNDECODABLE, Gap, Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

SLOW = u"they were written faster than they were read here, and the broker keeps only so much"
LATE = u"they were written before this frontend came, and the broker keeps only so much"


class Stream(object):
    """Counts what comes, and decodes it: one incremental UTF-8 decoder for each stream of a kernel."""

    def __init__(self):
        # type: () -> None
        self._bytes = self._lines = 0  # before what comes next
        self._none_yet = True
        self._after = 0  # lines that are not wanted, before what is
        self._make = codecs.getincrementaldecoder("utf-8")
        self._decoders = {}  # type: Dict[Any, Any]

    def skip(self, lines):
        # type: (int) -> None
        """Old output is not wanted, up to the end of that line."""
        self._after = lines
        self._bytes = -1

    def begin(self, message):
        # type: (Dict[Any, Any]) -> List[Output]
        """A message comes; the gap before it, if there is one."""
        before, lines = message[u"bytes"], message[u"lines"]
        gaps = []  # type: List[Output]
        if 0 <= self._bytes < before:
            gaps = list(self.flush())
            gaps.append(Gap(before - self._bytes, lines - self._lines, LATE if self._none_yet else SLOW))
        self._bytes, self._lines, self._none_yet = before, lines, False
        return gaps

    def output(self, event):
        # type: (Dict[Any, Any]) -> List[Output]
        """The output that an event carries, as far as it is wanted."""
        data, lines = event[u"data"], self._lines
        self._bytes += len(data)
        self._lines += data.count(b"\n")
        if lines < self._after:
            data = _without_lines(data, self._after - lines)
        if not data:
            return []
        stream, source = event[u"stream"], event.get(u"source", u"kernel")
        decoder = self._decoders.get((stream, source))
        if decoder is None:
            decoder = self._decoders[stream, source] = self._make(UNDECODABLE)
        return [Output(stream, data, decoder.decode(data), event.get(u"execution"), source)]

    def flush(self):
        # type: () -> Any
        """What is left of characters that were begun: nothing follows that could complete them."""
        for (stream, source), decoder in sorted(self._decoders.items()):
            text = decoder.decode(b"", True)
            decoder.reset()
            if text:
                yield Output(stream, b"", text, None, source)


def _without_lines(data, count):
    # type: (bytes, int) -> bytes
    """What is behind the first ``count`` newlines, if there are so many."""
    at = 0
    for _ in range(count):
        at = data.find(b"\n", at) + 1
        if not at:
            return b""
    return data[at:]
