"""Answering: a handler, or the methods of a registered object, for the requests of a channel."""
from __future__ import absolute_import, division, print_function

from collections import deque

from .._compat import ThreadError, get_ident, monotonic, quoted, start_new_thread, text_type
from ..errors import DecodeError, Error, MessageTooBig
from ..futures import Future
from ..protocol import requests
from ..protocol.codecs import OBJECT, decode_message, encode_message
from ..protocol.credit import BLOCK, REPLIER
from ..protocol.settings import whole
from .base import Channel
from .requester import CALL, NO_LIMIT, PLAIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Deque, Optional, Sequence, Tuple

    from ..protocol.credit import Batch, Inlet


class RepChannel(Channel):
    """Serves requests, one at a time and in the order in which they came.

    Args:
        context (Context): where it lives.
        name (str): of the channel.
        message_type (MessageType): of requests and answers.
        handler: ``handler(message)`` returns the answer, or a Future that will have it. It may send, request, and close the
            channel or the context: that happens when it has returned, and its answer still goes (but no later one of a Future).
        target: an object; of it, ``methods`` can be called with ``ReqChannel.call``.
        methods: names of methods of ``target``. Nothing else of it can be reached.
        events (bool): run handlers in ``process_events()`` instead of a thread of the channel's own.
        window (int): bytes of requests that may wait here, per link.
    """

    def __init__(self, context, name, message_type=OBJECT, handler=None, target=None, methods=(), events=False,
                 window=1 << 20):
        # type: (Any, str, Any, Optional[Callable[[Any], Any]], Any, Sequence[str], bool, int) -> None
        super(RepChannel, self).__init__(context, name, message_type)
        if handler is None and target is None:
            raise ValueError("A replier needs a handler, or a target and the names of its methods.")
        if handler is not None and not callable(handler):
            raise TypeError("A handler is callable, not %r." % (handler,))
        for method in methods:
            if not callable(getattr(target, method, None)):
                raise ValueError("%r has no method %r." % (target, method))
        window = whole("A window", window, 1)
        self.kind = REPLIER
        self._handler = handler
        self._target = target
        self._methods = frozenset(methods)
        self._events = events
        self._jobs = deque()  # type: Deque[Tuple[Batch, Optional[float]]]  # with the time until which it is wanted
        self._thread = False        # whether the worker runs
        self._server = None  # type: Optional[int]  # the thread that runs a handler now
        self._late = False          # closed by a handler, and its answer is still to go
        with self._guard:
            self._register()
            self._sink = context.node.open_sink(REPLIER, BLOCK, window, self.name, self.message_type.name, self)
            context.transmit()

    # -- what the network brings; under the guard -----------------------------------------------------------------------

    def deliver(self, inlet, batch):
        # type: (Inlet, Batch) -> None
        """A request arrived."""
        if self._closed is not None:  # and its last answer is still being made
            inlet.owner.send_reply(batch.number, requests.LOST, b"")
            return
        self._jobs.append((batch, None if batch.source == NO_LIMIT else monotonic() + batch.source / 1000.0))
        if self._events:
            self.context.dispatcher.post(self._serve_next)
        elif self._thread:
            self.context.loop.notify(self._waiters)
        else:
            self._begin_to_work()

    def _begin_to_work(self):
        # type: () -> None
        """Start the worker thread. Where none can be, as on 3.12 while the interpreter ends, that is the answer."""
        try:
            start_new_thread(self._work, ())
            self._thread = True
        except ThreadError as error:
            job = self._take()
            if job is not None:
                job.origin.owner.send_reply(job.number, requests.RAISED, _describe(error))
                self.context.transmit()

    def attached(self, inlet, source, number, anew=False):
        # type: (Inlet, bytes, int, bool) -> None
        """Never happens to a replier."""

    def wanted(self, inlet):
        # type: (Inlet) -> None
        """A requester waits for window: it gets back all that has been served."""
        inlet.eager = True
        inlet.owner.release(inlet)
        self.context.transmit()

    def lost(self, inlet):
        # type: (Inlet) -> None
        """Nobody waits for what came over that link."""
        self._jobs = deque(job for job in self._jobs if job[0].origin is not inlet)

    def cancelled(self, connection, request):
        # type: (Any, int) -> None
        """Nobody waits for that answer; a handler that has begun goes on."""
        for job in list(self._jobs):
            batch = job[0]
            if batch.origin.owner is connection and batch.number == request:
                self._jobs.remove(job)
                connection.consume(batch.origin, batch.cost)

    def _withdraw(self):
        # type: () -> None
        if self._server == get_ident():  # a handler closes its own channel: its answer still goes
            self._late = True
            for batch, _ in self._jobs:
                batch.origin.owner.send_reply(batch.number, requests.LOST, b"")
        else:
            self.context.node.close_sink(self._sink)
        self._jobs.clear()

    # -- serving ----------------------------------------------------------------------------------------------------------

    def _take(self):
        # type: () -> Any
        """The next request, or None; once the channel is closed, why. Under the guard."""
        while self._jobs:
            job, deadline = self._jobs.popleft()
            job.origin.owner.consume(job.origin, job.cost)
            if deadline is None or monotonic() <= deadline:
                self.context.transmit()  # the window may be what others wait for, and the handler may take its time
                return job
        return self._closed

    def _work(self):
        # type: () -> None
        """The worker thread."""
        while True:
            job = self.context.loop.wait(self._take, self._waiters, None)
            if job is self._closed:  # no exception: on 2.7 its class may be gone when the interpreter ends
                return
            self.context.handlers.run(self._serve, job)

    def _serve_next(self):
        # type: () -> None
        with self._guard:
            if self._closed is not None:
                return
            job = self._take()
            self.context.transmit()
        if job is not None:
            self.context.handlers.run(self._serve, job)

    def _serve(self, job):
        # type: (Batch) -> None
        before, self._server = self._server, get_ident()
        try:
            self._answer(job)
        finally:
            self._server = before
            if self._late and before is None:
                with self._guard:
                    self.context.node.close_sink(self._sink)
                    self.context.transmit()

    def _answer(self, job):
        # type: (Batch) -> None
        try:
            result = self._run(job.data)
        except BaseException as error:  # whatever it is, the requester gets it
            self._reply(job, requests.RAISED, _describe(error))
            if self._events and not isinstance(error, Exception):  # Ctrl-C in process_events() is the caller's
                raise
            return
        if isinstance(result, Future):
            result.add_done_callback(lambda future: self._reply_later(job, future))
        else:
            self._reply_value(job, result)

    def _run(self, data):
        # type: (bytes) -> Any
        kind, body = data[:1], data[1:]
        if kind == CALL:
            method, args, kwargs = OBJECT.decode(body)
            if method not in self._methods:
                raise AttributeError("the channel %s serves no method %s" % (quoted(self.name), quoted(method)))
            return getattr(self._target, str(method))(*args, **dict((str(key), kwargs[key]) for key in kwargs))
        if kind != PLAIN:
            raise DecodeError("a request of an unknown kind")
        if self._handler is None:
            raise TypeError("the channel %s serves methods (%s), no plain requests"
                            % (quoted(self.name), ", ".join(sorted(self._methods))))
        return self._handler(decode_message(self.message_type, body))

    def _reply_later(self, job, future):
        # type: (Batch, Future) -> None
        try:
            result = future.result(0)
        except BaseException as error:
            self._reply(job, requests.RAISED, _describe(error))
        else:
            self._reply_value(job, result)

    def _reply_value(self, job, value):
        # type: (Batch, Any) -> None
        try:
            if job.data[:1] == CALL:
                data = CALL + OBJECT.encode(value)
            else:
                data = PLAIN + encode_message(self.message_type, value)
            if len(data) > self.context.max_message:
                raise MessageTooBig("An answer of %d bytes is longer than max_message of %s, %d bytes."
                                    % (len(data), quoted(self.context.name), self.context.max_message))
        except Error as error:
            self._reply(job, requests.RAISED, _describe(error))
        else:
            self._reply(job, requests.OK, data)

    def _reply(self, job, status, data):
        # type: (Batch, int, bytes) -> None
        with self._guard:
            if not self.context.closed:
                job.origin.owner.send_reply(job.number, status, data)
                self.context.transmit()


def _describe(error):
    # type: (BaseException) -> bytes
    """An exception as the requester gets it: class name, text, traceback."""
    import traceback
    try:
        message = text_type(error)
    except Exception:
        message = u"(its text cannot be made)"
    trace = traceback.format_exc()
    if isinstance(trace, bytes):
        trace = trace.decode("utf-8", "replace")
    return OBJECT.encode([text_type(type(error).__name__), message, trace])
