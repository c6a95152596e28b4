"""An X server, and somebody at a window on it (3.8+): tests that import this are skipped where there can be none."""
from __future__ import absolute_import, division, print_function

import os
import select
import subprocess
import sys
import time

import ide_kernel
import pytest
from frontend_harness import LIMIT

if sys.version_info < (3, 8):
    pytest.skip("the window is for 3.8 and newer", allow_module_level=True)
try:
    import tkinter
except ImportError:
    pytest.skip("this Python has no tkinter", allow_module_level=True)

from ide_kernel.frontends.window.window import Window  # noqa: E402

SHIFT, CONTROL = 1, 4
KEYSYMS = {" ": "space", "\n": "Return", "(": "parenleft", ")": "parenright", ",": "comma", ".": "period", "=": "equal",
           '"': "quotedbl", "'": "apostrophe", ":": "colon", "+": "plus", "-": "minus", "*": "asterisk", "/": "slash",
           "%": "percent", "\\": "backslash", "[": "bracketleft", "]": "bracketright", ";": "semicolon", "_": "underscore",
           "?": "question", "<": "less", ">": "greater", "!": "exclam", "{": "braceleft", "}": "braceright", "#": "numbersign"}


def until(condition, what):
    """Wait for what another program does."""
    deadline = time.time() + LIMIT
    while not condition():
        assert time.time() < deadline, "%s did not come" % what
        select.select([], [], [], 0.02)


def is_gone(path):
    """Wait until the broker of a connection file has ended."""
    until(lambda: not os.path.exists(path), "the end of the broker")


#: Every X server and window, until the process ends: Tcl aborts when the garbage collector takes a window apart in a thread that
#: is not its own.
_kept = []


def x_server():
    """Start an X server whose screen nobody sees: its display and its process, which ends when the last of its clients has left.

    Tk keeps its connection until the process ends, and a server that goes away before takes the process with it.
    """
    read_fd, write_fd = os.pipe()
    command = ["Xvfb", "-displayfd", str(write_fd), "-screen", "0", "1200x900x24", "-nolisten", "tcp", "-terminate",
               "-r",  # no key repeats itself where a busy machine lets it go late
               "-extension", "GLX"]  # which Tk does not use, and which is half of the start
    try:
        server = subprocess.Popen(command, pass_fds=[write_fd], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        os.close(read_fd)
        pytest.skip("Xvfb is not installed")
    finally:
        os.close(write_fd)
    with os.fdopen(read_fd) as said:
        number = said.readline().strip()
    if not number:
        server.wait()
        pytest.skip("Xvfb does not start here")
    _kept.append(server)
    return ":" + number, server


class User(object):
    """Somebody at the window."""

    def __init__(self, window):
        self.window, self.root = window, window.root
        self.errors = []
        self.root.report_callback_exception = lambda *error: self.errors.append(error)

    def sees(self, condition, what="it"):
        """Run Tk's event loop until the condition holds."""
        late = []
        timer = self.root.after(int(LIMIT * 1000), lambda: late.append(True))
        while not condition() and not late:
            self.root.tk.dooneevent()
            if self.errors:
                raise self.errors[0][1]
        assert not late, "%s did not come; the window shows:\n%s\n%s" % (what, self.shown, self.window.header.words.cget("text"))
        self.root.after_cancel(timer)
        return self

    def reads(self, text):
        return self.sees(lambda: text in self.shown, repr(text))

    def is_told(self, state):
        """The icon's words are those of that state."""
        words = ide_kernel.ICONS[state].words
        return self.sees(lambda: self.window.header.words.cget("text") == words, words)

    def is_asked(self):
        """The keyboard is at a question."""
        return self.sees(lambda: self.window.output.asking and isinstance(self.focus, tkinter.Entry), "a question")

    def has_run(self, code):
        """Wait until the kernel has run that."""
        return self.sees(self.window.kernel.execute(code).done, code)

    @property
    def shown(self):
        return self.window.output.text.get("1.0", "end-1c")

    @property
    def typed(self):
        return self.window.editor.code

    @property
    def focus(self):
        return self.root.focus_get()

    def key(self, name, state=0):
        """Press and release a key, as the X server would say it."""
        self.root.update()
        more = {"state": state} if state else {}  # Tk knows which keys need Shift
        self.focus.event_generate("<KeyPress>", keysym=name, **more)
        self.focus.event_generate("<KeyRelease>", keysym=name, **more)
        return self

    def types(self, text):
        for char in text:
            self.key(KEYSYMS.get(char, char))
        return self

    def enters(self, text):
        return self.types(text + "\n")

    def clicks(self, name):
        button = self.window.header.buttons[name]
        self.sees(lambda: not button.instate(["disabled"]), "the button " + name)
        self.root.update()
        for event in ("<Enter>", "<ButtonPress-1>", "<ButtonRelease-1>", "<Leave>"):
            button.event_generate(event, x=5, y=5)
        return self

    def enabled(self):
        return set(name for name, button in self.window.header.buttons.items() if not button.instate(["disabled"]))


def open_window(display, kernel):
    root = tkinter.Tk(screenName=display)
    if "DISPLAY" in os.environ:  # Tk has exported its own: other tests shall not open windows there
        os.putenv("DISPLAY", os.environ["DISPLAY"])
    else:
        os.unsetenv("DISPLAY")
    window = Window(kernel, root)
    root.geometry("900x700+0+0")
    root.update()
    root.focus_force()
    window.editor.text.focus_force()
    _kept.append(window)
    return User(window)
