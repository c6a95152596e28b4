"""What every test shares: a clean environment for child processes, and a limit on how long one test may take."""
from __future__ import absolute_import, division, print_function

import glob
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if ROOT not in sys.path:  # `pytest` alone does not put the root there, `python -m pytest` does
    sys.path.insert(0, ROOT)

#: Seconds. Tests wait for events with limits of their own below this; it only ends what hangs.
LIMIT = 60
_now = getattr(time, "monotonic", time.time)
#: What the run ends with when a test hangs: EX_SOFTWARE of sysexits.h.
HUNG = 70

#: Exported on many machines; each changes how a child starts or prints, which tests look at.
for _name in ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"):
    os.environ.pop(_name, None)


def pytest_configure(config):
    """Keep the tests' connection files away from the user's own: "the newest kernel" must be one of ours."""
    # Short, because the address of a Unix socket has at most 107 bytes.
    config.runtime_directory = tempfile.mkdtemp(prefix="ik")
    os.environ["XDG_RUNTIME_DIR"] = config.runtime_directory


def pytest_terminal_summary(terminalreporter):
    """Name and end the brokers that tests left behind: by their rule they wait ten minutes for a lost frontend."""
    for path in sorted(glob.glob(os.path.join(os.environ["XDG_RUNTIME_DIR"], "ide-kernel", "kernel-*.json"))):
        try:
            with open(path) as stream:
                pid = int(json.load(stream)["broker_pid"])
            os.kill(pid, signal.SIGTERM)
        except (EnvironmentError, ValueError, KeyError):
            continue  # it went away by itself just now
        terminalreporter.write_line("left behind by a test and ended: broker %d, %s" % (pid, path))


def pytest_unconfigure(config):
    """Take the directory of the session away."""
    shutil.rmtree(config.runtime_directory, ignore_errors=True)


class Watchdog(object):
    """Ends the whole run, with the name of the test and all stacks, when a test hangs.

    A thread, because no handler in Python runs for a signal while the main thread is blocked in C. It is there before the first
    test and so changes no count of threads within one; it holds no lock, takes no signal, and wakes up once in LIMIT seconds.
    Nothing can be saved of a run whose main thread hangs, so it ends at once and says all it knows.
    """

    def __init__(self):
        self._stderr = os.dup(2)  # pytest puts files of its own behind 1 and 2 while a test runs
        self._running = None  # (name, since when), replaced as a whole
        self.failures = []  # what pytest would have said at the end
        thread = threading.Thread(target=self._watch, name="watchdog")
        thread.daemon = True
        thread.start()

    def watch(self, name):
        """The test that runs now, or None."""
        self._running = name and (name, _now())

    def _watch(self):
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
        while True:
            name, since = self._running or (None, _now())
            remaining = since + LIMIT - _now()
            if remaining > 0:
                select.select([], [], [], remaining)
            else:
                self._bark(name)

    def _bark(self, name):
        for report in self.failures:
            text = u"\n\n%s\n%s\nFAILED %s\n" % (report.nodeid, report.longrepr, report.nodeid)
            os.write(self._stderr, text.encode("utf-8", "replace"))
        os.write(self._stderr, ("\n\nHUNG: %s: not finished after %d seconds\n" % (name, LIMIT)).encode("utf-8"))
        for ident, stack in sys._current_frames().items():
            if ident == threading.current_thread().ident:
                continue
            text = "thread %d:\n%s\n" % (ident, "".join(traceback.format_stack(stack)))
            os.write(self._stderr, text.encode("utf-8", "replace"))
        os.write(self._stderr, _descendants())
        os.write(self._stderr, ("FAILED %s - hung\n" % name).encode("utf-8"))
        os._exit(HUNG)


_watchdogs = []  # the one of this session, for the hook that is not told of it


def _descendants():
    """What our kernels and brokers are doing, as the system sees it; ended then, since nobody else would."""
    listed = subprocess.Popen(["ps", "-eo", "pid,ppid,stat,wchan:20,etime,args", "ww"], stdout=subprocess.PIPE)
    lines = [line for line in listed.communicate()[0].splitlines()[1:] if len(line.split()) > 3]
    family, found = {os.getpid()}, True
    while found:
        found = [line for line in lines if int(line.split()[1]) in family and int(line.split()[0]) not in family]
        family.update(int(line.split()[0]) for line in found)
    mine = [line for line in lines if int(line.split()[0]) in family - {os.getpid(), listed.pid}]
    for line in mine:
        try:
            os.kill(int(line.split()[0]), signal.SIGKILL)
        except EnvironmentError:
            continue  # it went with its parent
    return b"processes of the tests:\n" + b"".join(line[:300] + b"\n" for line in mine)


def pytest_sessionstart(session):
    """From here on a hanging test ends the run."""
    session.config.watchdog = Watchdog()
    _watchdogs.append(session.config.watchdog)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """A test with its setup and teardown: a kernel that several share can hang in those."""
    item.config.watchdog.watch(item.nodeid)
    yield
    item.config.watchdog.watch(None)


def pytest_runtest_logreport(report):
    """Keep what failed, in case that a later test hangs."""
    if report.failed:
        for watchdog in _watchdogs:
            watchdog.failures.append(report)
