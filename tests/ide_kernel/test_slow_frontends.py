"""Frontends that are slow, stopped, late, gone or back again: nothing missed but what is said to be, and nobody held by the dead.

Real brokers and kernels. A frontend "does not read" by not processing its events.
"""
from __future__ import absolute_import, division, print_function

import os
import select
import signal
import socket
import subprocess
import sys

import pytest

import ide_kernel
from frontend_harness import LIMIT, ROOT, end_all
from ide_kernel.broker.journal import BLOCK
from ide_kernel.client import line as client_line

#: All readers of a test; none may have seen a wrong line.
READERS = []
#: A number and its line: long ones, where bytes are what fills the windows and files of the way, and lines only cost time.
LINE = "%0199d"
FLOOD = "i = 0\nwhile True:\n    print('%s' %% i)\n    i += 1" % LINE


def printing(first, end):
    """Code that prints the numbers from first to end."""
    return "for i in range(%d, %d): print('%s' %% i)" % (first, end, LINE)


@pytest.fixture(scope="module", autouse=True)
def leave_nothing_behind():
    yield
    end_all()


@pytest.fixture
def start():
    kernels = []

    def start(**options):
        kernels.append(ide_kernel.start(**options))
        return kernels[-1]

    del READERS[:]
    yield start
    assert not [reader.wrong for reader in READERS if reader.wrong]
    for kernel in kernels:
        if not kernel.lost:
            kernel.kill()
        kernel.close()


