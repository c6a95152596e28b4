"""Printing to frontends that are slow, stopped, gone or back again: nothing missed, nothing frozen, everything bounded.

    python3 benchmarks/printing.py [PART ...] [--quick] [--seconds 600] [--trials 1000] [--runs 200]

Parts: stopped, two, interrupt, complete, killed, lastwords, gil, writers, program; all when none is named. Each says what it
promises and what it measured; Ctrl-C ends it with what there is so far. The status is 1 when a promise is broken.
"""
from __future__ import absolute_import, division, print_function

import argparse
import atexit
import hashlib
import os
import subprocess
import sys
import time

from measure import ROOT, Part, clean_environment, exit_with, machine, median, memory, percentile, say, table, timer

sys.path.insert(0, ROOT)
LIMIT = 60.0          # seconds; for a wait that should be over soon
WINDOW = 1.0          # MiB: what may be under way to a frontend
MORE = 1.0            # MiB that kernel and broker may grow by beyond that
SHARE = 0.9           # of its own rate, that a frontend keeps beside a stalled one
INTERRUPTED = 50.0    # ms, p99
COMPLETED = 20.0      # ms, p99
ARRIVED = 1.0         # s, for what C code writes while it holds the interpreter
LINES = 50            # last words
FLOOD = "i = 0\nwhile True:\n    print(i)\n    i += 1"


class Report(object):
    """Prints promises and whether they were kept, and all of them again at the end."""

    def __init__(self):
        self.rows = []
        self.part = ""

    def promise(self, kept, text, figure="", target=""):
        self.rows.append(["kept" if kept else "BROKEN", self.part, text, figure, target])
        print("  %-6s  %s%s%s" % ("kept" if kept else "BROKEN", text, ": " + figure if figure else "",
                                  " (at most: %s)" % target if target else ""))
        sys.stdout.flush()

    def progress(self, done, total):
        if sys.stderr.isatty():
            sys.stderr.write("\r  %d of %d \r" % (done, total))
            sys.stderr.flush()

    def end(self):
        table("all promises", ["part", "promise", "figure", "target", "kept"], [row[1:] + row[:1] for row in self.rows])
        broken = sum(row[0] != "kept" for row in self.rows)
        print("\n%s" % ("every promise kept" if not broken else "%d of %d promises broken" % (broken, len(self.rows))))
        return 1 if broken else 0


class Counter(object):
    """Takes a kernel's stdout and checks that its lines count up, over gaps too.

    Attributes:
        next (int): the number of the next line.
        read (int): lines that came.
        gaps (list): lines of each gap.
        wrong: the first line that was not as expected.
    """

    def __init__(self, kernel):
        self.next = self.read = 0
        self.gaps = []
        self.wrong = None
        self._rest = b""
        self._torn = False
        kernel.on_output(self._output)

    def _output(self, output):
        if output.source == u"broker":
            self.gaps.append(output.lines)
            self.next += output.lines
            self._rest, self._torn = b"", True
        elif output.stream == u"stdout":
            lines = (self._rest + output.data).split(b"\n")
            self._rest = lines.pop()
            self.read += len(lines)
            for line in lines:
                expected = b"%d" % self.next
                if line != expected and not (self._torn and expected.endswith(line)):
                    self.wrong = self.wrong or [self.next, line[:80].decode("ascii", "replace")]
                self._torn = False
                self.next += 1


