"""Gathers what is known of the kernel at this moment, for the diagnosis.

Today that is what guardian, line and queue know by themselves. What only the system knows (processor time of each thread,
stopped, traced) belongs here too.
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


def gather(kernel, lifecycle, executions, exit, holding, journal):
    # type: (Generation, Lifecycle, Executions, Optional[Dict[Any, Any]], Holding, Journal) -> Evidence
    """The evidence of this moment."""
    active = executions.active
    return Evidence(
        exit=None if lifecycle.alive else exit,
        step=lifecycle.step,
        ready=kernel.ready,
        execution=None if active is None or active.result is not None else active.id,
        input=min(kernel.inputs) if kernel.inputs else None,
        silence=kernel.silence,
        linked=kernel.linked,
        pid=kernel.process.pid,
        held_by=holding.told,
        spool_failure=journal.failure)
