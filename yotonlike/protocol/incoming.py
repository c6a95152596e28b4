"""What arrives for this end's sinks and requests: batches, and long messages put together from their fragments."""
from __future__ import absolute_import, division, print_function

from ..errors import RemoteProtocolError
from . import credit, events
from .outgoing import MAX_ALIASES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List


class Incoming(object):
    """One link's messages on their way in.

    Args:
        inlets: our sinks, by number.
        max_message: the longest message to accept, in bytes.
        report: takes the events.
    """

    def __init__(self, inlets, max_message, report):
        # type: (Dict[int, credit.Inlet], int, Callable[[events.Event], None]) -> None
        self._inlets = inlets
        self._max_message = max_message
        self._report = report
        self._aliases = {}  # type: Dict[int, bytes]
        self._long_replies = {}  # type: Dict[int, List[Any]]

    def on_source(self, alias, epoch):
        # type: (int, bytes) -> None
        if alias >= MAX_ALIASES:
            raise RemoteProtocolError("The peer numbers a publisher %d; the limit is %d." % (alias, MAX_ALIASES))
        self._aliases[alias] = epoch

    def on_attach(self, sink, alias, number, anew):
        # type: (int, int, int, bool) -> None
        inlet = self._inlets.get(sink)
        if inlet is not None:
            self._report(events.Attached(inlet, self._source_of(inlet, alias), number, anew))

    def _source_of(self, inlet, alias):
        # type: (credit.Inlet, int) -> Any
        if inlet.for_requests:
            return alias
        try:
            return self._aliases[alias]
        except KeyError:
            raise RemoteProtocolError("The peer sent messages of publisher %d without introducing it." % alias)

    def on_data(self, sink, alias, number, lengths, data):
        # type: (int, int, int, Any, bytes) -> None
        inlet = self._inlets.get(sink)
        if inlet is None:
            return  # closed by us while this was under way
        if inlet.partial is not None:
            raise RemoteProtocolError("The peer began a message in the middle of another.")
        if inlet.for_requests and len(lengths) != 1:
            raise RemoteProtocolError("The peer sent %d requests under one number." % len(lengths))
        batch = credit.Batch(self._source_of(inlet, alias), number, lengths, data, inlet)
        inlet.received(batch.cost)
        self._report(events.Data(inlet, batch))

    def on_large(self, sink, alias, number, total, first):
        # type: (int, int, int, int, bytes) -> None
        inlet = self._inlets.get(sink)
        if inlet is None:
            return
        self._check_total(total, first)
        if inlet.partial is not None:
            raise RemoteProtocolError("The peer began a message in the middle of another.")
        inlet.received(total + credit.OVERHEAD)
        inlet.partial = [self._source_of(inlet, alias), number, total, bytearray(first), len(first)]

    def _check_total(self, total, first):
        # type: (int, bytes) -> None
        if total > self._max_message or total <= len(first):
            raise RemoteProtocolError("The peer began a message of %d bytes; the limit is %d."
                                      % (total, self._max_message))

    def on_more(self, is_request, number, data):
        # type: (int, int, bytes) -> None
        inlet = None  # type: Any
        if is_request:
            partial = self._long_replies.get(number)
        else:
            inlet = self._inlets.get(number)
            if inlet is None:
                return
            partial = inlet.partial
        if partial is None:
            raise RemoteProtocolError("The peer went on with a message that it had not begun.")
        partial[3] += data  # grows in place: to join parts takes fresh memory, which costs more than the copy
        partial[4] += len(data)
        if partial[4] < partial[2]:
            return
        if partial[4] > partial[2]:
            raise RemoteProtocolError("The peer sent more of a message than it had announced.")
        whole = bytes(partial[3])
        if is_request:
            del self._long_replies[number]
            self._report(events.Reply(number, partial[0], whole))
        else:
            inlet.partial = None
            batch = credit.Batch(partial[0], partial[1], (partial[2],), whole, inlet)
            self._report(events.Data(inlet, batch))

    def on_reply(self, request, status, data):
        # type: (int, int, bytes) -> None
        self._report(events.Reply(request, status, data))

    def on_large_reply(self, request, status, total, first):
        # type: (int, int, int, bytes) -> None
        self._check_total(total, first)
        if request in self._long_replies:
            raise RemoteProtocolError("The peer began the answer to request %d twice." % request)
        self._long_replies[request] = [status, request, total, bytearray(first), len(first)]
