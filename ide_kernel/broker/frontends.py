"""Who is attached, and when it is time for the broker to end. Pure.

* Nobody came within `FIRST` seconds of the start: end.
* The last one left politely: end.
* The last one vanished (it was killed, or its machine was): the kernel runs on for `linger` seconds, until another comes.
* ``keep`` switches all three off.
* The kernel is dead, is not being restarted, and nobody is attached who could look at it: end, in any case. Before the first
  one came, it still has its `FIRST` seconds, so that it can learn how the kernel died.
"""
from __future__ import absolute_import, division, print_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

FIRST = 30.0  # a frontend that starts a broker attaches within a second; a machine in trouble gets more
LINGER = 600.0  # time to start an IDE again that crashed


class Frontends(object):
    """The frontends that said hello, by the link that they came over.

    Args:
        now: monotonic seconds.
        keep: end only when the kernel is dead and nobody is attached.
        linger: seconds that the kernel outlives a frontend that vanished.
    """

    def __init__(self, now, keep=False, linger=LINGER):
        # type: (float, bool, float) -> None
        self._keep = keep
        self._linger = linger
        self._links = {}  # type: Dict[Any, Any]
        self._first = now + FIRST  # type: Optional[float]
        self._end = None if keep else self._first

    def __len__(self):
        # type: () -> int
        return len(self._links)

    @property
    def names(self):
        # type: () -> List[Any]
        """Who is attached."""
        return sorted(self._links)

    def hello(self, name, link=None):
        # type: (Any, Any) -> None
        """A frontend attached."""
        self._links[name] = link
        self._first = self._end = None

    def leave(self, name, now):
        # type: (Any, float) -> None
        """A frontend says goodbye."""
        self._gone(name, now)

    def link_lost(self, link, now):
        # type: (Any, float) -> None
        """A link closed: the frontends that came over it and did not say goodbye vanished."""
        for name in [name for name, its in self._links.items() if its == link]:
            self._gone(name, now + self._linger)

    def _gone(self, name, end):
        # type: (Any, float) -> None
        if name in self._links:
            del self._links[name]
            if not self._links and not self._keep:
                self._end = end

    def deadline(self, dead):
        # type: (bool) -> Optional[float]
        """When it is time for the broker to end; None for not in sight.

        Args:
            dead: whether the kernel is dead, and no other is on its way.
        """
        if self._links:
            return None
        if dead:
            return self._first if self._first is not None else 0.0
        return self._end
