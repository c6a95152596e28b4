"""Which contexts a context reaches, and whether a new link may join: the network stays a tree.

Theory of operation. Whoever connects is the link's *initiator*. The acceptor introduces itself and names every
context on its side; the initiator compares that with what it reaches itself and either refuses (a loop) or joins: it
names its own side, which makes the acceptor join as well. From then on each end passes on what appears and
disappears on its side.

Two joins at the same time can each look harmless. Then the same context turns up through two links; both ends apply
one rule to the pair, so they cut the same link: the one whose initiator has the lower context id stays.
"""
from __future__ import absolute_import, division, print_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Optional, Set


class Membership(object):
    """The contexts that each link of one context leads to.

    Links are opaque here; each is remembered with the id of its initiator and its nonce.
    """

    def __init__(self, context_id):
        # type: (bytes) -> None
        self.context_id = context_id
        self._through = {}  # type: Dict[bytes, Any]       # context id -> joined link
        self._sides = {}  # type: Dict[Any, Set[bytes]]    # joined link -> context ids
        self._ranks = {}  # type: Dict[Any, Any]           # joined link -> (initiator, nonce)

    def reachable(self, without=None):
        # type: (Any) -> List[bytes]
        """This context and all that it reaches, leaving out what lies behind the link ``without``."""
        return [self.context_id] + [node for node, link in self._through.items() if link is not without]

    def loop(self, ids):
        # type: (Iterable[bytes]) -> Optional[Any]
        """A joined link that leads to one of ``ids`` already, or this object when this context is one of them."""
        for node in ids:
            if node == self.context_id:
                return self
            if node in self._through:
                return self._through[node]
        return None

    def join(self, link, rank, ids):
        # type: (Any, Any, Iterable[bytes]) -> None
        """A link is up and leads to ``ids``; ``rank`` is (initiator's context id, nonce of the link)."""
        self._ranks[link] = rank
        self._sides[link] = set(ids)
        for node in ids:
            self._through[node] = link

    def joined(self, link):
        # type: (Any) -> bool
        """Whether the link is part of the network."""
        return link in self._sides

    def loser(self, one, other_rank):
        # type: (Any, Any) -> bool
        """Whether the joined link ``one`` must give way to a link of rank ``other_rank``."""
        return self._ranks[one] > other_rank

    def rank(self, link):
        # type: (Any) -> Any
        """(initiator, nonce) of a joined link."""
        return self._ranks[link]

    def add(self, link, ids):
        # type: (Any, Iterable[bytes]) -> None
        """More contexts appeared behind a joined link."""
        self._sides[link].update(ids)
        for node in ids:
            self._through[node] = link

    def remove(self, link, ids):
        # type: (Any, Iterable[bytes]) -> List[bytes]
        """Contexts disappeared behind a joined link; returns those that this changes anything for."""
        gone = [node for node in ids if self._through.get(node) is link]
        self._sides[link].difference_update(ids)
        for node in gone:
            del self._through[node]
        return gone

    def leave(self, link):
        # type: (Any) -> List[bytes]
        """A link is gone; returns the contexts that are out of reach with it."""
        side = self._sides.pop(link, None)
        self._ranks.pop(link, None)
        gone = [node for node in side or () if self._through.get(node) is link]
        for node in gone:
            del self._through[node]
        return gone