class Flow(object):
    """Counts the bytes of output."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.bytes = 0
        kernel.on_output(self._output)

    def _output(self, output):
        self.bytes += len(output.data)

    def wait(self, more, execution=None):
        """Until so many more bytes have come, or the execution is over."""
        end = self.bytes + more
        self.kernel.wait(lambda: self.bytes >= end or (execution is not None and execution.done()), LIMIT)


def start(**options):
    """A kernel of our own."""
    import ide_kernel
    kernel = ide_kernel.start(keep=True, **options)
    atexit.register(end_left, kernel.connection_file)
    return kernel


def end_left(path):
    """After Ctrl-C: a kernel that is kept would outlive us."""
    if os.path.exists(path):
        end(attach(path, lines=0, when_slow="drop"))


def end(kernel):
    """End it, whatever its state."""
    if not kernel.lost:
        kernel.kill()
    kernel.close()


def attach(path, **options):
    """One more frontend."""
    import ide_kernel
    return ide_kernel.attach(path, **options)


def watch(kernel):
    """A frontend on the same kernel that holds nobody."""
    return attach(kernel.connection_file, lines=0, when_slow="drop")


def reader(path, when_slow="block"):
    """Role: read all that comes; at the end of what runs say [lines, next number, gaps, wrong]."""
    kernel = attach(path, when_slow=when_slow)
    counter = Counter(kernel)
    kernel.wait(lambda: counter.read)
    say(kernel.frontend)
    kernel.wait(lambda: not kernel.executions or kernel.lost)
    say([counter.read, counter.next, counter.gaps, counter.wrong])


def meter(path, seconds):
    """Role: read for some seconds; say the lines a second."""
    kernel = attach(path, lines=0)
    seen = [0]
    kernel.on_output(lambda output: seen.__setitem__(0, seen[0] + output.data.count(b"\n")))
    kernel.wait(lambda: seen[0])
    begun, before = timer(), seen[0]
    kernel.wait(lambda: timer() - begun > float(seconds))
    say((seen[0] - before) / (timer() - begun))


# ---- the parts

def stopped(report, options):
    """A frontend stopped for a long time."""
    kernel = start()
    pids = {"kernel": kernel.info["kernel_pid"], "broker": kernel.info["broker_pid"]}
    before = dict((what, memory(pid)) for what, pid in pids.items())
    execution = kernel.execute(FLOOD)
    path = kernel.connection_file
    kernel.wait(execution.running, LIMIT)
    child = Part(__file__, "reader", path)
    kernel.close()  # it leaves; the child alone is attached
    try:
        name = child.hear()
        watcher = attach(path, lines=0, when_slow="drop")
        child.stop()
        peak, deadline = dict(before), timer() + options.seconds
        while timer() < deadline:
            time.sleep(min(1.0, options.seconds / 5))
            for what, pid in pids.items():
                peak[what] = max(peak[what], memory(pid))
            report.progress(options.seconds - (deadline - timer()), options.seconds)
        watcher.wait(lambda: watcher.status.state == "output", LIMIT)
        report.promise(name in watcher.status.evidence["held_by"], "the status says that it holds the kernel",
                       str(watcher.status))
        for what in sorted(pids):
            grown = peak[what] - before[what]
            report.promise(grown <= WINDOW + MORE, "growth of the %s while a frontend was stopped for %d s" % (
                what, options.seconds), "%.2f MiB" % grown, "%.0f MiB" % (WINDOW + MORE))
        child.go_on()
        time.sleep(1.0)
        watcher.interrupt()
        read, last, gaps, wrong = child.hear()
        report.promise(read == last and not gaps and wrong is None, "every line came, in order, none twice",
                       "%d lines%s" % (read, "" if wrong is None else ", first wrong: %s" % wrong))
        watcher.kill()
        watcher.close()
    finally:
        child.end()


def two(report, options):
    """A stalled frontend beside a healthy one."""
    kernel = start()
    kernel.execute(FLOOD)
    path = kernel.connection_file
    watcher = watch(kernel)
    kernel.close()
    seconds = str(min(5.0, max(1.0, options.seconds / 60)))
    stalled = Part(__file__, "reader", path, "drop")
    try:
        stalled.hear()
        alone, beside = [], []
        for turn in range(5):
            stalled.go_on()
            time.sleep(0.2)
            for found in (alone, beside):
                process = Part(__file__, "meter", path, seconds)
                found.append(process.hear())
                process.end()
                stalled.stop()
            report.progress(turn + 1, 5)
        share = median(beside) / median(alone)
        report.promise(share >= SHARE, "of its rate (%d lines/s) a frontend keeps beside one that drops, stalled" % median(alone),
                       "%.0f %%" % (100 * share), "")
        stalled.go_on()
        watcher.interrupt()
        read, last, gaps, wrong = stalled.hear()
        written = int(watcher.execute("raise ValueError(i)").result(LIMIT).error.message)
        report.promise(read + sum(gaps) == last and wrong is None and written <= last <= written + 1 and gaps,
                       "the stalled one learns exactly what it missed",
                       "%d of %d lines in %d gaps" % (sum(gaps), last, len(gaps)))
        watcher.execute(FLOOD)
        holder = Part(__file__, "reader", path)
        try:
            name = holder.hear()
            holder.stop()
            watcher.wait(lambda: watcher.status.state == "output", LIMIT)
            report.promise(watcher.status.evidence["held_by"] == [name], "one that blocks holds the kernel and is named",
                           str(watcher.status))
        finally:
            holder.end()
        watcher.wait(lambda: watcher.status.state == "busy", LIMIT)
        report.promise(True, "killed, it holds nobody")
    finally:
        stalled.end()
        end(watcher)


def interrupt(report, options):
    """Interrupts in the flood, with the frontend reading and with it stopped."""
    kernel = start()
    flow, times = Flow(kernel), []
    for trial in range(options.trials):
        execution = kernel.execute(FLOOD)
        flow.wait(200000, execution)
        begun = timer()
        kernel.interrupt(wait=False)
        assert execution.result(LIMIT).error.type == u"KeyboardInterrupt"
        times.append((timer() - begun) * 1e3)
        report.progress(trial + 1, options.trials)
    judge_times(report, times, INTERRUPTED, "interrupt in the flood, frontend reading")
    path, watcher = kernel.connection_file, watch(kernel)
    kernel.close()
    times = []
    child = Part(__file__, "idler", path)
    try:
        child.hear()
        for trial in range(options.trials):
            execution = watcher.execute(FLOOD)
            child.hear()  # some of it has come there
            child.stop()
            wait_until_full(watcher)
            begun = timer()
            watcher.interrupt(wait=False)
            watcher.wait(lambda: watcher.status.state == "idle", LIMIT)
            times.append((timer() - begun) * 1e3)
            child.go_on()
            assert execution.result(LIMIT).error.type == u"KeyboardInterrupt"
            report.progress(trial + 1, options.trials)
        judge_times(report, times, INTERRUPTED, "interrupt in the flood, frontend stopped")
    finally:
        child.end()
        end(watcher)


def idler(path):
    """Role: read; for each execution say a word when 200 kB of it have come."""
    kernel = attach(path, lines=0)
    seen = {}

    def count(output):
        before = seen.get(output.execution, 0)
        seen[output.execution] = before + len(output.data)
        if before < 200000 <= seen[output.execution]:
            say("flows")

    kernel.on_output(count)
    say("there")
    kernel.wait(lambda: kernel.lost)


def wait_until_full(watcher):
    """Until the kernel sleeps in print: it is held up."""
    deadline = timer() + LIMIT
    while timer() < deadline:
        with open("/proc/%d/wchan" % watcher.info["kernel_pid"]) as stream:
            if "pipe" in stream.read():
                return
        watcher.process_events()
        with open("/proc/%d/stat" % watcher.info["kernel_pid"]) as stream:
            if stream.read().rsplit(")", 1)[1].split()[0] == "S":
                time.sleep(0.05)
                return
        time.sleep(0.002)


def judge_times(report, times, limit, what):
    """The p99 of times in ms."""
    found = percentile(times, 99)
    report.promise(found <= limit, "%s, p99 of %d" % (what, len(times)), "%.1f ms (p50 %.1f, worst %.1f)" % (
        found, percentile(times, 50), max(times)), "%.0f ms" % limit)


def complete(report, options):
    """Completions in the flood."""
    kernel = start()
    flow, times = Flow(kernel), []
    kernel.execute("import string")
    execution = kernel.execute(FLOOD)
    flow.wait(100000)
    for trial in range(options.trials):
        begun = timer()
        assert kernel.complete("string.ascii_l", timeout=LIMIT)["matches"]
        times.append((timer() - begun) * 1e3)
        flow.wait(1)
        report.progress(trial + 1, options.trials)
    judge_times(report, times, COMPLETED, "completion in the flood")
    kernel.interrupt()
    execution.result(LIMIT)
    end(kernel)


def killed(report, options):
    """A frontend killed in mid-flood, and a new one."""
    for spool, what in ((64 << 20, "within the cap"), (0, "beyond the cap")):
        lines, missing, wrong = 0, 0, []
        runs = max(3, options.runs // 10)
        for run in range(runs):
            counter = kill_one(400000 + 1000 * run, 0.01 * (run % 10), spool)
            lines += counter.read
            missing += sum(counter.gaps)
            if counter.wrong or len(counter.gaps) > (0 if spool else 1) or counter.read + sum(counter.gaps) != counter.next:
                wrong.append((counter.wrong, counter.gaps))
            report.progress(run + 1, runs)
        report.promise(not wrong, "%d frontends killed in mid-flood, a new one gets every line, %s" % (runs, what),
                       "%d lines, %d missing and said so%s" % (lines, missing, ", wrong: %r" % wrong[:3] if wrong else ""))


def kill_one(count, seconds, spool):
    """Print, kill the frontend that reads, and let another one read all of it."""
    kernel = start(output_spool=spool)
    execution = kernel.execute("for i in range(%d): print(i)" % count)
    kernel.wait(execution.running, LIMIT)
    child = Part(__file__, "reader", kernel.connection_file)
    kernel.close()
    child.hear()
    time.sleep(seconds)
    child.end()
    late = attach(kernel.connection_file)
    counter = Counter(late)
    late.wait(lambda: counter.next == count, LIMIT)
    end(late)
    return counter


DEATHS = (("os._exit", "import os; os._exit(3)"), ("segfault", "import ctypes; ctypes.string_at(0)"),
          ("SIGKILL", "import os; os.kill(os.getpid(), 9)"))


def lastwords(report, options):
    """Print, then die."""
    import ide_kernel
    kernel = start()
    data = []
    kernel.on_output(lambda output: data.append(output.data) if output.stream == u"stdout" else None)
    for name, code in DEATHS:
        complete_runs = 0
        for run in range(options.runs):
            del data[:]
            execution = kernel.execute("for i in range(%d): print(i)\n%s" % (LINES, code))
            assert isinstance(execution.exception(LIMIT), ide_kernel.KernelDied)
            complete_runs += b"".join(data).split() == [b"%d" % i for i in range(LINES)]
            kernel.restart(timeout=LIMIT)
            report.progress(run + 1, options.runs)
        report.promise(complete_runs == options.runs, "%d of %d lines before %s" % (LINES, LINES, name),
                       "%d of %d runs" % (complete_runs, options.runs))
    end(kernel)


def gil(report, options):
    """1 MB written to descriptor 1 by C code that holds the interpreter."""
    kernel = start()
    flow, times = Flow(kernel), []
    for _ in range(max(3, options.runs // 10)):
        begun = timer()
        execution = kernel.execute("import ctypes\nlibc = ctypes.PyDLL(None)\ndata = b'x' * 10**6\nat = 0\n"
                                   "while at < len(data): at += libc.write(1, data[at:], len(data) - at)")
        flow.wait(10 ** 6)
        times.append(timer() - begun)
        assert execution.result(LIMIT).ok and flow.bytes == 10 ** 6 * len(times)
    report.promise(max(times) <= ARRIVED, "1 MB from C code that holds the interpreter, worst of %d" % len(times),
                   "%.3f s" % max(times), "%.0f s" % ARRIVED)
    end(kernel)


WRITERS = {
    "8 threads of 10,000 lines": (80000, """
