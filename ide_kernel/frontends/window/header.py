"""The top of the window: the icon with its words, and the buttons (3.8+)."""
import time
import tkinter
from functools import partial
from tkinter import ttk

import ide_kernel

from ..controls import INTERRUPT, KILL, RESTART, TERMINATE, WHERE, controls
from ..pictures import Unknown
from ..words import duration
from .popups import Tip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple
    from .look import Look

#: Milliseconds that one beat of the icon lasts.
BEAT = 180
#: Milliseconds from one picture that is made beforehand to the next, for other things.
PAUSE = 20
#: Seconds after which the time of a state is told: before, it would only flicker.
LONG = 2.0
#: What each control is called, its keys as Tk and as people know them, and what it does.
NAMES = {
    INTERRUPT: ("Interrupt", "<Control-Shift-I>", "Ctrl+Shift+I, or Ctrl+C", "Interrupt what runs, as Ctrl-C does"),
    WHERE: ("Where", "<Control-Shift-W>", "Ctrl+Shift+W", "Show where the code is"),
    RESTART: ("Restart", "<Control-Shift-R>", "Ctrl+Shift+R", "End the kernel and start a new one"),
    TERMINATE: ("Terminate", "<Control-Shift-T>", "Ctrl+Shift+T", "End the kernel: ask, then use more and more force"),
    KILL: ("Kill", "<Control-Shift-K>", "Ctrl+Shift+K", "End the kernel at once"),
}


def follow_heart(kernel, beat):
    # type: (Any, Callable[[Any], Any]) -> None
    """Have ``beat(number)`` called while heartbeats of the kernel arrive. The icon beats with these, never by itself."""
    if hasattr(kernel, "on_beat"):
        kernel.on_beat(beat)


