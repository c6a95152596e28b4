"""Where the kernel's threads are: from the kernel itself while Python runs, from a dump while C code holds the GIL.

A dump is made by ``faulthandler`` in a handler of a real-time signal, which is sent to the kernel's I/O thread alone. It reads
the interpreter's structures without a lock, so it may only be made while nobody changes them: when the GIL is provably held
(see ``silence.py``), and once in a silence, because nothing moves until that is over.
"""
from __future__ import absolute_import, division, print_function

from . import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional

    from .loop import Loop
    from .process import Process
    from .watch import Watch

LIVE, DUMP, LAST = u"live", u"dump", u"last known"
#: Seconds that somebody waits for an answer: the proof takes one on a quiet machine.
LIMIT = 4.0
_MOST = 1 << 20


class Stacks(object):
    """Answers where a kernel is.

    Args:
        loop: the main loop.
        process: the kernel's.
        watch: the eye on it.
        root: the directory that holds our packages.
        ask: puts the question ``stacks`` to the kernel; ``ask(done)`` with ``done(result, error)``.
    """

    def __init__(self, loop, process, watch, root, ask):
        # type: (Loop, Process, Watch, Any, Callable[[Callable[[Any, Any], None]], bool]) -> None
        self._loop = loop
        self._process = process
        self._watch = watch
        self._root = root
        self._ask = ask
        self._signal = None  # type: Optional[int]  # what makes the kernel dump its stacks
        self._main = self._own = None  # type: Optional[int]  # idents of its threads
        self._size = 0  # of the file, when the last dump was ordered
        self._ordered_in = None  # type: Optional[int]  # the silence (by the count of beats) in which that was
        self._dumped = None  # type: Optional[List[Dict[Any, Any]]]
        self._last = None  # type: Any  # (time, threads): the latest that was known
        self._asking = []  # type: List[Callable[[Dict[Any, Any]], None]]

    def told(self, message):
        # type: (Dict[Any, Any]) -> None
        """The kernel said what its threads are."""
        numbers = [message.get(name) for name in (u"thread", u"ident", u"main", u"dump")]
        self._watch.silence.thread, self._own, self._main, self._signal = [
            number if isinstance(number, int) else None for number in numbers]
        self._watch.silence.asks = message.get(u"asks") is not False

    def known(self, message):
        # type: (Dict[Any, Any]) -> None
        """The kernel said where it is, unasked."""
        if isinstance(message.get(u"threads"), list):
            self._last = self._loop.now(), message[u"threads"]

    def where(self, done):
        # type: (Callable[[Dict[Any, Any]], None]) -> None
        """Call ``done`` with where the threads are: ``threads``, ``how``, ``age`` (seconds), ``words``."""
        self._asking.append(done)
        if len(self._asking) == 1:
            self._loop.call_at(self._loop.now() + LIMIT, lambda: self._give_up(done))
            self._ask(self._answered)
        self.looked()

    def looked(self):
        # type: () -> None
        """The watch took a look, or heard a heartbeat: order a dump when that is safe, and read what one gave."""
        watch = self._watch
        silent_now = self._ordered_in == watch.beats
        if not silent_now:
            self._dumped = None
        thread, number = watch.silence.thread, self._signal
        if not silent_now and thread is not None and number is not None and watch.silence.is_proven(self._loop.now()):
            self._size = self._process.dump_size()
            if self._process.signal_thread(thread, number):
                self._ordered_in = watch.beats
        elif silent_now and self._dumped is None:
            self._read()
        if self._dumped is not None:
            self._answer(DUMP, self._dumped, 0.0, u"C code holds the interpreter; this is the Python code that called it")
        elif watch.silence.stopped is not None:
            self._answer_last(u"the process is not allowed to run: %s" % watch.silence.stopped)
        elif self._signal is None and watch.silence.verdict(self._loop.now()) is not None:
            self._answer_last(u"C code holds the interpreter, and this Python cannot be looked into meanwhile")

    def position(self):
        # type: () -> Any
        """The line of Python that called the C code which holds the GIL; None while that is not known."""
        return dumps.innermost(self._dumped) if self._dumped else None

    def crash(self):
        # type: () -> Any
        """After the kernel's end: what it wrote of a fatal error."""
        return dumps.crash(self._text(0))

    def end(self):
        # type: () -> None
        """Nobody will answer any more."""
        del self._asking[:]

    def _read(self):
        # type: () -> None
        text = self._text(self._size)
        threads = dumps.threads(text, self._root, self._main, self._own) if text.endswith(u"\n") else []
        if threads:
            self._dumped = threads
            self._last = self._loop.now(), threads

    def _text(self, begin):
        # type: (int) -> Any
        return self._process.read_dump(begin, _MOST).decode("utf-8", "replace")

    def _answered(self, result, error):
        # type: (Any, Any) -> None
        if isinstance(result, dict) and isinstance(result.get(u"threads"), list):
            self._last = self._loop.now(), result[u"threads"]
            self._answer(LIVE, result[u"threads"], 0.0, u"")

    def _give_up(self, done):
        # type: (Callable[[Dict[Any, Any]], None]) -> None
        if done in self._asking:
            self._answer_last(u"the kernel did not answer, and it could not be proved that a look into it is safe")

    def _answer_last(self, words):
        # type: (Any) -> None
        if self._last is None:
            self._answer(LAST, [], 0.0, words + u"; nothing was known before")
        else:
            self._answer(LAST, self._last[1], self._loop.now() - self._last[0], words)

    def _answer(self, how, threads, age, words):
        # type: (Any, List[Dict[Any, Any]], float, Any) -> None
        asking, self._asking = self._asking, []
        for done in asking:
            done({u"how": how, u"threads": threads, u"age": age, u"words": words})