import threading
def write(which):
    for i in range(10000): print("%d-%d" % (which, i))
threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
for t in threads: t.start()
for t in threads: t.join()
""", ["%d-%d" % (n, i) for n in range(8) for i in range(10000)]),
    "a multiprocessing.Pool": (4000, """
import multiprocessing
def work(which):
    for i in range(100): print("%d-%d" % (which, i), flush=True)
context = multiprocessing.get_context("fork")
with context.Pool(4) as pool: _ = pool.map(work, range(40))
""", ["%d-%d" % (n, i) for n in range(40) for i in range(100)]),
    "forked children": (8000, """
import os
children = []
for n in range(8):
    pid = os.fork()
    if pid == 0:
        for i in range(1000): print("%d-%d" % (n, i))
        os._exit(0)
    children.append(pid)
_ = [os.waitpid(pid, 0) for pid in children]
""", ["%d-%d" % (n, i) for n in range(8) for i in range(1000)]),
    "subprocesses": (8000, """
import subprocess, sys
code = "for i in range(1000): print('%d-%d' % (int(__import__('sys').argv[1]), i), flush=True)"
processes = [subprocess.Popen([sys.executable, "-c", code, str(n)]) for n in range(8)]
_ = [process.wait() for process in processes]
""", ["%d-%d" % (n, i) for n in range(8) for i in range(1000)]),
}


def writers(report, options):
    """Threads and children that print at the same time."""
    kernel = start()
    data = []
    kernel.on_output(lambda output: data.append(output.data))
    for name, (count, code, expected) in sorted(WRITERS.items()):
        del data[:]
        result = kernel.execute(code).result(LIMIT)
        kernel.execute("pass").result(LIMIT)  # what children wrote last is in the pipe by now
        lines = b"".join(data).decode("ascii", "replace").splitlines()
        report.promise(result.ok and sorted(lines) == sorted(expected), "every line of %s, whole" % name,
                       "%d of %d" % (len(set(lines) & set(expected)), count))
    end(kernel)


def program(report, options):
    """`run` in a pipeline."""
    code = "for i in range(10**%d): print(i)" % (5 if options.quick else 6)
    run = [sys.executable, "-m", "ide_kernel", "run", "-c", code]
    digests = [hashlib.md5(subprocess.check_output(command, cwd=ROOT, env=clean_environment())).hexdigest()
               for command in (run, [sys.executable, "-c", code])]
    report.promise(digests[0] == digests[1], "`run ... | md5sum` is plain Python's", digests[0])
    begun = timer()
    first = subprocess.Popen(run, cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    second = subprocess.Popen(["head", "-3"], stdin=first.stdout, stdout=subprocess.PIPE)
    first.stdout.close()
    head = second.communicate()[0]
    errors = first.stderr.read()
    first.stderr.close()
    first.wait()
    report.promise(head == b"0\n1\n2\n" and not errors and timer() - begun < 2.0,
                   "`run ... | head -3` ends at once, without a word",
                   "%.2f s%s" % (timer() - begun, " %r" % errors if errors else ""))


PARTS = (stopped, two, interrupt, complete, killed, lastwords, gil, writers, program)
ROLES = {"reader": reader, "meter": meter, "idler": idler}


def main(arguments):
    """The command line."""
    if arguments[:1] == ["--role"]:
        ROLES[arguments[1]](*arguments[2:])
        os._exit(0)
    os.environ.update(clean_environment())
    for name in set(os.environ) - set(clean_environment()):
        del os.environ[name]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [part.__name__ for part in PARTS]
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(names) + "; all when none is named")
    parser.add_argument("--quick", action="store_true", help="a first look: 5 seconds, 20 trials, 10 runs")
    parser.add_argument("--seconds", type=float, help="how long a frontend is stopped (default: 600)")
    parser.add_argument("--trials", type=int, help="interrupts and completions (default: 1000)")
    parser.add_argument("--runs", type=int, help="deaths of each kind (default: 200)")
    options = parser.parse_args(arguments)
    for name, quick, full in (("seconds", 5.0, 600.0), ("trials", 20, 1000), ("runs", 10, 200)):
        if getattr(options, name) is None:
            setattr(options, name, quick if options.quick else full)
    unknown = set(options.parts) - set(names)
    if unknown:
        parser.error("no such part: %s" % ", ".join(sorted(unknown)))
    print("measured by %s" % machine())
    report = Report()
    try:
        for part in PARTS:
            if not options.parts or part.__name__ in options.parts:
                report.part = part.__name__
                print("\n%s: %s" % (part.__name__, part.__doc__))
                part(report, options)
    except KeyboardInterrupt:
        print("\nstopped by Ctrl-C; what there is:")
        report.end()
        return 130
    return report.end()


if __name__ == "__main__":
    exit_with(main, sys.argv[1:])
