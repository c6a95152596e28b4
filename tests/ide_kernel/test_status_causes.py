"""Each state of the status, brought about for real: one kernel, one cause, and the event that tells it.

The same causes, hundreds of times and on a busy machine: ``benchmarks/status.py``.
"""
from __future__ import absolute_import, division, print_function

import os
import signal
import subprocess
import sys

import pytest

import ide_kernel
from ide_kernel import vocabulary as names
from frontend_harness import ROOT, wait_gone
from ide_kernel._compat import HAS_SAFE_DUMPS

LIMIT = 30.0
PY2 = sys.version_info[0] == 2
PYPY = hasattr(sys, "pypy_version_info")
#: C code that keeps the GIL. PyPy's ctypes lets it go in any case.
WAITS = u"import ctypes\ndef f():\n    ctypes.PyDLL(None).usleep(%d)\n"
READS = (u"import ctypes, os\nfd = os.open(%r, os.O_RDWR)\ndef f():\n"
         u"    return ctypes.PyDLL(None).read(fd, ctypes.create_string_buffer(1), 1)\nf()")
no_pydll = pytest.mark.skipif(PYPY, reason="PyPy's ctypes never keeps the GIL")


@pytest.fixture(scope="module")
def broker():
    with ide_kernel.start(sys.executable) as kernel:
        yield kernel


@pytest.fixture
def kernel(broker):
    """A new kernel, and a frontend of its own: the test may do to them what it likes. Only the broker is that of all."""
    with ide_kernel.attach(broker.connection_file, lines=0) as kernel:
        if kernel.exit is not None:  # that of the test before
            kernel.restart()
        yield kernel
        kernel.kill()


@pytest.fixture
def alone():
    """A kernel with a broker of its own, for what is not over with the kernel."""
    with ide_kernel.start(sys.executable) as kernel:
        yield kernel
        if not kernel.lost:
            kernel.kill()


def until(kernel, state, words=u""):
    """Wait for a status; it."""
    kernel.wait(lambda: kernel.status.state == state and words in kernel.status.detail, LIMIT)
    return kernel.status


def asks(kernel):
    kernel.wait(lambda: kernel.requests, LIMIT)
    return kernel.requests[0]


# -- states -------------------------------------------------------------------------------------------------------

def test_a_python_loop_is_busy_and_an_interrupt_ends_it(shared):
    execution = shared.execute("while True: pass")
    until(shared, names.BUSY)
    reply = shared.interrupt()
    assert reply["delivered"] and u"has ended" in reply["detail"] and reply["stronger"] == []
    assert execution.result(LIMIT).error.type == "KeyboardInterrupt"
    until(shared, names.IDLE)


def test_an_interrupt_waits_for_the_kernel_to_begin_what_it_is_for(shared):
    """Until then the kernel drops interrupts: on a busy machine, or stopped, it may take a while to begin."""
    os.kill(shared.info["kernel_pid"], signal.SIGSTOP)
    execution = shared.execute("while True: pass")
    shared.interrupt(wait=False)
    reply = shared.interrupt()
    assert not reply["delivered"] and u"follows" in reply["detail"] and "kill" in reply["stronger"]
    os.kill(shared.info["kernel_pid"], signal.SIGCONT)
    assert execution.result(LIMIT).error.type == "KeyboardInterrupt"
    until(shared, names.IDLE)
    assert shared.execute("6 * 7").result(LIMIT).value == "42"


def test_code_that_handles_an_interrupt_runs_on_and_that_is_said(kernel):
    printed = []
    kernel.on_output(printed.append)
    kernel.execute("import signal\n_ = signal.signal(signal.SIGINT, lambda *_: None)\nprint('set')\n"
                   "while True: signal.pause()")
    kernel.wait(lambda: printed, LIMIT)
    reply = kernel.interrupt()
    assert reply["delivered"] and "kill" in reply["stronger"] and u"interrupted" in reply["detail"]
    assert u"interrupted" in until(kernel, names.BUSY, u"without effect").detail


def test_c_code_that_computes(kernel):
    code = "n = 10 ** 9\nx = 7 ** n" if PYPY else "import itertools\nx = sum(itertools.repeat(1, 10 ** 10))"
    kernel.execute(code, filename=u"/home/me/train.py")
    assert u"in C code" in until(kernel, names.EXTENSION).detail
    if HAS_SAFE_DUMPS:
        assert u"called from train.py line 2" in until(kernel, names.EXTENSION, u"called").detail
    reply = kernel.interrupt()
    assert u"in C code" in reply["detail"] and "kill" in reply["stronger"]
    assert kernel.kill().name == "SIGKILL"


