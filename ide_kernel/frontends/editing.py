"""What an input area needs besides its widget: the history, a list of completions that narrows while one types. Pure."""
from __future__ import absolute_import, division, print_function

import os.path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional

#: Inputs that are remembered.
REMEMBERED = 1000


class History(object):
    """The inputs of before, and a place among them; at the end stands what is being typed."""

    def __init__(self):
        # type: () -> None
        self._inputs = []  # type: List[Any]
        self._at = 0
        self._draft = u""

    def add(self, code):
        # type: (Any) -> None
        """Remember an input, but not the same twice in a row, and go to the end."""
        if code.strip() and self._inputs[-1:] != [code]:
            self._inputs = (self._inputs + [code])[-REMEMBERED:]
        self._at, self._draft = len(self._inputs), u""

    def back(self, present):
        # type: (Any) -> Optional[Any]
        """The input before, where there is one.

        Args:
            present: what stands in the input area now; where that is not yet an input of before, it is kept for `forward`.
        """
        if self._at == 0:
            return None
        if self._at == len(self._inputs):
            self._draft = present
        self._at -= 1
        return self._inputs[self._at]

    def forward(self):
        # type: () -> Optional[Any]
        """The input after, at last what was being typed; None there."""
        if self._at == len(self._inputs):
            return None
        self._at += 1
        return self._draft if self._at == len(self._inputs) else self._inputs[self._at]


class Completion(object):
    """The answer to a request for completions, as the typing goes on.

    Args:
        code: what was asked about.
        reply: the kernel's answer: ``matches`` may stand in the place of ``code[start:end]``.

    Attributes:
        matches (list[str]): those that begin as what stands there now, whatever its case.
        typed (str): that beginning.
    """

    def __init__(self, code, reply):
        # type: (Any, Any) -> None
        self._before = code[:reply[u"start"]]
        self._after = code[reply[u"end"]:]
        self._all = list(reply[u"matches"])
        self.typed = u""
        self.matches = []  # type: List[Any]
        self.narrow(code)

    def narrow(self, code):
        # type: (Any) -> bool
        """Take what stands there now; whether the answer still says something about it."""
        end = len(code) - len(self._after)
        fits = code.startswith(self._before) and code.endswith(self._after) and end >= len(self._before)
        self.typed = code[len(self._before):end] if fits else u""
        self.matches = [match for match in self._all if match.lower().startswith(self.typed.lower())] if fits else []
        return bool(self.matches)

    @property
    def common(self):
        # type: () -> Any
        """What all matches have in common, where that goes beyond what was typed; else what was typed."""
        prefix = os.path.commonprefix(self.matches)
        return prefix if prefix.startswith(self.typed) else self.typed



def next_stop(column):
    # type: (int) -> int
    """How many blanks lead from a column to the next one where indented code begins."""
    return 4 - column % 4


def previous_stop(blanks):
    # type: (int) -> int
    """How many of the blanks in front of the code a backspace takes."""
    return blanks % 4 or min(4, blanks)
