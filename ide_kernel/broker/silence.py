"""What it means that the kernel's heartbeats have stopped. Pure: looks at the process go in, a verdict comes out.

Theory of operation. The kernel's I/O thread sends a heartbeat every tenth of a second while code runs. It needs the GIL for that,
so it falls silent when C code keeps the GIL, and then the threads' processor time tells what that code does: one that gains
some *computes*, and when none does the code *waits*, and everybody with it. The I/O thread itself does not count: it asks
for the GIL 200 times a second.

Silence has other reasons, too, and none may be taken for this one:

* the system does not let the process run (stopped, traced, frozen): `Silence.stopped` says so, and time counts anew after it;
* the machine is so busy that a thread of the kernel hardly runs: Python code gives the GIL up only while it runs, so nothing is
  said before one has run for several times as long as that takes; and one that was ready to run at every look has not waited,
  whatever it gained (a processor of a virtual machine may stand still, and with it the account of the thread on it);
* in 2.7 the I/O thread sleeps until the GIL is free for a moment, and on a busy machine it misses that, many times over: while it
  gains time it was woken, so Python runs (`Silence.asks`);
* a crowd of Python threads shares the GIL: then several gain time, and only a long silence counts;
* this process was late itself: `Silence.excuse` takes that time off.

Whether the GIL is *provably* held is a harder question, on whose answer depends whether a dump of the stacks is safe: see
`Silence.is_proven`.
"""
from __future__ import absolute_import, division, print_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Set, Tuple

    from .system import Facts

#: Seconds without a heartbeat that count as silence: three that are missing are no accident of scheduling.
SILENT = 0.3
#: Seconds of looks that a verdict rests on: ten looks, or five ticks of the coarsest clock of processor time.
WINDOW = 0.2
#: ... and seconds of silence when more than one thread gains time: sixteen that spin, beside four other processes on two
#: processors, delayed a heartbeat by 0.8 s.
CROWD = 2.0
#: ... and when another thread only asks for the GIL now and then: on a busy machine one that spins keeps it from eight others,
#: because those do not get to ask.
CONTENDED = 0.8
#: The part of a time in which a thread must have run to count as computing. One that waits for the GIL uses 0.5 %, on PyPy 9 %.
SHARE = 0.15
#: ... and to count as one that wants to run.
TRACE = 0.001
#: Seconds that a thread must have run since the first look, to have kept the GIL from the I/O thread: Python gives it up within
#: 5 ms of running (``sys.getswitchinterval``) to a thread that asks.
KEPT = 0.03
#: What proves that the GIL is held: seconds of silence, and looks at which the I/O thread slept. With these, none of some hundred
#: dumps met Python that ran.
PROOF_SILENCE = 0.5
PROOF_LOOKS = 20

#: Seconds after which what was seen before is too old to go with what is seen now.
STALE = 0.1

COMPUTES, WAITS, UNKNOWN = u"computes", u"waits", u"unknown"


