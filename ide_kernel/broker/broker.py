"""The broker: puts its parts together. Nothing here blocks.

What happens next is decided in ``lifecycle.py`` and ``frontends.py``; this file carries it out.
"""
from __future__ import absolute_import, division, print_function

import os
import signal

import yotonlike

from .. import vocabulary
from . import exits, guardian, lifecycle, process, system
from .board import Board
from .diagnosis import end_words
from .evidence import gather
from .executions import Executions
from .frontends import Frontends
from .generation import Generation
from .holding import Holding
from .outbox import Outbox
from .service import METHODS, Service
from .transcript import Transcript

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple

    from .journal import Journal
    from .loop import Loop, Timer

#: Seconds that news wait at which nobody needs to act, for others to go with: each message wakes every frontend.
CALM = 0.005
#: Events in a message: a frontend decodes a message in one go, which may take its event loop a millisecond or two. More come at
#: once when stdout and stderr alternate line by line.
EVENTS = 250
LOST_GUARDIAN = u"its guardian process was killed, so that nobody can wait for the kernel any more"
#: Our words for the policies of a publisher.
_POLICIES = {vocabulary.BLOCK: "block", vocabulary.SPOOL: "lag", vocabulary.DROP: "drop"}
#: Seconds between two beats that frontends see: as a heart at rest, and an idle machine is not kept awake.
BEAT = 0.9
_SIGNALS = {"sigint": signal.SIGINT, "sigterm": signal.SIGTERM, "sigkill": signal.SIGKILL}


