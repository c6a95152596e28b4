"""What a frontend knows of its kernel, from the broker's events alone. Pure: events in, news out, no I/O, no clock.

The events come in one order: everything that an execution wrote comes before its end, and everything that a kernel wrote
comes before "ended". So an execution is over exactly when its own event says so, or when the kernel that had it ended.

Each news is a pair (kind, object) for the callbacks of that kind; ``DONE`` is for those of one execution.
"""
from __future__ import absolute_import, division, print_function

from .. import vocabulary as names
from ..errors import Cancelled, KernelDied
from . import execution as life
from .execution import Execution, Result
from .news import Decoders, InputRequest
from .status import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Set, Tuple
    News = List[Tuple[Any, Any]]

OUTPUT = "output"
INPUT = "input"
INPUT_OVER = "input-over"
EXECUTION = "execution"
DONE = "done"


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
        self._over = set()  # type: Optional[Set[Any]]  # what ended before `adopt`
        self._decoders = Decoders()
        self._handlers = {
            u"output": self._output, u"queued": self._queued, u"started": self._started, u"finished": self._finished,
            u"cancelled": self._cancelled, u"input": self._input, u"input-over": self._input_over,
            u"ended": self._ended, u"ready": self._ready,
        }

    def expect(self, execution):
        # type: (Execution) -> None
        """Remember an execution that is about to be sent: its token will come back with its id."""
        self._sent[execution._token] = execution

    def feed(self, event):
        # type: (Dict[Any, Any]) -> News
        """Take one event.

        Returns:
            The news in it. An event of a kind that this client does not know has none: a newer broker may say more.
        """
        handler = self._handlers.get(event.get(u"event", u""))
        return [] if handler is None else handler(event)

    def adopt(self, hello):
        # type: (Dict[Any, Any]) -> News
        """Take what the broker told a newcomer: what runs, what waits. Events may have overtaken it, and know better."""
        over, self._over = self._over or set(), None
        news = []  # type: News
        state = (hello.get(u"status") or {}).get(u"state")
        running = [hello[u"running"]] if hello.get(u"running") else []
        for item in running + list(hello.get(u"queued") or ()):
            if item[u"execution"] not in self.executions and item[u"execution"] not in over:
                news += self._queued(item)
                news += self._started(item) if item in running else []
        for item in hello.get(u"inputs") or ():
            if item[u"request"] not in self.requests and (u"request", item[u"request"]) not in over:
                news += self._input(item)
        if self.ready is None and self.exit is None:
            self.generation = hello.get(u"generation") or 1
            if state == names.DEAD:
                self.exit = Exit.from_message(hello[u"status"].get(u"exit")) or Exit()
            elif state != names.STARTING:
                self.ready = hello
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
        news = [(OUTPUT, output) for output in self._decoders.flush()]  # type: News
        news += self._all_inputs_over()
        for execution in list(self.executions.values()) + list(self._sent.values()):
            news += self.fail(execution, error)
        return news

    def _output(self, event):
        # type: (Dict[Any, Any]) -> News
        return [(OUTPUT, self._decoders.output(event))]

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
        if self._over is not None:
            self._over.add(number)

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
        if self._over is not None:
            self._over.add((u"request", event[u"request"]))
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
        news = [(OUTPUT, output) for output in self._decoders.flush()]  # type: News
        news += self._all_inputs_over()
        for execution in list(self.executions.values()) + self._refused:
            news += self.fail(execution, KernelDied(self.exit))
        self._refused = []
        return news

    def _ready(self, event):
        # type: (Dict[Any, Any]) -> News
        self.generation = event.get(u"generation") or self.generation
        self.exit = None
        self.ready = event
        return []
