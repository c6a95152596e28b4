"""Opens the window, or says in one line why it cannot (3.8+)."""
import os
import signal
import sys

from ..standard import signal_pipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
    from .window import Window


def run(join, dark=False):
    # type: (Any, bool) -> int
    """Show a window on the kernel that ``join()`` gives, until it is closed.

    Returns:
        The exit status: 1 where there can be no window.

    Raises:
        KeyboardInterrupt: the window was closed by Ctrl-C in the terminal.
    """
    try:
        import tkinter
    except ImportError as error:
        return _fail("the window needs tkinter, which this Python lacks (%s); Debian and Ubuntu have it in python3-tk" % error)
    try:
        root = tkinter.Tk(className="ide-kernel")  # before there is a kernel that nobody would see
    except tkinter.TclError as error:
        return _fail("no window can be opened here: %s" % error)
    from .window import Window
    root.withdraw()
    kernel = join()
    try:
        window = Window(kernel, root, dark)
        root.deiconify()
        interrupted = _close_at_signals(window)
        window.run()
    finally:
        kernel.close()
    if interrupted:
        raise KeyboardInterrupt
    return 0


def _close_at_signals(window):
    # type: (Window) -> Any
    """Close the window at SIGINT and SIGTERM; returns a list that is not empty once that was so.

    Python runs the handler of a signal only when it runs at all, and while Tk waits it does not: so the signal also makes a
    descriptor readable that Tk watches.
    """
    import tkinter
    read_fd, write_fd = signal_pipe()
    came = []  # type: Any

    def readable(*_):
        # type: (*Any) -> None
        os.read(read_fd, 512)
        if came:
            window.root.tk.deletefilehandler(read_fd)
            window.leave()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: came.append(number))
    signal.set_wakeup_fd(write_fd)
    window.root.tk.createfilehandler(read_fd, tkinter.READABLE, readable)
    return came


def _fail(words):
    # type: (str) -> int
    sys.stderr.write("ide-kernel: %s\n" % words)
    return 1