@no_pydll
def test_c_code_that_waits_and_is_not_cut_short(shared, tmpdir):
    """It reads from a pipe while it is looked into, and gets what is written after that."""
    pipe = str(tmpdir.join("pipe"))
    os.mkfifo(pipe)
    execution = shared.execute(READS % pipe, filename=u"/home/me/reader.py")
    assert u"waits" in until(shared, names.STUCK).detail
    where = shared.where(LIMIT)
    if HAS_SAFE_DUMPS:
        main = [thread for thread in where.threads if thread.name == "MainThread"][0]
        assert where.how == "dump"
        assert [(frame.file, frame.line, frame.function) for frame in main.frames] == [
            ("/home/me/reader.py", 5, "<module>"), ("/home/me/reader.py", 4, "f")]
        assert "reader.py" in str(where)
    else:
        assert where.how in ("last known", "live")
    with open(pipe, "wb") as stream:
        stream.write(b"x")
    assert execution.result(LIMIT).value == "1"
    until(shared, names.IDLE)


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="this Python cannot look at the mask")
def test_to_be_looked_into_blocks_no_signal_of_the_users(kernel):
    """Nor in the threads and programs that they start."""
    kernel.execute("import signal, subprocess, sys, threading\nmasks = []\n"
                   "def look(): masks.append(list(signal.pthread_sigmask(signal.SIG_BLOCK, [])))\n"
                   "look(); t = threading.Thread(target=look); t.start(); t.join()\n"
                   "code = 'import signal; print(list(signal.pthread_sigmask(signal.SIG_BLOCK, [])))'").result(LIMIT)
    assert kernel.execute("masks, subprocess.check_output([sys.executable, '-c', code])").result(LIMIT).value == (
        "([[], []], b'[]\\n')")


def test_where_python_code_is(kernel):
    # The thread itself says that it is there: 2.7's start() returns before the module threading knows its name.
    execution = kernel.execute("import threading, time\nevent = threading.Event()\ndef g():\n    print(1)\n    event.wait(30)\n"
                               "t = threading.Thread(target=g, name='waiter'); t.start()\n"
                               "while not event.is_set(): pass",
                               filename="/a/b.py")
    written = []
    kernel.on_output(written.append)
    kernel.wait(lambda: written, LIMIT)
    where = kernel.where(LIMIT)
    assert where.how == "live" and sorted(thread.name for thread in where.threads) == ["MainThread", "waiter"]
    main = [thread for thread in where.threads if thread.name == "MainThread"][0]
    assert main.frames[0].file == "/a/b.py" and where.as_dict()["threads"][0]["frames"][0]["file"]
    kernel.interrupt()
    execution.result(LIMIT)
    kernel.execute("event.set()").result(LIMIT)


def test_a_kernel_that_the_system_stops_and_lets_go_on(shared):
    os.kill(shared.info["kernel_pid"], signal.SIGSTOP)
    assert u"SIGSTOP" in until(shared, names.SUSPENDED).detail
    where = shared.where(LIMIT)
    assert where.how == "last known" and u"SIGSTOP" in where.words
    os.kill(shared.info["kernel_pid"], signal.SIGCONT)
    until(shared, names.IDLE)
    assert shared.execute("6 * 7").result(LIMIT).value == "42"


def test_a_frozen_control_group(kernel):
    group = "/sys/fs/cgroup/freezer/ide-kernel-test-%d" % os.getpid()
    try:
        os.mkdir(group)
    except EnvironmentError:
        pytest.skip("this machine lets nobody freeze a control group")
    try:
        write(group + "/cgroup.procs", kernel.info["kernel_pid"])
        write(group + "/freezer.state", "FROZEN")
        assert u"frozen" in until(kernel, names.SUSPENDED).detail
        write(group + "/freezer.state", "THAWED")
        until(kernel, names.IDLE)
    finally:
        write(group + "/freezer.state", "THAWED")
        kernel.kill()
        os.rmdir(group)


def write(path, text):
    with open(path, "w") as stream:
        stream.write("%s\n" % text)


def test_a_line_of_input(shared):
    execution = shared.execute("import sys; sys.stdin.readline()")
    request = asks(shared)
    assert until(shared, names.INPUT).execution == execution.id
    request.reply(u"x")
    execution.result(LIMIT)
    until(shared, names.IDLE)


def test_a_debugger_is_not_input_and_its_users_input_is(shared):
    execution = shared.execute("import pdb\nask = raw_input if str is bytes else input\n"
                               "def f():\n    pdb.set_trace()\n    return 2\nx = f()",
                               filename="/home/me/deb.py")
    request = asks(shared)
    assert u"deb.py line" in until(shared, names.DEBUGGING).detail
    request.reply(u"!y = ask('name? ')")
    shared.wait(lambda: [each for each in shared.requests if each is not request], LIMIT)
    until(shared, names.INPUT)
    shared.requests[-1].reply(u"Ada")
    until(shared, names.DEBUGGING)
    shared.wait(lambda: shared.requests and not shared.requests[-1].over, LIMIT)
    shared.requests[-1].reply(u"c")
    assert execution.result(LIMIT).ok
    until(shared, names.IDLE)


def test_a_kernel_that_closes_its_line_lives(kernel):
    kernel.execute("import os, time\nos.closerange(3, 1000)\ntime.sleep(1000)")
    assert u"line" in until(kernel, names.DETACHED).detail
    assert kernel.kill().name == "SIGKILL"