class Reader(object):
    """Takes a kernel's output and checks that it counts up, over gaps too.

    Args:
        kernel: a frontend.
        line: how the kernel writes a number.
    """

    def __init__(self, kernel, line=LINE):
        self.kernel = kernel
        self.line = line.encode("ascii") if bytes is not str else line
        self.next = 0
        self.gaps = 0
        self.bytes = 0
        self._rest = b""
        self._torn = False  # the beginning of the next line is missing
        self.wrong = None
        READERS.append(self)
        kernel.on_output(self._output)

    def _output(self, output):
        if output.source == u"broker":
            self.gaps += 1
            self.bytes += output.bytes
            self.next += output.lines
            self._rest, self._torn = b"", True
            return
        if output.stream != u"stdout":
            return
        self.bytes += len(output.data)
        lines = (self._rest + output.data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            expected = self.line % self.next
            if not expected.endswith(line) or (line != expected and not self._torn):
                self.wrong = self.wrong or (expected, line)
            self._torn = False
            self.next += 1

    def read_until(self, condition):
        self.kernel.wait(condition, LIMIT)


def test_one_who_does_not_read_holds_the_kernel_and_is_named(start):
    kernel = start(when_slow="block")
    execution = kernel.execute(FLOOD)
    watcher = ide_kernel.attach(kernel.connection_file, lines=0, when_slow="drop")
    watcher.wait(lambda: watcher.status.state == u"output", LIMIT)
    status = watcher.status
    assert kernel.frontend in status.detail and status.evidence[u"held_by"] == [kernel.frontend]
    assert watcher.interrupt()[u"delivered"]
    watcher.wait(lambda: watcher.status.state != u"output", LIMIT)
    reader = Reader(kernel)
    assert execution.result(LIMIT).error.type == u"KeyboardInterrupt"
    seen, last = reader.next, int(kernel.execute("raise ValueError(i)").result(LIMIT).error.message)
    if reader.wrong in ((reader.line % last, b""), (reader.line % (last + 1), b"")):
        reader.wrong = None  # 2.7 ends the line of a print that was interrupted, whether it is begun or not
    assert last <= seen <= last + 2 and not reader.gaps, "every line up to the interrupt"
    watcher.close()


def test_one_who_comes_late_and_does_not_read_holds_the_kernel(start):
    kernel = start()
    reader = Reader(kernel)
    execution = kernel.execute(FLOOD)
    reader.read_until(lambda: reader.bytes > 3 * client_line.WINDOW)
    late = ide_kernel.attach(kernel.connection_file)  # it has more to read than its window
    kernel.wait(lambda: kernel.status.state == u"output" and kernel.status.evidence[u"held_by"] == [late.frontend], LIMIT)
    late_reader = Reader(late)
    late_reader.read_until(lambda: late_reader.next > reader.next + 50)
    late.close()  # which lets the kernel go on
    kernel.interrupt()
    assert execution.result(LIMIT).error.type == u"KeyboardInterrupt"
    assert not late_reader.gaps and not reader.gaps


def test_who_is_gone_holds_nobody(start):
    kernel = start(keep=True)
    script = ("import ide_kernel, sys\nkernel = ide_kernel.attach(%r)\nprint(kernel.frontend)\nsys.stdout.flush()\n"
              "sys.stdin.read()" % kernel.connection_file)
    other = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    name = other.stdout.readline().strip().decode("ascii")
    os.kill(other.pid, signal.SIGSTOP)
    kernel.execute(FLOOD)
    reader = Reader(kernel)
    kernel.wait(lambda: kernel.status.state == u"output", LIMIT)
    assert kernel.status.evidence[u"held_by"] == [name]
    other.kill()
    other.communicate()
    seen = reader.next
    reader.read_until(lambda: reader.next > seen + 5000 and kernel.status.state == u"busy")


def test_spool_lets_the_kernel_run_and_keeps_what_was_not_read(start):
    kernel = start(when_slow="spool")
    watcher = ide_kernel.attach(kernel.connection_file)
    execution = kernel.execute(printing(0, 10000))
    fast = Reader(watcher)
    fast.read_until(lambda: fast.next == 10000)
    assert not fast.gaps and watcher.status.state != u"output"
    slow = Reader(kernel)
    assert execution.result(LIMIT).ok and slow.next == 10000 and not slow.gaps
    watcher.close()


@pytest.mark.parametrize("options", [{"when_slow": "spool", "output_spool": 0, "output_memory": BLOCK}, {"when_slow": "drop"}])
def test_beyond_what_is_kept_the_gap_is_exact_and_results_come_all_the_same(start, options):
    kernel = start(**options)
    watcher = ide_kernel.attach(kernel.connection_file, lines=0)
    first = kernel.execute(printing(0, 17000))
    second = kernel.execute("x = 42")
    fast = Reader(watcher)
    watcher.wait(lambda: fast.next == 17000, LIMIT)
    slow = Reader(kernel)
    assert first.result(LIMIT).ok and second.result(LIMIT).ok and kernel.execute(printing(17000, 17001)).result(LIMIT).ok
    assert slow.gaps and slow.next == 17001 and slow.bytes == 17001 * len(LINE % 0 + "\n")
    watcher.close()


def test_one_that_comes_late_gets_everything_and_the_icon_does_not_lie(start):
    kernel = start()
    Reader(kernel)
    kernel.execute(printing(0, 1000)).result(LIMIT)
    late = ide_kernel.attach(kernel.connection_file)
    seen = []
    late.on_execution(lambda execution: seen.append((execution.id, execution.state, execution.code, late.status.state)))
    reader = Reader(late)
    assert late.executions == [] and late.status.state == u"idle"
    reader.read_until(lambda: reader.next == 1000 and len(seen) == 3)
    assert [state for _, state, _, _ in seen] == [u"queued", u"running", u"finished"]
    assert set(state for _, _, _, state in seen) == set([u"idle"]) and seen[0][2] == printing(0, 1000)
    late.close()


def test_one_that_is_killed_in_a_flood_and_another_that_comes_after(start):
    kernel = start(keep=True, when_slow="spool", output_spool=2 << 20)
    kernel.execute(FLOOD)
    script = ("import ide_kernel, os\nkernel = ide_kernel.attach(%r)\n"
              "kernel.on_output(lambda output: os.write(1, b'x'))\nkernel.wait(lambda: False)" % kernel.connection_file)
    other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT)
    assert other.stdout.read(5) == b"xxxxx"
    other.kill()
    other.communicate()
    late = ide_kernel.attach(kernel.connection_file)
    reader = Reader(late)
    reader.read_until(lambda: reader.next > 35000)  # over gaps, where it was slower than the kernel and what is kept
    late.close()


def cut(kernel):
    """Cut the link to the broker, whatever is under way; a function that says whether it is there again."""
    context = kernel._line.context
    link = context.links[0]
    link._socket.shutdown(socket.SHUT_RDWR)
    return lambda: [each for each in context.links if each is not link and each.up]  # one look: it may be cut as we look


