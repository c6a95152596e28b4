"""The window: joins a kernel and the parts that show it (3.8+).

All of it runs in Tk's event loop, and so do the kernel's callbacks, because `yotonlike.adapters.tk` watches the kernel's
descriptor there. What waits for an answer (`is_complete`, `restart`, ...) runs in the background, so no slow answer keeps the
window from drawing.
"""
import tkinter
from functools import partial
from tkinter import ttk

import ide_kernel
from yotonlike.adapters import tk as adapter

from ... import vocabulary as names
from ..background import Background
from ..blocks import first_line
from ..controls import INTERRUPT, KILL, RESTART, TERMINATE, WHERE
from ..words import who
from .dialog import show_text
from .editor import Editor
from .header import Header, follow_heart
from .look import Look
from .output import OutputPane

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional


#: Of the state of an event, as Tk says it.
ALT = 8
#: Milliseconds that a remark in the last line stands there.
SAID = 8000


class Window(object):
    """A window on a kernel.

    Args:
        kernel: it stays the caller's to close.
        root: the window to fill.
        dark: which colours to begin with.

    Attributes:
        closed (bool): whether it was closed.
    """

    def __init__(self, kernel, root, dark=False):
        # type: (ide_kernel.Kernel, tkinter.Tk, bool) -> None
        self.kernel = kernel
        self.root = root
        self._background = Background()
        self._answered = []  # type: List[ide_kernel.InputRequest]
        self._request = None  # type: Optional[ide_kernel.InputRequest]
        self._closing = False
        self.closed = False
        self.look = look = Look(root, dark)
        self.header = Header(root, look, {INTERRUPT: self.interrupt, WHERE: self.where, RESTART: self.restart,
                                          TERMINATE: self.terminate, KILL: self.kill}, look.toggle)
        self.output = OutputPane(root, look, self._hold)
        self.offer = Offer(root)
        self.editor = Editor(root, look, kernel, self._background, self.execute, self.interrupt)
        self.footer = ttk.Label(root, style="Small.TLabel", padding=(14, 4, 14, 5))
        self.header.pack(side="top", fill="x")
        ttk.Frame(root, style="Edge.TFrame", height=1).pack(side="top", fill="x")
        self.footer.pack(side="bottom", fill="x")
        ttk.Frame(root, style="Edge.TFrame", height=1).pack(side="bottom", fill="x")
        self.editor.pack(side="bottom", fill="x")
        ttk.Frame(root, style="Edge.TFrame", height=1).pack(side="bottom", fill="x")
        self.output.pack(side="top", fill="both", expand=True)
        self._bind()
        root.geometry("%dx%d" % (look.code.measure("0") * 104, look.code.metrics("linespace") * 36))
        root.minsize(look.code.measure("0") * 72, look.code.metrics("linespace") * 14)
        self.editor.text.focus_set()
        self._detach_background = adapter.attach(self._background, root)
        self._connect()

    def run(self):
        # type: () -> None
        """Show the window until it is closed."""
        self.root.mainloop()

    def _bind(self):
        # type: () -> None
        root = self.root
        root.protocol("WM_DELETE_WINDOW", self.close)
        self.output.text.bind("<Control-c>", self._copy_or_interrupt)
        self.output.text.bind("<Key>", self._typed, add=True)
        root.bind("<Control-l>", lambda event: self.output.clear())
        for keys, step in (("plus", 1), ("equal", 1), ("KP_Add", 1), ("minus", -1), ("KP_Subtract", -1), ("0", 0)):
            root.bind("<Control-%s>" % keys, partial(self._zoom, step))

    def _zoom(self, step, event):
        # type: (int, Any) -> None
        self.look.zoom(step)

    # What the user does

    def execute(self, code):
        # type: (str) -> bool
        """Run code; whether that was possible.

        By the status, which is what the header shows: the events that tell an end and a new kernel may still be under way.
        """
        if self.kernel.lost or self.kernel.status.state == names.DEAD:
            self.root.bell()
            return False
        self.kernel.execute(code).add_done_callback(self._done)
        return True

    def interrupt(self):
        # type: () -> None
        """Interrupt what runs, and say what became of that."""
        self._background.run(self.kernel.interrupt, self._interrupted)

    def _interrupted(self, reply, error):
        # type: (Any, Any) -> None
        reply = reply or {}
        self.say(error or reply.get("detail", ""))
        stronger = [name for name in reply.get("stronger") or () if name in (RESTART, TERMINATE, KILL)]
        if stronger:  # offered, and never taken unasked
            self.offer.show(reply.get("detail", ""), [(name.capitalize(), getattr(self, name)) for name in stronger])

    def restart(self):
        # type: () -> None
        """A new kernel."""
        self.say("Starting a new kernel ...")
        self._background.run(self.kernel.restart, lambda nothing, error: self.say(error or ""))

    def terminate(self):
        # type: () -> None
        """End the kernel, politely at first."""
        self.kernel.terminate(wait=False)

    def kill(self):
        # type: () -> None
        """End the kernel."""
        self.kernel.kill(wait=False)

    def where(self):
        # type: () -> None
        """Show the stacks of the kernel's threads."""
        where = getattr(self.kernel, "where", None)
        if where is None:
            self.say("This kernel cannot tell yet where it is.")
        else:
            self._background.run(where, self._show_stacks)

    def _show_stacks(self, stacks, error):
        # type: (Any, Any) -> None
        show_text(self.root, self.look, "Where it is", str(error or stacks))

    def close(self):
        # type: () -> None
        """Close the window; where that ends code that runs, not at the first time."""
        if self.kernel.executions and not self._closing:
            self._closing = True
            self.offer.show("Code still runs. It ends with the window, unless another frontend is attached.",
                            [("Close", self.leave), ("Stay", self._stay)])
        else:
            self.leave()

    def leave(self):
        # type: () -> None
        """Close the window without asking."""
        self.closed = True
        self._hold(True)
        self._detach_background()
        self._background.close()
        self.root.destroy()

    def _stay(self):
        # type: () -> None
        self._closing = False
        self.offer.hide()

    def _copy_or_interrupt(self, event):
        # type: (Any) -> Optional[str]
        if self.output.text.tag_ranges("sel"):
            return None
        self.interrupt()
        return "break"

    def _typed(self, event):
        # type: (Any) -> None
        """Who types where nothing can be typed, after a click into the output, means the place where something can."""
        if event.char and event.char.isprintable() and not event.state & ALT:
            (self.output if self.output.asking else self.editor).type(event.char)

    def say(self, words):
        # type: (Any) -> None
        """A remark in the last line of the window; an empty one for what is always there."""
        info = self.kernel.info
        if words:
            self.root.after(SAID, self.say, "")
        self.footer.configure(text=str(words) or "%s %s  \u00b7  process %s  \u00b7  %s" % (
            info.get("implementation"), info.get("python"), info.get("kernel_pid"), info.get("executable")))

    # What the kernel does

    def _connect(self):
        # type: () -> None
        kernel = self.kernel
        kernel.on_output(lambda output: self.output.write(output.text, output.stream))
        kernel.on_status(self._status_changed)
        kernel.on_execution(self._execution_changed)
        kernel.on_input(lambda request: self._next_question())
        kernel.on_input_over(self._question_over)
        kernel.on_end(self._ended)
        kernel.on_ready(self._ready)
        follow_heart(kernel, self.header.icon.beat)
        self._detach = adapter.attach(kernel, self.root)  # type: Any
        self.say("")
        self._status_changed(kernel.status)
        if kernel.exit is not None:
            self._ended(kernel.exit)

    def _hold(self, hold):
        # type: (bool) -> None
        """Take no events while much waits to be drawn: then the kernel's print waits too, and nothing piles up."""
        if hold and self._detach is not None:
            self._detach = self._detach()
        elif not hold and self._detach is None:
            self._detach = adapter.attach(self.kernel, self.root)

    def _status_changed(self, status):
        # type: (ide_kernel.Status) -> None
        self.header.show(status)
        self.root.iconphoto(False, *self.header.icon.for_task_bar())
        self.root.title("%s %s \u2013 Python %s" % (status.icon.glyph, status.icon.words, self.kernel.info.get("python")))
        if status.state == names.IDLE:  # what was offered is over
            self._stay()
        if status.state == names.LOST:
            self.offer.show("The broker is gone; nothing more can be known of the kernel.", [("Close", self.leave)])

    def _execution_changed(self, execution):
        # type: (ide_kernel.Execution) -> None
        """Show what any frontend runs when its turn comes: above its output."""
        if execution.running() and execution.code is not None:
            name = "" if execution.mine else "[%s] " % who(execution)
            for number, line in enumerate(execution.code.rstrip().split("\n")):
                self.output.write(name + ("... " if number else ">>> "), "prompt")
                self.output.write(line + "\n", "code")

    def _done(self, execution):
        # type: (ide_kernel.Execution) -> None
        error = execution.exception(0)
        if error is not None and not isinstance(error, (ide_kernel.KernelDied, ide_kernel.BrokerLost)):
            self.output.write("Not run: %s (%s)" % (first_line(execution.code), error), "note")

    def _next_question(self):
        # type: () -> None
        self._answered = [request for request in self._answered if not request.over]
        open_ones = [request for request in self.kernel.requests if request not in self._answered]
        if self._request is None and open_ones:
            self._request = request = open_ones[0]
            mine = any(execution.mine for execution in self.kernel.executions if execution.id == request.execution)
            self.output.ask(request, self._answer, mine and not self.editor.code)

    def _answer(self, text):
        # type: (Optional[str]) -> None
        request = self._request
        if request is not None:
            request.reply(text)
            self._end_question(None if request.password else text or "")

    def _question_over(self, request):
        # type: (ide_kernel.InputRequest) -> None
        """Another frontend was faster, or the read was interrupted."""
        if request is self._request:
            self._end_question("")
        self._next_question()

    def _end_question(self, answer):
        # type: (Optional[str]) -> None
        if self._request is not None:
            self._answered.append(self._request)
        self._request = None
        if self.output.end_question(answer):
            self.editor.text.focus_set()

    def _ended(self, exit):
        # type: (ide_kernel.Exit) -> None
        stacks = getattr(exit, "traceback", "")  # of a crash in C code
        if stacks:
            self.output.write(stacks.rstrip(), "note")
        self.output.write("The kernel is dead: %s." % exit, "note")
        self.offer.show("The kernel is dead: %s." % exit, [("Restart", self.restart)])

    def _ready(self, info):
        # type: (Any) -> None
        self.offer.hide()
        self.say("")
        self.output.write("A new kernel is ready: Python %s, process %s. All names of the old one are gone."
                          % (info.get("python"), info.get("kernel_pid")), "note")


class Offer(ttk.Frame):
    """A line between output and input that says something, and offers what can be done about it."""

    def __init__(self, master):
        # type: (tkinter.Misc) -> None
        super().__init__(master, style="Warn.TFrame", padding=(14, 7, 10, 7))
        self.words = ttk.Label(self, style="Warn.TLabel")
        self.words.bind("<Configure>", lambda event: self.words.configure(wraplength=event.width))
        self.buttons = []  # type: List[ttk.Button]

    def show(self, words, offers):
        # type: (str, Any) -> None
        """Show it: ``offers`` are pairs of a name and what to do."""
        self.words.configure(text=words)
        for button in self.buttons:
            button.destroy()
        self.buttons = [ttk.Button(self, text=name, command=action, style="Offer.TButton", takefocus=False)
                        for name, action in offers]
        self.words.pack_forget()
        for button in reversed(self.buttons):
            button.pack(side="right", padx=(6, 0))
        self.words.pack(side="left", fill="x", expand=True)  # last, so that long words are broken and the buttons seen
        self.pack(side="bottom", fill="x")

    def hide(self):
        # type: () -> None
        """Take it away."""
        self.pack_forget()
