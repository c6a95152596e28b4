"""What a person can do about a kernel in each state: a table. Pure.

A control that would do nothing is off, and the stronger means comes only after the milder one was taken.
"""
from __future__ import absolute_import, division, print_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, FrozenSet

INTERRUPT, WHERE, RESTART, TERMINATE, KILL = u"interrupt", u"where", u"restart", u"terminate", u"kill"

_RUNS = frozenset((INTERRUPT, WHERE, RESTART, TERMINATE))
_RESTS = frozenset((WHERE, RESTART, TERMINATE))

#: state -> what makes sense then. ``KILL`` takes the place of ``TERMINATE``.
TABLE = {
    u"starting": frozenset((TERMINATE,)),
    u"idle": _RESTS,
    u"busy": _RUNS,
    u"input": _RUNS,
    u"output": _RUNS,
    u"debugging": _RUNS,
    u"extension": _RUNS,
    u"stuck": _RUNS,
    u"suspended": _RESTS,          # a stopped process does not hear an interrupt before it goes on
    u"terminating": frozenset((WHERE, KILL)),
    u"detached": frozenset(),      # its broker is what would do it
    u"dead": frozenset((RESTART,)),
    u"lost": frozenset(),
}


def controls(state):
    # type: (Any) -> FrozenSet[Any]
    """What makes sense in a state; of one that a newer broker tells, nothing is known, and nothing held back."""
    return TABLE.get(state, _RUNS)
