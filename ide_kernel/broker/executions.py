"""The executions of a kernel: what waits, what runs, what is over. Pure.

An execution goes::

    queued -> sent -> (started) -> finished
       |        `-----------`--> lost          the kernel died: "ended" says so for all of them
       `-> cancelled

One execution at a time is with the kernel; the others wait here, where they can still be cancelled.

What an execution printed and what came of it arrive on two ways, the pipe and the link. It is finished when both are
through: the kernel said so, and the pipe gave its end mark. Where the mark cannot come (the program closed that
descriptor) an empty pipe will do: the kernel writes the mark before it speaks.
"""
from __future__ import absolute_import, division, print_function

import collections

from ..vocabulary import extended

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Deque, Dict, List, Optional

#: Executions that may wait. Each keeps its code in memory, and a frontend gone wild must not fill the broker's.
MAX_QUEUED = 10000
#: ... and the characters of code that may wait together.
MAX_QUEUED_CODE = 64 << 20


class TooMany(Exception):
    """The queue is full: too many executions wait, or too much code."""


class Execution(object):
    """One piece of code to run.

    Attributes:
        id (int): unique in this broker.
        frontend, token (text): who asked for it, and how that one calls it.
        spec (dict): mode, code, filename, line and argv, as the kernel gets them.
        started (bool): whether its start mark was seen.
        ended (bool): whether its end mark was seen, or cannot come any more.
        result (dict | None): what the kernel said when it was over.
    """

    def __init__(self, number, frontend, token, spec):
        # type: (int, Any, Any, Dict[Any, Any]) -> None
        self.id = number
        self.frontend = frontend
        self.token = token
        self.spec = spec
        self.started = False
        self.ended = False
        self.result = None  # type: Optional[Dict[Any, Any]]

    def describe(self):
        # type: () -> Dict[Any, Any]
        """Who runs what, for the frontends."""
        return {u"execution": self.id, u"token": self.token, u"frontend": self.frontend,
                u"code": self.spec[u"code"], u"mode": self.spec[u"mode"]}

    def message(self):
        # type: () -> Dict[Any, Any]
        """The kernel's order to run it."""
        return extended(self.spec, {u"kind": u"execute", u"execution": self.id})


class Executions(object):
    """The queue, and the one execution that is with the kernel.

    Attributes:
        active (Execution | None): what was sent to the kernel and is not finished.
        charged (int | None): the execution that output belongs to now: between its marks.
    """

    def __init__(self):
        # type: () -> None
        self.active = None  # type: Optional[Execution]
        self.charged = None  # type: Optional[int]
        self._queue = collections.deque()  # type: Deque[Execution]
        self._waiting_code = 0
        self._last = 0

    @property
    def queued(self):
        # type: () -> List[Execution]
        """What waits, first come first."""
        return list(self._queue)

    def submit(self, frontend, token, spec):
        # type: (Any, Any, Dict[Any, Any]) -> Execution
        """Queue an execution.

        Raises:
            TooMany: the queue is full.
        """
        size = len(spec[u"code"])
        if len(self._queue) >= MAX_QUEUED or self._waiting_code + size > MAX_QUEUED_CODE:
            raise TooMany("%d executions with %d characters of code wait already: let some finish, or cancel them"
                          % (len(self._queue), self._waiting_code))
        self._last = self._last % 0xFFFFFFFF + 1  # marks carry 32 bits, and 0 means none
        execution = Execution(self._last, frontend, token, spec)
        self._queue.append(execution)
        self._waiting_code += size
        return execution

    def cancel(self, number):
        # type: (int) -> bool
        """Take an execution back; False when it does not wait (any more)."""
        for execution in self._queue:
            if execution.id == number:
                self._queue.remove(execution)
                self._waiting_code -= len(execution.spec[u"code"])
                return True
        return False

    def send_next(self):
        # type: () -> Optional[Execution]
        """What the kernel should run now, if it is free and something waits."""
        if self.active is not None or not self._queue:
            return None
        self.active = self._queue.popleft()
        self._waiting_code -= len(self.active.spec[u"code"])
        return self.active

    def start_seen(self, number):
        # type: (int) -> Optional[Execution]
        """A start mark came; the execution that it starts, or None when it is not the one that the kernel has."""
        execution = self.active
        if execution is None or execution.id != number or execution.started:
            return None
        execution.started = True
        self.charged = number
        return execution

    def end_seen(self, number):
        # type: (int) -> None
        """An end mark came."""
        if self.active is not None and self.active.id == number:
            self.active.ended = True
            self.charged = None

    def pipe_is_empty(self):
        # type: () -> None
        """All that was in the pipe after the kernel's last word was read: a mark that did not come will not come."""
        if self.active is not None and self.active.result is not None:
            self.end_seen(self.active.id)

    def result_came(self, message):
        # type: (Dict[Any, Any]) -> None
        """The kernel said what came of an execution."""
        if self.active is not None and self.active.id == message.get(u"execution"):
            self.active.result = message

    def take_finished(self):
        # type: () -> Optional[Execution]
        """The execution that is finished on both ways; once."""
        execution = self.active
        if execution is None or execution.result is None or not execution.ended:
            return None
        self.active = None
        return execution

    def lose_all(self):
        # type: () -> None
        """The kernel died: nothing of this will ever finish."""
        self.active = self.charged = None
        self._queue.clear()
        self._waiting_code = 0