class Silence(object):
    """The time since the last heartbeat.

    Attributes:
        since (float): when it began: at the last heartbeat, but for the time that counts for nothing.
        stopped (text | None): why the system does not let the kernel run.
        thread (int | None): the I/O thread's id, as the system numbers it.
        asks (bool): whether it asks for the GIL again and again, else it sleeps until the GIL is given up.
    """

    def __init__(self, now):
        # type: (float) -> None
        self.thread = None  # type: Optional[int]
        self.asks = True
        self.heard(now)

    def heard(self, now):
        # type: (float) -> None
        """A sign of life came: all that was seen belongs to the past."""
        self.since = now
        self.stopped = None  # type: Any
        self._begin(now)

    def excuse(self, seconds):
        # type: (float) -> None
        """We were late ourselves: that time does not count, and after much of it everything is looked at anew."""
        if seconds < STALE:
            self.since += seconds
        else:
            self._begin(self.since + seconds)

    def _begin(self, now):
        # type: (float) -> None
        self.since = now
        self._looks = []  # type: List[Tuple[float, Optional[Dict[int, float]]]]  # of the last WINDOW
        self._ready = 0  # looks in a row at which a thread was ready to run
        self._first = None  # type: Optional[Tuple[float, Optional[Dict[int, float]]]]  # of this silence
        self._ran = None  # type: Optional[Dict[int, float]]  # seconds that each thread had run, at the first look
        self._kept = 0.0  # the longest that another thread than the I/O thread has run since then
        self._slept = 0  # looks at which the I/O thread slept
        self._asleep = False  # ... the last one among them
        self._gained = set()  # type: Set[int]  # threads that computed since then

    def look(self, now, facts):
        # type: (float, Facts) -> None
        """Take a look at the process."""
        self.stopped = facts.stopped
        if self.stopped is not None:
            self._begin(now)
            return
        before = self._looks[-1] if self._looks else None
        self._looks.append((now, facts.threads))
        self._first = self._first or self._looks[0]
        self._ran = self._ran or facts.ran
        self._kept = max([time - (self._ran or {}).get(thread, 0.0) for thread, time in (facts.ran or {}).items()
                          if thread != self.thread] or [0.0])
        while len(self._looks) > 2 and self._looks[1][0] <= now - WINDOW:
            del self._looks[0]
        is_ready = any(state == u"R" for thread, state in facts.states.items() if thread != self.thread)
        self._ready = self._ready + 1 if is_ready else 0
        state = facts.states.get(self.thread) if self.thread is not None else None
        self._asleep = state == u"S"
        self._slept += self._asleep
        if before is not None and before[1] is not None and facts.threads is not None:
            self._gained |= self._gainers(before[1], facts.threads, now - before[0])

    def _gainers(self, before, after, seconds, share=SHARE):
        # type: (Dict[int, float], Dict[int, float], float, float) -> Set[int]
        return set(thread for thread, time in after.items()
                   if thread != self.thread and time - before.get(thread, 0.0) > share * seconds)

    def verdict(self, now):
        # type: (float) -> Any
        """What the kernel does in its silence: `COMPUTES`, `WAITS`, `UNKNOWN` (it is silent, and the system does not say
        more), or None: too early to tell."""
        if self.stopped is not None or now - self.since < SILENT or not self._looks:
            return None
        (first, before), (last, after) = self._looks[0], self._looks[-1]
        if before is None or after is None:
            return UNKNOWN
        if last - first < WINDOW * 0.9 or self._is_woken(before, after):
            return None
        gainers = self._gainers(before, after, last - first)
        if now - self.since < self._patience(gainers, last, after):
            return None
        if gainers or self._ready >= len(self._looks):
            return COMPUTES if self._kept >= KEPT else None
        return WAITS

    def _is_woken(self, before, after):
        # type: (Dict[int, float], Dict[int, float]) -> bool
        """Whether the I/O thread wakes because the GIL is given up, though it does not get it."""
        return not self.asks and self.thread is not None and after.get(self.thread) != before.get(self.thread)

    def _patience(self, gainers, last, after):
        # type: (Set[int], float, Dict[int, float]) -> float
        """Seconds of silence that mean something, by how many threads want the GIL."""
        first, before = self._first or (last, after)
        wanting = self._gainers(before or after, after, last - first, TRACE)
        return CROWD if len(gainers) > 1 else CONTENDED if len(wanting) > 1 else SILENT

    def is_proven(self, now):
        # type: (float) -> bool
        """Whether C code certainly holds the GIL, so that no Python runs that a dump of the stacks could disturb.

        The I/O thread has been asking for the GIL all the time (it sleeps between its questions, whenever we look), and either
        nobody else ran, or was about to, or one other thread ran for longer than Python would without giving the GIL away.
        """
        return (now - self.since >= PROOF_SILENCE and self._slept >= PROOF_LOOKS and self._asleep
                and len(self._gained) <= 1 and (self._kept >= KEPT or not (self._gained or self._ready)))
