"""Whether frontends that do not read hold the kernel up, for so long that it is worth a word. Pure."""
from __future__ import absolute_import, division, print_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional

#: Seconds that the kernel must be held, or free again, before that is told. A frontend that reads a flood and is a little slower
#: than the kernel holds it for some milliseconds, over and over; one that takes a bit each second lets go for as long. Neither
#: may flicker. What lasts longer than this a person notices.
PATIENCE = 0.3


class Holding(object):
    """Follows who holds the kernel up.

    Attributes:
        told (list): names of the frontends that have held it for `PATIENCE`.
    """

    def __init__(self):
        # type: () -> None
        self.told = []  # type: List[Any]
        self._since = None  # type: Optional[float]  # when what is told ceased to be so
        self._blocked = False

    def look(self, now, blocked, find):
        # type: (float, bool, Callable[[], List[Any]]) -> None
        """How it is now.

        Args:
            now: monotonic seconds.
            blocked: whether the kernel's output is not read, so that it may be held at any moment.
            find: gives the names of who holds it; none while it can still write. Called only when it matters.
        """
        self._blocked = blocked
        due = self._since is not None and now >= self._since + PATIENCE
        names = find() if blocked and (self.told or due) else []
        held = bool(names) if self.told or due else blocked
        if held == bool(self.told):
            self._since = None
            self.told = names
        elif self._since is None:
            self._since = now
        elif due:
            self.told, self._since = names, None

    def deadline(self, now):
        # type: (float) -> Optional[float]
        """When to look again; None: when something happens. A pipe does not say when it is full, so that is looked at."""
        if self._since is not None:
            return max(now, self._since + PATIENCE)
        return now + PATIENCE if self._blocked else None
