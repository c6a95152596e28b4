"""What becomes of executions, questions and kernels whose events a frontend has missed. Pure.

Output that is missing is a `Gap`. But with it an execution may have ended for whose result somebody waits. So the frontend asks
the broker how things are, and when its events have come to the place at which that was so, it compares: what is open here and
not there has ended on the way. The broker still knows how the latest executions ended.
"""
from __future__ import absolute_import, division, print_function

from .. import vocabulary as names
from ..errors import BrokerLost, KernelDied, ResultLost
from .news import END
from .status import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Set

    from .model import Model, News


def open_executions(look):
    # type: (Dict[Any, Any]) -> List[Dict[Any, Any]]
    """What runs and what waits, as the broker says it."""
    return ([look[u"running"]] if look.get(u"running") else []) + list(look.get(u"queued") or ())


class Look(object):
    """One question to the broker how things are.

    Args:
        model: what we know, at the moment of the question.
    """

    def __init__(self, model):
        # type: (Model) -> None
        self._model = model
        self._pending = model.pending()
        self.over = set()  # type: Set[Any]  # what has ended since, by its events
        self.answer = None  # type: Any

    @property
    def number(self):
        # type: () -> int
        """The place in the order of events that the answer tells of."""
        return self.answer[u"number"]

    def compare(self):
        # type: () -> News
        """The events have come to that place."""
        model, present = self._model, dict((item[u"execution"], item) for item in open_executions(self.answer))
        outcomes = dict((event[u"execution"], event) for event in self.answer.get(u"outcomes") or ())
        news = []  # type: News
        for execution in self._pending:
            if execution.id is not None and execution.id in outcomes and not execution.done():
                model.executions.setdefault(execution.id, execution)
                news += model.feed(outcomes[execution.id])
        news += self._kernels(present)
        news += self._new(present)
        for execution in self._pending:
            if execution.done() or execution.id in present:
                continue
            if execution.id is None:  # its events would have come before
                news += model.fail(execution, BrokerLost("the link to the broker was cut before the execution had arrived"))
            else:
                news += model.fail(execution, ResultLost(
                    "execution %s has ended, and its result is lost with the output that is missing" % execution.id))
        return news

    def _kernels(self, present):
        # type: (Dict[int, Any]) -> News
        """An end of the kernel that was missed, and the next one's start."""
        model, generation, status = self._model, self.answer.get(u"generation"), self.answer.get(u"status") or {}
        dead = status.get(u"state") == names.DEAD
        if generation == model.generation and (not dead or model.exit is not None):
            return []
        news = []  # type: News
        if model.exit is None:
            cause = Exit.from_message(status.get(u"exit")) if dead else None
            model.exit, model.ready, model.heard_end = cause or Exit(), None, True
            model.ends.append(model.exit)
            for execution in self._pending:
                if execution.id not in present:
                    news += model.fail(execution, KernelDied(model.exit))
            news.append((END, model.exit))
        model.generation = generation or model.generation
        if not dead and status.get(u"state") != names.STARTING:
            news += model.feed(names.extended(self.answer, {u"event": u"ready"}))
        return news

    def _new(self, present):
        # type: (Dict[int, Any]) -> News
        """What began on the way."""
        model = self._model
        news = []  # type: News
        for number, item in sorted(present.items()):
            if number not in self.over and number not in model.executions:
                news += model.feed(names.extended(item, {u"event": u"queued"}))
        running = self.answer.get(u"running")
        if running is not None:
            execution = model.executions.get(running[u"execution"])
            if execution is not None and not execution.running():
                news += model.feed(names.extended(running, {u"event": u"started"}))
        asked = dict((item[u"request"], item) for item in self.answer.get(u"inputs") or ())
        for number in sorted(model.requests):
            if number not in asked:
                news += model.feed({u"event": u"input-over", u"request": number})
        for number, item in sorted(asked.items()):
            if number not in model.requests and (u"request", number) not in self.over:
                news += model.feed(names.extended(item, {u"event": u"input"}))
        return news
