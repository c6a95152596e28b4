"""Callbacks of the user's, run where the user wants them: in ``process_events()``, never in the I/O thread; handlers."""
from __future__ import absolute_import, division, print_function

from collections import deque

from ._compat import get_ident, integer_types
from .futures import attempt
from .transport.waiting import INVALID, READABLE, WRITABLE, Wakeup, deadline_after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Deque, Dict, Iterable, List, Optional, Tuple

_NONE = {}  # type: Dict[int, Any]  # no descriptors are named


class Dispatcher(object):
    """Calls that wait for a thread of the user's.

    Args:
        context: whose they are.
    """

    def __init__(self, context):
        # type: (Any) -> None
        self._waiters = []  # type: List[Any]  # threads in wait()
        self._context = context
        self._calls = deque()  # type: Deque[Callable[[], None]]  # its operations are atomic
        self._wakeup = None  # type: Optional[Wakeup]  # made when somebody asks for it: each call costs two system calls more
        self._closed = False

    def post(self, function):
        # type: (Callable[[], None]) -> None
        """Have ``function`` called by the next :meth:`run`; under the guard."""
        if not self._closed:
            self._calls.append(function)
            self._wake()

    def post_unguarded(self, function):
        # type: (Callable[[], None]) -> None
        """The same without the guard."""
        with self._context.guard:
            self.post(function)

    def _wake(self):
        # type: () -> None
        if self._wakeup is not None:
            self._wakeup.set()
        self.let_go()

    def let_go(self):
        # type: () -> None
        """Have all threads that are in :meth:`wait` look again; under the guard."""
        self._context.loop.notify(self._waiters)

    def wait(self, timeout, read, write, until):
        # type: (Optional[float], Iterable[Any], Iterable[Any], Optional[Callable[[], Any]]) -> Tuple[List[Any], List[Any]]
        """See ``Context.wait``."""
        context = self._context
        readers = _descriptors(read) if read != () else _NONE
        writers = _descriptors(write) if write != () else _NONE
        along = dict.fromkeys(readers, (True, False))
        for fd in writers:
            along[fd] = fd in readers, True
        found = []  # type: List[Tuple[int, int]]

        def ready():
            # type: () -> Any
            context.check_open()
            if context.dirty:
                context.write()
            return self._calls if until is None else until()

        context.loop.wait(ready, self._waiters, deadline_after(timeout), along, found)
        for fd, what in found:
            if what & INVALID:
                raise ValueError("%r is not open." % (readers.get(fd, writers.get(fd)),))
        return ([readers[fd] for fd, what in found if what & READABLE and fd in readers],
                [writers[fd] for fd, what in found if what & WRITABLE and fd in writers])

    def fileno(self):
        # type: () -> int
        """Readable while calls wait; -1 once it is closed."""
        if self._wakeup is None:
            with self._context.guard:
                if self._closed:
                    return -1
                if self._wakeup is None:
                    self._wakeup = Wakeup()
                    if self._calls:
                        self._wakeup.set()
        return self._wakeup.fileno()

    def __len__(self):
        # type: () -> int
        return len(self._calls)

    def run(self):
        # type: () -> int
        """Make the calls that wait now; returns how many. One that raises leaves the others for the next time."""
        if self._wakeup is not None:
            with self._context.guard:
                self._wakeup.clear()
        count = 0
        try:
            for _ in range(len(self._calls)):
                try:
                    function = self._calls.popleft()
                except IndexError:  # another thread makes calls as well, or it was closed by one of them
                    break
                count += 1
                function()
        finally:
            if self._calls:
                with self._context.guard:
                    self._wake()
        return count

    def close(self):
        # type: () -> None
        """Drop what waits; under the guard."""
        self._closed = True
        self._calls.clear()
        self.let_go()
        if self._wakeup is not None:
            self._wakeup.close()

    def forget(self):
        # type: () -> None
        """We are a forked child: our copy of the descriptor goes, and who waits is the parent's."""
        del self._waiters[:]
        self.close()


class Handlers(object):
    """Which threads run handlers of repliers, and what those have put off until their answers are on their way."""

    def __init__(self):
        # type: () -> None
        self._put_off = {}  # type: Dict[int, Optional[Callable[[], Any]]]  # each thread touches its own entry only

    def run(self, serve, request):
        # type: (Callable[[Any], None], Any) -> None
        """Have a handler run and its answer sent by ``serve(request)``, and do what it put off."""
        me = get_ident()
        if me in self._put_off:  # a handler runs callbacks, and this is one of them: the outer one has an answer to give, too
            serve(request)
            return
        self._put_off[me] = None
        try:
            serve(request)
        finally:
            function = self._put_off.pop(me)
            if function is not None:
                function()

    def put_off(self, function):
        # type: (Callable[[], Any]) -> bool
        """Whether this thread runs a handler; if so, ``function`` is called when it has given its answer."""
        me = get_ident()
        if me not in self._put_off:
            return False
        self._put_off[me] = function
        return True


class Signal(object):
    """Something that happens, and who wants to know. Callbacks run in ``context.process_events()``.

    When one of them raises, the others are called all the same; then the error comes out of ``process_events()``, or, if
    another one was first, goes to ``sys.excepthook``.
    """

    def __init__(self, dispatcher, on_first=None):
        # type: (Dispatcher, Any) -> None
        self._dispatcher = dispatcher
        self._callbacks = []  # type: List[Callable[..., None]]
        self._on_first = on_first

    def __bool__(self):
        # type: () -> bool
        return bool(self._callbacks)

    __nonzero__ = __bool__  # 2.7's name for it

    def connect(self, callback):
        # type: (Callable[..., None]) -> Callable[..., None]
        """Have ``callback`` called; returns it, so this serves as a decorator."""
        if not callable(callback):
            raise TypeError("a callback is callable, not %r" % (callback,))
        first = not self._callbacks
        self._callbacks = self._callbacks + [callback]
        if first and self._on_first is not None:
            self._on_first()
        return callback

    def disconnect(self, callback):
        # type: (Callable[..., None]) -> None
        """Call it no more. One that is not connected is ignored."""
        self._callbacks = [other for other in self._callbacks if other != callback]

    def call(self, *arguments):
        # type: (*Any) -> None
        """Call the callbacks, here and now, all of them: what the first one raises that fails is raised after that."""
        callbacks = self._callbacks
        for at, callback in enumerate(callbacks):
            try:
                callback(*arguments)
            except BaseException:
                for other in callbacks[at + 1:]:
                    attempt(other, *arguments)
                raise

    def emit(self, *arguments):
        # type: (*Any) -> None
        """Have the callbacks called by ``process_events()``."""
        if self._callbacks:
            self._dispatcher.post(lambda: self.call(*arguments))


def _descriptors(objects):
    # type: (Iterable[Any]) -> Dict[int, Any]
    """{descriptor: what was given for it}.

    Raises:
        TypeError: neither a descriptor nor anything with ``fileno()``.
        ValueError: the descriptor of something that is closed.
    """
    return dict([(each if type(each) is int and each >= 0 else _descriptor(each), each) for each in objects])


def _descriptor(given):
    # type: (Any) -> int
    fileno = getattr(given, "fileno", None)
    fd = given if fileno is None else fileno()
    if not isinstance(fd, integer_types):
        raise TypeError("What is waited for is a descriptor, or has fileno(), unlike %r." % (given,))
    if fd < 0:
        raise ValueError("%r is closed, or no descriptor." % (given,))
    return fd