def test_one_whose_link_is_cut_reads_on_where_it_was(start):
    kernel = start()
    reader = Reader(kernel)
    execution = kernel.execute(printing(0, 12000))
    for place in (1, 2000, 4000, 8000):
        reader.read_until(lambda: reader.next >= place)  # noqa: B023
        kernel.wait(cut(kernel), LIMIT)
    assert execution.result(LIMIT).ok and reader.next == 12000 and not reader.gaps
    kernel.wait(cut(kernel), LIMIT)
    assert kernel.execute(printing(12000, 12100)).result(LIMIT).ok and reader.next == 12100
    assert kernel.status.state != u"lost" and kernel.complete("impor")["matches"] == [u"import"]


def test_what_was_on_its_way_when_the_link_was_cut_arrives_or_fails(start):
    kernel = start()
    kernel.wait(lambda: kernel.status.state == u"idle", LIMIT)
    for _ in range(20):
        execution = kernel.execute("1 + 1")
        back = cut(kernel)
        error = execution.exception(LIMIT)
        kernel.wait(back, LIMIT)
        assert execution.result().value == u"2" if error is None else isinstance(error, ide_kernel.BrokerLost)
    assert kernel.execute("1 + 1").result(LIMIT).value == u"2" and not kernel.executions


@pytest.fixture
def stopped(start):
    """A kernel of an event loop's, whose broker is stopped and whose link to it is cut: nobody says no, and nobody answers."""
    kernel = start()
    kernel.process_events()
    broker = kernel.info[u"broker_pid"]
    os.kill(broker, signal.SIGSTOP)
    cut(kernel)
    yield kernel
    os.kill(broker, signal.SIGCONT)
    if kernel.lost:  # it still waits for us
        os.kill(broker, signal.SIGTERM)


def loop_until(kernel, condition):
    """An event loop of a program's."""
    while not condition():
        assert select.select([kernel.fileno()], [], [], LIMIT)[0]
        kernel.process_events()


def test_an_event_loop_goes_on_while_a_link_that_was_cut_is_made_again(stopped):
    loop_until(stopped, lambda: [link for link in stopped._line.context.links if link.state == "connecting"])
    assert not stopped.lost  # and here we are, while nobody answers
    os.kill(stopped.info[u"broker_pid"], signal.SIGCONT)
    execution = stopped.execute("1 + 1")
    loop_until(stopped, execution.done)
    assert execution.result().value == u"2" and stopped.status.state != u"lost"


def test_a_broker_that_does_not_answer_any_more_is_lost(stopped, monkeypatch):
    monkeypatch.setattr(client_line, "AGAIN", 0.1)
    states = []
    stopped.on_status(lambda status: states.append(status.state))
    loop_until(stopped, lambda: stopped.lost and states)
    assert states[-1] == u"lost"
    with pytest.raises(ide_kernel.BrokerLost):
        stopped.execute("1").result(LIMIT)


def test_only_the_last_lines(start):
    kernel = start()
    kernel.execute("for i in range(20000): print(i)").result(LIMIT)
    for lines in (0, 1, 10, 10000):
        late, seen = ide_kernel.attach(kernel.connection_file, lines=lines), []
        late.on_output(lambda output: seen.append(output.data))
        late.execute("print('end')").result(LIMIT)
        kernel.wait(lambda: not kernel.executions, LIMIT)
        # the executions of those who came before each wrote a line
        expected = [b"%d" % i for i in range(20000)] + [b"end"] * (0, 1, 10, 10000).index(lines)
        assert b"".join(seen).splitlines() == expected[len(expected) - lines:] + [b"end"]
        late.close()


def test_the_spool_is_given_up_and_the_status_says_so(start, tmpdir, monkeypatch):
    import resource
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        kernel = start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    reader = Reader(kernel)
    kernel.execute(printing(0, 17000)).result(LIMIT)
    assert reader.next == 17000
    kernel.wait(lambda: kernel.status.evidence[u"spool_failure"], LIMIT)
    assert u"memory only" in kernel.status.detail


def test_options_are_checked():
    for options in ({"when_slow": "never"}, {"output_spool": -1}, {"output_memory": "1M"}, {"colour": "red"}):
        with pytest.raises(ValueError):
            ide_kernel.start(**options)
    with pytest.raises(ValueError):
        ide_kernel.attach("/no/such/file", when_slow="spool")
