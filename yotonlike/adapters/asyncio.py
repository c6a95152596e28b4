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


def wrap(future):
    # type: (Any) -> asyncio.Future[Any]
    """An asyncio future with what becomes of one of yotonlike's, for ``await``; in a running loop.

    The context has to be attached to that loop. Who cancels the one cancels the other.
    """
    loop = asyncio.get_running_loop()
    wrapped = loop.create_future()

    def settle():
        # type: () -> None
        if wrapped.done():
            return
        if future.cancelled():
            wrapped.cancel()
            return
        error = future.exception(0)
        if error is not None:
            wrapped.set_exception(error)
        else:
            wrapped.set_result(future.result(0))

    future.add_done_callback(lambda _: loop.call_soon_threadsafe(settle))  # a handler's own is set in any thread
    wrapped.add_done_callback(lambda _: future.cancel() if wrapped.cancelled() else None)
    return wrapped
