"""Tk (3.8+): callbacks of a context in ``mainloop()``."""
from __future__ import absolute_import, division, print_function

import tkinter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

#: Milliseconds between two looks where Tk cannot watch a descriptor (Windows): below what a person notices.
LOOK = 20


def attach(context, widget):
    # type: (Any, tkinter.Misc) -> Callable[[], None]
    """Run the context's callbacks in the main loop of ``widget``.

    Args:
        context: a Context, or anything else with ``fileno()`` and ``process_events()``, such as a kernel's client.
        widget: any widget of the program, such as its ``Tk()``.

    Returns:
        A function that undoes it; call it before the context is closed or the widget destroyed.
    """
    if hasattr(widget.tk, "createfilehandler"):
        return _watch(context, widget)
    pending = [""]

    def look():
        # type: () -> None
        pending[0] = widget.after(LOOK, look)
        context.process_events()

    look()
    return lambda: widget.after_cancel(pending[0])


def _watch(context, widget):
    # type: (Any, tkinter.Misc) -> Callable[[], None]
    """Watch the descriptor; but after each look only once Tk has drawn, which it does when there is nothing else to do.

    A descriptor that is always readable, because events come faster than they are processed, would leave it no time for that.
    """
    fd, idle = context.fileno(), [""]

    def watch():
        # type: () -> None
        idle[0] = ""
        widget.tk.createfilehandler(fd, tkinter.READABLE, process)

    def process(*_):
        # type: (*Any) -> None
        widget.tk.deletefilehandler(fd)
        idle[0] = widget.after_idle(watch)
        context.process_events()

    def detach():
        # type: () -> None
        if idle[0]:
            widget.after_cancel(idle[0])
        else:
            widget.tk.deletefilehandler(fd)

    watch()
    return detach
