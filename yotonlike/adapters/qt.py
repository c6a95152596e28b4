"""Qt (3.8+): callbacks of a context in ``app.exec()``, with PySide6, PyQt6, PySide2 or PyQt5, whichever is loaded."""
from __future__ import absolute_import, division, print_function

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

#: In the order in which they are looked for.
BINDINGS = ("PySide6", "PyQt6", "PySide2", "PyQt5")


def attach(context, parent=None):
    # type: (Any, Any) -> Callable[[], None]
    """Run the context's callbacks in Qt's event loop, in the thread that calls this.

    Args:
        context: a Context, or anything else with ``fileno()`` and ``process_events()``, such as a kernel's client.
        parent: a QObject that is to own the notifier, or None.

    Returns:
        A function that undoes it; call it before the context is closed.

    Raises:
        ImportError: the program has loaded none of the bindings.
    """
    core = _core()
    kinds = getattr(core.QSocketNotifier, "Type", core.QSocketNotifier)  # Qt 6 has the names in an enum
    notifier = core.QSocketNotifier(context.fileno(), kinds.Read, parent)
    notifier.activated.connect(lambda *_: context.process_events())

    def detach():
        # type: () -> None
        notifier.setEnabled(False)
        notifier.deleteLater()

    return detach


def _core():
    # type: () -> Any
    for name in BINDINGS:
        if name + ".QtCore" in sys.modules:
            return sys.modules[name + ".QtCore"]
    raise ImportError("None of %s is loaded. Import QtCore of the one that the program uses first." % ", ".join(BINDINGS))
