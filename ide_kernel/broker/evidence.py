"""Gathers what is known of the kernel at this moment, for the diagnosis.

Guardian, line and queue know some of it by themselves; what only the system knows is what `watch.Watch` has seen.
"""
from __future__ import absolute_import, division, print_function

from .diagnosis import Evidence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    from .executions import Executions
    from .generation import Generation
    from .holding import Holding
    from .journal import Journal
    from .lifecycle import Lifecycle


def gather(now, kernel, lifecycle, executions, exit, holding, journal):
    # type: (float, Generation, Lifecycle, Executions, Optional[Dict[Any, Any]], Holding, Journal) -> Evidence
    """The evidence of this moment."""
    active = executions.active
    watch = kernel.watch
    asks = [event for _, event in sorted(kernel.inputs.items())]
    return Evidence(
        exit=None if lifecycle.alive else exit,
        step=lifecycle.step,
        following=lifecycle.following,
        left=None if lifecycle.deadline is None else max(0.0, lifecycle.deadline - now),
        leaving=lifecycle.leaving,
        ready=kernel.ready,
        execution=None if active is None or active.result is not None else active.id,
        input=asks[0][u"request"] if asks else None,
        debugger=asks[0][u"debugger"] if asks else None,
        silence=now - watch.silence.since,
        gil=watch.silence.verdict(now) if kernel.linked and kernel.ready else None,
        position=kernel.stacks.position(),
        stopped=watch.silence.stopped,
        interrupted=kernel.interrupts.waiting(now),
        linked=kernel.linked,
        pid=kernel.process.pid,
        memory=watch.memory, children=watch.children, late=watch.late,
        held_by=holding.told,
        spool_failure=journal.failure)
