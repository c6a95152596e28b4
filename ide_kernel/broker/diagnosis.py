"""What the evidence says about the kernel: one status, and how long it must hold before it is told. Pure.

`TABLE` is read from the top: the first row whose conditions all hold gives the state. A row says nothing about the rows
above it, so a new state is a new row at its place, with a condition for what only it shows. `HOLDS` says for how long
a state must last before the frontends hear of it.

Only a reaped kernel is dead. Neither silence nor a closed link nor an empty pipe is in the conditions of that row.
``docs/status.md`` shows both tables; a test keeps it true.
"""
from __future__ import absolute_import, division, print_function

import math

from .. import vocabulary
from .silence import COMPUTES, UNKNOWN, WAITS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional, Tuple


class Evidence(object):
    """What is known of the kernel at one moment. None: not known.

    Attributes:
        exit (dict | None): how it ended, once it was reaped (see ``exits.py``).
        step (text | None): the step of an end that was asked for and has not come yet.
        following (text | None), left (float | None): what comes next, and the seconds until then.
        leaving (bool): whether it said that it ends by itself.
        ready (bool): whether it ever said that it is ready.
        execution (int | None): the execution that it has.
        input (int | None): the execution's request for a line that nobody answered yet.
        debugger (text | None): where the debugger stands that asks for it.
        silence (float | None): seconds since its last sign of life, None before the first.
        gil (text | None): what C code does that keeps the GIL: a verdict of ``silence.py``.
        position (text | None): the line of Python that called it.
        stopped (text | None): why the system does not let the process run, in words.
        interrupted (float | None): seconds since an interrupt that had no effect yet.
        linked (bool): whether the link to it is open.
        pid (int | None): its pid.
        memory (int | None), children (int | None): bytes, and how many.
        late (float): seconds by which this broker was late itself when it was last.
        held_by (list): the frontends that do not read its output and have made it wait for a while.
        spool_failure (text | None): why no more output is kept on disk.
    """

    exit = None  # type: Optional[Dict[Any, Any]]
    step = None  # type: Optional[Any]
    following = None  # type: Any
    left = None  # type: Optional[float]
    leaving = False
    ready = False
    execution = None  # type: Optional[int]
    input = None  # type: Optional[int]
    debugger = None  # type: Any
    silence = None  # type: Optional[float]
    gil = None  # type: Any
    position = None  # type: Any
    stopped = None  # type: Any
    interrupted = None  # type: Optional[float]
    linked = True
    pid = None  # type: Optional[int]
    memory = None  # type: Optional[int]
    children = None  # type: Optional[int]
    late = 0.0
    held_by = ()  # type: Any
    spool_failure = None  # type: Any

    #: What frontends get to see beside the state.
    SHOWN = ("pid", "silence", "linked", "ready", "gil", "position", "stopped", "interrupted", "memory", "children", "late",
             "spool_failure")

    def __init__(self, **facts):
        # type: (**Any) -> None
        for name, value in facts.items():
            if not hasattr(Evidence, name):
                raise TypeError("no such evidence: %s" % name)
            setattr(self, name, value)

    @property
    def gist(self):
        # type: () -> Any
        """What must be told at once when it changes; the words also change as time goes by."""
        return (self.step, self.position, self.stopped, self.interrupted is None, tuple(self.held_by), self.spool_failure,
                self.debugger, self.execution, self.exit)

    def describe(self):
        # type: () -> Dict[Any, Any]
        """The evidence as frontends get to see it."""
        found = dict((u"" + name, getattr(self, name)) for name in self.SHOWN)  # type: Dict[Any, Any]
        found[u"held_by"] = list(self.held_by)
        return found


#: A condition by name.
CONDITIONS = {
    "reaped": lambda e: e.exit is not None,
    "asked to end": lambda e: e.step is not None,
    "ends by itself": lambda e: e.leaving,
    "not allowed to run": lambda e: e.stopped is not None,
    "never ready": lambda e: not e.ready,
    "link closed": lambda e: not e.linked,
    "silent, computes": lambda e: e.gil in (COMPUTES, UNKNOWN),
    "silent, waits": lambda e: e.gil == WAITS,
    "executes": lambda e: e.execution is not None,
    "asked by a debugger": lambda e: e.debugger is not None,
    "awaits a line": lambda e: e.input is not None,
    "held up": lambda e: bool(e.held_by),
}  # type: Dict[str, Callable[[Evidence], bool]]


def end_words(exit):
    # type: (Any) -> Any
    """How it ended, in words."""
    words = u"exit code %d" % exit[u"code"] if exit[u"code"] is not None else u"ended"
    if exit[u"name"]:
        words = u"killed by %s" % exit[u"name"]
    return words + (u": " + exit[u"reason"] if exit[u"reason"] else u"")


