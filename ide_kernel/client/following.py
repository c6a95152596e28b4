"""Follows a kernel through the broker's events: keeps the model, runs the callbacks, lets threads wait."""
from __future__ import absolute_import, division, print_function

import binascii
import os
import sys

from yotonlike import Closed, Timeout

from .. import vocabulary as names
from ..errors import BrokerLost, KernelDied, KernelError
from . import model as news
from .line import Line
from .model import Model
from .news import Gap
from .status import Exit, Status
from .waiting import Turns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple
    from .execution import Execution
    from .news import Output

#: Seconds for a broker on this machine to answer the handshake and a hello.
ATTACH_LIMIT = 10.0
#: Seconds for a goodbye: the broker answers at once, or it is not worth waiting for.
LEAVE_LIMIT = 2.0
#: Bytes of output from before the first `Follower.on_output` that are kept for it.
EARLY_LIMIT = 1 << 16
#: What is said of a broker that is silent.
SILENT = u"its broker does not answer: it is stopped, or this machine is very busy; nothing is given up for that"
# What happens to the model, one after the other: what it makes of each is told before the next one.
_EVENT, _COMPARE, _LOST = "event", "compare", "lost"
#: How a subscription is told what we do when we are slow.
_ON_FULL = {names.BLOCK: "block", names.DROP: "drop_oldest"}
#: A broker that fails leaves a traceback in a file named as its connection file and this.
FAILURE = ".failure"


