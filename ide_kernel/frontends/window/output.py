"""The upper part of the window: what the kernel writes, and the place to answer what its code asks (3.8+)."""
import itertools
import re
import tkinter
from time import monotonic
from tkinter import ttk

from ..backlog import Backlog
from ..console import Console
from ..styles import PLAIN
from .look import mix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional
    from ..console import Line
    from ..styles import Style
    from .look import Look

#: Milliseconds between what comes and its drawing: what comes meanwhile is drawn with it. Thirty pictures a second look smooth.
REFRESH = 30
#: ... and while more waits than one refresh shows.
SOON = 10
#: Seconds of one refresh for reading what came: its drawing takes up to twice as long, and keys and clicks have the rest.
READING = 0.006
#: What waits until the kernel's output is held up, as a slow terminal does. Lines never come to that: see `Backlog`.
ENOUGH = 1 << 20
#: Tags of Tk, one for each way that text looks; above that, those that are no longer seen are thrown away.
TAGS = 500
#: Seeing so much of the text is to be at its end: Tk counts in pixels, and rounds.
END = 0.9995
_HALVES = re.compile("[\ud800-\udfff]")


class OutputPane(ttk.Frame):
    """Shows a `Console` in a text widget.

    Args:
        hold: called with True when enough waits, and with False when there is room again.
    """

    def __init__(self, master, look, hold):
        # type: (tkinter.Misc, Look, Callable[[bool], Any]) -> None
        super().__init__(master, style="Ground.TFrame")
        self._look = look
        self._hold = hold
        self._held = False
        self._following = True  # whether the end is in sight, and is to stay there
        self._console = Console()
        self._first = 0  # the number of the line that is drawn first
        self._backlog = Backlog()
        self._scheduled = False
        self._tags = {}  # type: Dict[Style, str]
        self._tag_limit = TAGS
        self._tag_numbers = itertools.count(1)
        self._entry = None  # type: Optional[tkinter.Entry]
        self.text = tkinter.Text(self, wrap="char", font=look.code, relief="flat", borderwidth=0, highlightthickness=0, padx=14,
                                 pady=10, state="disabled", cursor="xterm", insertwidth=0, undo=False,
                                 width=1, height=1)  # it has what the other parts leave
        self._bar = ttk.Scrollbar(self, orient="vertical", command=self._scroll)
        self.text.configure(yscrollcommand=self._scrolled)
        self._bar.pack(side="right", fill="y")
        self.text.pack(side="left", fill="both", expand=True)
        self._jump = ttk.Button(self.text, text="\u2193  New output", command=self.jump, style="Offer.TButton", takefocus=False,
                                cursor="arrow")
        self.text.mark_set("tail", "end-1c")  # behind it stands the entry of a question, where there is one
        self.text.bind("<Button-1>", lambda event: self.text.focus_set())
        for scrolls in ("<Button-4>", "<MouseWheel>", "<B1-Motion>", "<B2-Motion>", "<Key-Up>", "<Key-Prior>", "<Control-Home>"):
            self.text.bind(scrolls, self._scroll)
        look.follow(self._colour)

    def write(self, text, kind):
        # type: (str, str) -> None
        """Show text soon: what the kernel wrote, or a remark (``"note"``), which stands on lines of its own."""
        self._backlog.add(text + "\n" if kind == "note" else text, kind)
        if not self._scheduled:
            self._scheduled = True
            self.after(REFRESH, self._refresh)
        self._hold_up()

    def jump(self):
        # type: () -> None
        """Go to the end, and stay there as more comes."""
        self._following = True
        self.text.see("end")

    def clear(self):
        # type: () -> None
        """Forget what was shown."""
        self._console.clear()
        self._draw()

    def ask(self, request, reply, steal_focus):
        # type: (Any, Callable[[Optional[str]], Any], bool) -> None
        """Let the user answer a question where it stands: in the unfinished line.

        Args:
            reply: called with the answer, or None for the end of the input (Ctrl-D).
        """
        while self._backlog:  # the question itself
            self._read()
        self._draw()
        entry = tkinter.Entry(self.text, font=self._look.code, relief="flat", borderwidth=0, highlightthickness=0, width=40,
                              show="\u2022" if request.password else "")
        entry.bind("<Return>", lambda event: reply(entry.get()))
        entry.bind("<KP_Enter>", lambda event: reply(entry.get()))
        entry.bind("<Control-d>", lambda event: None if entry.get() else reply(None))
        self._entry = entry
        self._colour()
        self.text.mark_gravity("tail", "left")
        self.text.window_create("tail", window=entry, align="center")
        self.text.mark_gravity("tail", "right")
        self.text.see("end")
        if steal_focus:
            entry.focus_set()

    def end_question(self, answer):
        # type: (Optional[str]) -> bool
        """Put what was answered in the place of the entry; nothing for None, because the program ends the line itself.

        Returns:
            Whether the keyboard was there.
        """
        focused = self._entry is not None and self.focus_get() is self._entry
        if self._entry is not None:
            self._entry.destroy()
            self._entry = None
        if answer is not None:
            self.write(answer + "\n", "answer")
        return focused

    def type(self, char):
        # type: (str) -> None
        """Take a character of an answer that was typed elsewhere, and the keyboard."""
        if self._entry is not None:
            self._entry.focus_set()
            self._entry.insert("insert", char)

    @property
    def asking(self):
        # type: () -> bool
        """Whether there is a question."""
        return self._entry is not None

    # What waits is read into the console, and then drawn

    def _refresh(self):
        # type: () -> None
        self._scheduled = False
        deadline = monotonic() + READING
        while self._backlog and monotonic() < deadline:
            self._read()
        self._draw()
        if self._backlog:
            self._scheduled = True
            self.after(SOON, self._refresh)
        self._hold_up()

    def _read(self):
        # type: () -> None
        text, kind = self._backlog.take()
        self._console.feed(_HALVES.sub("\ufffd", text), kind)

    def _hold_up(self):
        # type: () -> None
        held = self._backlog.size > ENOUGH
        if held != self._held:
            self._held = held
            self._hold(held)

    def _draw(self):
        # type: () -> None
        text, console = self.text, self._console
        if len(self._tags) >= self._tag_limit:
            self._sweep()
        begin, lines = console.changes()
        text.configure(state="normal")
        if console.first > self._first:
            text.delete("1.0", "%d.0" % min(console.first - self._first + 1, int(text.index("tail").split(".")[0])))
        self._first = console.first
        if lines:
            row, last = begin - self._first + 1, int(text.index("tail").split(".")[0])
            text.delete("%d.0" % row, "tail")
            text.insert("tail", "\n" if row > last else "", "", *self._pieces(lines))
        text.configure(state="disabled")
        if self._following:
            text.see("end")
        elif lines:
            self._jump.place(relx=1.0, rely=1.0, x=-16, y=-12, anchor="se")

    def _scrolled(self, first, last):
        # type: (float, float) -> None
        """Other lines are seen: somebody has scrolled, or the room or the font has changed."""
        self._bar.set(first, last)
        if float(last) >= END:
            self._following = True
            self._jump.place_forget()
        elif self._following:
            self.after_idle(self.jump)

    def _scroll(self, *arguments):
        # type: (*Any) -> None
        """The user scrolls, with the bar, or does what may scroll: from now on the end is followed only if it is still seen."""
        self._following = False
        if isinstance(arguments[0], str):
            self.text.yview(*arguments)
        self.after_idle(self._look_where)

    def _look_where(self):
        # type: () -> None
        self._following = self._following or self.text.yview()[1] >= END

    def _pieces(self, lines):
        # type: (List[Line]) -> List[str]
        """Texts and their tags by turns: few long ones, because each costs the same, and one call draws them all."""
        found, piece, last = [], [], PLAIN  # type: List[str], List[str], Style
        for line in lines:
            end = line.runs[-1][1] if line.runs else last
            if end.bg is not None or end.inverse:  # a newline with a ground would colour the row to its end
                end = PLAIN
            for text, style in line.runs + [("\n", end)]:
                if style is not last and style != last:
                    found += ["".join(piece), self._tag(last)]
                    piece, last = [], style
                piece.append(text)
        return found + ["".join(piece)[:-1], self._tag(last)]

    # Tags

    def _tag(self, style):
        # type: (Style) -> str
        tag = self._tags.get(style)
        if tag is None:
            tag = self._tags[style] = "style%d" % next(self._tag_numbers)
            self._configure_tag(tag, style)
        return tag

    def _sweep(self):
        # type: () -> None
        for style, tag in list(self._tags.items()):
            if not self.text.tag_nextrange(tag, "1.0"):
                self.text.tag_delete(tag)
                del self._tags[style]
        self._tag_limit = max(TAGS, 2 * len(self._tags))

    def _configure_tag(self, tag, style):
        # type: (str, Style) -> None
        look = self._look
        fg = look.colour(style.fg, style.bg is not None) if style.fg is not None else look[style.kind or PLAIN.kind or "stdout"]
        bg = look.colour(style.bg) if style.bg is not None else ""
        if style.inverse:
            fg, bg = bg or look["ground"], fg
        if style.dim:
            fg = mix(fg, bg or look["ground"], 0.45)
        fonts = {(True, True): look.both, (True, False): look.bold, (False, True): look.italic, (False, False): look.code}
        self.text.tag_configure(tag, foreground=fg, background=bg, font=fonts[style.bold, style.italic],
                                underline=style.underline, overstrike=style.strike)
        self.text.tag_raise("sel")

    def _colour(self):
        # type: () -> None
        look = self._look
        self.text.configure(background=look["ground"], foreground=look["text"], selectbackground=look["selection"],
                            selectforeground=look["text"], inactiveselectbackground=look["selection"])
        for style, tag in self._tags.items():
            self._configure_tag(tag, style)
        if self._entry is not None:
            self._entry.configure(background=look["hover"], foreground=look["answer"], insertbackground=look["answer"],
                                  selectbackground=look["selection"])
