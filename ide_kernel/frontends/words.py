"""What the shell says of kernels and executions, in words. Pure."""
from __future__ import absolute_import, division, print_function

from .. import vocabulary as names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def banner(info):
    # type: (Any) -> Any
    """What greets the user."""
    return (u"Python %s (%s) in kernel %s: %s\nCtrl-C leaves a wait, once more interrupts the code. A ; at the end runs it in "
            u"the background. exit() or Ctrl-D leaves." % (info.get(u"python"), info.get(u"implementation"),
                                                           info.get(u"kernel_pid"), info.get(u"executable")))


def entered(execution):
    # type: (Any) -> Any
    """Another frontend's input, as it looks there."""
    lines = execution.code.rstrip().splitlines() or [u""]
    return u"\n".join([u"[%s] >>> %s" % (who(execution), lines[0])]
                      + [u"[%s] ... %s" % (who(execution), line) for line in lines[1:]])


def who(execution):
    # type: (Any) -> Any
    """Who sent an execution, without the random part of the name."""
    return (execution.frontend or u"another frontend").rsplit(u"-", 1)[0]


def state_of(kernel, asks):
    # type: (Any, bool) -> Any
    """The state to show: what runs is known from the events, which are in order with the output; the status may lag behind."""
    if kernel.lost:
        return names.LOST
    if kernel.exit is not None:
        return names.DEAD
    state = kernel.status.state
    if state not in (names.STARTING, names.IDLE, names.BUSY, names.INPUT, names.DEAD):
        return state
    if asks:
        return names.INPUT
    return names.BUSY if kernel.executions else names.IDLE


def duration(seconds):
    # type: (float) -> str
    """How long something lasts, in the largest unit of which there are two."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return "%d %s" % (seconds // size, unit)
    return "%d s" % seconds