class Broker(object):
    """One broker: its kernels, one after the other, and whoever is attached to them.

    Attributes:
        kernel (Generation): the kernel of this moment, dead or alive.
        exit (dict | None): how the last kernel ended.
        lifecycle (Lifecycle): where it stands.
    """

    def __init__(self, loop, first, root, settings, channels):
        # type: (Loop, process.Process, Any, Dict[str, Any], Channels) -> None
        self._loop = loop
        self._root = root
        self._settings = {"python": settings["python"], "cwd": None, "env": None}
        self._channels = channels
        self._timer = None  # type: Any
        self.exit = None  # type: Optional[Dict[Any, Any]]
        self.lifecycle = lifecycle.Lifecycle()
        self._executions = Executions()
        self._frontends = Frontends(loop.now(), settings["keep"], settings["linger"])
        self._transcript = Transcript()
        self._outbox = Outbox(channels.events.send_nowait, self._blocked, self._free)
        self._holding = Holding()
        self._board = Board(loop, self._gather, lambda: self.kernel.number, channels.status.send)
        self._events = []  # type: List[Dict[Any, Any]]  # of this turn, or calm
        self._calm = None  # type: Optional[Timer]  # sends them
        self._replies = []  # type: List[Tuple[yotonlike.Future, Any]]  # that go with them
        self._system = system.find()
        self._beat_at = 0.0
        self._service = Service(self)
        self.kernel = Generation(loop, first, 1, self._executions, self, root, self._system)
        channels.serve(self._service, self._outbox.pump, self._link_lost)
        self.changed()

    # -- for the service ------------------------------------------------------------------------------------------

    def attach(self, frontend, lines):
        # type: (Any, Optional[int]) -> Dict[Any, Any]
        """A frontend is there; what it has to know, and where the last ``lines`` lines begin."""
        self._frontends.hello(frontend, self._channels.link_of(frontend))
        self.changed()
        now = self.look()
        first = self._channels.journal.first
        now[u"start"] = first if lines is None else self._transcript.start(lines, first)
        return now

    def look(self):
        # type: () -> Dict[Any, Any]
        """How things are behind the last message, whose number is one less than ``number`` here."""
        self._send_events()  # they are older than what we are about to say
        active = self._executions.active
        return vocabulary.extended(self._about(), {
            u"status": self._board.current(), u"inputs": list(self.kernel.inputs.values()),
            u"running": None if active is None else active.describe(),
            u"queued": [execution.describe() for execution in self._executions.queued],
            u"number": self._transcript.number, u"lines": self._transcript.lines})

    def outcomes(self):
        # type: () -> List[Dict[Any, Any]]
        """How the latest executions ended."""
        return self._transcript.outcomes()

    def detach(self, frontend):
        # type: (Any) -> bool
        """A frontend said goodbye; whether that ends kernel and broker."""
        now = self._loop.now()
        self._frontends.leave(frontend, now)
        due = self._time_to_leave()
        self.changed()
        return due is not None and due <= now

    def execute(self, frontend, token, spec):
        # type: (Any, Any, Dict[Any, Any]) -> yotonlike.Future
        """Queue code; the reply to that, which goes with the first event."""
        execution = self._executions.submit(frontend, token, spec)
        self.kernel.run_next()  # what the kernel says to it is read in a later turn, so "queued" is still the first event
        self.publish(vocabulary.extended(execution.describe(), {u"event": u"queued"}), calm=True)
        reply = yotonlike.Future()
        self._replies.append((reply, {u"execution": execution.id}))
        return reply

    def cancel(self, number):
        # type: (int) -> bool
        """Take an execution back that did not start."""
        cancelled = self._executions.cancel(number)
        if cancelled:
            self.publish({u"event": u"cancelled", u"execution": number})
        return cancelled

    def change_settings(self, settings):
        # type: (Dict[str, Any]) -> None
        """What the next kernel is started with."""
        self._settings.update(settings)

    def aim(self, purpose, event, polite, grace=lifecycle.GRACE):
        # type: (str, str, float, float) -> None
        """End the kernel, for a purpose."""
        self.lifecycle.aim(purpose)
        self._handle(event, polite, grace)

    def publish(self, event, calm=False):
        # type: (Dict[Any, Any], bool) -> None
        """Tell the frontends, in one message with all other events of this turn: each wakes every frontend.

        Args:
            calm: this one can wait for others, `CALM` seconds at most.
        """
        self._events.append(event)
        if not calm:
            self._loop.call_after(self._send_events)
        elif self._calm is None:
            self._calm = self._loop.call_at(self._loop.now() + CALM, self._send_events)

    # -- for the kernel -------------------------------------------------------------------------------------------

    def kernel_ready(self):
        # type: () -> None
        """The kernel can run code."""
        self.tell_status()
        self.publish(vocabulary.extended(self._about(), {u"event": u"ready"}))
        if self.lifecycle.step is None:  # else a restart was asked for while it started: who did waits for the next one
            self._service.kernel_ready(self.kernel.number)
        guardian.become_subreaper()  # should the guardian be killed; and the next one need not load what this takes
        self._handle("ready")

    def kernel_exited(self, exit):
        # type: (Dict[Any, Any]) -> None
        """The guardian reaped the kernel, and all that it wrote is published."""
        self.exit = exits.as_asked(exit, self.lifecycle.sent)
        self._handle("exited")

    def start_failed(self, step, code):
        # type: (Any, int) -> None
        """The new kernel could not be started."""
        self.exit = exits.exit_record(None, None, None, start_problem(self._settings, step, code))

    def guardian_gone(self):
        # type: () -> None
        """The guardian ended, and with it all that was below it."""
        if self.lifecycle.alive and self.exit is None:
            self.exit = exits.exit_record(None, None, None, LOST_GUARDIAN)
        self._handle("vanished")

    def changed(self):
        # type: () -> None
        """Something happened that the status, or the time to end, may depend on: look at the end of this turn."""
        self._loop.call_after(self._look)

    def tell_status(self):
        # type: () -> None
        """Tell the status now: whoever hears the event that comes next shall find it so."""
        self._board.changed()

    def kernel_leaves(self):
        # type: () -> None
        """The kernel said that it ends."""
        self._handle("leaves")

    def heard(self):
        # type: () -> None
        """A sign of life of the kernel: once a second the frontends see its heart beat."""
        now = self._loop.now()
        if now >= self._beat_at:
            self._beat_at = now + BEAT
            self._channels.beat.send({u"beats": self.kernel.watch.beats, u"generation": self.kernel.number})

    def late(self, seconds):
        # type: (float) -> None
        """This process was late by so much."""
        self._board.excuse(seconds)

    def describe(self):
        # type: () -> Any
        """The kernel's status in words."""
        return self._board.describe()

    # -- inside ---------------------------------------------------------------------------------------------------

    def _gather(self):
        # type: () -> Any
        return gather(self._loop.now(), self.kernel, self.lifecycle, self._executions, self.exit, self._holding,
                      self._channels.journal)

    def _blocked(self):
        # type: () -> None
        """The frontends take no more."""
        self.kernel.output.pause()
        self.changed()

    def _free(self):
        # type: () -> None
        """They do again."""
        self.kernel.resume()
        self.changed()

    def _look(self):
        # type: () -> None
        now = self._loop.now()
        self._holding.look(now, self._outbox.blocked, lambda: self._channels.holders() if self.kernel.output.is_full() else [])
        self._board.changed()
        deadlines = [when for when in (self.lifecycle.deadline, self._time_to_leave(), self._holding.deadline(now))
                     if when is not None]
        due = min(deadlines) if deadlines else None
        if self._timer is not None and self._timer.when != due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None and due is not None:
            self._timer = self._loop.call_at(due, self._due)

    def _send_events(self):
        # type: () -> None
        events, self._events = self._events, []
        if self._calm is not None:
            self._calm.cancel()
            self._calm = None
        for begin in range(0, len(events), EVENTS):
            self._outbox.put(self._transcript.message(events[begin:begin + EVENTS]))
        replies, self._replies = self._replies, []
        for reply, value in replies:
            reply.set_result(value)

    def _about(self):
        # type: () -> Dict[Any, Any]
        return vocabulary.extended(self.kernel.about, {
            u"broker_pid": os.getpid(), u"kernel_pid": self.kernel.process.pid, u"generation": self.kernel.number})

    def _handle(self, event, polite=lifecycle.POLITE, grace=lifecycle.GRACE):
        # type: (str, float, float) -> None
        for action in self.lifecycle.handle(event, self._loop.now(), polite, grace):
            self._act(action)
        self.changed()

    def _act(self, action):
        # type: (str) -> None
        if action == "ask":
            self.kernel.ask_to_exit()
        elif action in _SIGNALS:
            self.kernel.signal(_SIGNALS[action])
        elif action in ("kill", "clear"):
            self.kernel.kill_all()
        elif action == "report":
            self._report_end()
        elif action == "start":
            self._start()
        elif action == "stop":
            self._loop.stop()

    def _report_end(self):
        # type: () -> None
        self._executions.lose_all()
        self.tell_status()
        self.publish({u"event": u"ended", u"exit": self.exit, u"generation": self.kernel.number})
        self._service.kernel_ended(self.exit or {}, end_words(self.exit) if self.exit else u"")

    def _start(self):
        # type: () -> None
        self.exit = None
        started = process.start(self._settings["python"], self._root, self._settings["cwd"], self._settings["env"])
        self.kernel = Generation(self._loop, started, self.kernel.number + 1, self._executions, self, self._root,
                                 self._system)
        if self._outbox.blocked:
            self.kernel.output.pause()

    def _time_to_leave(self):
        # type: () -> Optional[float]
        if self.lifecycle.purpose == lifecycle.LEAVE:
            return None
        return self._frontends.deadline(self.lifecycle.vacant)

    def _due(self):
        # type: () -> None
        self._timer = None
        now = self._loop.now()
        if self.lifecycle.deadline is not None and self.lifecycle.deadline <= now:
            self._handle("deadline")
        leave = self._time_to_leave()
        if leave is not None and leave <= now:
            self.leave()
        self.changed()

    def leave(self):
        # type: () -> None
        """End everything."""
        self.aim(lifecycle.LEAVE, "end", lifecycle.POLITE_BRIEF)

    def _link_lost(self, link):
        # type: (Any) -> None
        self._frontends.link_lost(link, self._loop.now())
        self.changed()


