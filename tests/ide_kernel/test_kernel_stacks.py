"""The stacks of other threads are whole, also of those that run."""
from __future__ import absolute_import, division, print_function

import os
import sys
import threading

from ide_kernel.kernel.stacks import stack

#: Function -> those that call it.
CALLERS = {"even": ("walk", "odd"), "odd": ("even",), "walk": ("work",)}


def even(depth, out):
    os.write(out, b"x")  # gives the GIL up
    return depth and odd(depth - 1, out)


def odd(depth, out):
    return even(depth - 1, out)


def walk(out):
    for depth in range(0, 12, 2):
        even(depth, out)


def work(stopped, out):
    while not stopped:
        walk(out)


def names(thread):
    return [frame.f_code.co_name for frame, _ in stack(thread)]


def test_stacks_of_a_thread_that_runs_are_whole():
    stopped = []
    out = os.open(os.devnull, os.O_WRONLY)
    thread = threading.Thread(target=work, args=(stopped, out))
    thread.daemon = True
    thread.start()
    seen = set()
    try:
        while len(seen) < 5:
            found = names(thread.ident)
            if "work" in found:  # else it has only begun
                assert "bootstrap" in found[-1], found
                for called, caller in zip(found, found[1:]):
                    assert caller in CALLERS.get(called, (caller,)), found
                seen.add(len(found))
    finally:
        stopped.append(True)
        thread.join()
        os.close(out)


def test_frames_come_with_their_lines():
    frame, line = stack(threading.current_thread().ident)[1]
    assert frame.f_code.co_name == "test_frames_come_with_their_lines" and 0 < line - frame.f_code.co_firstlineno < 3


def test_a_thread_that_is_not_there_has_none():
    assert 1 not in sys._current_frames() and not stack(1)
