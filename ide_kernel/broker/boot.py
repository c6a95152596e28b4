"""The first thing that a broker's process runs: it starts the kernel, and only then imports what a broker needs.

``python -S -E -c BROKER_BOOT package_root interpreter json_arguments``. Kernel and frontends inherit nothing of this but
the environment and the working directory, which are the kernel's: a client starts the broker with those that the kernel
is to have. Until `app.run` takes over, an error is one line of JSON on stdout, as everything that a broker has to say.
"""
from __future__ import absolute_import, division, print_function

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List


def main(argv):
    # type: (List[Any]) -> None
    """Start the kernel, then be its broker.

    Args:
        argv: as above.
    """
    try:
        if os.name != "posix":
            raise NotImplementedError("kernels need fork and pipes that can be polled: a POSIX system, not %s" % os.name)
        _hold_standard_descriptors()
        from . import process
        root, interpreter, arguments = argv[1:]
        kernel = process.start(interpreter, root)
        from . import app
    except Exception as error:  # whatever it is, a traceback in the user's terminal helps nobody
        _fail(error)
        raise SystemExit(1)
    app.run(kernel, root, interpreter, arguments)


def _hold_standard_descriptors():
    # type: () -> None
    """Open 0, 1 and 2 where they are closed, so that no pipe gets such a number."""
    while True:
        fd = os.open(os.devnull, os.O_RDWR)
        if fd > 2:
            os.close(fd)
            return


def _fail(error):
    # type: (BaseException) -> None
    import json
    text = "%s: %s" % (type(error).__name__, error)
    os.write(1, (json.dumps({"error": text, "kind": "BrokerFailed"}) + "\n").encode("ascii"))