def start_problem(settings, step, code):
    # type: (Dict[str, Any], Any, int) -> Any
    """Why a kernel could not be started, in words."""
    what = {u"exec": u"run " + settings["python"], u"cwd": u"enter the directory %s" % settings["cwd"]}.get(
        step, u"prepare the kernel's process")
    return u"cannot %s: %s" % (what, os.strerror(code))


class Channels(object):
    """The broker's context, and the channels that frontends use.

    Args:
        context: bound already.
        journal: what was published, for frontends that come later.
        when_slow: whether a frontend that does not read holds the kernel: a name of ``vocabulary.WHEN_SLOW``.
    """

    def __init__(self, context, journal, when_slow):
        # type: (Any, Journal, Any) -> None
        self._context = context
        self.journal = journal
        self.events = yotonlike.PubChannel(context, vocabulary.EVENTS, yotonlike.OBJECT, history=journal,
                                           when_slow=_POLICIES[when_slow])
        self.beat = yotonlike.StateChannel(context, vocabulary.BEAT, yotonlike.OBJECT)
        self.status = yotonlike.StateChannel(context, vocabulary.STATUS, yotonlike.OBJECT)

    def serve(self, service, on_room, on_link_lost):
        # type: (Service, Callable[[], None], Callable[[Any], None]) -> None
        """Begin to answer requests, in the main loop."""
        self.events.writable.connect(on_room)
        self._context.link_closed.connect(on_link_lost)
        self._requests = yotonlike.RepChannel(self._context, vocabulary.REQUESTS, target=service, methods=METHODS, events=True)

    def holders(self):
        # type: () -> List[Any]
        """The frontends that the publisher waits for."""
        return sorted(subscriber.peer for subscriber in self.events.subscribers if subscriber.blocking)

    def link_of(self, frontend):
        # type: (Any) -> Any
        """The link of a frontend, whose context has its name; None when it comes through another context."""
        for link in reversed(self._context.links):  # one that was cut may still be there
            if link.peer == frontend:
                return link
        return None
