"""What becomes of an interrupt: whoever sent it wants to know whether it did anything.

Python code ends within milliseconds, or handles KeyboardInterrupt and goes on. C code lets nothing happen before it returns.
Stronger means are named in the answer, and never taken by themselves.

The kernel drops what comes before it has begun what it was given, so an interrupt is held until its start mark was read.
"""
from __future__ import absolute_import, division, print_function

import errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional

    from .executions import Executions
    from .loop import Loop

#: Seconds for an interrupt to take effect. ``finally`` blocks may well take longer: the answer says no more than that.
LIMIT = 0.5
#: Seconds after which an interrupt is sent although the start mark of what it is for has not come, while heartbeats come: then
#: the mark will not come, because the program closed the pipe.
BEGIN_LIMIT = 1.0
#: What is stronger, from the mildest to the hardest.
STRONGER = (u"terminate", u"restart", u"kill")


class Interrupting(object):
    """Follows the interrupts of one kernel.

    Args:
        loop: the main loop.
        executions: what may be interrupted.
        send: sends SIGINT; ``send(done)`` calls ``done(errno or 0)`` when it was sent, and gives False when there is no kernel.
        describe: gives the kernel's status in words.
        on_late: called when an interrupt had no effect in time.
    """

    def __init__(self, loop, executions, send, describe, on_late):
        # type: (Loop, Executions, Callable[[Callable[[int], None]], bool], Callable[[], Any], Callable[[], None]) -> None
        self._loop = loop
        self._executions = executions
        self._send = send
        self._describe = describe
        self._on_late = on_late
        self._hit = None  # type: Any  # (execution, time of the first interrupt)
        self._futures = []  # type: Any
        self._held = []  # type: List[Any]  # futures of interrupts of what the kernel has not begun yet
        self._held_at = 0.0  # since when

    def interrupt(self, future):
        # type: (Any) -> bool
        """Send SIGINT, or hold it; the future gets the outcome. False when there is no kernel."""
        active = self._running()
        if active is None or active.started:
            return self._send(lambda code: self._sent(active, future, code))
        if not self._held:
            self._held_at = self._loop.now()
        self._held.append(future)
        self._loop.call_at(self._loop.now() + LIMIT, lambda: self._unsent(future))
        return True

    def heartbeat(self):
        # type: () -> None
        """The kernel's heart beat."""
        if self._held and self._loop.now() - self._held_at >= BEGIN_LIMIT:
            self.let_go()

    def let_go(self):
        # type: () -> None
        """The kernel has begun what it was given: one signal for all that was held."""
        active, held, self._held = self._running(), self._held, []

        def sent(code):
            # type: (int) -> None
            for future in held:
                self._sent(active, future, code)

        if held and not self._send(sent):
            sent(errno.ESRCH)

    def _sent(self, active, future, code):
        # type: (Any, Any, int) -> None
        if future.done():
            return
        if code:
            future.set_result(_reply(False, u"there is no kernel: it has ended"))
        elif active is None:
            future.set_result(_reply(True, u"SIGINT was sent to the kernel's process group; no execution runs"))
        else:
            self._follow(active, future)

    def _follow(self, active, future):
        # type: (Any, Any) -> None
        if self._hit is None or self._hit[0] is not active:
            self._hit = active, self._loop.now()
        self._futures.append((active, future))
        self._loop.call_at(self._loop.now() + LIMIT, lambda: self._late(future))
        self.settle()

    def _unsent(self, future):
        # type: (Any) -> None
        """The kernel has not begun what is to be interrupted."""
        if future in self._held and not future.done():
            future.set_result(_reply(False, u"SIGINT follows as soon as the kernel begins what it was given; " + self._describe(),
                                     STRONGER))

    def waiting(self, now):
        # type: (float) -> Optional[float]
        """Seconds since the first interrupt of what still runs; None when there was none, or just now."""
        if self._hit is None or self._hit[0] is not self._running() or now - self._hit[1] < LIMIT:
            return None
        return now - self._hit[1]

    def settle(self):
        # type: () -> None
        """An execution ended; what was held for it is too late to matter."""
        if self._running() is None:
            held, self._held = self._held, []
            for future in held:
                if not future.done():
                    future.set_result(_reply(True, u"what was to be interrupted has ended"))
        pending, self._futures = self._futures, []
        for active, future in pending:
            if active is self._running():
                self._futures.append((active, future))
            elif not future.done():
                future.set_result(_reply(True, u"SIGINT was delivered, and what ran has ended"))

    def _running(self):
        # type: () -> Any
        active = self._executions.active
        return active if active is not None and active.result is None else None

    def _late(self, future):
        # type: (Any) -> None
        self._futures = [pair for pair in self._futures if pair[1] is not future]
        self._on_late()
        if not future.done():
            future.set_result(_reply(True, u"SIGINT was delivered; %s" % self._describe(), STRONGER))


def _reply(delivered, detail, stronger=()):
    # type: (bool, Any, Any) -> Dict[Any, Any]
    return {u"delivered": delivered, u"detail": detail, u"stronger": list(stronger)}
