"""Events from before a frontend came, as it gets them later. Pure.

They tell of executions that are over, and of questions that were answered: what was written and run is news for a frontend that
shows it, but none of it may change what is known of the present, which the broker told when the frontend came. Executions and
questions that are still open appear with that knowledge, when their own event comes by, and once.
"""
from __future__ import absolute_import, division, print_function

from functools import partial

from ..errors import Cancelled, KernelDied, ResultLost
from . import execution as life
from .execution import Execution, Result
from .news import DONE, END, EXECUTION, INPUT
from .status import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List

    from .model import Model, News


class Replay(object):
    """The past of one `Model`, up to the moment at which that was told how things are.

    Args:
        model: what is known of the present.
        kernel: what executions wait through.
    """

    def __init__(self, model, kernel):
        # type: (Model, Any) -> None
        self._model = model
        self._kernel = kernel
        self._past = {}  # type: Dict[int, Execution]  # begun, and over by now
        self._untold = list(model.executions) + [(u"request", number) for number in model.requests]  # type: List[Any]
        self.handlers = {  # type: Dict[str, Callable[[Dict[Any, Any]], News]]
            u"output": model.output, u"queued": partial(self._open, life.QUEUED),
            u"started": partial(self._open, life.RUNNING), u"finished": self._finished,
            u"cancelled": self._cancelled, u"input": self._input, u"ended": self._ended,
        }

    def finish(self):
        # type: () -> News
        """The present is reached: the news of what was not told on the way, because that was not kept, or not wanted."""
        news = []  # type: News
        for number, execution in sorted(self._past.items()):
            news += self._fail(number, execution, ResultLost("the end of execution %s is lost with the output that is missing"
                                                             % number))
        for number, execution in sorted(self._model.executions.items()):
            news += [(EXECUTION, execution)] if number in self._untold else []
        for number, request in sorted(self._model.requests.items()):
            news += [(INPUT, request)] if (u"request", number) in self._untold else []
        if self._model.exit is not None and not self._model.heard_end:
            news += self._end()
        return news

    def _told(self, what):
        # type: (Any) -> None
        if what in self._untold:
            self._untold.remove(what)

    def _present(self, event):
        # type: (Dict[Any, Any]) -> Any
        """The execution of an event if it is not over yet."""
        execution = self._model.executions.get(event[u"execution"])
        if execution is not None:
            self._told(event[u"execution"])
        return execution

    def _known(self, event):
        # type: (Dict[Any, Any]) -> Execution
        number = event[u"execution"]
        execution = self._past.get(number)
        if execution is None:
            execution = self._past[number] = Execution(event.get(u"code"), event.get(u"mode"), event.get(u"frontend"),
                                                       kernel=self._kernel)
            execution.id = number
        return execution

    def _open(self, state, event):
        # type: (str, Dict[Any, Any]) -> News
        """One that is queued or started."""
        execution = self._present(event)
        if execution is None:
            execution = self._known(event)
            execution.state = state
        return [(EXECUTION, execution)]

    def _finished(self, event):
        # type: (Dict[Any, Any]) -> News
        execution = self._known(event)
        del self._past[event[u"execution"]]
        execution._finish(Result.from_message(event))
        return [(EXECUTION, execution), (DONE, execution)]

    def _cancelled(self, event):
        # type: (Dict[Any, Any]) -> News
        return self._fail(event[u"execution"], self._known(event), Cancelled("execution %s was cancelled"
                                                                             % event[u"execution"]))

    def _fail(self, number, execution, error):
        # type: (int, Execution, BaseException) -> News
        del self._past[number]
        execution._fail(error)
        return [(EXECUTION, execution), (DONE, execution)]

    def _input(self, event):
        # type: (Dict[Any, Any]) -> News
        request = self._model.requests.get(event[u"request"])
        if request is None:
            return []
        self._told((u"request", event[u"request"]))
        return [(INPUT, request)]

    def _ended(self, event):
        # type: (Dict[Any, Any]) -> News
        news = self._model.flush()
        cause = Exit.from_message(event.get(u"exit")) or Exit()
        for number, execution in sorted(self._past.items()):
            news += self._fail(number, execution, KernelDied(cause))
        if self._model.exit is not None and event.get(u"generation") == self._model.generation:
            news += self._end()
        return news

    def _end(self):
        # type: () -> News
        """The end of the kernel whose end is the last thing known."""
        self._model.heard_end = True
        return [(END, self._model.exit)]
