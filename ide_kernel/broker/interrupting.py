"""What becomes of an interrupt: whoever sent it wants to know whether it did anything.

Python code ends within milliseconds, or handles KeyboardInterrupt and goes on. C code lets nothing happen before it returns.
Stronger means are named in the answer, and never taken by themselves.
"""
from __future__ import absolute_import, division, print_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional

    from .executions import Executions
    from .loop import Loop

#: Seconds for an interrupt to take effect. ``finally`` blocks may well take longer: the answer says no more than that.
LIMIT = 0.5
#: What is stronger, from the mildest to the hardest.
STRONGER = (u"terminate", u"restart", u"kill")


class Interrupting(object):
    """Follows the interrupts of one kernel.

    Args:
        loop: the main loop.
        executions: what may be interrupted.
        describe: gives the kernel's status in words.
        on_late: called when an interrupt had no effect in time.
    """

    def __init__(self, loop, executions, describe, on_late):
        # type: (Loop, Executions, Callable[[], Any], Callable[[], None]) -> None
        self._loop = loop
        self._executions = executions
        self._describe = describe
        self._on_late = on_late
        self._hit = None  # type: Any  # (execution, time of the first interrupt)
        self._futures = []  # type: Any

    def begin(self, future):
        # type: (Any) -> Callable[[int], None]
        """SIGINT is about to be sent; call what this returns with 0 when it was, or an errno; the future gets the outcome."""
        active = self._running()
        self._loop.call_at(self._loop.now() + LIMIT, lambda: self._unsent(future))

        def sent(code):
            # type: (int) -> None
            if future.done():
                return
            if code:
                future.set_result(_reply(False, u"there is no kernel: it has ended"))
            elif active is None:
                future.set_result(_reply(True, u"SIGINT was sent to the kernel's process group; no execution runs"))
            else:
                self._follow(active, future)

        return sent

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
        if not future.done() and all(other is not future for _, other in self._futures):
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
        """An execution ended."""
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
