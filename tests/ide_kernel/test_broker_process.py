"""Real processes under a guardian: starts, signals, ends, and nothing that survives."""
from __future__ import absolute_import, division, print_function

import errno
import fcntl
import os
import select
import signal
import sys
import time

import pytest

from ide_kernel.broker import guardian, process

LIMIT = 30.0  # seconds; everything here takes some milliseconds
#: What a fake kernel is written in where it is all the same to the guardian: a shell starts in a tenth of Python's time.
SHELL = "/bin/sh"
PRELUDE = "import os, sys, time, signal\nlink, nonce = int(sys.argv[2]), sys.argv[3]\n"


@pytest.fixture
def start(monkeypatch):
    """Starts a fake kernel, a program of one text, which has ``link`` and ``nonce`` if it is Python; ends what is left of it."""
    started = []

    def start(code, interpreter=sys.executable, **settings):
        monkeypatch.setattr(process, "BOOT", code if interpreter == SHELL else PRELUDE + code)
        started.append(Watched(process.start(interpreter, os.getcwd(), **settings)))
        return started[-1]

    yield start
    for watched in started:
        watched.process.close()
        os.close(watched.process.link_fd)


class Watched(object):
    """A started process and all that its guardian reported."""

    def __init__(self, started):
        self.process = started
        self.reports = []

    def wait_for(self, kind):
        """The report of that kind; reports are read until it is there."""
        while True:
            for report in self.reports:
                if report[0] == kind:
                    return report
            assert ("gone",) not in self.reports, self.reports
            wait_readable(self.process.report_fd)
            self.reports += self.process.reports()

    def read_line(self, fd=None):
        """A line that the program wrote."""
        fd = self.process.out_fd if fd is None else fd
        line = b""
        while not line.endswith(b"\n"):
            wait_readable(fd)
            piece = os.read(fd, 1)
            assert piece, "the pipe ended after %r" % line
            line += piece
        return line.decode("ascii").strip()


def wait_readable(fd):
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    assert guardian.retry(poller.poll, LIMIT * 1000), "nothing came in %d s" % LIMIT


def wait_for_end_of(fd):
    """Read a pipe until nobody holds its other end any more: whoever inherited it is gone."""
    while True:
        wait_readable(fd)
        if not os.read(fd, 65536):
            return


def lives(pid):
    """Whether a process lives; a zombie that nobody reaped does not."""
    try:
        with open("/proc/%d/stat" % pid) as stat:
            return stat.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except EnvironmentError:
        return False


# -- start --------------------------------------------------------------------------------------------------------

def test_what_a_kernel_inherits(start):
    kernel = start("""if 1:
        print([os.read(0, 10), os.getpgrp() == os.getpid(), signal.getsignal(signal.SIGINT) is signal.default_int_handler])
        there = sorted(int(fd) for fd in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + fd))
        print(there == sorted([0, 1, 2, link, int(sys.argv[4])]))
        print(nonce)
        sys.stdout.flush(); sys.stdout = None
        os.write(2, b'to err')
        os.write(link, b'to link')""")
    kernel.wait_for("exit")
    assert kernel.read_line() == "[%r, True, True]" % b""
    assert kernel.read_line() == "True"
    assert kernel.read_line() == "".join("%02x" % byte for byte in bytearray(kernel.process.nonce))
    assert os.read(kernel.process.err_fd, 100) == b"to err"
    assert os.read(kernel.process.link_fd, 100) == b"to link"
    assert kernel.wait_for("pid")[1] == kernel.process.pid


def test_cwd_and_environment(start, tmpdir):
    env = dict(os.environ, GREETING="hello")
    kernel = start("pwd -P; echo $GREETING", SHELL, cwd=str(tmpdir), env=env)
    assert kernel.read_line() == os.path.realpath(str(tmpdir))
    assert kernel.read_line() == "hello"


