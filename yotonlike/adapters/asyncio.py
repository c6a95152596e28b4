"""asyncio (3.8+): callbacks of a context in a running event loop."""
from __future__ import absolute_import, division, print_function

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional


def attach(context, loop=None):
    # type: (Any, Optional[asyncio.AbstractEventLoop]) -> Callable[[], None]
    """Run the context's callbacks in ``loop``.

    Args:
        context: a Context, or anything else with ``fileno()`` and ``process_events()``, such as a kernel's client.
        loop: None for the one that runs now. It needs ``add_reader``: on Windows, a SelectorEventLoop.

    Returns:
        A function that undoes it; call it before the context is closed.

    Raises:
        RuntimeError: no loop is given and none runs.
    """
    chosen = asyncio.get_running_loop() if loop is None else loop
    fd = context.fileno()
    chosen.add_reader(fd, context.process_events)

    def detach():
        # type: () -> None
        chosen.remove_reader(fd)

    return detach