class Follower(object):
    """What a frontend sees and hears of a kernel. All methods are safe from any thread.

    Callbacks run in `process_events`, or, as long as the program never calls that, in the thread that waits in a blocking
    call such as `Execution.result`. An exception in one goes to ``sys.excepthook``.

    Attributes:
        connection_file (str): whoever may read that file may attach.
        frontend (str): what others see this frontend as.
        info (dict): ``kernel_pid``, ``python``, ``executable``, ``implementation``, ... of the present kernel.
    """

    def __init__(self, connection, name=u"frontend", broker=None, lines=None, when_slow=names.BLOCK):
        # type: (Any, Any, Any, Optional[int], Any) -> None
        self.connection_file = connection.path
        self.frontend = u"%s-%d-%s" % (name, os.getpid(), binascii.hexlify(os.urandom(2)).decode("ascii"))
        self._broker = broker
        self._closed = False
        self._left = False
        self._error = None  # type: Optional[BrokerLost]  # why nothing can be asked any more
        self._lost = False  # that, after all that came before it
        self._callbacks = {}  # type: Dict[str, List[Callable[[Any], Any]]]
        self._early = []  # type: List[Output]
        self._early_size = 0
        self._unheard = 0, 0  # bytes and lines that came after those
        self._told = None  # type: Any  # the gist of the status that was told last
        self._model = Model(self._answer, self)
        self._steps = {_EVENT: self._model.take, _COMPARE: self._model.compare, news.MISSED: self._look}  # type: Dict[Any, Any]
        self._line = Line(connection, self.frontend, ATTACH_LIMIT, self._events, self._status_changed, self._line_back,
                          self._line_lost, _ON_FULL[when_slow], 0 if lines == 0 else None,
                          self._silence_changed)
        self._turns = Turns(self._line.context, self._line.process_events, self._handle)
        try:
            self.info = self._call(u"hello", self.frontend, lines, timeout=ATTACH_LIMIT)
        except BaseException:
            self._line.close(0.0)
            raise
        self._first_status = Status.from_message(self.info.get(u"status") or {})
        self._next = self.info.get(u"start") or 0  # type: int  # the number of the first message that we have not seen
        self._post(self._model.adopt(self.info, lines))

    def _answer(self, request, data):
        # type: (int, Optional[bytes]) -> None
        self._tell(u"answer", request, data)

    def on_output(self, callback):
        # type: (Callable[[Output], Any]) -> Callable[[Output], Any]
        """Have ``callback(output)`` called with all that the kernel writes; returns it, to serve as a decorator."""
        self._on(news.OUTPUT, callback)
        early, self._early = self._early, []
        for output in early:
            self._turns.post((news.OUTPUT, output))
        size, lines = self._unheard
        if size:
            self._turns.post((news.OUTPUT, Gap(size, lines, u"nobody listened yet")))
            self._unheard = (0, 0)
        return callback

    def on_input(self, callback):
        # type: (Callable[[Any], Any]) -> Callable[[Any], Any]
        """Have ``callback(request)`` called when the kernel's code asks for a line."""
        return self._on(news.INPUT, callback)

    def on_input_over(self, callback):
        # type: (Callable[[Any], Any]) -> Callable[[Any], Any]
        """Have ``callback(request)`` called when a question needs no answer any more."""
        return self._on(news.INPUT_OVER, callback)

    def on_execution(self, callback):
        # type: (Callable[[Execution], Any]) -> Callable[[Execution], Any]
        """Have ``callback(execution)`` called at each step of what any frontend runs; its ``state`` says which."""
        return self._on(news.EXECUTION, callback)

    def on_status(self, callback):
        # type: (Callable[[Status], Any]) -> Callable[[Status], Any]
        """Have ``callback(status)`` called when the status changes."""
        return self._on("status", callback)

    def on_end(self, callback):
        # type: (Callable[[Exit], Any]) -> Callable[[Exit], Any]
        """Have ``callback(exit)`` called when the kernel's process has ended, after all of its output."""
        return self._on(news.END, callback)

    def on_ready(self, callback):
        # type: (Callable[[Dict[Any, Any]], Any]) -> Callable[[Dict[Any, Any]], Any]
        """Have ``callback(info)`` called when a new kernel is ready after a restart."""
        return self._on(news.READY, callback)

    def on_beat(self, callback):
        # type: (Callable[[Any], Any]) -> Callable[[Any], Any]
        """Have ``callback(beats)`` called about once a second while heartbeats of the kernel arrive, and only then."""
        if "beat" not in self._callbacks:
            self._line.follow_beats(lambda beat: self._turns.post(("beat", beat[u"beats"])))
        return self._on("beat", callback)

    def off(self, callback):
        # type: (Callable[[Any], Any]) -> None
        """Call ``callback`` no more."""
        for kind, callbacks in list(self._callbacks.items()):
            self._callbacks[kind] = [other for other in callbacks if other != callback]

    def _on(self, kind, callback):
        # type: (str, Callable[[Any], Any]) -> Callable[[Any], Any]
        self._callbacks[kind] = self._callbacks.get(kind, []) + [callback]
        return callback

    # State

    @property
    def status(self):
        # type: () -> Status
        """The latest status that is known; ``lost`` while the broker does not answer, and when it is out of reach for good."""
        if self._lost:
            return Status(names.LOST, detail=u"%s" % self._error)
        message = self._line.status
        known = self._first_status if message is None else Status.from_message(message)
        if self._line.silent:
            return Status(names.LOST, self._line.silent_since or 0.0, SILENT, generation=known.generation)
        return known

    @property
    def executions(self):
        # type: () -> List[Execution]
        """What is queued or runs, of all frontends, in the order in which it came."""
        return [execution for _, execution in sorted(self._model.executions.items())]

    @property
    def requests(self):
        # type: () -> List[Any]
        """The questions of the kernel's code that wait for an answer."""
        return [request for _, request in sorted(self._model.requests.items())]

    @property
    def exit(self):
        # type: () -> Optional[Exit]
        """How the kernel's process ended, once all of its output has come; None while it lives."""
        return self._model.exit

    @property
    def lost(self):
        # type: () -> bool
        """Whether the broker is out of reach for good, and all that had come was told; one that only does not answer is not."""
        return self._lost

    # Waiting

    def fileno(self):
        # type: () -> int
        """A descriptor that is readable when `process_events` has something to do."""
        return self._line.fileno()

    def process_events(self):
        # type: () -> None
        """Run the callbacks that wait, in this thread, and return. From then on they run nowhere else, and what other threads
        wait for comes to them only as this one goes on with it: a loop that stops, or waits for such a thread, keeps it waiting.

        After 5 ms what still waits is left for the next call, and `fileno` stays readable.
        """
        self._turns.loop_step()

    def wait(self, condition, timeout=None):
        # type: (Callable[[], Any], Optional[float]) -> None
        """Wait until ``condition()`` holds; it is looked at after each batch of events. Raises as `Execution.result` does."""
        self._wait(condition, timeout)

    def leave(self):
        # type: () -> bool
        """Say goodbye, and listen on until `close`: what the kernel says as it ends can still be heard.

        Returns:
            Whether the broker ends the kernel and itself now: this was the last frontend, and it was not told to keep it.
        """
        self._left = True
        return self._call(u"leave", self.frontend, timeout=LEAVE_LIMIT)

    def close(self):
        # type: () -> None
        """Leave, if that has not been done, and give the link up."""
        if self._closed:
            return
        self._closed = True
        if self._error is None and not self._left and not self._line.closed:
            try:
                self.leave()
            except (Timeout, BrokerLost):
                pass  # it sees the link close
        error = BrokerLost("this frontend left the kernel")
        self._lose(error)
        self._lost = True
        self._post(self._model.fail_all(self._error or error))  # at once: nobody need take what has come
        self._line.close(LEAVE_LIMIT)
        if self._broker is not None:
            self._broker.leave()

    def __enter__(self):
        # type: () -> Any
        return self

    def __exit__(self, *exception):
        # type: (*Any) -> None
        self.close()

    def __repr__(self):
        # type: () -> str
        return "<Kernel %s %s>" % (self.connection_file, self.status.state)

    # Inside

    def _call(self, method, *arguments, **options):
        # type: (Any, *Any, **Any) -> Any
        """Ask the broker and wait for its reply.

        Args:
            options: ``timeout`` in seconds, and ``follow``: whether to take events meanwhile. What ends a kernel needs that: its
                last output has to go somewhere.
        """
        timeout = options.get("timeout")
        if self._error is not None:
            raise self._error
        future = self._line.request(method, *arguments)
        try:
            if options.get("follow"):
                future.add_done_callback(lambda reply: self._turns.changed())
                self._wait(future.done, timeout)
            return self._line.outcome(future, timeout)
        except KernelDied as error:
            raise KernelDied(self._model.exit or self.status.exit, str(error))
        except (Timeout, KeyboardInterrupt):
            future.cancel()
            raise

    def _tell(self, method, *arguments):
        # type: (Any, *Any) -> None
        """Ask the broker and do not wait for its reply; nothing happens when there is nobody to ask."""
        if self._error is None:
            self._line.request(method, *arguments)

    def _wait(self, condition, timeout=None):
        # type: (Callable[[], Any], Optional[float]) -> None
        try:
            self._turns.wait(condition, timeout)
        except Closed:
            raise self._error or BrokerLost("this frontend left the kernel")

    def _events(self, message):
        # type: (Dict[Any, Any]) -> None
        if message[u"number"] < self._next:
            return  # from before what was wanted
        self._next = message[u"number"] + 1
        self._turns.post_all([(_EVENT, (message, index)) for index in range(len(message[u"events"]))])

    def _status_changed(self, message):
        # type: (Dict[Any, Any]) -> None
        self._turns.post(("status", Status.from_message(message)))

    def _silence_changed(self):
        # type: () -> None
        self._turns.post(("status", self.status))

    def _line_back(self):
        # type: () -> None
        """The link was cut and is there again: the events go on where they were, what was asked may have been lost."""
        self._tell(u"hello", self.frontend, 0)
        self._look(None)

    def _line_lost(self, link):
        # type: (Any) -> None
        words = "the broker was lost: %s" % (link.closed_reason or "its process ended")
        if os.path.exists(self.connection_file + FAILURE):
            words += " (it left a report in %s)" % (self.connection_file + FAILURE)
        self._lose(BrokerLost(words))

    def _lose(self, error):
        # type: (BrokerLost) -> None
        """Nothing can be asked any more. What waits fails after all that has come, in which its end may be."""
        if self._error is None:
            self._error = error
            self._turns.post((_LOST, error))
            self._turns.wake()

    def _post(self, items):
        # type: (Any) -> None
        for item in items:
            self._turns.post(item)

    def _handle(self, item):
        # type: (Any) -> Iterator[Tuple[Callable[[Any], Any], Any]]
        """Note an item that was posted, and give the calls to make."""
        kind, argument = item
        if kind == _LOST:
            self._lost = True
            for found in self._model.fail_all(argument):
                for call in self._handle(found):
                    yield call
            kind, argument = "status", self.status
        if kind in self._steps:
            for found in self._steps[kind](argument):
                for call in self._handle(found):
                    yield call
            return
        if kind == "status":
            if argument.gist == self._told:
                return  # it was another one in between, which was over before anybody heard of it
            self._told = argument.gist
        if kind == news.READY:
            self.info = argument
        callbacks = self._callbacks.get(kind, []) if kind != news.DONE else argument._take_callbacks()
        if kind == news.OUTPUT and not callbacks:
            self._keep(argument)
        for callback in callbacks:
            yield _call_back, (callback, argument)

    def _keep(self, output):
        # type: (Output) -> None
        """Nobody listens to output so far: keep the first of it, and count the rest."""
        if self._early_size < EARLY_LIMIT:
            self._early_size += len(output.data)
            self._early.append(output)
        else:
            gap = output if isinstance(output, Gap) else None
            size, lines = (gap.bytes, gap.lines) if gap else (len(output.data), output.data.count(b"\n"))
            self._unheard = self._unheard[0] + size, self._unheard[1] + lines

    def _look(self, nothing):
        # type: (Any) -> Any
        """Events are missing: ask how things are."""
        if self._error is None:
            look = self._model.look()
            self._line.request(u"look").add_done_callback(lambda reply: self._looked(look, reply))
        return ()

    def _looked(self, look, reply):
        # type: (Any, Any) -> None
        try:
            look.answer = self._line.outcome(reply)
        except KernelError:
            self._model.drop(look)  # the link was cut again, which asks anew, or the broker is lost, and with it all that waits
        self._turns.post((_COMPARE, None))


def _call_back(call):
    # type: (Tuple[Callable[[Any], Any], Any]) -> None
    callback, argument = call
    try:
        callback(argument)
    except Exception:  # the user's callback: its error must not end the wait of whoever is running it
        sys.excepthook(*sys.exc_info())
