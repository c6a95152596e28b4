"""A window beside the window, with a longer text to read (3.8+)."""
import tkinter
from tkinter import ttk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
    from .look import Look


def show_text(master, look, title, words):
    # type: (tkinter.Misc, Look, str, str) -> tkinter.Toplevel
    """Show a text until the user closes it; it can be selected and copied."""
    window = tkinter.Toplevel(master, background=look["panel"])
    window.title(title)
    window.transient(master.winfo_toplevel())
    before = master.focus_get()
    lines = words.rstrip().split("\n")
    text = tkinter.Text(window, font=look.code, wrap="none", relief="flat", borderwidth=0, highlightthickness=0, padx=14, pady=10,
                        background=look["ground"], foreground=look["text"], selectbackground=look["selection"],
                        width=max(60, min(110, max(map(len, lines)) + 2)), height=max(8, min(30, len(lines) + 1)))
    bar = ttk.Scrollbar(window, orient="vertical", command=text.yview)
    text.configure(yscrollcommand=bar.set)
    text.insert("1.0", words.rstrip())
    text.configure(state="disabled")

    def copy():
        # type: () -> None
        window.clipboard_clear()
        window.clipboard_append(words)

    def close(event=None):
        # type: (Any) -> None
        window.destroy()
        if before is not None:
            before.focus_force()

    row = ttk.Frame(window, padding=(10, 8))
    row.pack(side="bottom", fill="x")
    ttk.Button(row, text="Close", command=close, style="Offer.TButton").pack(side="right")
    ttk.Button(row, text="Copy", command=copy, style="Tool.TButton").pack(side="right", padx=(0, 6))
    bar.pack(side="right", fill="y")
    text.pack(side="left", fill="both", expand=True)
    window.bind("<Escape>", close)
    window.protocol("WM_DELETE_WINDOW", close)
    window.geometry("+%d+%d" % (master.winfo_rootx() + 60, master.winfo_rooty() + 80))
    text.focus_set()
    return window
