"""An interrupt at each single place of our own code: what a storm of them meets by chance, met one by one.

A trace function in the kernel counts the lines, calls and returns of our own frames from within one execution on, through its
echo and its end, the wait, and into the next, and strikes at the n-th. So n = 1, 2, 3, ... has every line between two executions.
From there on it strikes again: the second interrupt is what finds a state that the first one has torn.
"""
from __future__ import absolute_import, division, print_function

import sys
import textwrap

import pytest

from kernel_harness import KernelProcess

#: Runs in the kernel. Ways to strike: ``kill`` is a frontend's interrupt; ``trip`` is one that another thread of the user's
#: received, which the mask of the main thread does not keep away. ``held``: again at each event while signals are held;
#: ``soon``: once more, at the next event.
STRIKER = u"" + textwrap.dedent("""\
    import os, signal, sys
    try:
        import _thread
    except ImportError:
        import thread as _thread
    class Striker(object):
        def arm(self, left, how, again):
            self.left, self.place, self.pid = left, None, os.getpid()
            self.strike, self.again = getattr(self, how), getattr(self, again)
            frame = sys._getframe(1)
            while frame is not None:
                frame.f_trace = self.trace
                frame = frame.f_back
            sys.settrace(self.trace)
        def trace(self, frame, event, argument):
            if 'ide_kernel' not in frame.f_code.co_filename:
                return None
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                self.place = '%s %s:%s' % (event, frame.f_code.co_filename, frame.f_lineno)
                sys.setprofile(self.again)
                self.strike()
            return self.trace
        def held(self, frame, event, argument):
            if frame.f_code.co_name == '_begin' and event == 'return':
                sys.setprofile(None)
            while 'ide_kernel' in frame.f_code.co_filename and frame.f_code.co_name != '_note':
                if frame.f_code.co_filename.endswith('bell.py'):
                    return  # the wait, where nothing is held, and which each strike would make look again
                if frame.f_code.co_name in ('_next_job', '_finish'):
                    return self.strike()
                frame = frame.f_back
        def soon(self, frame, event, argument):
            if 'ide_kernel' in frame.f_code.co_filename and frame.f_code.co_name != '_note':
                sys.setprofile(None)
                self.strike()
        def kill(self):
            os.kill(self.pid, signal.SIGINT) if os.getpid() == self.pid else None
        def trip(self):
            _thread.interrupt_main() if os.getpid() == self.pid else None
        def miss(self):
            sys.settrace(None)
        def disarm(self):
            sys.settrace(None)
            sys.setprofile(None)
            is_own = signal.getsignal(signal.SIGINT) is signal.default_int_handler
            return self.left <= 0, is_own and sys.stderr is sys.__stderr__, self.place
    striker = Striker()
    """)


def strike(kernel, place, how, again):
    """Interrupts from the place with that number on; whether there is such a place."""
    cells = (u"striker.arm(%d, %r, %r); 1" % (place, str(how), str(again)), u"striker.disarm()")
    executions = [kernel.start(text) for text in cells]
    kernel.pump(lambda: all(execution.finished and execution.ended for execution in executions))
    for execution in executions:
        assert execution.finished["ok"] or execution.finished["error"]["type"] == "KeyboardInterrupt", execution.finished
    found = executions[-1].finished["value"]
    for _ in range(2):  # the last one was interrupted, too, if it was announced already, and so can be the next
        found = found or kernel.run(cells[-1]).finished["value"]
    assert found.startswith(("(True, True, ", "(False, True, ")), found
    assert (kernel.stray, kernel.err) == (b"", b""), found
    return found.startswith("(True")


@pytest.mark.parametrize("again", ["held", "soon"])
@pytest.mark.parametrize("how", ["kill", "trip"])
def test_interrupts_at_each_place_of_ours(how, again):
    with KernelProcess() as kernel:
        assert kernel.run(STRIKER).finished["ok"]
        place = 1
        while strike(kernel, place, how, again):
            place += 1
        assert place > 300  # else it did not see our frames


@pytest.mark.parametrize("how", ["kill", "trip"])
def test_interrupts_around_a_fork(how):
    cells = (u"striker.arm(%d, %r, 'soon'); pid = os.fork() or os._exit(0); striker.miss()", u"striker.disarm()")
    with KernelProcess() as kernel:
        assert kernel.run(STRIKER).finished["ok"]
        place, found = 1, u"(True"
        while found.startswith(u"(True"):
            forked = kernel.run(cells[0] % (place, str(how))).finished
            assert forked["ok"] or forked["error"]["type"] == "KeyboardInterrupt", forked
            found = kernel.run(cells[1]).finished["value"] or kernel.run(cells[1]).finished["value"]  # the first was interrupted
            assert found.startswith((u"(True, True, ", u"(False, True, ")), found
            place += 1
        assert place > (20 if sys.version_info >= (3, 12) else 3)  # from there on the I/O thread pauses for a fork
        assert (kernel.stray, kernel.err) == (b"", b"")
