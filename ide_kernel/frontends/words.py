"""What the shell says of kernels and executions, in words. Pure."""
from __future__ import absolute_import, division, print_function

import os

from .. import vocabulary as names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List

#: Where kernels have us from, too.
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def banner(info):
    # type: (Any) -> Any
    """What greets the user."""
    return (u"Python %s (%s) in kernel %s: %s\nCtrl-C leaves a wait, once more interrupts the code.\n"
            u"A ; at the end runs it in the background. exit() or Ctrl-D leaves." % (
                info.get(u"python"), info.get(u"implementation"), info.get(u"kernel_pid"), info.get(u"executable")))


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


def crash(traceback, root=ROOT):
    # type: (Any, Any) -> Any
    """The stacks of a crash in C code as ``faulthandler`` wrote them, innermost call first, without the calls that are ours.

    Args:
        traceback: the kernel's `Exit.traceback`.
        root: the directory that `ide_kernel` lies in.
    """
    ours = u'  File "%s/ide_kernel/' % root
    found = []  # type: List[Any]
    for stack in traceback.split(u"\n\n"):
        lines, kept = stack.split(u"\n"), []  # type: Any, List[Any]
        for line in lines:
            if line.startswith(ours + u"kernel/app.py") and line.endswith(u" in run"):
                break  # below it there is only what started the kernel
            if not line.startswith(ours):
                kept.append(line)
        if len(kept) > 1 or len(lines) == 1:
            found.append(u"\n".join(kept))
    return u"\n\n".join(found)


def duration(seconds):
    # type: (float) -> str
    """How long something lasts, in the largest unit of which there are two."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return "%d %s" % (seconds // size, unit)
    return "%d s" % seconds
