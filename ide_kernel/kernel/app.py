"""The kernel's process: composes the other modules, and is the frame under the user's code.

The boot text (``vocabulary.BOOT``) calls :func:`prepare` and then the kernel that it gives, from the bottom frame of
``__main__``. Under the user's code there is just that frame and :meth:`Kernel.run`.
"""
from __future__ import absolute_import, division, print_function

import os
import sys

from .. import vocabulary
from .._compat import STR_IS_BYTES, VERSION_TEXT, count_threads, get_ident, text_type
from ..wire import Wire
from . import ending, forks, stdin
from .cells import Cells, Display
from .company import Company
from .depth import PROBE, Depth, depth
from .descriptors import move_high, reopen
from .inbox import Inbox
from .interrupt import Interrupts
from .link import Link
from .marks import MarkWriter
from .programs import Program
from .questions import Questions
from .reports import Reporter
from .streams import Streams
from .where import Where

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional

_CODE = type((lambda: None).__code__)
#: What an execution is reported as when an interrupt cuts off even the note of how it ended.
_CUT = {"type": u"KeyboardInterrupt", "message": u"", "traceback": u"KeyboardInterrupt\n"}


class Kernel(object):
    """Runs executions, one after the other, in the main thread.

    Args:
        link_fd: the inherited end of the line to the broker.
        nonce (bytes): of this kernel's marks.
        boot_frame: the bottom frame of ``__main__``.
        bottom: the ``depth`` of that frame.
        has_first: whether the interpreter put an empty string at the head of ``sys.path``.
        load: loads a module of ours that stands alone, by the last part of its name.
        dump_fd: the file for dumps of the stacks; None for none.
    """

    def __init__(self, link_fd, nonce, boot_frame, bottom, has_first, load, dump_fd=None):
        # type: (int, bytes, Any, Optional[int], bool, Callable[[str], Any], Optional[int]) -> None
        self._namespace = boot_frame.f_globals
        self._depth = Depth(bottom)
        self._has_first = has_first
        self._load = load
        self._count = 0
        self._job = None  # type: Optional[Dict[str, Any]]  # the execution that runs
        self._introspection = None  # type: Any  # loaded when somebody asks
        self._marks = MarkWriter(reopen(1), nonce)
        self._streams = Streams(self._marks)
        self._interrupts = Interrupts()
        self._reporter = Reporter(boot_frame)
        self._cells = Cells()
        self._display = Display()
        self._inbox = Inbox()
        self._link = Link(Wire(move_high(link_fd), u"kernel"), self._receive, self._relieve, self._may_print,
                          self._enter_thread)
        self._input = stdin.InputRequests(self._link.post, self._describe_input)
        stdin.install(self._input)
        main = get_ident()
        self._where = Where(dump_fd)
        self._questions = Questions(self._link.send, self._get_introspection, self._reporter.is_ours, main)
        self._company = Company(lambda: self._questions.threads().union((main, self._link.thread)))

    def start(self):
        # type: () -> None
        """Start the I/O thread and say that we are ready."""
        self._interrupts.hold()
        self._link.start()
        self._link.send({
            "kind": u"ready", "pid": os.getpid(), "python": VERSION_TEXT,
            "implementation": _implementation(), "executable": _text(sys.executable), "prefix": _text(sys.prefix)})

    def run(self):
        # type: () -> None
        """Run what the broker sends until a program or ``SystemExit`` ends the process."""
        interrupts, namespace = self._interrupts, self._namespace
        exec(PROBE, self._depth.space())
        here = depth()
        while True:
            job = self._next_job()
            self._depth.allow(here, job["mode"] == vocabulary.MODULE)
            if job["mode"] != vocabulary.CELL:
                break
            job["error"] = _CUT  # until more is known
            try:
                try:
                    try:
                        interrupts.user()
                        exec(self._load_cell(job), namespace)
                        job["error"] = None
                    except:  # noqa: E722  (2.7 raises classes of the old style, too)
                        self._show(job)
                    self._streams.end_cell()
                    interrupts.hold()
                except:  # noqa: E722  (a signal after the user's code)
                    interrupts.survive()
            except:  # noqa: E722  (and one more at the very moment when that is noticed)
                interrupts.survive()
            self._exit(job, job["exit"])
            self._finish(job)
        try:
            interrupts.user()
            code = self._load_program(job)
            if isinstance(code, _CODE):
                exec(code, namespace)
            else:
                code[0](*code[1:])
        except:  # noqa: E722  (not finally: in one, 2.7 does not tell what is being raised)
            self._leave(job)
            raise
        self._leave(job)

    # -- between executions ---------------------------------------------------------------------------------------

    def _next_job(self):
        # type: () -> Dict[str, Any]
        """Wait for an execution and announce it; on return signals are held."""
        while True:
            job = {"exit": None}  # type: Dict[str, Any]
            try:
                try:
                    try:
                        self._interrupts.idle()
                        self._inbox.wait()
                    except:  # noqa: E722  (SystemExit, or a handler of the user's for some other signal)
                        self._show(job)
                    self._interrupts.hold()
                except:  # noqa: E722  (the same, meanwhile)
                    self._interrupts.survive()
            except:  # noqa: E722
                self._interrupts.survive()
            self._exit(None, job["exit"])
            self._reporter.recover()
            while self._inbox.has_message():
                message = self._inbox.pop()
                if message["kind"] == u"exit":
                    self._exit(None, SystemExit(0))
                self._begin(message)
                return message

    def _begin(self, job):
        # type: (Dict[str, Any]) -> None
        self._count += 1
        job["error"] = job["exit"] = None
        self._display.value = None
        if job["mode"] == vocabulary.CELL:
            self._display.install()
        self._job = job
        self._interrupts.announce()
        strangers = self._company.threads()
        beside = bool(strangers) or self._company.children()
        self._streams.output.mark(beside)
        self._marks.start(job["execution"], strangers, not beside)

    def _finish(self, job, exit_status=None):
        # type: (Dict[str, Any], Optional[int]) -> None
        """The execution is over; signals are held."""
        if self._is_child():
            self._streams.flush()
            os._exit(0 if job["error"] is None else 1)  # a forked child that came back from the user's code
        self._streams.flush_ours()
        self._reporter.recover()
        self._marks.end()
        self._streams.output.mark(False)
        self._job = None
        if STR_IS_BYTES:
            sys.exc_clear()  # type: ignore[attr-defined]  # else the next cell would see the last one's exception
        self._link.send({
            "kind": u"finished", "execution": job["execution"], "ok": job["error"] is None and not exit_status,
            "value": self._display.value, "error": job["error"], "count": self._count, "exit": exit_status})

    # -- the end of the process -----------------------------------------------------------------------------------

    def _exit(self, job, error):
        # type: (Optional[Dict[str, Any]], Optional[BaseException]) -> None
        """Let ``SystemExit`` end the process, if there was one; signals are held."""
        if error is None:
            return
        try:
            raise error
        except SystemExit:
            self._leave(job)
            raise

    def _leave(self, job):
        # type: (Optional[Dict[str, Any]]) -> None
        """An exception, or a program's return, is about to end the process; called while it is handled."""
        self._interrupts.hold()
        kind, value = sys.exc_info()[:2]
        if not self._is_child():
            self._link.send({"kind": u"leaving"})
            status = ending.status_of(kind, value)
            ending.at_the_end(lambda: self._end(job, status), self._reporter.show)
        if kind is not None and not isinstance(value, SystemExit):
            self._print_at_exit(job)
        self._interrupts.announce()
        try:
            self._interrupts.user()
        except KeyboardInterrupt:
            self._print_at_exit(job)
            raise

    def _print_at_exit(self, job):
        # type: (Optional[Dict[str, Any]]) -> None
        def show(kind, value, trace):
            # type: (Any, Any, Any) -> None
            error = self._reporter.show(kind, value, trace)
            if job is not None:
                job["error"] = error
        ending.leave_through(sys.excepthook, show)

    def _end(self, job, status):
        # type: (Optional[Dict[str, Any]], int) -> None
        """After the last exit function."""
        self._interrupts.hold()
        if self._is_child():
            return
        self._streams.flush()
        if job is not None:
            self._finish(job, status)
        self._link.drain()
        self._link.stop()
        self._interrupts.release()

    # -- helpers --------------------------------------------------------------------------------------------------

    def _show(self, job):
        # type: (Dict[str, Any]) -> None
        """Show the exception that is being handled, where Ctrl-C may strike again; ``SystemExit`` is for later."""
        error = sys.exc_info()
        if isinstance(error[1], SystemExit):
            job["exit"], job["error"] = error[1], None
            return
        job["error"] = self._reporter.minimal(*error[:2])
        try:
            job["error"] = self._reporter.show(*error)
        except SystemExit:
            job["exit"] = sys.exc_info()[1]  # from the user's excepthook

    def _load_cell(self, job):
        # type: (Dict[str, Any]) -> Any
        return self._cells.compile(job["code"], job.get("filename"), job.get("line") or 1)

    def _load_program(self, job):
        # type: (Dict[str, Any]) -> Any
        return Program(job["mode"], job["code"], job.get("filename"), job.get("argv") or [], self._namespace,
                       self._has_first).load()

    def _receive(self, message):
        # type: (Dict[str, Any]) -> None
        """In the I/O thread: a message from the broker."""
        kind = message["kind"]
        if kind in (u"execute", u"exit"):
            self._inbox.put(message)
        elif kind == u"input":
            self._input.answer(message["request"], message["data"])
        elif kind == u"ask":
            self._questions.put(message)

    def _describe_input(self):
        # type: () -> Any
        job = self._job
        prompt = self._streams.take_prompt()
        return (job["execution"] if job is not None else None), prompt.decode(self._streams.encoding(), "replace"), \
            self._questions.debugger()

    def _enter_thread(self):
        # type: () -> None
        """In the I/O thread, when it starts."""
        self._link.send(self._where.enter_thread())

    def _relieve(self):
        # type: () -> None
        """In the I/O thread, often while user code runs."""
        self._streams.relieve()
        if self._where.signal is None:
            self._questions.report()  # later, when C code holds the GIL, nobody can say

    def _may_print(self):
        # type: () -> bool
        return self._job is not None or count_threads() > 1

    def _get_introspection(self):
        # type: () -> Any
        if self._introspection is None:
            signature_of = self._load("signatures").signature_of
            self._introspection = self._load("introspection").Introspection(self._namespace, signature_of)
        return self._introspection

    def _is_child(self):
        # type: () -> bool
        """Whether this is a forked child; it gives up what is the parent's the first time when it notices."""
        if self._link.pid == os.getpid():
            return False
        if self._link.pid:
            self._become_child()
        return True

    def _become_child(self):
        # type: () -> None
        self._link.disown()
        self._streams.after_fork()
        self._input.connected = False


def prepare(arguments, boot_frame, bottom, has_first, load):
    # type: (Any, Any, Optional[int], bool, Callable[[str], Any]) -> Kernel
    """Make the kernel; called by the boot text.

    Args:
        arguments: number of the link's descriptor, the nonce in hexadecimal, and where there is one, the number of the
            descriptor for dumps; all as text.
        boot_frame, bottom, has_first, load: see :class:`Kernel`.
    """
    link_fd, nonce = arguments[:2]
    kernel = Kernel(int(link_fd), bytes(bytearray.fromhex(nonce)), boot_frame, bottom, has_first, load,
                    int(arguments[2]) if arguments[2:] else None)
    forks.watch(kernel._link, kernel._interrupts, kernel._become_child)
    return kernel


def _implementation():
    # type: () -> Any
    implementation = getattr(sys, "implementation", None)
    name = implementation.name if implementation is not None else "cpython"
    return {"cpython": u"CPython", "pypy": u"PyPy"}.get(name, _text(name))


def _text(value):
    # type: (Any) -> Any
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else text_type(value)
