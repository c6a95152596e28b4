"""What the evidence says about the kernel: one status. Pure.

`TABLE` is read from the top: the first row whose conditions all hold gives the state. A row says nothing about the rows
above it, so a new state is a new row at its place, with a condition for what only it shows.

Only a reaped kernel is dead. Neither silence nor a closed link nor an empty pipe is in the conditions of that row.
"""
from __future__ import absolute_import, division, print_function

from .. import vocabulary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional, Tuple


class Evidence(object):
    """What is known of the kernel at one moment.

    Attributes:
        exit (dict | None): how it ended, once it was reaped (see ``exits.py``).
        step (text | None): the step of an end that was asked for and has not come yet.
        ready (bool): whether it ever said that it is ready.
        execution (int | None): the execution that it has.
        input (int | None): the execution's request for a line that nobody answered yet.
        silence (float | None): seconds since its last sign of life, None before the first.
        linked (bool): whether the link to it is open.
        pid (int | None): its pid.
        held_by (list): the frontends that do not read its output and have made it wait for a while.
        spool_failure (text | None): why no more output is kept on disk.
    """

    exit = None  # type: Optional[Dict[Any, Any]]
    step = None  # type: Optional[Any]
    ready = False
    execution = None  # type: Optional[int]
    input = None  # type: Optional[int]
    silence = None  # type: Optional[float]
    linked = True
    pid = None  # type: Optional[int]
    held_by = ()  # type: Any
    spool_failure = None  # type: Any

    def __init__(self, **facts):
        # type: (**Any) -> None
        for name, value in facts.items():
            if not hasattr(Evidence, name):
                raise TypeError("no such evidence: %s" % name)
            setattr(self, name, value)

    def describe(self):
        # type: () -> Dict[Any, Any]
        """The evidence as frontends get to see it."""
        return {u"pid": self.pid, u"silence": self.silence, u"linked": self.linked, u"ready": self.ready,
                u"held_by": list(self.held_by), u"spool_failure": self.spool_failure}


#: A condition by name.
CONDITIONS = {
    "reaped": lambda e: e.exit is not None,
    "asked to end": lambda e: e.step is not None,
    "never ready": lambda e: not e.ready,
    "executes": lambda e: e.execution is not None,
    "awaits a line": lambda e: e.input is not None,
    "held up": lambda e: bool(e.held_by),
}  # type: Dict[str, Callable[[Evidence], bool]]


def _end(exit):
    # type: (Any) -> Any
    """How it ended, in words."""
    words = u"exit code %d" % exit[u"code"] if exit[u"code"] is not None else u"ended"
    if exit[u"name"]:
        words = u"killed by %s" % exit[u"name"]
    return words + (u": " + exit[u"reason"] if exit[u"reason"] else u"")


#: The words that go with a state, from the evidence.
TABLE = (
    (vocabulary.DEAD, ("reaped",), lambda e: _end(e.exit)),
    (vocabulary.TERMINATING, ("asked to end",), lambda e: e.step),
    (vocabulary.STARTING, ("never ready",), lambda e: u"the interpreter is starting"),
    (vocabulary.INPUT, ("awaits a line",), lambda e: u"waits for a line of input"),
    (vocabulary.OUTPUT, ("executes", "held up"), lambda e: u"waits for %s to read its output" % u", ".join(e.held_by)),
    (vocabulary.BUSY, ("executes",), lambda e: u"runs execution %s" % e.execution),
    (vocabulary.IDLE, (), lambda e: u"waits for something to do"),
)  # type: Tuple[Tuple[Any, Tuple[str, ...], Callable[[Evidence], Any]], ...]


def diagnose(evidence):
    # type: (Evidence) -> Tuple[Any, Any]
    """The state that the evidence shows (a name of ``vocabulary.STATES``), and a few words about it."""
    for state, conditions, words in TABLE:
        if all(CONDITIONS[name](evidence) for name in conditions):
            lost = u"; old output is kept in memory only: %s" % evidence.spool_failure if evidence.spool_failure else u""
            return state, words(evidence) + lost
    raise AssertionError("the last row of the table has no conditions")
