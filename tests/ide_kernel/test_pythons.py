"""Broker, kernel and client in different Pythons: each run of the tests is one client, and takes the others from this machine."""
from __future__ import absolute_import, division, print_function

import itertools
import subprocess
import sys

import pytest

import ide_kernel
from frontend_harness import LIMIT, ROOT, end_all
from ide_kernel import interpreters
from ide_kernel._compat import text_type
from ide_kernel.client.line import Line

OWN = "this one"
#: What this one is called.
NAME = "pypy3" if hasattr(sys, "pypy_version_info") else "python%d.%d" % sys.version_info[:2]
#: The oldest and the newest of each family; between them nothing changes that is seen on the wire.
PYTHONS = [OWN] + [name for name in ("python2.7", "python3.6", "python3.13", "pypy3") if name != NAME]


@pytest.fixture(scope="module", autouse=True)
def leave_nothing_behind():
    yield
    end_all()


def find(name):
    """The path of an interpreter, or skip the test."""
    try:
        path = sys.executable if name == OWN else interpreters.find(name)
        subprocess.check_output([path, "-c", ""], stderr=subprocess.STDOUT)
    except (ide_kernel.InterpreterNotFound, subprocess.CalledProcessError):
        pytest.skip("this machine has no %s" % name)
    return path


def all_text(value, name=None):
    """Names are text, and so is all that is said with them; only what the kernel wrote is bytes."""
    if isinstance(value, dict):
        return all(isinstance(key, (text_type, int)) and all_text(item, key) for key, item in value.items())
    if isinstance(value, list):
        return all(all_text(item, name) for item in value)
    return not isinstance(value, bytes) or name == u"data"


@pytest.fixture
def heard(monkeypatch):
    """All that the broker says."""
    found = []

    def outcome(line, future, timeout=None, original=Line.outcome):
        found.append(original(line, future, timeout))
        return found[-1]

    def event(line, message, original=Line._event):
        found.append(message)
        original(line, message)

    monkeypatch.setattr(Line, "outcome", outcome)
    monkeypatch.setattr(Line, "_event", event)
    return found


@pytest.mark.parametrize("broker, kernel", [pair for pair in itertools.product(PYTHONS, PYTHONS) if OWN in pair])
def test_each_python_understands_each(broker, kernel, heard):
    process = subprocess.Popen([find(broker), "-m", "ide_kernel", "broker", "--python", find(kernel)], cwd=ROOT,
                               stdout=subprocess.PIPE)
    with process.stdout:
        found = ide_kernel.attach(process.stdout.readline().decode("ascii").strip())
    try:
        use(found, heard)
    finally:
        found.close()
    assert process.wait() == 0
    wrong = [message for message in heard if not all_text(message)]
    assert not wrong, wrong


def use(kernel, heard):
    """A bit of everything."""
    written, statuses = [], []
    kernel.on_output(written.append)
    kernel.on_status(lambda status: statuses.append(status.state))
    kernel.on_input(lambda request: request.reply(u"Ada"))
    assert kernel.execute("import sys; print('out'); 6 * 7").result(LIMIT).value == u"42"
    assert kernel.execute("sys.stdin.readline()").result(LIMIT).value in (u"'Ada\\n'", u"u'Ada\\n'")
    assert kernel.execute("1/0").result(LIMIT).error.type == u"ZeroDivisionError"
    assert u"".join(output.text for output in written).startswith(u"out\n42\n")
    assert kernel.complete("sys.std")["matches"] and kernel.is_complete("if 1:")["state"] == u"incomplete"
    assert kernel.inspect("sys.exit")["found"] and kernel.signature("sys.exit(")["name"] == u"sys.exit"
    execution = kernel.execute("import time\nwhile True: time.sleep(0.001)")
    kernel.wait(lambda: statuses[-1:] == [u"busy"], LIMIT)
    assert kernel.where().threads and kernel.interrupt()[u"delivered"]
    assert execution.result(LIMIT).error.type == u"KeyboardInterrupt"
    kernel._look(None)  # as after a gap
    kernel.restart(timeout=LIMIT)
    heard += [kernel._line.status]
    assert kernel.execute("7").result(LIMIT).value == u"7"
    with pytest.raises(ide_kernel.RequestFailed):
        kernel._call(u"ask", u"nothing")
    assert kernel.kill().name == u"SIGKILL"