def duration(seconds):
    # type: (float) -> Any
    """A time in words: ``12 s``, ``5 min``, ``2 h``."""
    for size, unit in ((3600, u"h"), (60, u"min")):
        if seconds >= 2 * size:
            return u"%d %s" % (seconds // size, unit)
    return u"%d s" % seconds if seconds >= 1 else u"%.1f s" % seconds


def _called(e):
    # type: (Evidence) -> Any
    return u", called from %s" % e.position if e.position else u""


def _computes(e):
    # type: (Evidence) -> Any
    if e.gil == UNKNOWN:
        return u"no sign of life for %s: C code holds the interpreter; whether it computes, this system does not tell" % (
            duration(e.silence or 0.0))
    return u"in C code for %s%s" % (duration(e.silence or 0.0), _called(e))


def _waits(e):
    # type: (Evidence) -> Any
    return u"in C code that waits and holds the interpreter, for %s%s" % (duration(e.silence or 0.0), _called(e))


def _step(e):
    # type: (Evidence) -> Any
    if e.following is None:
        return e.step
    left = e.left or 0.0  # what is left of ten seconds are ten seconds, a moment later as well
    return u"%s; %s follows in %s" % (e.step, e.following, duration(math.ceil(left) if left >= 1 else left))


#: The words that go with a state, from the evidence.
TABLE = (
    (vocabulary.DEAD, ("reaped",), lambda e: end_words(e.exit)),
    (vocabulary.TERMINATING, ("asked to end",), _step),
    (vocabulary.SUSPENDED, ("not allowed to run",), lambda e: e.stopped),
    (vocabulary.TERMINATING, ("ends by itself",), lambda e: u"ends by itself: exit functions and threads finish"),
    (vocabulary.STARTING, ("never ready",), lambda e: u"the interpreter is starting"),
    (vocabulary.DETACHED, ("link closed",), lambda e: u"the program closed its line to the broker, or became another program"),
    (vocabulary.EXTENSION, ("silent, computes",), _computes),
    (vocabulary.OUTPUT, ("executes", "held up"), lambda e: u"waits for %s to read its output" % u", ".join(e.held_by)),
    (vocabulary.STUCK, ("silent, waits",), _waits),
    (vocabulary.DEBUGGING, ("asked by a debugger",), lambda e: u"the debugger waits for a command, at %s" % e.debugger),
    (vocabulary.INPUT, ("awaits a line",), lambda e: u"waits for a line of input"),
    (vocabulary.BUSY, ("executes",), lambda e: u"runs execution %s" % e.execution),
    (vocabulary.IDLE, (), lambda e: u"waits for something to do"),
)  # type: Tuple[Tuple[Any, Tuple[str, ...], Callable[[Evidence], Any]], ...]

#: Seconds that a state must last before it is told, and why; the first row that fits counts. None: whatever state.
#: (from, to, seconds, reason)
HOLDS = (
    (None, (vocabulary.DEAD,), 0.0, u"it is final"),
    ((vocabulary.EXTENSION, vocabulary.STUCK, vocabulary.SUSPENDED), (vocabulary.BUSY,), 0.4,
     u"a heartbeat between two long calls into C is no change: the next silence needs 0.3 s to be one"),
    (None, (vocabulary.BUSY,), 0.010, u"what is over sooner would flicker, and two messages are a third of what it costs"),
    ((vocabulary.EXTENSION, vocabulary.STUCK), (vocabulary.EXTENSION, vocabulary.STUCK), 0.3,
     u"code that computes and waits by turns"),
    (None, (vocabulary.DETACHED,), 0.2, u"a process closes its link as it dies, and is reaped a moment later"),
    (None, (vocabulary.TERMINATING,), 0.1, u"most ends are over sooner; one that was asked for is told at once"),
    (None, None, 0.0, u"the evidence took its time already, or is certain: who waits for it shall not wait longer"),
)  # type: Tuple[Tuple[Any, Any, float, Any], ...]


def diagnose(evidence):
    # type: (Evidence) -> Tuple[Any, Any]
    """The state that the evidence shows (a name of ``vocabulary.STATES``), and a few words about it."""
    for state, conditions, words in TABLE:
        if all(CONDITIONS[name](evidence) for name in conditions):
            return state, words(evidence) + _more(state, evidence)
    raise AssertionError("the last row of the table has no conditions")


def _more(state, evidence):
    # type: (Any, Evidence) -> Any
    more = u""
    if evidence.interrupted is not None and state in (vocabulary.EXTENSION, vocabulary.STUCK, vocabulary.BUSY):
        more = u"; interrupted %s ago without effect so far: restart, terminate and kill are stronger" % (
            duration(evidence.interrupted))
    if evidence.spool_failure:
        more += u"; old output is kept in memory only: %s" % evidence.spool_failure
    return more


def hold(told, state, asked=False):
    # type: (Any, Any, bool) -> float
    """Seconds that ``state`` must last before it is told.

    Args:
        told: the state that the frontends know; None for none.
        state: the new one.
        asked: whether somebody waits for just this state: an end that was asked for.
    """
    for before, after, seconds, _ in HOLDS:
        if (before is None or told in before) and (after is None or state in after):
            return 0.0 if asked and state == vocabulary.TERMINATING else seconds
    raise AssertionError("the last row fits all")


class Announcements(object):
    """When to tell what: a state is told when it has held for its time.

    Attributes:
        told (text | None): the state that was told.
        deadline (float | None): when to look again, if nothing happens before.
    """

    def __init__(self):
        # type: () -> None
        self.told = None  # type: Any
        self.deadline = None  # type: Optional[float]
        self._candidate = None  # type: Any
        self._since = 0.0

    def see(self, state, now, asked=False):
        # type: (Any, float, bool) -> bool
        """Take the present state; whether it is to be told (also when it is the one that was)."""
        if state != self._candidate:
            self._candidate, self._since = state, now
        due = self._since + (0.0 if state == self.told else hold(self.told, state, asked))
        self.deadline = due if due > now else None
        if self.deadline is None:
            self.told = state
        return self.deadline is None

    def excuse(self, seconds):
        # type: (float) -> None
        """We were late ourselves: that time does not count."""
        self._since += seconds
