"""Watches over the kernel's heartbeats, and looks at its process while they are missing.

A kernel that beats costs nothing: each beat puts the next look off. What is slow to find out (memory, children, processes killed
for want of memory) is looked at with a beat now and then, so that it is known when the kernel is dead.
"""
from __future__ import absolute_import, division, print_function

from .._compat import processor_time
from .silence import Silence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional

    from .loop import Loop, Timer
    from .system import System

#: Seconds without a sign of life before the first look: one heartbeat and half of one, by what the kernel sends while code runs
#: and while none does (``kernel/link.py``).
SUSPECT = 0.15
SUSPECT_IDLE = 0.4
#: Seconds from look to look: often while it matters what is seen, then as often as a change should be noticed.
OFTEN = 0.025
SELDOM = 0.1
SETTLED = 3.0
#: A look at a process with many threads takes longer; this part of our time may go into looks. Processor time is meant: who is
#: kept from it in the middle of a look, as happens on a busy machine, need not look less for that.
COST = 0.05
#: What is more late than this was not only scheduling.
LATE = 0.02
#: A touch of the timer for every message of a flood would cost more than the looks.
LAZY = 0.02
#: Seconds between two looks at what is slow to find out.
SLOW = 10.0


class Watch(object):
    """The eye on one kernel.

    Args:
        loop: the main loop.
        system: what to ask.
        is_idle: whether the kernel runs nothing, and may beat slowly.
        on_look: called after each look.
        on_late: called with the seconds by which this process was late.

    Attributes:
        pid (int | None): the kernel's, once it is known.
        silence (Silence): since its last heartbeat.
        beats (int): how many there were.
        late (float): the seconds by which we were late the last time.
        memory (int | None), children (int | None): what was found lately.
    """

    def __init__(self, loop, system, is_idle, on_look, on_late):
        # type: (Loop, System, Callable[[], bool], Callable[[], None], Callable[[float], None]) -> None
        self._loop = loop
        self._system = system
        self._is_idle = is_idle
        self._on_look = on_look
        self._on_late = on_late
        self._timer = None  # type: Optional[Timer]
        self._touched = 0.0
        self._slow_at = 0.0
        self._kills = {}  # type: Dict[Any, int]  # out of memory, at the last slow look
        self.pid = None  # type: Optional[int]
        self.silence = Silence(loop.now())
        self.beats = 0
        self.late = 0.0
        self.memory = None  # type: Optional[int]
        self.children = None  # type: Optional[int]
        self._on = True

    def start(self, pid):
        # type: (int) -> None
        """The kernel's process is there."""
        self.pid = pid
        self._kills = self._system.out_of_memory_kills(pid)
        self._slow_at = self._loop.now() + 1.0
        self.heard()

    def stop(self):
        # type: () -> None
        """There is nothing to look at any more."""
        self._on = False
        if self._timer is not None:
            self._timer.cancel()

    def heard(self):
        # type: () -> None
        """A sign of life came."""
        now = self._loop.now()
        was_silent = self.silence.stopped is not None or self.silence.verdict(now) is not None
        self.silence.heard(now)
        self.beats += 1
        if now - self._touched > LAZY:
            self._touched = now
            self._look_at(now + self._patience())
            if now >= self._slow_at and self.pid is not None:
                self.look_slowly()
        if was_silent:
            self._on_look()

    def code_sent(self):
        # type: () -> None
        """The kernel has something to run, and beats faster from now on."""
        when = self._loop.now() + SUSPECT
        if self._timer is not None and self._timer.when > when + LAZY:
            self._look_at(when)

    def look_slowly(self):
        # type: () -> None
        """Find out what is slow to find out."""
        if self.pid is not None and self._on:
            self._slow_at = self._loop.now() + SLOW
            self.memory = self._system.memory(self.pid)
            self.children = self._system.children(self.pid)
            self._kills = self._system.out_of_memory_kills(self.pid) or self._kills

    def killed_for_memory(self):
        # type: () -> Any
        """After its end: where the count of processes killed for want of memory has grown, in words; None when nowhere."""
        after = {} if self.pid is None else self._system.out_of_memory_kills(self.pid)
        grown = [place for place, count in sorted(after.items()) if count > self._kills.get(place, count)]
        return grown[0] if grown else None

    def _patience(self):
        # type: () -> float
        return SUSPECT_IDLE if self._is_idle() else SUSPECT

    def _look_at(self, when):
        # type: (float) -> None
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._due) if self._on and self.pid is not None else None

    def _due(self):
        # type: () -> None
        timer, self._timer = self._timer, None
        now = self._loop.now()
        late = now - timer.when if timer is not None else 0.0
        if late > LATE:
            self.late = late
            self.silence.excuse(late)
            self._on_late(late)
        quiet = now - self.silence.since
        if self.silence.stopped is None and quiet < self._patience():
            self._look_at(self.silence.since + self._patience())
            return
        began = processor_time()
        facts = None if self.pid is None else self._system.look(self.pid, self.silence.thread)
        if facts is not None:
            self.silence.look(now, facts)
            self._on_look()
        cost = processor_time() - began
        self._look_at(now + max(OFTEN if quiet < SETTLED else SELDOM, cost / COST))
