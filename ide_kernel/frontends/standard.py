"""Our own descriptors 0, 1 and 2, and what plain Python does about them: they are there in any case."""
from __future__ import absolute_import, division, print_function

import os
import sys


def open_missing():
    # type: () -> None
    """Open ``/dev/null`` for those that were closed when the program began, before a socket or a pipe gets their numbers."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except EnvironmentError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
            if getattr(sys, name) is None:
                setattr(sys, name, os.fdopen(number, "w" if number else "r"))
