"""A shell in the terminal.

Two threads share the work. The main thread reads lines and waits, because that is where Ctrl-C arrives. The other one takes the
kernel's events and shows them at once, also while a line is being typed. They share the screen, which has a lock, and the
fields of `Shell` that say so.
"""
from __future__ import absolute_import, division, print_function

import os
import sys
import threading

from yotonlike import Timeout

from ..client import execution as life
from ..client.status import ICONS
from ..errors import KernelDied, KernelError
from .blocks import complete_here, first_line, is_complete, is_open, split_background
from .lines import LineReader, ReadCancelled, line_editor
from .screen import Screen
from .showing import Showing
from .standard import write_all
from .words import banner, crash, entered, state_of, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Set

#: Seconds for the kernel to say whether an input is complete, and to complete a name: a person notices from a tenth on, and C
#: code that holds the interpreter keeps it from answering at all.
COMPLETE_LIMIT = 0.5
#: Seconds for the kernel to end when the last frontend has left: the broker's 2 for asking, and its harder steps.
END_LIMIT = 8.0
_LEAVE = frozenset((u"exit", u"exit()", u"quit", u"quit()"))


def run(kernel):
    # type: (Any) -> int
    """Be a shell on ``kernel`` until the user leaves; returns the exit status."""
    encoding = getattr(sys.stdin, "encoding", None) or "utf-8"
    fancy = os.environ.get("TERM", "dumb") != "dumb" and os.isatty(1)
    screen = Screen(1, 2, encoding, fancy)
    return Shell(kernel, screen, encoding).run()


