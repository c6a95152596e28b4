"""Tells the frontends the kernel's status whenever it is another one, and its words again while they change with time."""
from __future__ import absolute_import, division, print_function

import time

from .diagnosis import Announcements, diagnose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional

    from .diagnosis import Evidence
    from .loop import Loop, Timer

#: Words that only say for how long are told again when another tenth of that time is over, but not twice a second.
_SOONEST = 1.0


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
        self._announcements = Announcements()
        self._sent = {}  # type: Dict[Any, Any]  # the last status that was told
        self._told = (None, None)  # type: Any  # its state and generation, and the gist of its evidence
        self._told_at = 0.0
        self._since = 0.0  # when that state began, by our clock
        self._timer = None  # type: Optional[Timer]

    def current(self):
        # type: () -> Dict[Any, Any]
        """The status now, told or not."""
        return self._status(self._gather())

    def describe(self):
        # type: () -> Any
        """The status in words, as the frontends know it: what has not lasted long enough to be told is none."""
        status = self.current()
        if self._sent and status[u"state"] != self._sent[u"state"]:
            status = self._sent
        return u"%s: %s" % (status[u"state"], status[u"detail"])

    def changed(self):
        # type: () -> None
        """Something that the status depends on may have changed."""
        now = self._loop.now()
        evidence = self._gather()
        state, detail = diagnose(evidence)
        if self._announcements.see(state, now, evidence.step is not None):
            self._tell(evidence, state, detail, now)
        self._wait_until(self._announcements.deadline)

    def excuse(self, seconds):
        # type: (float) -> None
        """This process was late by so much: it proves nothing about the kernel."""
        self._announcements.excuse(seconds)

    def _tell(self, evidence, state, detail, now):
        # type: (Evidence, Any, Any, float) -> None
        whose = state, self._generation()
        news = whose, evidence.gist
        pause = max(_SOONEST, (now - self._since) / 10)
        if news == self._told and (detail == self._sent[u"detail"] or now - self._told_at < pause):
            return
        status = self._status(evidence)
        if whose != self._told[0]:
            self._since = now
        self._sent, self._told, self._told_at = status, news, now
        self._send(status)

    def _status(self, evidence):
        # type: (Evidence) -> Dict[Any, Any]
        state, detail = diagnose(evidence)
        known = self._told[0] == (state, self._generation())
        return {u"state": state, u"since": self._sent[u"since"] if known else time.time(), u"detail": detail,
                u"evidence": evidence.describe(), u"exit": evidence.exit, u"generation": self._generation(),
                u"execution": evidence.execution}

    def _wait_until(self, deadline):
        # type: (Optional[float]) -> None
        if self._timer is not None and self._timer.when != deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None and deadline is not None:
            self._timer = self._loop.call_at(deadline, self._due)

    def _due(self):
        # type: () -> None
        self._timer = None
        self.changed()
