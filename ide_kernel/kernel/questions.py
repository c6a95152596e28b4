"""Answers the broker's questions while the user's code runs, each kind in the thread where it belongs."""
from __future__ import absolute_import, division, print_function

import sys

from .._compat import get_ident, start_new_thread, text_type
from .interrupt import block_all
from .stacks import stack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Set


class Questions(object):
    """Takes questions in the I/O thread and sends their answers.

    Args:
        send: sends a message, from any thread.
        load: gives the object with the method ``answer(what, code, cursor)``; called in a thread that may wait.
        is_ours: whether a frame (any object with ``tb_frame``) belongs to us.
        main_thread: the ident of the main thread.
    """

    def __init__(self, send, load, is_ours, main_thread):
        # type: (Callable[[Any], None], Callable[[], Any], Callable[[Any], bool], int) -> None
        self._send = send
        self._load = load
        self._is_ours = is_ours
        self._main_thread = main_thread
        self._waiting = []  # type: List[Dict[str, Any]]  # only single, atomic operations on it
        self._own_threads = set()  # type: Set[int]
        self._reported = None  # type: Any
        self._running = False  # whether a thread answers; set in the I/O thread, cleared by the other when none waits

    def put(self, message):
        # type: (Dict[str, Any]) -> None
        """In the I/O thread: answer at once, or hand over to a thread that exists only while questions wait."""
        if message["what"] == u"stacks":
            self._answer(message, lambda: {"threads": self._stacks()})
            return
        self._waiting.append(message)
        if not self._running:
            self._running = True
            start_new_thread(self._work, ())

    def threads(self):
        # type: () -> Set[int]
        """The idents of threads that answer."""
        return set(self._own_threads)

    def report(self):
        # type: () -> None
        """In the I/O thread: say where the threads are, if that is not what was said last."""
        stacks = self._stacks()
        if stacks != self._reported:
            self._reported = stacks
            self._send({"kind": u"at", "threads": stacks})

    def debugger(self):
        # type: () -> Any
        """In a thread that asks for a line: where the debugger stands that wants it, as text; None when it is not one."""
        bdb = sys.modules.get("bdb")
        frame = sys._getframe(1)  # type: Any
        while frame is not None and self._is_ours(_Entry(frame)):
            frame = frame.f_back
        asker = None if bdb is None or frame is None else frame.f_locals.get("self")
        if asker is None or not isinstance(asker, getattr(bdb, "Bdb", ())):
            return None
        stands = getattr(asker, "curframe", None)
        while stands is not None and self._is_ours(_Entry(stands)):  # it followed the user's code into our display hook
            stands = stands.f_back
        if stands is None:
            return u"its prompt"
        return u"%s line %d" % (_text(stands.f_code.co_filename), stands.f_lineno or 0)

    def _work(self):
        # type: () -> None
        block_all()
        me = get_ident()
        self._own_threads.add(me)
        while True:
            while self._waiting:
                self._look_up(self._waiting.pop(0))
            self._running = False
            if not self._waiting or self._running:  # one came just now: whoever sees it first goes on
                break
            self._running = True
        self._own_threads.discard(me)

    def _look_up(self, message):
        # type: (Dict[str, Any]) -> None
        self._answer(message, lambda: self._load().answer(message["what"], message["code"], message["cursor"]))

    def _answer(self, message, make):
        # type: (Dict[str, Any], Callable[[], Any]) -> None
        reply = {"kind": u"answer", "request": message["request"], "result": None, "error": None}
        try:
            reply["result"] = make()
            self._send(reply)
        except BaseException as error:  # the user's own objects raise what they like; the asker is told
            reply["result"] = None
            reply["error"] = _describe(error)
            self._send(reply)

    def _stacks(self):
        # type: () -> List[Dict[str, Any]]
        """Where every thread of the user is, innermost frame last."""
        names, mine = _thread_names(), self._own_threads.union((get_ident(),))
        return [{"id": thread, "name": names.get(thread) or (u"MainThread" if thread == self._main_thread else u""),
                 "frames": self._frames(thread)} for thread in sorted(sys._current_frames()) if thread not in mine]

    def _frames(self, thread):
        # type: (int) -> List[Dict[str, Any]]
        found = [{"file": _text(frame.f_code.co_filename), "line": line, "function": _text(frame.f_code.co_name)}
                 for frame, line in stack(thread) if not self._is_ours(_Entry(frame))]
        found.reverse()
        return found


class _Entry(object):
    """A frame in the form of a traceback's entry."""

    def __init__(self, frame):
        # type: (Any) -> None
        self.tb_frame = frame


def _thread_names():
    # type: () -> Dict[int, Any]
    """Names of the threads that the user's ``threading`` knows, if they have loaded it."""
    active = getattr(sys.modules.get("threading"), "_active", None) or {}
    return dict((ident, _text(getattr(thread, "name", u""))) for ident, thread in list(active.items()))


def _describe(error):
    # type: (BaseException) -> Any
    try:
        return _text("%s: %s" % (type(error).__name__, error))
    except Exception:  # the user's own __str__
        return _text(type(error).__name__)


def _text(value):
    # type: (Any) -> Any
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else text_type(value)
