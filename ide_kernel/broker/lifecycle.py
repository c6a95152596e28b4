"""The life of kernel after kernel, as a table: state and event give the next state and what to do. Pure.

::

    starting -> running -> asked -> interrupted -> termed -> killed      an end asked for, step by step
                             `-------`-> ending ----^                    it ends: exit functions and threads get their time
                   `-> leaving --^                                       ... unasked: for as long as it likes
        any of these ------- exited --------> dead                       the guardian reaped it
    dead -> clearing -> (gone) -> starting     restart: first everything that the old kernel left behind goes
                               -> over         leave: then the broker ends

What comes after the end is the *purpose*: ``stay`` (dead, for the frontends to see), ``restart`` or ``leave``. A leave
is final; between the others the last one counts. ``gone`` is ``dead`` without a guardian: nothing below us lives.
"""
from __future__ import absolute_import, division, print_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Optional, Tuple

STARTING, RUNNING = "starting", "running"
ASKED, INTERRUPTED, TERMED, KILLED = "asked", "interrupted", "termed", "killed"
LEAVING, ENDING = "leaving", "ending"
DEAD, GONE, CLEARING, OVER = "dead", "gone", "clearing", "over"
STATES = (STARTING, RUNNING, LEAVING, ASKED, ENDING, INTERRUPTED, TERMED, KILLED, DEAD, GONE, CLEARING, OVER)
ALIVE = (STARTING, RUNNING, LEAVING, ASKED, ENDING, INTERRUPTED, TERMED, KILLED)

STAY, RESTART, LEAVE = "stay", "restart", "leave"
PURPOSES = (STAY, RESTART, LEAVE)

EVENTS = (
    "ready",      # the kernel can run code
    "leaves",     # it said that it ends: what comes now is atexit, and threads that it waits for
    "end",        # somebody wants it to end (terminate, restart, leave: the purpose says which)
    "kill",       # ... at once
    "deadline",   # the time for a step is over
    "exited",     # the guardian reaped the kernel
    "vanished",   # the guardian is gone, and all below it
)

#: Seconds for the kernel to end by itself when it is asked, and for each step after that.
POLITE = 10.0
STEP = 2.0
#: ... for what exit functions and threads do once it ends, unless whoever asked named a time: they save work.
GRACE = 30.0
#: ... and when it was asked because somebody restarts it or everybody left.
POLITE_BRIEF = 2.0

#: What a step is called in the status.
WORDS = {
    ASKED: u"asked to end", INTERRUPTED: u"interrupted (SIGINT)", TERMED: u"told to end (SIGTERM)",
    KILLED: u"killed (SIGKILL)", ENDING: u"ends: exit functions and threads finish",
}

#: state -> the signals that have been sent by then.
SENT = {INTERRUPTED: ("SIGINT",), TERMED: ("SIGINT", "SIGTERM"), KILLED: ("SIGINT", "SIGTERM", "SIGKILL")}

#: state -> what comes next if it does not end, in words.
FOLLOWING = {ASKED: u"SIGINT", ENDING: u"SIGINT", INTERRUPTED: u"SIGTERM", TERMED: u"SIGKILL"}

#: state -> event -> (next state, action | None). A missing event changes nothing.
TABLE = {
    STARTING: {"ready": (RUNNING, None), "end": (ASKED, "ask"), "kill": (KILLED, "kill"),
               "exited": (DEAD, "report"), "vanished": (GONE, "report")},
    RUNNING: {"leaves": (LEAVING, None), "end": (ASKED, "ask"), "kill": (KILLED, "kill"),
              "exited": (DEAD, "report"), "vanished": (GONE, "report")},
    LEAVING: {"end": (ENDING, None), "kill": (KILLED, "kill"),
              "exited": (DEAD, "report"), "vanished": (GONE, "report")},
    ASKED: {"leaves": (ENDING, None), "deadline": (INTERRUPTED, "sigint"), "kill": (KILLED, "kill"),
            "exited": (DEAD, "report"), "vanished": (GONE, "report")},
    ENDING: {"deadline": (INTERRUPTED, "sigint"), "kill": (KILLED, "kill"),
             "exited": (DEAD, "report"), "vanished": (GONE, "report")},
    INTERRUPTED: {"leaves": (ENDING, None), "deadline": (TERMED, "sigterm"), "kill": (KILLED, "kill"),
                  "exited": (DEAD, "report"), "vanished": (GONE, "report")},
    TERMED: {"deadline": (KILLED, "sigkill"), "kill": (KILLED, "kill"),
             "exited": (DEAD, "report"), "vanished": (GONE, "report")},
    KILLED: {"exited": (DEAD, "report"), "vanished": (GONE, "report")},
    DEAD: {"end": (DEAD, None), "vanished": (GONE, None)},
    GONE: {"end": (GONE, None)},
    CLEARING: {"vanished": (GONE, None)},
    OVER: {},
}  # type: Dict[str, Dict[str, Tuple[str, Optional[str]]]]

