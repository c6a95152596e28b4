"""What pops up above the input area: completions, the signature of a call, documentation (3.8+)."""
import tkinter
from tkinter import ttk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List
    from .look import Look

#: Rows of completions that are seen at once, and lines of documentation.
ROWS, LINES = 10, 16
#: Completions in the list: who wants more types another letter.
MOST = 500


class Popup(tkinter.Frame):
    """A frame over the window, above a place in a text widget: no window of its own, so no window manager meddles with it."""

    def __init__(self, text, look):
        # type: (tkinter.Text, Look) -> None
        super().__init__(text.winfo_toplevel(), borderwidth=0, highlightthickness=1)
        self._text = text
        self._look = look

    @property
    def shown(self):
        # type: () -> bool
        """Whether it can be seen."""
        return bool(self.winfo_manager())

    def hide(self):
        # type: () -> None
        """Take it away."""
        self.place_forget()

    def _show(self, index):
        # type: (str) -> None
        """Show it above the character at an index; moved to the left where there is no room."""
        window = self.winfo_toplevel()
        self.update_idletasks()  # its size
        x, y, _, _ = self._text.bbox(index) or (0, 0, 0, 0)
        x += self._text.winfo_rootx() - window.winfo_rootx()
        y += self._text.winfo_rooty() - window.winfo_rooty()
        x = max(4, min(x, window.winfo_width() - self.winfo_reqwidth() - 4))
        self.place(x=x, y=y - (4 if y > self._text.winfo_rooty() - window.winfo_rooty() + 4 else 12), anchor="sw")
        self.lift()


class Choices(Popup):
    """A list to choose from.

    Args:
        chosen: called when an item is clicked.
    """

    def __init__(self, text, look, chosen):
        # type: (tkinter.Text, Look, Callable[[], Any]) -> None
        super().__init__(text, look)
        self._list = tkinter.Listbox(self, font=look.code, relief="flat", borderwidth=0, highlightthickness=0, activestyle="none",
                                     exportselection=False, takefocus=False)
        bar = ttk.Scrollbar(self, orient="vertical", command=self._list.yview)
        self._list.configure(yscrollcommand=bar.set)
        self._list.pack(side="left", fill="both", expand=True, padx=4, pady=4)
        self._bar = bar
        self._list.bind("<ButtonRelease-1>", lambda event: chosen())
        look.follow(self._colour)

    @property
    def choice(self):
        # type: () -> str
        """What is selected."""
        return self._list.get(self._list.curselection()[0])[1:]

    @property
    def items(self):
        # type: () -> List[str]
        """What can be chosen."""
        return [item[1:] for item in self._list.get(0, "end")]

    def show(self, items, typed):
        # type: (List[str], int) -> None
        """Show items; ``typed`` characters of them stand there already."""
        items = items[:MOST]
        self._list.delete(0, "end")
        self._list.insert("end", *[" " + item for item in items])  # a margin, which this widget has not
        self._bar.pack_forget()
        if len(items) > ROWS:
            self._bar.pack(side="right", fill="y", pady=4)
        self._list.configure(height=min(ROWS, len(items)), width=min(60, max(map(len, items)) + 2))
        self._select(0)
        self._show("insert-%dc" % typed)

    def move(self, step):
        # type: (int) -> None
        """Select another item, round and round."""
        self._select((self._list.curselection()[0] + step) % self._list.size())

    def _select(self, number):
        # type: (int) -> None
        self._list.selection_clear(0, "end")
        self._list.selection_set(number)
        self._list.see(number)

    def _colour(self):
        # type: () -> None
        look = self._look
        self.configure(background=look["panel"], highlightbackground=look["edge"])
        self._list.configure(background=look["panel"], foreground=look["text"], selectbackground=look["selection"],
                             selectforeground=look["text"])


class Help(Popup):
    """A signature, or documentation."""

    def __init__(self, text, look):
        # type: (tkinter.Text, Look) -> None
        super().__init__(text, look)
        self.text = tkinter.Text(self, font=look.code, relief="flat", borderwidth=0, highlightthickness=0, padx=10, pady=6,
                                 wrap="word", state="disabled", takefocus=False, cursor="arrow")
        self.text.pack(side="left", fill="both", expand=True)
        self._bar = ttk.Scrollbar(self, orient="vertical", command=self.text.yview)
        self.text.configure(yscrollcommand=self._bar.set)
        look.follow(self._colour)

    def show(self, head, body=""):
        # type: (str, str) -> None
        """Show a text, its head in bold."""
        lines = (head + ("\n" + body if body else "")).split("\n")
        width = min(88, max(len(line) for line in lines))
        height = sum(1 + len(line) // (width + 1) for line in lines)
        self.text.configure(state="normal", width=width, height=min(LINES, height))
        self.text.delete("1.0", "end")
        self.text.insert("end", head, "head", "\n" + body if body else "", "body")
        self.text.configure(state="disabled")
        self._bar.pack_forget()
        if height > LINES:
            self._bar.pack(side="right", fill="y", pady=4)
        self._show("insert")

    def _colour(self):
        # type: () -> None
        look = self._look
        self.configure(background=look["panel"], highlightbackground=look["edge"])
        self.text.configure(background=look["panel"], foreground=look["text"])
        self.text.tag_configure("head", font=look.bold)
        self.text.tag_configure("body", foreground=look["dim"])


class Tip(object):
    """Says something while the pointer rests on a widget.

    Args:
        words: gives it at that moment; nothing to say nothing.
    """

    #: Milliseconds until it is said, as elsewhere.
    REST = 500

    def __init__(self, widget, look, words):
        # type: (tkinter.Misc, Look, Callable[[], str]) -> None
        self._widget = widget
        self._look = look
        self._words = words
        self._timer = ""
        self._label = None  # type: Any
        widget.bind("<Enter>", self._entered, add=True)
        widget.bind("<Leave>", self._left, add=True)
        widget.bind("<Button-1>", self._left, add=True)

    def _entered(self, event):
        # type: (Any) -> None
        self._left()
        self._timer = self._widget.after(self.REST, self._show)

    def _left(self, event=None):
        # type: (Any) -> None
        if self._timer:
            self._widget.after_cancel(self._timer)
            self._timer = ""
        if self._label is not None:
            self._label.destroy()
            self._label = None

    def _show(self):
        # type: () -> None
        look, window, words = self._look, self._widget.winfo_toplevel(), self._words()
        if not words:
            return
        self._label = tkinter.Label(window, text=words, font=look.small, background=look["text"], foreground=look["ground"],
                                    justify="left", wraplength=window.winfo_width() // 2, padx=8, pady=4, borderwidth=0)
        right = self._widget.winfo_rootx() - window.winfo_rootx() + self._widget.winfo_width()
        x = max(self._label.winfo_reqwidth() + 4, min(right, window.winfo_width() - 4))
        self._label.place(x=x, y=self._widget.winfo_rooty() - window.winfo_rooty() + self._widget.winfo_height() + 4, anchor="ne")