def test_an_end_that_takes_its_time(kernel, tmpdir):
    """Exit functions outlive the time for a polite answer; what they do is seen."""
    done = tmpdir.join("done")
    code = u"""if 1:
        import atexit, time
        def save():
            time.sleep(%s)
            open(%r, 'w').close()
        atexit.register(save)"""
    kernel.execute(code % (0.5, str(done))).result(LIMIT)
    assert kernel.terminate().code == 0 and done.check()


# -- death --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("code, status, words", [
    ("import os; os._exit(7)", 7, u"7"),
    ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137, u"killed from outside"),
    ("import os; os.abort()", 134, u"gave up"),
    ("import ctypes\ndef f():\n    ctypes.string_at(1)\nf()", 139, u"segmentation fault"),
])
def test_the_cause_of_death_reaches_everybody_who_waits(kernel, code, status, words):
    other = ide_kernel.attach(kernel.connection_file)
    try:
        kernel.execute("print('last' + ' words')").result(LIMIT)
        dying = kernel.execute("import sys; _ = sys.stdin.readline()\n" + code, filename=u"/home/me/dies.py")
        request = asks(kernel)
        waiting = other.execute("1")
        other.wait(lambda: waiting.id is not None, LIMIT)
        request.reply(u"die")
        for execution in (dying, waiting):
            with pytest.raises(ide_kernel.KernelDied) as caught:
                execution.result(LIMIT)
            assert caught.value.cause.status == status and words in str(caught.value)
            assert u"last words" in caught.value.cause.output
        assert until(kernel, names.DEAD).exit.status == status
        if status == 139 and not PY2:
            assert u"dies.py" in kernel.exit.traceback and (PYPY or u"line 4" in kernel.exit.traceback)
    finally:
        other.close()


def test_a_question_that_a_death_cuts_off_has_the_cause(kernel):
    future = kernel._line.request(u"ask", u"complete", u"x", 1)
    kernel.execute("import os; os._exit(3)")
    kernel.wait(lambda: kernel.exit is not None, LIMIT)
    assert future.exception(LIMIT) is None or "3" in str(future.exception(LIMIT))
    with pytest.raises(ide_kernel.KernelDied) as caught:
        kernel.where(LIMIT)
    assert caught.value.cause.code == 3


def test_out_of_memory(alone):
    groups = "/sys/fs/cgroup/memory"
    group = "%s/ide-kernel-test-%d" % (groups, os.getpid())
    try:
        os.mkdir(group)
        write(group + "/memory.limit_in_bytes", 256 << 20)
        write(group + "/cgroup.procs", alone.info["broker_pid"])
    except EnvironmentError:
        pytest.skip("this machine lets nobody make a control group for memory")
    try:
        alone.restart()
        with pytest.raises(ide_kernel.KernelDied) as caught:
            alone.execute("x = b'x' * (1 << 30)").result(LIMIT)
        assert caught.value.cause.name == "SIGKILL"
        assert u"out of memory: the system killed it (its control group counts" in caught.value.cause.reason
    finally:
        write(groups + "/cgroup.procs", alone.info["broker_pid"])
        alone.restart()  # with it everybody is out
        os.rmdir(group)


def test_a_kernel_that_dies_at_its_start_is_not_started_again_by_itself(alone, tmpdir):
    tmpdir.join("sitecustomize.py").write("import os; os._exit(5)")
    with pytest.raises(ide_kernel.StartError):
        alone.restart(env=dict(os.environ, PYTHONPATH=str(tmpdir)))
    assert until(alone, names.DEAD).exit.code == 5 and alone.status.generation == 2


@pytest.mark.parametrize("code, state", [
    ("while True: pass", names.BUSY), pytest.param(WAITS % 60000000 + u"f()", names.STUCK, marks=no_pydll)])
def test_nothing_survives_a_killed_broker(alone, code, state):
    alone.execute("import subprocess; c = subprocess.Popen(['setsid', 'sleep', '60']); print('C%d.' % c.pid)")
    written = []
    alone.on_output(written.append)
    alone.wait(lambda: u"." in u"".join(output.text for output in written), LIMIT)
    child = int(u"".join(output.text for output in written).split(u"C")[1].split(u".")[0])
    alone.execute(code)
    until(alone, state)
    os.kill(alone.info["broker_pid"], signal.SIGKILL)
    alone.wait(lambda: alone.lost, LIMIT)
    assert alone.status.state == names.LOST
    for pid in (alone.info["kernel_pid"], child):
        wait_gone(pid)


def test_a_killed_frontend_leaves_the_kernel_running(shared):
    code = "import ide_kernel, os, sys; k = ide_kernel.attach(sys.argv[1]); k.execute('x = 41').result(); os.kill(os.getpid(), 9)"
    status = subprocess.call([sys.executable, "-c", code, shared.connection_file], cwd=ROOT)
    assert status == -signal.SIGKILL
    assert shared.execute("x + 1").result(LIMIT).value == "42"


def test_the_heart_beats_while_heartbeats_arrive(shared):
    beats = []
    shared.on_beat(beats.append)
    shared.wait(lambda: len(beats) > 1, LIMIT)
    assert beats == sorted(set(beats))
