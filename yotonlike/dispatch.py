"""Callbacks of the user's, run where the user wants them: in ``process_events()``, never in the I/O thread."""
from __future__ import absolute_import, division, print_function

from collections import deque

from .transport.guard import Guard
from .transport.waiting import Wakeup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Deque, List


class Dispatcher(object):
    """Calls that wait for a thread of the user's."""

    def __init__(self):
        # type: () -> None
        self._calls = deque()  # type: Deque[Callable[[], None]]  # its operations are atomic
        self._wakeup = Wakeup()
        self._guard = Guard()  # of the descriptor: it is not written to once it is closed; the innermost lock
        self._closed = False

    def post(self, function):
        # type: (Callable[[], None]) -> None
        """Have ``function`` called by the next :meth:`run`."""
        if not self._closed:
            self._calls.append(function)
            self._wake()

    def _wake(self):
        # type: () -> None
        with self._guard:
            self._wakeup.set()

    def fileno(self):
        # type: () -> int
        """Readable while calls wait; -1 once it is closed."""
        return self._wakeup.fileno()

    def run(self):
        # type: () -> int
        """Make the calls that wait now; returns how many. One that raises leaves the others for the next time."""
        with self._guard:
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
                self._wake()
        return count

    def close(self):
        # type: () -> None
        """Drop what waits."""
        with self._guard:
            self._closed = True
            self._calls.clear()
            self._wakeup.close()

    def forget(self):
        # type: () -> None
        """We are a forked child: our copy of the descriptor goes; a thread that is not here may have held the lock."""
        self._guard.renew()
        self.close()


class Signal(object):
    """Something that happens, and who wants to know. Callbacks run in ``context.process_events()``."""

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
        """Call the callbacks, here and now."""
        for callback in self._callbacks:
            callback(*arguments)

    def emit(self, *arguments):
        # type: (*Any) -> None
        """Have the callbacks called by ``process_events()``."""
        if self._callbacks:
            self._dispatcher.post(lambda: self.call(*arguments))
