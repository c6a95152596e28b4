"""What every test shares: a clean environment for child processes, and a limit on how long one test may take."""
from __future__ import absolute_import, division, print_function

import glob
import json
import os
import shutil
import signal
import sys
import tempfile
import traceback

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if ROOT not in sys.path:  # `pytest` alone does not put the root there, `python -m pytest` does
    sys.path.insert(0, ROOT)

#: Seconds. Tests wait for events with limits of their own below this; it only ends what hangs.
LIMIT = 120

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


def _too_long(signum, frame):
    stacks = ["thread %d:\n%s" % (ident, "".join(traceback.format_stack(stack)))
              for ident, stack in sys._current_frames().items()]
    pytest.fail("not finished after %d seconds\n%s" % (LIMIT, "\n".join(stacks)))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """Fail a test that hangs. An alarm and not a thread: tests fork, and count threads."""
    alarm = getattr(signal, "alarm", None)
    if alarm is not None:
        before = signal.signal(signal.SIGALRM, _too_long)
        alarm(LIMIT)
    yield
    if alarm is not None:
        alarm(0)
        signal.signal(signal.SIGALRM, before)
