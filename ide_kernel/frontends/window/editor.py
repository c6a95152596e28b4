"""The lower part of the window: where code is typed, with history, completion and help (3.8+)."""
import tkinter
from tkinter import ttk

from yotonlike import Timeout

import ide_kernel

from ..blocks import complete_here, indent_here
from ..editing import Completion, History, next_stop, previous_stop
from .popups import Choices, Help

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable
    from ..background import Background
    from .look import Look

#: What the empty area says.
HINT = "   \u00b7   ".join(("Enter runs", "Shift+Enter begins a line", "Tab completes", "F1 explains", "\u2191 goes back"))
#: Lines of code that are seen at once.
HEIGHT = 12
#: Seconds for the kernel to say whether code is complete; C code that holds the interpreter keeps it from answering at all.
COMPLETE_LIMIT = 0.3
#: Seconds for completions and help: later they would come as a surprise.
HELP_LIMIT = 3.0


class Editor(ttk.Frame):
    """Takes code, and gives it away when it is complete.

    The kernel is asked outside of the event loop; what is typed meanwhile is not lost.

    Args:
        execute: called with complete code.
        interrupt: called for Ctrl-C where nothing is selected.
    """

    def __init__(self, master, look, kernel, background, execute, interrupt):
        # type: (tkinter.Misc, Look, Any, Background, Callable[[str], bool], Callable[[], Any]) -> None
        super().__init__(master, style="Ground.TFrame")
        self._look = look
        self._kernel = kernel
        self._background = background
        self._execute = execute
        self._interrupt = interrupt
        self._history = History()
        self._asked = None  # type: Any  # code of which the kernel is to say whether it is complete
        self._completion = None  # type: Any
        self._prompt = tkinter.Label(self, text=">>>", font=look.bold, borderwidth=0, padx=0, pady=0)
        self.text = tkinter.Text(self, height=1, wrap="char", font=look.code, relief="flat", borderwidth=0, highlightthickness=0,
                                 padx=0, pady=0, undo=True, maxundo=200, insertwidth=2)
        self._prompt.pack(side="left", anchor="n", padx=(14, 8), pady=(9, 9))
        self.text.pack(side="left", fill="both", expand=True, pady=(9, 9), padx=(0, 10))
        self._hint = tkinter.Label(self.text, text=HINT, font=look.small, borderwidth=0, padx=0, pady=0, cursor="xterm")
        self._hint.bind("<Button-1>", lambda event: self.text.focus_set())
        self._choices = Choices(self.text, look, self._choose)
        self._help = Help(self.text, look)
        self._bind()
        look.follow(self._colour)
        self._edited()

    @property
    def code(self):
        # type: () -> str
        """What stands there."""
        return self.text.get("1.0", "end-1c")

    @property
    def popups(self):
        # type: () -> Any
        """The list of completions and the help."""
        return self._choices, self._help

    def put(self, code):
        # type: (str) -> None
        """Have that stand there instead, the cursor behind it."""
        self.text.delete("1.0", "end")
        self.text.insert("1.0", code)
        self._edited()

    def type(self, char):
        # type: (str) -> None
        """Take a character that was typed elsewhere, and the keyboard."""
        self.text.focus_set()
        self.text.insert("insert", char)
        self._edited()

    def _bind(self):
        # type: () -> None
        for keys, action in (
                ("<Return>", self._enter), ("<KP_Enter>", self._enter), ("<Shift-Return>", self._new_line),
                ("<Control-Return>", self._run), ("<Tab>", self._tab), ("<<PrevWindow>>", self._inspect),
                ("<F1>", self._inspect), ("<Up>", self._up), ("<Down>", self._down), ("<BackSpace>", self._backspace),
                ("<Escape>", self._escape), ("<Control-c>", self._copy), ("<Key-parenleft>", self._call),
                ("<Key-comma>", self._call), ("<Key-parenright>", self._called)):
            self.text.bind(keys, self._handler(action))
        self.text.bind("<<Paste>>", self._paste)
        self.text.bind("<KeyRelease>", lambda event: self._edited())
        self.text.bind("<FocusOut>", lambda event: self._hide())

    def _handler(self, action):
        # type: (Callable[[], Any]) -> Callable[[Any], Any]
        """A handler for Tk, which stops at it unless the action says that it did nothing."""
        return lambda event: None if action() is False else "break"

    # Entering

    def _enter(self):
        # type: () -> None
        if self._choices.shown:
            self._choose()
        elif self._asked is not None:
            self.text.insert("insert", "\n")  # what it means is told by the answer
        elif self.text.compare("insert", "<", "end-1c linestart"):
            self._new_line()
        elif self.code.strip():
            self._submit()

    def _submit(self, rest=""):
        # type: (str) -> None
        """Ask the kernel whether the code is complete; what is typed meanwhile begins with ``rest``."""
        code = self._asked = self.code.rstrip(" \t")  # the indent of a blank line is ours
        self.put(rest)
        self._hide()
        self._background.run(lambda: self._kernel.is_complete(code, timeout=COMPLETE_LIMIT), self._answered)

    def _answered(self, reply, error):
        # type: (Any, Any) -> None
        code, self._asked = self._asked, None
        if reply is None:  # it cannot say now
            reply = {"state": "complete" if complete_here(code) else "incomplete", "indent": indent_here(code)}
        typed, before = self.code, ""
        if reply["state"] == "incomplete":
            before = code + "\n" + reply["indent"]
        elif not self._run_code(code):  # not now: it stays, and so does what was typed meanwhile
            return self.put(code + ("\n" + typed if typed else ""))
        first, newline, rest = typed.partition("\n")
        while newline and not (before + first).strip():  # Enter where nothing stands does nothing
            first, newline, rest = rest.partition("\n")
        if before + first != typed:
            self.put(before + first)
        if newline:  # the next line was entered meanwhile, too
            self._submit(rest)

    def _run(self):
        # type: () -> None
        """Run what stands there, complete or not."""
        code = self.code
        if code.strip() and self._run_code(code):
            self.put("")
        self._hide()

    def _run_code(self, code):
        # type: (str) -> bool
        taken = self._execute(code.rstrip() + ("\n" if "\n" in code.rstrip() else ""))
        if taken:
            self._history.add(code.rstrip())
        return taken

    def _new_line(self):
        # type: () -> None
        self.text.insert("insert", "\n" + indent_here(self.text.get("insert linestart", "insert")))
        self._edited()

    # Moving and erasing

    def _up(self):
        # type: () -> Any
        if self._choices.shown:
            return self._choices.move(-1)
        if self.text.compare("insert linestart", ">", "1.0"):
            return False
        code = self._history.back(self.code)
        return None if code is None else self.put(code)

    def _down(self):
        # type: () -> Any
        if self._choices.shown:
            return self._choices.move(1)
        if self.text.compare("insert lineend", "<", "end-1c"):
            return False
        code = self._history.forward()
        return None if code is None else self.put(code)

    def _backspace(self):
        # type: () -> Any
        blanks = self.text.get("insert linestart", "insert")
        if not blanks or blanks.strip(" ") or self.text.tag_ranges("sel"):
            return False
        self.text.delete("insert-%dc" % previous_stop(len(blanks)), "insert")
        return self._edited()

    def _escape(self):
        # type: () -> None
        self._hide()

    def _copy(self):
        # type: () -> Any
        return False if self.text.tag_ranges("sel") else self._interrupt()

    def _paste(self, event):
        # type: (Any) -> None
        """On X11 Tk inserts beside what is selected; everywhere else it is replaced."""
        if self.text.tag_ranges("sel"):
            self.text.delete("sel.first", "sel.last")
        self.after_idle(self._edited)

    def _edited(self):
        # type: () -> None
        """The code may be another one: fit the height, narrow the completions."""
        lines = int(self.text.index("end-1c").split(".")[0])
        if int(self.text.cget("height")) != min(lines, HEIGHT):
            self.text.configure(height=min(lines, HEIGHT))
        self.text.see("insert")
        if self.text.compare("end-1c", "==", "1.0"):
            self._hint.place(x=8, rely=0.5, anchor="w")
        else:
            self._hint.place_forget()
        if self._choices.shown:
            before = self._completion.typed, self._completion.matches
            if not self._completion.narrow(self.code):
                self._choices.hide()
            elif before != (self._completion.typed, self._completion.matches):
                self._choices.show(self._completion.matches, len(self._completion.typed))

    # Completion and help

    def _tab(self):
        # type: () -> None
        if self._choices.shown:
            self._choose()
        elif not self.text.get("insert linestart", "insert").strip():
            self.text.insert("insert", " " * next_stop(int(self.text.index("insert").split(".")[1])))
        else:
            self._ask(self._kernel.complete, self._completed)

    def _ask(self, question, then):
        # type: (Callable[..., Any], Callable[[str, Any], Any]) -> None
        """Ask about the code at the cursor; the answer counts only while both are the same."""
        code, cursor = self.code, len(self.text.get("1.0", "insert"))

        def answered(reply, error):
            # type: (Any, Any) -> None
            if error is not None and not isinstance(error, (Timeout, ide_kernel.KernelError)):
                raise error
            if reply and (code, cursor) == (self.code, len(self.text.get("1.0", "insert"))):
                then(code, reply)

        self._background.run(lambda: question(code, cursor, timeout=HELP_LIMIT), answered)

    def _completed(self, code, reply):
        # type: (str, Any) -> None
        completion = self._completion = Completion(code, reply)
        if not completion.matches:
            return
        if completion.common != completion.typed:
            self._replace(completion.typed, completion.common)
            completion.narrow(self.code)
        if len(completion.matches) > 1:
            self._help.hide()
            self._choices.show(completion.matches, len(completion.typed))

    def _choose(self):
        # type: () -> None
        self._replace(self._completion.typed, self._choices.choice)
        self._choices.hide()
        self.text.focus_set()

    def _replace(self, typed, match):
        # type: (str, str) -> None
        self.text.delete("insert-%dc" % len(typed), "insert")
        self.text.insert("insert", match)

    def _call(self):
        # type: () -> Any
        """A call is being typed: show its signature, once the key's character stands there."""
        self.after_idle(lambda: self._ask(self._kernel.signature, self._signed))
        return False

    def _signed(self, code, reply):
        # type: (str, Any) -> None
        if reply["found"] and not self._choices.shown:
            self._help.show(reply["name"] + (reply["signature"] or "(...)"), (reply["doc"] or "").split("\n\n")[0])

    def _called(self):
        # type: () -> Any
        self._help.hide()
        return False

    def _inspect(self):
        # type: () -> None
        self._ask(self._kernel.inspect, self._inspected)

    def _inspected(self, code, reply):
        # type: (str, Any) -> None
        if reply["found"]:
            head, _, body = reply["text"].partition("\n")
            self._choices.hide()
            self._help.show(head, body)

    def _hide(self):
        # type: () -> None
        self._choices.hide()
        self._help.hide()

    def _colour(self):
        # type: () -> None
        look = self._look
        self._prompt.configure(background=look["ground"], foreground=look["prompt"])
        self._hint.configure(background=look["ground"], foreground=look["off"])
        self.text.configure(background=look["ground"], foreground=look["text"], insertbackground=look["accent"],
                            selectbackground=look["selection"], selectforeground=look["text"])
