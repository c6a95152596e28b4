"""One kernel, from its start to its last word: a process, its output, and the line to it.

Things that the kernel says on the line belong behind what it wrote before, so the pipes are read first. While the
frontends take no output, nothing may overtake it either: what the kernel says waits with it.
"""
from __future__ import absolute_import, division, print_function

import itertools
import signal

from .exits import exit_of
from .interrupting import Interrupting
from .line import Line
from .output import Output
from .stacks import Stacks
from .watch import Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple

    from .executions import Executions
    from .loop import Loop
    from .process import Process, Report

#: Bytes of output that are kept for the report of a death.
TAIL = 2000
#: What of a "ready" or "finished" message goes to the frontends.
_ABOUT = (u"python", u"implementation", u"executable", u"prefix")
_RESULT = (u"ok", u"value", u"error", u"count", u"exit")


class Generation(object):
    """A running kernel.

    Args:
        loop: the main loop.
        process: the started process.
        number: 1 for the broker's first kernel.
        executions: the broker's queue.
        root: the directory that holds our packages.
        system: tells of processes (see ``system.py``).
        owner: is told: ``publish(event)``, ``kernel_ready()``, ``kernel_exited(exit)``, ``start_failed(step, errno)``,
            ``guardian_gone()``, ``changed()``, ``tell_status()``, ``heard()``, ``kernel_leaves()``, ``late(seconds)``;
            and gives ``describe()``, the status in words.

    Attributes:
        ready (bool): whether the kernel ever said that it is, and its process is known.
        about (dict): what it said of itself then.
        inputs (dict): number -> the event of each line of input that it waits for.
        linked (bool): whether the line is open.
        watch (Watch): heartbeats, and what the system says while there are none.
        stacks (Stacks): where its threads are.
        interrupts (Interrupting): what became of them.
        tail (bytes): the last of what it wrote.
    """

    _requests = itertools.count(1)  # of all generations: a late answer must not reach the next kernel

    def __init__(self, loop, process, number, executions, owner, root, system):
        # type: (Loop, Process, int, Executions, Any, Any, Any) -> None
        self.process = process
        self.number = number
        self.ready = False
        self._greeting = None  # type: Optional[Dict[Any, Any]]  # what the kernel said when it was ready
        self.about = dict.fromkeys(_ABOUT)  # type: Dict[Any, Any]
        self.inputs = {}  # type: Dict[int, Dict[Any, Any]]
        self._loop = loop
        self._executions = executions
        self._owner = owner
        self._ends = False  # the kernel said that it ends: it takes no more code
        self._kernel_inputs = {}  # type: Dict[int, Any]  # our number of a request -> the kernel's
        self._answers = {}  # type: Dict[Any, Callable[[Any, Any], None]]
        self._signals = []  # type: List[Callable[[int], None]]
        self._waiting = []  # type: List[Tuple[Callable[[Dict[Any, Any]], None], Dict[Any, Any]]]
        self.tail = b""
        self.watch = Watch(loop, system, lambda: executions.active is None, self._looked, owner.late)
        self.stacks = Stacks(loop, process, self.watch, root, lambda done: self.ask(u"stacks", u"", 0, done))
        self.interrupts = Interrupting(loop, executions, lambda done: self.signal(signal.SIGINT, done), owner.describe,
                                       owner.changed)
        self._handlers = {u"ready": self._ready, u"answer": self._answer, u"thread": self.stacks.told, u"at": self.stacks.known,
                          u"leaving": self._leaving}
        self._in_order = {u"finished": self._finished, u"input": self._input, u"input-over": self._input_over}
        self.output = Output(loop, process, executions, self._publish, self._settle)
        self._line = Line(loop, process.link_fd, self._said, owner.changed, self._heard)
        loop.watch(process.report_fd, self._reported)

    @property
    def linked(self):
        # type: () -> bool
        return self._line.open

    # -- what the broker asks for ---------------------------------------------------------------------------------

    def run_next(self):
        # type: () -> None
        """Give the kernel the next execution if it is free."""
        if not self.ready or self._ends or self.process.reaped:
            return
        execution = self._executions.send_next()
        if execution is not None:
            self._line.send(execution.message())
            self.output.nap()
            self.watch.code_sent()
            self._owner.changed()

    def answer(self, number, data):
        # type: (int, Optional[bytes]) -> bool
        """Give the kernel a line of input; False when it does not wait for that one (any more)."""
        request = self._kernel_inputs.pop(number, None)
        if request is None:
            return False
        del self.inputs[number]
        self._line.send({u"kind": u"input", u"request": request, u"data": data})
        self._owner.publish({u"event": u"input-over", u"request": number})
        self._owner.changed()
        return True

    def ask(self, what, code, cursor, done):
        # type: (Any, Any, int, Callable[[Any, Any], None]) -> bool
        """Ask the kernel something; ``done(result, error text or None)`` is called, but not when it dies before."""
        number = next(self._requests)
        self._answers[number] = done
        return self._line.send({u"kind": u"ask", u"request": number, u"what": what, u"code": code, u"cursor": cursor})

    def ask_to_exit(self):
        # type: () -> None
        """Ask the kernel to end when it is idle."""
        self._line.send({u"kind": u"exit"})

    def signal(self, number, done=None):
        # type: (int, Optional[Callable[[int], None]]) -> bool
        """Signal the kernel's group and let out what it writes then; ``done(errno or 0)`` is called when it was sent."""
        if self.process.reaped or not self.process.signal(number):
            return False
        self._signals.append(done or _ignore)
        return True

    def interrupt(self, future):
        # type: (Any) -> bool
        """Interrupt what runs, and let out what it writes then; False when there is no kernel. See `Interrupting`."""
        if self._executions.active is not None and not self._executions.active.started:
            self.output.open_reserve()
            self.output.catch_up()  # its start mark may be there
        return self.interrupts.interrupt(future)

    def kill_all(self):
        # type: () -> None
        """Kill the kernel and everything that descends from it; the guardian ends."""
        self.output.open_reserve()
        self.process.end()

    def resume(self):
        # type: () -> None
        """The frontends take output again."""
        self.output.resume()
        while self._waiting and not self.output.paused:
            handler, message = self._waiting.pop(0)
            self.output.catch_up()
            handler(message)

    # -- what the kernel says -------------------------------------------------------------------------------------

    def _said(self, message):
        # type: (Dict[Any, Any]) -> None
        """The kernel said something. The user's program could have written it: nothing of it may break the broker."""
        kind = message.get(u"kind")
        if kind == u"finished":  # known at once, although its event comes behind its output
            self._ends = self._ends or message.get(u"exit") is not None
            self._executions.result_came(message)
            self.interrupts.settle()
            self._owner.tell_status()
        if kind in self._handlers:
            self._handlers[kind](message)
        elif kind in self._in_order:
            handler = self._in_order[kind]
            if self.output.paused or self._waiting:
                self._waiting.append((handler, message))
            else:
                self.output.catch_up()
                handler(message)

    def _heard(self):
        # type: () -> None
        self.watch.heard()
        self._owner.heard()
        self.interrupts.heartbeat()

    def _looked(self):
        # type: () -> None
        self.stacks.looked()
        self._owner.changed()

    def _leaving(self, message):
        # type: (Dict[Any, Any]) -> None
        self._owner.kernel_leaves()

    def _publish(self, event, calm=False):
        # type: (Dict[Any, Any], bool) -> None
        if event[u"event"] == u"output":
            self.tail = (self.tail + event[u"data"][-TAIL:])[-TAIL:]
        self._owner.publish(event, calm)
        if event[u"event"] == u"started":
            self.interrupts.let_go()

    def _ready(self, message):
        # type: (Dict[Any, Any]) -> None
        if self._greeting is None:
            self._greeting = message
            self._begin()

    def _begin(self):
        # type: () -> None
        """The kernel has said that it is ready, or the guardian which process it is: on a busy machine that can be the later."""
        if self._greeting is None or self.process.pid is None:
            return
        self.ready = True
        self.about = dict((name, self._greeting.get(name)) for name in _ABOUT)
        self._owner.kernel_ready()
        self.run_next()

    def _finished(self, message):
        # type: (Dict[Any, Any]) -> None
        self._executions.pipe_is_empty()
        self._settle()

    def _settle(self):
        # type: () -> None
        execution = self._executions.take_finished()
        if execution is None:
            return
        event = dict((name, (execution.result or {}).get(name)) for name in _RESULT)
        event.update({u"event": u"finished", u"execution": execution.id})
        self._owner.publish(event)
        self.run_next()
        self._owner.changed()

    def _input(self, message):
        # type: (Dict[Any, Any]) -> None
        number = next(self._requests)
        self._kernel_inputs[number] = message.get(u"request")
        self.inputs[number] = event = {
            u"event": u"input", u"request": number, u"execution": message.get(u"execution"),
            u"prompt": message.get(u"prompt"), u"password": message.get(u"password"), u"debugger": message.get(u"debugger")}
        self._owner.publish(event)
        self._owner.changed()

    def _input_over(self, message):
        # type: (Dict[Any, Any]) -> None
        for number, request in list(self._kernel_inputs.items()):
            if request == message.get(u"request"):
                del self._kernel_inputs[number], self.inputs[number]
                self._owner.publish({u"event": u"input-over", u"request": number})
                self._owner.changed()

    def _answer(self, message):
        # type: (Dict[Any, Any]) -> None
        done = self._answers.pop(message.get(u"request"), None)
        if done is not None:
            done(message.get(u"result"), message.get(u"error"))

    # -- what the guardian says -----------------------------------------------------------------------------------

    def _reported(self):
        # type: () -> None
        self.take_reports(self.process.reports())

    def take_reports(self, reports):
        # type: (List[Report]) -> None
        """Act on what the guardian reported."""
        for report in reports:
            kind = report[0]
            if kind == "pid":
                self.watch.start(report[1])
                self._owner.changed()
                self._begin()
            elif kind == "sent":
                self.output.open_reserve()  # not before: code that floods would fill it until the guardian gets to send
                self._signals.pop(0)(report[2])
            elif kind == "failed":
                self._owner.start_failed(report[1], report[2])
            elif kind == "exit":
                self._exited(report[1])
            elif kind == "gone":
                self._gone()

    def _exited(self, status):
        # type: (int) -> None
        self._line.read_all()
        self.output.drain()
        while self._waiting:
            handler, message = self._waiting.pop(0)
            handler(message)
        self._line.close()
        self.watch.stop()
        self.stacks.end()
        self.inputs.clear()
        self._kernel_inputs.clear()
        self._executions.lose_all()
        self._owner.kernel_exited(exit_of(status, self.watch.killed_for_memory(), self.watch.memory, self.stacks.crash(),
                                          self.tail))

    def _gone(self):
        # type: () -> None
        if not self.process.reaped:  # the guardian ended without a word of the kernel's end: it was killed itself
            status = self.process.bury()
            if status is not None:
                self._exited(status)
        self.output.drain()
        self.output.close()
        self._line.close()
        self._loop.watch(self.process.report_fd, None)
        self.process.close()
        self._owner.guardian_gone()


def _ignore(code):
    # type: (int) -> None
    """Nobody waits for this signal's report."""