class StatusIcon(tkinter.Label):
    """The icon of a state, which grows for a moment with each heartbeat."""

    def __init__(self, master, look):
        # type: (tkinter.Misc, Look) -> None
        super().__init__(master, borderwidth=0, font=look.title)
        self._look = look
        self._size = 2 * (look.title.metrics("linespace") // 2) + 12
        self._icon = ide_kernel.ICONS[u"starting"]
        self._timer = ""
        self.beats = 0
        look.follow(self._draw)
        self._prepare([(icon, large) for icon in ide_kernel.ICONS.values() for large in (False, True, None)])

    def show(self, status):
        # type: (ide_kernel.Status) -> None
        """Show a status."""
        self._icon = status.icon
        self._draw(bool(self._timer))

    def beat(self, number):
        # type: (Any) -> None
        """A heartbeat of the kernel has arrived."""
        self.beats += 1
        if self._timer:
            self.after_cancel(self._timer)
        self._timer = self.after(BEAT, self._draw)
        self._draw(True)

    def for_task_bar(self):
        # type: () -> List[tkinter.PhotoImage]
        """The same as the icon of the window."""
        try:
            return [self._picture(self._icon, None)]
        except Unknown:
            return [self._look.button_picture("where", "dim")]

    def _picture(self, icon, large):
        # type: (ide_kernel.Icon, Optional[bool]) -> tkinter.PhotoImage
        """The picture of an icon: at rest, in a beat, or for the task bar (None), which has a ground of its own."""
        if large is None:
            return self._look.picture(icon.svg, 32)
        return self._look.picture(icon.svg, self._size + (0 if large else -6), icon.colour, self._look.on_ground(icon.colour))

    def _prepare(self, wanted):
        # type: (List[Tuple[ide_kernel.Icon, Optional[bool]]]) -> None
        """Make pictures before they are needed, one at a time: each takes up to 30 ms, and a state that is new needs three."""
        try:
            self._picture(*wanted[0])
        except Unknown:
            pass  # the glyph does it
        if wanted[1:]:
            self.after(PAUSE, self._prepare, wanted[1:])

    def _draw(self, large=False):
        # type: (bool) -> None
        look, icon = self._look, self._icon
        if not large:
            self._timer = ""
        colour = look.on_ground(icon.colour)
        self.configure(background=look["panel"], foreground=colour)
        try:
            self.configure(image=self._picture(icon, large), text="", width=self._size, height=self._size)
        except Unknown:
            self.configure(image="", text=icon.glyph, width=2, height=1)


class Header(ttk.Frame):
    """Icon, words, buttons.

    Args:
        actions: what each control does.
        toggle: what the button for the colours does.
    """

    def __init__(self, master, look, actions, toggle):
        # type: (tkinter.Misc, Look, Dict[str, Callable[[], Any]], Callable[[], Any]) -> None
        super().__init__(master, padding=(10, 5, 8, 6))
        self._look = look
        self._status = ide_kernel.Status(u"starting")
        self._timer = ""
        self.icon = StatusIcon(self, look)
        self.words = ttk.Label(self, style="Title.TLabel")
        self.detail = ttk.Label(self, style="Small.TLabel")
        self._bar = ttk.Frame(self)
        self.buttons = {}  # type: Dict[str, ttk.Button]
        self._actions = actions
        theme = self._button("theme", "", toggle, "Light or dark")
        theme.pack(side="right", padx=(4, 0))
        for name in (KILL, TERMINATE, RESTART, WHERE, INTERRUPT):
            words, keys, human, does = NAMES[name]
            self.buttons[name] = self._button(name, words, actions[name], "%s (%s)" % (does, human))
            self.winfo_toplevel().bind(keys, self._shortcut(name))
            if name != KILL:
                self.buttons[name].pack(side="right")
        self.icon.grid(row=0, column=0, rowspan=2, padx=(2, 10))
        self.words.grid(row=0, column=1, sticky="w")
        self._bar.grid(row=0, column=2)
        self.detail.grid(row=1, column=1, columnspan=2, sticky="w")
        self.columnconfigure(1, weight=1)  # where there is no room, the words are cut and not the buttons
        for label in (self.words, self.detail):
            Tip(label, look, partial(_cut, label))

    def show(self, status):
        # type: (ide_kernel.Status) -> None
        """Show a status, and switch the controls that make sense now on, the others off."""
        self._status = status
        self.icon.show(status)
        self.words.configure(text=status.icon.words)
        sensible = controls(status.state)
        for name, button in self.buttons.items():
            button.state(["!disabled" if name in sensible else "disabled"])
        shown, other = (KILL, TERMINATE) if KILL in sensible else (TERMINATE, KILL)
        if self.buttons[other].winfo_manager():
            self.buttons[shown].pack(side="right", before=self.buttons[RESTART])
            self.buttons[other].pack_forget()
        self._show_detail()

    def _show_detail(self):
        # type: () -> None
        """What else there is to say; and for how long, once a second."""
        status = self._status
        if self._timer:
            self.after_cancel(self._timer)
        lasts = time.time() - status.since
        parts = [str(status.exit or status.detail or "")]
        if status.state not in (u"idle", u"dead", u"lost") and status.since:
            self._timer = self.after(1000, self._show_detail)
            if lasts >= LONG and " for " not in parts[0]:
                parts.insert(0, "for " + duration(lasts))
        self.detail.configure(text=" \u00b7 ".join(part for part in parts if part))

    def _shortcut(self, name):
        # type: (str) -> Callable[[Any], Any]
        def press(event):
            # type: (Any) -> str
            self.buttons[name].invoke()  # does nothing while it is disabled
            return "break"
        return press

    def _button(self, name, words, action, tip):
        # type: (str, str, Callable[[], Any], str) -> ttk.Button
        button = ttk.Button(self._bar, text=words and " " + words, compound="left", command=action, style="Tool.TButton",
                            takefocus=False)
        look = self._look

        def draw():
            # type: () -> None
            colour = "stderr" if name in (INTERRUPT, KILL) else "dim"
            images = (look.button_picture(name, colour), "disabled", look.button_picture(name, "off"))  # type: Any
            button.configure(image=images)

        look.follow(draw)
        Tip(button, look, lambda: tip)
        return button


def _cut(label):
    # type: (ttk.Label) -> str
    """What a label says, where there is no room for all of it."""
    return str(label.cget("text")) if label.winfo_reqwidth() > label.winfo_width() else ""
