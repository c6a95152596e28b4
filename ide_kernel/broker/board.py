"""Tells the frontends the kernel's status whenever it is another one."""
from __future__ import absolute_import, division, print_function

import time

from ..vocabulary import BUSY
from .diagnosis import diagnose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional

    from .diagnosis import Evidence
    from .loop import Loop, Timer

#: Seconds that *busy* must last before it is told: what is over sooner would only flicker, and two messages an execution
#: are a third of what a short one costs.
PATIENCE = 0.010


class Board(object):
    """The status as the frontends know it, and as it is.

    Args:
        loop: the main loop.
        gather: gives the `Evidence` of this moment.
        generation: gives the number of the kernel.
        send: publishes a status.
    """

    def __init__(self, loop, gather, generation, send):
        # type: (Loop, Callable[[], Evidence], Callable[[], int], Callable[[Dict[Any, Any]], Any]) -> None
        self._loop = loop
        self._gather = gather
        self._generation = generation
        self._send = send
        self._told = None  # type: Any
        self._since = 0.0
        self._timer = None  # type: Optional[Timer]

    def current(self):
        # type: () -> Dict[Any, Any]
        """The status now, told or not."""
        evidence = self._gather()
        return self._describe(evidence, *diagnose(evidence))

    def _describe(self, evidence, state, detail):
        # type: (Evidence, Any, Any) -> Dict[Any, Any]
        known = self._told is not None and self._told[0] == state
        return {u"state": state, u"since": self._since if known else time.time(), u"detail": detail,
                u"evidence": evidence.describe(), u"exit": evidence.exit, u"generation": self._generation(),
                u"execution": evidence.execution}

    def changed(self):
        # type: () -> None
        """Something that the status depends on may have changed."""
        evidence = self._gather()
        state, detail = diagnose(evidence)
        if state == BUSY:
            if self._timer is None:
                self._timer = self._loop.call_at(self._loop.now() + PATIENCE, self._tell_busy)
        else:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._tell(evidence, state, detail)

    def _tell_busy(self):
        # type: () -> None
        self._timer = None
        evidence = self._gather()
        self._tell(evidence, *diagnose(evidence))

    def _tell(self, evidence, state, detail):
        # type: (Evidence, Any, Any) -> None
        news = (state, detail, self._generation(), evidence.exit)
        if news != self._told:
            status = self._describe(evidence, state, detail)
            self._since = status[u"since"]
            self._told = news
            self._send(status)