#: state -> purpose -> (next state, action): what the purpose adds as soon as a state is reached.
NEXT = {
    DEAD: {RESTART: (CLEARING, "clear"), LEAVE: (CLEARING, "clear")},
    GONE: {RESTART: (STARTING, "start"), LEAVE: (OVER, "stop")},
}  # type: Dict[str, Dict[str, Tuple[str, str]]]


class Lifecycle(object):
    """Where the kernel stands.

    Attributes:
        state (str): one of `STATES`.
        purpose (str): one of `PURPOSES`.
        deadline (float | None): when the event ``deadline`` is due.
    """

    def __init__(self):
        # type: () -> None
        self.state = STARTING
        self.purpose = STAY
        self.deadline = None  # type: Optional[float]
        self._grace = 0.0

    @property
    def alive(self):
        # type: () -> bool
        """Whether there is a kernel that was not reaped."""
        return self.state in ALIVE

    @property
    def vacant(self):
        # type: () -> bool
        """Whether there is no kernel, and none on its way: between two kernels of a restart there is one."""
        return not self.alive and self.purpose != RESTART

    @property
    def step(self):
        # type: () -> Optional[str]
        """The step of the escalation, in words; None when nobody asked for an end."""
        return WORDS.get(self.state)

    @property
    def sent(self):
        # type: () -> Tuple[str, ...]
        """The signals that it was sent because somebody asked for its end."""
        return SENT.get(self.state, ())

    @property
    def following(self):
        # type: () -> Optional[str]
        """What comes at the deadline, in words."""
        return FOLLOWING.get(self.state)

    @property
    def leaving(self):
        # type: () -> bool
        """Whether it ends unasked."""
        return self.state == LEAVING

    def handle(self, event, now, polite=POLITE, grace=GRACE):
        # type: (str, float, float, float) -> Tuple[str, ...]
        """Take an event.

        Args:
            event: one of `EVENTS`.
            now: monotonic seconds.
            polite: seconds that an asked kernel has before it is interrupted.
            grace: seconds that it has for its exit functions and threads, if these are more.

        Returns:
            The actions to do, in order: ``ask``, ``sigint``, ``sigterm``, ``sigkill``, ``kill`` (all below the
            guardian), ``report`` the death, ``clear`` what it left, ``start`` the next kernel, ``stop`` the broker.
        """
        if event == "end" and self.state in (STARTING, RUNNING, LEAVING):
            self._grace = grace
        actions = self._move(TABLE[self.state].get(event), now, polite)
        while self.purpose in NEXT.get(self.state, ()):
            actions += self._move(NEXT[self.state][self.purpose], now, polite)
        return actions

    def aim(self, purpose):
        # type: (str) -> None
        """Say what comes after the end; follow with the event ``end`` or ``kill``."""
        if self.purpose != LEAVE:
            self.purpose = purpose

    def _move(self, transition, now, polite):
        # type: (Optional[Tuple[str, Optional[str]]], float, float) -> Tuple[str, ...]
        if transition is None:
            return ()
        state, action = transition
        if state != self.state:
            self.state = state
            ending = max(now + self._grace, self.deadline or now + polite)
            self.deadline = {ASKED: now + polite, ENDING: ending, INTERRUPTED: now + STEP, TERMED: now + STEP}.get(state)
            if state == STARTING:
                self.purpose = STAY
        return (action,) if action else ()
