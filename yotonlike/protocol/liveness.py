"""When to send a heartbeat, and when a peer counts as silent.

Theory of operation. A link is *alive* or *silent*, which is only a label: silence closes nothing. A peer is silent
when not one byte came for three of its heartbeat intervals, and alive again with the next byte. Our own heartbeats go
out at every interval whatever else is sent, so that the peer can tell a busy link from a dying one.

Bytes that wait in a socket are no silence of the peer, and nobody reads them while this end sleeps. So an end that was
itself late (its thread starved, the process stopped, the machine asleep) blames itself: when ``tick`` comes more than an
interval after it had asked to be called, or the clock jumps, in either direction, the silence is timed anew from there.
"""
from __future__ import absolute_import, division, print_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict

#: Intervals of the peer without a byte that make it silent: one heartbeat may be lost in scheduling at either end and
#: one be under way; a third that is missing is no accident.
SILENT_AFTER = 3

#: State -> input -> state.
TRANSITIONS = {
    "alive": {"bytes": "alive", "late": "alive", "silence": "silent"},
    "silent": {"bytes": "alive", "late": "silent", "silence": "silent"},
}  # type: Dict[str, Dict[str, str]]


class Liveness(object):
    """The heartbeats of one link, to and fro.

    Args:
        now: monotonic seconds.
        interval: seconds between our heartbeats.
        peer_interval: seconds between the peer's, as its limits say.

    Attributes:
        state (str): ``"alive"`` or ``"silent"``.
        last_received (float): when the last bytes came (at first: when this began).
    """

    def __init__(self, now, interval, peer_interval):
        # type: (float, float, float) -> None
        _check_interval(interval)
        self.state = "alive"
        self.last_received = now
        self._interval = interval
        self._ticked = now
        self._beat_at = now + interval
        self._quiet_since = now  # last_received, or when this end was late.
        self.peer_interval = peer_interval

    @property
    def interval(self):
        # type: () -> float
        """Seconds between our heartbeats. May be set below what the peer was told, and back."""
        return self._interval

    @interval.setter
    def interval(self, seconds):
        # type: (float) -> None
        _check_interval(seconds)
        self._interval = seconds
        self._beat_at = min(self._beat_at, self._ticked + seconds)
        self._tolerance = min(seconds, self._peer_interval)

    @property
    def peer_interval(self):
        # type: () -> float
        """Seconds between the peer's heartbeats; may be set again when the peer says what they are."""
        return self._peer_interval

    @peer_interval.setter
    def peer_interval(self, seconds):
        # type: (float) -> None
        _check_interval(seconds)
        self._peer_interval = seconds
        self._patience = SILENT_AFTER * seconds
        # What counts as late: the shorter interval, since a wait of several of the peer's makes it look silent.
        self._tolerance = min(self._interval, seconds)

    def received(self, now):
        # type: (float) -> None
        """Bytes came from the peer, of whatever kind."""
        self.last_received = now
        self._quiet_since = now
        if self.state != "alive":
            self.state = TRANSITIONS[self.state]["bytes"]

    def tick(self, now):
        # type: (float) -> bool
        """Let time pass; ``state`` may change.

        Returns:
            Whether a heartbeat is due: send one now.
        """
        if now < self._ticked or now > self.next_deadline() + self._tolerance:
            self._quiet_since = self._beat_at = now
            self.state = TRANSITIONS[self.state]["late"]
        elif now >= self._quiet_since + self._patience:
            self.state = TRANSITIONS[self.state]["silence"]
        self._ticked = now
        if now < self._beat_at:
            return False
        self._beat_at += self._interval  # From when it was due, to keep the rhythm ...
        if self._beat_at <= now:
            self._beat_at = now + self._interval  # ... but never a burst to catch up.
        return True

    def next_deadline(self):
        # type: () -> float
        """When to call ``tick`` at the latest, in monotonic seconds."""
        if self.state == "silent":
            return self._beat_at
        return min(self._beat_at, self._quiet_since + self._patience)


def _check_interval(seconds):
    # type: (float) -> None
    if not seconds > 0:
        raise ValueError("a heartbeat interval is a positive number of seconds, not %r" % (seconds,))