def test_ignored_and_blocked_signals_are_not_passed_on(start):
    """A shell's ``&`` leaves SIGINT ignored, Python SIGPIPE: a kernel must find neither. This one ignores none by itself."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        kernel = start("while read name value; do case $name in SigBlk:|SigIgn:) echo $value;; esac; done </proc/self/status",
                       SHELL)
    finally:
        signal.signal(signal.SIGINT, before)
    assert int(kernel.read_line(), 16) == 0
    assert int(kernel.read_line(), 16) == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux can make pipes larger")
def test_the_pipes_are_large(start):
    kernel = start("exit", SHELL)
    f_getpipe_sz = 1032
    assert fcntl.fcntl(kernel.process.out_fd, f_getpipe_sz) >= 1 << 17
    assert fcntl.fcntl(kernel.process.err_fd, f_getpipe_sz) >= 1 << 17


@pytest.mark.parametrize("interpreter, cwd, expected", [
    ("/no/such/python", None, ("failed", "exec", errno.ENOENT)),
    (os.getcwd(), None, ("failed", "exec", errno.EACCES)),
    (sys.executable, "/no/such/place", ("failed", "cwd", errno.ENOENT)),
])
def test_a_start_that_fails_says_which_step_and_why(start, interpreter, cwd, expected):
    kernel = start("pass", interpreter, cwd=cwd)
    assert kernel.wait_for("failed") == expected
    kernel.wait_for("gone")
    assert kernel.process.pid is None


# -- signals and ends ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("code, expected", [
    ("exit 3", (3, None)), ("exit 255", (255, None)), (":", (0, None)),
    ("kill -9 $$", (None, 9)), ("kill -11 $$", (None, 11)), ("kill -6 $$", (None, 6)),
])
def test_how_it_ended(start, code, expected):
    kernel = start(code, SHELL)
    status = kernel.wait_for("exit")[1]
    assert (os.WEXITSTATUS(status), None) == expected if os.WIFEXITED(status) else (None, os.WTERMSIG(status)) == expected
    assert kernel.process.reaped


def test_a_signal_reaches_the_whole_group_and_is_confirmed(start):
    kernel = start("""if 1:
        def caught(number, frame):
            os.write(1, ('%d got %d\\n' % (os.getpid(), number)).encode())
            if child:
                os.waitpid(child, 0)
            os._exit(0)
        child = 0
        signal.signal(signal.SIGINT, caught)
        ready, go = os.pipe()
        child = os.fork()
        wait, wake = os.pipe()  # signal.pause() would miss one that comes just before it
        import fcntl
        fcntl.fcntl(wake, fcntl.F_SETFL, os.O_NONBLOCK)
        signal.set_wakeup_fd(wake)
        if not child:
            os.write(go, b'1')
        else:
            os.read(ready, 1)
            os.write(1, ('%d\\n' % child).encode())
        while True:
            os.read(wait, 1)""")
    child = int(kernel.read_line())
    assert kernel.process.signal(signal.SIGINT)
    assert kernel.wait_for("sent") == ("sent", signal.SIGINT, 0)
    lines = sorted([kernel.read_line(), kernel.read_line()])
    assert lines == sorted("%d got %d" % (pid, signal.SIGINT) for pid in (child, kernel.process.pid))


@pytest.mark.skipif(not hasattr(signal, "sigwait"), reason="this Python cannot wait for signals")
@pytest.mark.parametrize("library", ["tgkill", "syscall"])
def test_a_signal_reaches_the_thread_that_it_is_for(start, monkeypatch, library):
    guardian.prepare()
    if library == "syscall":
        monkeypatch.setattr(guardian, "_libc", [OldLibrary(guardian._libc[0])])
    kernel = start("""if 1:
        import threading
        def wait(name):
            print(os.readlink('/proc/thread-self').split('/')[-1]); sys.stdout.flush()
            print(name + ' got %d' % signal.sigwait([signal.SIGUSR1])); sys.stdout.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        threads = [threading.Thread(target=wait, args=(name,)) for name in ('first', 'second')]
        for thread in threads:
            thread.start()
            os.read(link, 1)
        for thread in threads:
            thread.join()""")
    kernel.wait_for("pid")
    threads = []
    for _ in range(2):
        threads.append(int(kernel.read_line()))
        os.write(kernel.process.link_fd, b"x")
    for thread, name in reversed(list(zip(threads, ("first", "second")))):
        assert kernel.process.signal_thread(thread, signal.SIGUSR1)
        assert kernel.read_line() == "%s got %d" % (name, signal.SIGUSR1)
    assert kernel.wait_for("exit") == ("exit", 0)
    assert not kernel.process.signal_thread(threads[0], signal.SIGUSR1), "it was reaped"


class OldLibrary(object):
    """A C library from before ``tgkill``."""

    def __init__(self, library):
        self.prctl, self.syscall = library.prctl, library.syscall


def test_what_is_no_thread_gets_no_signal(start):
    kernel = start("sleep 100", SHELL)
    kernel.wait_for("pid")
    for number in (0, -1, 1 << 31, 1 << 70):
        assert not kernel.process.signal_thread(number, signal.SIGUSR1), number


def test_without_a_c_library_no_thread_gets_a_signal(monkeypatch):
    for library in (None, object()):
        monkeypatch.setattr(guardian, "_libc", [library])
        assert not guardian.signal_thread(os.getpid(), os.getpid(), signal.SIGKILL)


def test_no_signal_is_sent_after_the_kernel_was_reaped(start):
    kernel = start("exit", SHELL)
    kernel.wait_for("exit")
    assert kernel.process.signal(signal.SIGKILL)
    assert kernel.wait_for("sent") == ("sent", signal.SIGKILL, errno.ESRCH)


def test_death_is_seen_although_200_children_hold_its_pipes(start, tmpdir):
    os.mkfifo(str(tmpdir.join("nobody_writes")))  # children of a shell wait there, which costs less than 200 programs
    os.mkfifo(str(tmpdir.join("begin")))
    kernel = start("read go <begin; n=0; while [ $n -lt 200 ]; do read line <nobody_writes & n=$((n + 1)); done; "
                   "echo ready; kill -9 $$", SHELL, cwd=str(tmpdir))
    kernel.wait_for("pid")  # the guardian adopts what is left behind from now on
    with open(str(tmpdir.join("begin")), "w") as begin:
        begin.write("go\n")
    assert kernel.read_line() == "ready"
    assert os.WTERMSIG(kernel.wait_for("exit")[1]) == 9
    assert kernel.process.end()
    kernel.wait_for("clear")
    wait_for_end_of(kernel.process.out_fd)
    wait_for_end_of(kernel.process.err_fd)
    kernel.wait_for("gone")
    assert not kernel.process.end()


SURVIVORS = """if 1:
    os.read(link, 1)
    def spawn(escape):
        if os.fork() == 0:
            escape()
            os.write(1, ('%d\\n' % os.getpid()).encode())
            time.sleep(100)
            os._exit(0)
    def twice():
        if os.fork():
            os._exit(0)
        os.setsid()
        for number in (1, 2, 3, 15):
            signal.signal(number, signal.SIG_IGN)
    spawn(os.setsid)
    spawn(lambda: os.setpgid(0, 0))
    spawn(twice)
    spawn(lambda: os.kill(os.getpid(), 0))
    """


def let_survivors_begin(kernel):
    """Their pids. A kernel, too, is given nothing to do before the guardian adopts what it leaves behind, and says so."""
    kernel.wait_for("pid")
    os.write(kernel.process.link_fd, b"x")
    return [int(kernel.read_line()) for _ in range(4)]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux hands orphans to a subreaper")
@pytest.mark.parametrize("last", [
    "time.sleep(100)", "signal.signal(15, signal.SIG_IGN); os.kill(os.getpid(), signal.SIGSTOP)",
    "children = [spawn(lambda: None) for _ in range(50)]; sys.exit(0)",
])
def test_end_leaves_nothing(start, last):
    kernel = start(SURVIVORS + last)
    pids = let_survivors_begin(kernel)
    kernel.process.end()
    kernel.wait_for("clear")
    wait_for_end_of(kernel.process.out_fd)
    assert not [pid for pid in pids + [kernel.process.pid] if lives(pid)]
    kernel.wait_for("exit")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux hands orphans to a subreaper")
def test_a_killed_broker_leaves_nothing(start, monkeypatch):
    """The broker is a process of its own here, and is SIGKILLed while its kernel holds the GIL."""
    receiver, sender = os.pipe()
    broker = os.fork()
    if broker == 0:
        try:
            kernel = start(SURVIVORS + "sum(range(10 ** 12))" if sys.version_info[0] > 2
                           else SURVIVORS + "2 ** 10 ** 9")
            pids = let_survivors_begin(kernel) + [kernel.process.pid]
            os.write(sender, (" ".join(map(str, pids)) + "\n").encode("ascii"))
            signal.pause()
        finally:
            os._exit(1)
    os.close(sender)
    wait_readable(receiver)
    pids = [int(pid) for pid in os.read(receiver, 1000).split()]
    assert len(pids) == 5 and all(lives(pid) for pid in pids)
    began = time.time()
    os.kill(broker, signal.SIGKILL)
    os.waitpid(broker, 0)
    while any(lives(pid) for pid in pids):
        assert time.time() - began < LIMIT
        select.select([], [], [], 0.002)  # the only pipe's end that would show it is the dead broker's
    os.close(receiver)
    print("gone after %.0f ms" % ((time.time() - began) * 1000))


def test_closing_the_handle_ends_everything(start):
    kernel = start("echo ready; sleep 100", SHELL)
    kernel.wait_for("pid")
    kernel.read_line()
    kernel.process.close()  # returns when the guardian, and so all below it, is gone
    assert not lives(kernel.process.pid)
    kernel.process.close()


def test_a_guardian_forked_from_a_process_with_threads(start):
    import threading
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        kernel = start("echo ready", SHELL)
        assert kernel.read_line() == "ready"
        assert kernel.wait_for("exit") == ("exit", 0)
    finally:
        stop.set()
        thread.join()


def test_the_frontend_sees_the_end_of_our_stdout(start):
    """The guardian holds none of the descriptors that a broker was started with."""
    receiver, sender = os.pipe()
    kernel = start("sleep 100", SHELL)
    kernel.wait_for("pid")
    os.close(sender)
    wait_for_end_of(receiver)
    os.close(receiver)
