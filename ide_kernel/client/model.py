"""What a frontend knows of its kernel, from the broker's events alone. Pure: events in, news out, no I/O, no clock.

The events come in one order: everything that an execution wrote comes before its end, and everything that a kernel wrote
comes before "ended". So an execution is over exactly when its own event says so, or when the kernel that had it ended.

Each news is a pair (kind, object) for the callbacks of that kind; ``DONE`` is for those of one execution.

A frontend that comes late is told how things are, and at which place in the order that was so (`Model.adopt`). Events from before
that place are the past, see ``replay.py``. One that missed some asks again, and compares when it has come to that place
(`Model.compare`).
"""
from __future__ import absolute_import, division, print_function

from .. import vocabulary as names
from ..errors import Cancelled, KernelDied
from . import execution as life
from .execution import Execution, Result
from .missed import Look, open_executions
from .news import DONE, END, EXECUTION, INPUT, INPUT_OVER, MISSED, OUTPUT, READY, InputRequest
from .replay import Replay
from .status import Exit
from .stream import Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple
    News = List[Tuple[Any, Any]]

class Model(object):
    """Executions, questions and the kernel's end, as the events tell them.

    Args:
        answer: called with (request id, bytes or None) when the program answers a question.
        kernel: what executions wait through.
    """

    def __init__(self, answer, kernel=None):
        # type: (Callable[[int, Optional[bytes]], Any], Any) -> None
        self.executions = {}  # type: Dict[int, Execution]
        self.requests = {}  # type: Dict[int, InputRequest]
        self.generation = 0
        self.exit = None  # type: Optional[Exit]
        self.ready = None  # type: Optional[Dict[Any, Any]]
        self.heard_end = False  # whether the last end was an event: then all output was heard too
        self.ends = []  # type: List[Exit]  # all that were heard
        self._refused = []  # type: List[Execution]
        self._answer = answer
        self._kernel = kernel
        self._sent = {}  # type: Dict[Any, Execution]
        self._stream = Stream()
        self._replay = None  # type: Optional[Replay]
        self._until = 0  # the place in the order up to which events are the past
        self._number = 0  # ... that was reached
        self._looks = []  # type: List[Look]  # questions how things are, to compare with when that place is reached
        self._handlers = {
            u"output": self.output, u"queued": self._queued, u"started": self._started, u"finished": self._finished,
            u"cancelled": self._cancelled, u"input": self._input, u"input-over": self._input_over,
            u"ended": self._ended, u"ready": self._ready,
        }

    def expect(self, execution):
        # type: (Execution) -> None
        """Remember an execution that is about to be sent: its token will come back with its id."""
        self._sent[execution._token] = execution

    @property
    def is_past(self):
        # type: () -> bool
        """Whether what comes is from before this frontend came."""
        return self._replay is not None

    def take(self, place):
        # type: (Tuple[Dict[Any, Any], int]) -> News
        """Take one event of the broker's, in its place: the message, and its index there."""
        message, index = place
        events = message[u"events"]
        news = self._begin(message) if index == 0 else []
        news += self.feed(events[index])
        if index == len(events) - 1:
            news += self.reach(message[u"number"] + 1)
        return news

    def _begin(self, message):
        # type: (Dict[Any, Any]) -> News
        """A message begins: is something missing before it?"""
        missed = message[u"number"] > self._number
        news = [(OUTPUT, output) for output in self._stream.begin(message)]  # type: News
        if missed:
            news += self.reach(message[u"number"]) + [(MISSED, None)]
        return news

    def feed(self, event):
        # type: (Dict[Any, Any]) -> News
        """Take one event.

        Returns:
            The news in it. An event of a kind that this client does not know has none: a newer broker may say more.
        """
        handlers = self._handlers if self._replay is None else self._replay.handlers
        handler = handlers.get(event.get(u"event", u""))
        return [] if handler is None else handler(event)

    def reach(self, number):
        # type: (int) -> News
        """All messages before that number have come, or are known to be missing."""
        self._number = number
        news = []  # type: News
        if self._replay is not None and number >= self._until:
            news += self._replay.finish()
            self._replay = None
        return news + self.compare() if self._looks else news

    def adopt(self, hello, lines=None):
        # type: (Dict[Any, Any], Optional[int]) -> News
        """Take what the broker told a newcomer: what runs, what waits, and where the events begin that it gets.

        Args:
            hello: the broker's answer.
            lines: how many of the last lines of old output were wanted; None for all.
        """
        state = (hello.get(u"status") or {}).get(u"state")
        for item in open_executions(hello):
            self._queued(item)
        for item in [hello[u"running"]] if hello.get(u"running") else []:
            self._started(item)
        for item in hello.get(u"inputs") or ():
            self._input(item)
        self.generation = hello.get(u"generation") or 1
        if state == names.DEAD:
            self.exit = Exit.from_message(hello[u"status"].get(u"exit")) or Exit()
        elif state != names.STARTING:
            self.ready = hello
        if lines is not None:
            self._stream.skip(max(0, (hello.get(u"lines") or 0) - lines))
        self._replay = Replay(self, self._kernel)
        self._until = hello.get(u"number") or 0
        return self.reach(hello.get(u"start") or 0)

    def pending(self):
        # type: () -> List[Execution]
        """All executions that were sent or seen and are not over."""
        return list(self.executions.values()) + [sent for sent in self._sent.values() if sent not in self._refused]

    def look(self):
        # type: () -> Look
        """The broker is about to be asked how things are, since something was missed."""
        look = Look(self)
        self._looks.append(look)
        return look

    def drop(self, look):
        # type: (Look) -> None
        """A question to which no answer will come."""
        self._looks.remove(look)

    def compare(self, nothing=None):
        # type: (Any) -> News
        """An answer to such a question has come: compare, if that place in the order is reached."""
        news = []  # type: News
        while self._looks and self._looks[0].answer is not None and self._number >= self._looks[0].number:
            news += self._looks.pop(0).compare()
        return news

    def fail(self, execution, error):
        # type: (Execution, BaseException) -> News
        """End one execution that will have no result."""
        if execution.done():
            return []
        self._sent.pop(execution._token, None)
        if execution.id is not None:
            self._forget(execution.id)
        execution._fail(error)
        return [(EXECUTION, execution), (DONE, execution)]

    def refuse(self, execution, ends):
        # type: (Execution, int) -> News
        """The broker has not taken an execution, since the kernel was dead. The end itself may have to be heard first.

        Args:
            ends: how many ends were heard when it was sent.
        """
        if self.exit is not None or len(self.ends) > ends:
            return self.fail(execution, KernelDied(self.exit or self.ends[-1]))
        self._refused.append(execution)
        return []

    def fail_all(self, error):
        # type: (BaseException) -> News
        """End everything that is pending: no event of it will ever come."""
        news = self.flush()
        news += self._all_inputs_over()
        for execution in list(self.executions.values()) + list(self._sent.values()):
            news += self.fail(execution, error)
        return news

    def output(self, event):
        # type: (Dict[Any, Any]) -> News
        """Something was written."""
        return [(OUTPUT, output) for output in self._stream.output(event)]

    def flush(self):
        # type: () -> News
        """What is left of characters that were begun, at the end of a kernel."""
        return [(OUTPUT, output) for output in self._stream.flush()]

    def _queued(self, event):
        # type: (Dict[Any, Any]) -> News
        execution = self._sent.pop(event.get(u"token"), None)
        if execution is None:
            execution = Execution(event.get(u"code"), event.get(u"mode"), event.get(u"frontend"), kernel=self._kernel)
        execution.id = event[u"execution"]
        execution.state = life.QUEUED
        self.executions[event[u"execution"]] = execution
        return [(EXECUTION, execution)]

    def _known(self, event):
        # type: (Dict[Any, Any]) -> Execution
        """The execution of an event; a new one where this frontend came too late to see it queued."""
        number = event[u"execution"]
        execution = self.executions.get(number)
        if execution is None:
            execution = self.executions[number] = Execution(kernel=self._kernel)
            execution.id = number
        return execution

    def _forget(self, number):
        # type: (int) -> None
        self.executions.pop(number, None)
        for look in self._looks:
            look.over.add(number)

    def _started(self, event):
        # type: (Dict[Any, Any]) -> News
        execution = self._known(event)
        execution.state = life.RUNNING
        return [(EXECUTION, execution)]

    def _finished(self, event):
        # type: (Dict[Any, Any]) -> News
        execution = self._known(event)
        self._forget(event[u"execution"])
        execution._finish(Result.from_message(event))
        return [(EXECUTION, execution), (DONE, execution)]

    def _cancelled(self, event):
        # type: (Dict[Any, Any]) -> News
        return self.fail(self._known(event), Cancelled("execution %s was cancelled" % event[u"execution"]))

    def _input(self, event):
        # type: (Dict[Any, Any]) -> News
        number = event[u"request"]
        request = InputRequest(number, event.get(u"execution"), event.get(u"prompt") or u"",
                               bool(event.get(u"password")), self._answer)
        self.requests[number] = request
        return [(INPUT, request)]

    def _input_over(self, event):
        # type: (Dict[Any, Any]) -> News
        request = self.requests.pop(event[u"request"], None)
        for look in self._looks:
            look.over.add((u"request", event[u"request"]))
        if request is None:
            return []
        request.over = True
        return [(INPUT_OVER, request)]

    def _all_inputs_over(self):
        # type: () -> News
        news = []  # type: News
        for number in sorted(self.requests):
            news += self._input_over({u"request": number})
        return news

    def _ended(self, event):
        # type: (Dict[Any, Any]) -> News
        self.exit = Exit.from_message(event.get(u"exit")) or Exit()
        self.heard_end = True
        self.ends.append(self.exit)
        self.ready = None
        self.generation = event.get(u"generation") or self.generation
        news = self.flush()
        news += self._all_inputs_over()
        for execution in list(self.executions.values()) + self._refused:
            news += self.fail(execution, KernelDied(self.exit))
        self._refused = []
        return news + [(END, self.exit)]

    def _ready(self, event):
        # type: (Dict[Any, Any]) -> News
        self.generation = event.get(u"generation") or self.generation
        self.exit = None
        self.ready = event
        return [(READY, dict(event))]