class Shell(object):
    """A conversation with one kernel.

    ``_asked``, ``_waited`` and ``_leaving`` are set by the main thread and read by the other; ``_entered`` belongs to the other.
    """

    def __init__(self, kernel, screen, encoding):
        # type: (Any, Screen, str) -> None
        self._kernel = kernel
        self._screen = screen
        self._lines = LineReader(self._complete, encoding, line_editor() if screen.fancy else None)
        self._block = []  # type: List[Any]
        self._background = []  # type: List[Any]  # executions of ours that nobody waits for
        self._answered = []  # type: List[Any]  # requests that we have answered
        self._warned = False  # whether the last Ctrl-C told whose code the next one interrupts
        self._beat = 0  # whether the icon is bold, as an SGR number
        self._asked = None  # type: Any
        self._entered = set()  # type: Set[Any]  # ids of what others run, as far as it was shown
        self._leaving = False
        self._waited = None  # type: Any  # the execution that the user waits for
        self._sending = threading.Lock()  # held while code is sent and not yet said whether the user waits for it
        self._status = None  # type: Optional[int]  # the exit status, once it is known
        self._showing = Showing(kernel, screen, self._lines)

    def run(self):
        # type: () -> int
        """Talk until the user leaves; the exit status."""
        self._lines.install()
        self._connect()
        self._showing.start()
        self._screen.notice(banner(self._kernel.info))
        try:
            while self._status is None:
                try:
                    self._step()
                except KeyboardInterrupt:
                    pass  # one more while the last one was being handled
            self._leave()
        finally:
            self._leaving = True
            self._lines.save()
            self._showing.stop()
            self._kernel.close()
            self._screen.flush()
        return self._status

    def _leave(self):
        # type: () -> None
        """Say goodbye; after the last frontend the kernel ends, and what it says then is shown as an interpreter would."""
        self._leaving = True
        try:
            if self._kernel.lost or self._kernel.exit is not None or not self._kernel.leave():
                return
            if self._kernel.executions:
                self._screen.notice(u"Code still runs: ending it. Ctrl-C does not wait for that.")
            self._kernel.wait(lambda: self._kernel.exit is not None or self._kernel.lost, END_LIMIT)
        except (Timeout, KernelError, KeyboardInterrupt):
            pass  # the broker goes on with it

    # The main thread

    def _step(self):
        # type: () -> None
        """One input: read it and do it."""
        try:
            code = self._read()
            self._warned = False
            if code.strip() in _LEAVE:
                self._status = 0
            elif not code.strip():
                self._enter()
            else:
                self._execute(code)
        except EOFError:
            write_all(1, b"\n")
            if not self._block:
                self._status = 0
        except KeyboardInterrupt:
            self._interrupted()
        except ReadCancelled:
            pass  # the broker is lost
        except KernelError as error:
            self._screen.notice(u"%s" % error)
        if self._kernel.lost and self._status is None:
            self._status = 1

    def _read(self):
        # type: () -> Any
        """One complete input."""
        self._block = []
        while True:
            line = self._read_line(self._prompt)
            pasted = not self._block and u"\n" in line  # as a whole: blank lines inside end nothing
            self._block += line.split(u"\n")
            code = u"\n".join(self._block)
            if (pasted and not is_open(code)) or not code.strip() or code.strip() in _LEAVE or self._is_complete(code):
                self._block = []
                return code

    def _read_line(self, prompt, question=None):
        # type: (Any, Any) -> Any
        """A line from the user.

        Args:
            prompt: gives the prompt of any moment, which may change but not its width.
            question: the request that the line is to answer; `ReadCancelled` is raised when it is over.
        """
        def drawn():
            # type: () -> Any
            typed = self._lines.current()
            return None if typed is None else (prompt(), typed)

        shown = prompt() if question is None or self._lines.edits else u""  # else it stands there already
        self._screen.begin_prompt(drawn, question is not None)
        entered = False
        try:
            line = self._lines.read(shown, question is None)
            entered = True
            return line
        finally:
            self._screen.end_prompt(entered)

    def _prompt(self):
        # type: () -> Any
        icon = ICONS[state_of(self._kernel, self._question(None) is not None)]
        glyph = icon.glyph if self._screen.encodes(icon.glyph) else icon.ascii
        if self._block:
            return u"  ... "
        if self._lines.colours:
            return u"\001\x1b[%d;%dm\002%s\001\x1b[0m\002 >>> " % (self._beat, icon.ansi, glyph)
        return u"%s >>> " % glyph

    def _is_complete(self, code):
        # type: (Any) -> bool
        if self._kernel.exit is None:
            try:
                return is_complete(code, lambda text: self._kernel.is_complete(text, timeout=COMPLETE_LIMIT)[u"state"])
            except (Timeout, KernelError):
                pass  # it cannot say now
        return complete_here(code)

    def _complete(self, line, cursor):
        # type: (Any, int) -> Any
        before = u"".join(text + u"\n" for text in self._block)
        try:
            reply = self._kernel.complete(before + line, len(before) + cursor, timeout=COMPLETE_LIMIT)
        except (Timeout, KernelError):
            return cursor, []
        return reply[u"start"] - len(before), reply[u"matches"]

    def _enter(self):
        # type: () -> None
        """Enter alone: what waits for the user is done now."""
        if self._kernel.exit is not None:
            self._screen.notice(u"Starting a new kernel ...")
            self._kernel.restart()
            return
        request = self._question(None)
        if request is not None:
            self._ask(request)

    def _execute(self, code):
        # type: (Any) -> None
        if self._kernel.exit is not None:
            self._screen.notice(u"The kernel is dead (%s). Press Enter to start a new one." % self._kernel.exit)
            return
        code, background = split_background(code)
        with self._sending:
            execution = self._kernel.execute(code)
            self._waited = None if background else execution
        if background:
            self._let_run(execution)
        else:
            self._wait(execution)

    def _let_run(self, execution):
        # type: (Any) -> None
        self._background.append(execution)
        execution.add_done_callback(self._background_done)

    def _wait(self, execution):
        # type: (Any) -> None
        """Wait for an execution, and answer what it asks."""
        while not execution.done():
            try:
                self._kernel.wait(lambda: execution.done() or self._question(execution) is not None)
                request = self._question(execution)
                if request is not None and not execution.done():
                    self._ask(request)
            except KeyboardInterrupt:
                write_all(1, b"\n")
                self._screen.notice(u"Left the wait: it runs on in the background. Ctrl-C again interrupts it.")
                self._waited = None
                self._let_run(execution)
                return
        error = execution.exception()
        if isinstance(error, KernelDied):
            return  # told already, where the kernel's end was seen
        if error is not None:
            raise error
        if self._exits():  # the kernel ends, and so do we, with its status
            self._leaving = True
            self._kernel.wait(lambda: self._kernel.exit is not None or self._kernel.lost)
            ended = self._kernel.exit
            self._status = execution.result().exit if ended is None else ended.status

    def _exits(self):
        # type: () -> bool
        """Whether what the user waits for has ended with SystemExit."""
        execution = self._waited
        return (execution is not None and execution.done() and execution.exception() is None
                and execution.result().exit is not None)

    def _question(self, execution):
        # type: (Any) -> Any
        """The first question of that execution (None: of any) that nobody has answered."""
        for request in self._kernel.requests:
            mine = execution is None or request.execution in (None, execution.id)
            if mine and request not in self._answered:
                return request
        return None

    def _ask(self, request):
        # type: (Any) -> None
        self._answered = [old for old in self._answered if not old.over]
        self._asked = request
        self._screen.flush()
        try:
            if not request.over:
                read = self._lines.read_password if request.password else (
                    lambda: self._read_line(lambda: request.prompt, request))
                request.reply(read())
                self._answered.append(request)
        except EOFError:
            write_all(1, b"\n")
            request.reply(None)
            self._answered.append(request)
        except ReadCancelled:
            pass  # somebody else has answered, or the code does not wait any more
        except KeyboardInterrupt:  # as in plain Python: the code that asks is interrupted
            write_all(1, b"\n")
            self._answered.append(request)
            self._kernel.interrupt(wait=False)
        finally:
            self._asked = None
            self._screen.end_prompt()
            self._lines.settle()

    def _interrupted(self):
        # type: () -> None
        """Ctrl-C at the prompt: it clears what was typed; where nothing was, it interrupts what runs."""
        write_all(1, b"\n")
        typed = self._block or self._lines.typed.strip()
        running = [execution for execution in self._kernel.executions if execution.running()]
        if typed or not running:
            return
        if running[0].mine or self._warned:
            self._screen.notice(u"Interrupting: %s" % first_line(running[0].code))
            self._kernel.interrupt(wait=False)
        else:
            self._warned = True
            self._screen.notice(u"What runs is of %s. Ctrl-C again interrupts it." % who(running[0]))

    # The other thread

    def _connect(self):
        # type: () -> None
        self._kernel.on_output(self._screen.output)
        self._kernel.on_execution(self._execution_changed)
        self._kernel.on_input(self._input_wanted)
        self._kernel.on_input_over(self._input_over)
        self._kernel.on_end(self._ended)
        self._kernel.on_ready(self._ready)
        self._kernel.on_status(self._status_changed)
        self._kernel.on_beat(self._beats)

    def _execution_changed(self, execution):
        # type: (Any) -> None
        if execution.mine or execution.code is None or execution.id in self._entered:
            return
        if not execution.done():
            self._entered.add(execution.id)  # one that runs is told again, at each step
            execution.add_done_callback(lambda done: self._entered.discard(done.id))
            self._screen.notice(entered(execution))

    def _background_done(self, execution):
        # type: (Any) -> None
        self._background.remove(execution)
        if execution.state == life.FINISHED and not self._leaving:
            result = execution.result(0)
            how = u"done" if result.ok else u"ended with %s" % (result.error.type if result.error else u"SystemExit")
            self._screen.notice(u"[%s: %s]" % (how, first_line(execution.code)))

    def _input_wanted(self, request):
        # type: (Any) -> None
        own = [execution for execution in self._kernel.executions
               if execution.mine and execution.id == request.execution and execution not in self._background]
        if not own:
            self._screen.notice(u"[%s asks: %s  (Enter alone answers it)]"
                                % (self._asker(request), request.prompt.strip() or u"for a line"))

    def _asker(self, request):
        # type: (Any) -> Any
        for execution in self._kernel.executions:
            if execution.id == request.execution:
                return u"your code in the background" if execution.mine else u"the code of %s" % who(execution)
        return u"the kernel"

    def _input_over(self, request):
        # type: (Any) -> None
        if request is self._asked and request not in self._answered:
            self._lines.cancel()

    def _ended(self, exit):
        # type: (Any) -> None
        with self._sending:  # code may end the kernel before its sender gets any further
            expected = self._leaving or self._exits()
        if not expected:
            if exit.traceback:
                self._screen.notice(crash(exit.traceback))
            self._screen.notice(u"The kernel is dead: %s.\nPress Enter to start a new one, Ctrl-D to leave." % exit)

    def _status_changed(self, status):
        # type: (Any) -> None
        if self._kernel.lost and not self._leaving:
            self._screen.notice(u"The broker is gone, and nothing more can be known of the kernel: leaving.")
            self._lines.cancel()
        self._screen.repaint()

    def _beats(self, count):
        # type: (int) -> None
        """The icon is bold with every other beat."""
        self._beat = 1 - self._beat
        self._screen.repaint()

    def _ready(self, info):
        # type: (Any) -> None
        if not self._leaving:
            self._screen.notice(u"A new kernel is ready: Python %s, process %s. All names of the old one are gone."
                                % (info.get(u"python"), info.get(u"kernel_pid")))
