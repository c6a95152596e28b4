"""Runs a script, a command or a module in a kernel of its own, as ``python`` would: its output, its input, its exit status."""
from __future__ import absolute_import, division, print_function

import errno
import os
import signal

from .. import vocabulary as names
from ..client.launch import Broker
from .standard import complain, warn
from .words import crash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

#: The kernel of a run belongs to it: when this process is killed, nobody will come for it.
_OPTIONS = {"linger": 0.0}


def run(options, mode, code, arguments):
    # type: (Dict[str, Any], Any, Any, List[Any]) -> int
    """Run it.

    Args:
        options: ``python``, the interpreter (this one where it is missing), and others for the broker.
        mode: ``"script"``, ``"command"`` or ``"module"``.
        code: the file, the code, or the module's name.
        arguments: for it, in ``sys.argv``.

    Returns:
        Its exit status.

    Raises:
        Unwritable: what it wrote could not be passed on; it was ended.
    """
    problem = _unreadable(code) if mode == names.SCRIPT else None
    if problem is not None:
        complain("can't open file %r: %s" % (code, problem))
        return 2
    broker = Broker(options.pop("python", None), options=dict(options, **_OPTIONS))
    from ..client.session import join  # while the interpreters start
    from .conduit import Conduit
    kernel = join(broker, "run")
    conduit = Conduit(kernel)
    try:
        script = mode == names.SCRIPT
        execution = kernel.execute(u"" if script else code, code if script else None, mode=mode, argv=arguments)
        conduit.until(lambda: kernel.exit is not None or kernel.lost or (execution.done() and not ended(execution)))
        if conduit.broken:
            kernel.terminate(0, wait=False)
    finally:
        conduit.close()
        kernel.close()
    if conduit.broken:
        raise conduit.broken
    if kernel.exit is None:
        raise execution.exception() or RuntimeError("the kernel went on after the end of the program")
    return report(kernel.exit)


def ended(execution):
    # type: (Any) -> bool
    """Whether an execution that is over had a result: the end of the process follows."""
    return execution.exception(0) is None


def report(exit):
    # type: (Any) -> int
    """Name the signal that ended a kernel, if one did, and show where a crash in C code was; the exit status."""
    if exit.signal == signal.SIGINT:  # a shell must see that, to stop its own loops; Python has told the user already
        from .conduit import die_like
        die_like(signal.SIGINT)
    elif exit.signal or exit.code is None:
        if exit.traceback:
            warn(crash(exit.traceback) + "\n\n")
        complain("the kernel was %s" % exit)
    return exit.status if exit.code is not None or exit.signal else 1


def _unreadable(path):
    # type: (Any) -> Optional[str]
    """Why a script cannot be run, as Python says it; None where it seems to be all right."""
    if os.path.isdir(path):
        return None  # it may hold a __main__.py; the interpreter says so if not
    try:
        os.close(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)))
    except EnvironmentError as error:
        return "[Errno %s] %s" % (error.errno or errno.ENOENT, error.strerror)
    return None
