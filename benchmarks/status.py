"""How true the status is: every cause of every state for real, deaths, orphans, and a long mixed load.

    python3 benchmarks/status.py [--runs N] [--python PATH ...] [--causes a,b] [--load N] [--deaths N] [--orphans N]
                                 [--mixed SECONDS] [--where N]

A run is right when the state is told within its limit (1 s; 0.1 s for *input* and *dead*), and none before it that was not so.
Any *dead* while the process lives is a false one. Exits with 1 when something was not right. `--load` adds processes that spin.
"""
from __future__ import absolute_import, division, print_function

import argparse
import collections
import os
import random
import signal
import subprocess
import sys
import time

from measure import ROOT, clean_environment, exit_with, machine, median, percentile, table, timer

sys.path.insert(0, ROOT)

import ide_kernel  # noqa: E402
import yotonlike  # noqa: E402
from ide_kernel import connection_file, vocabulary  # noqa: E402

LIMIT = 30.0
#: Code that a cause is written in: it says when it begins, by the clock that we have, too.
NOW = "import sys, time; _ = sys.stdout.write('T%r\\n' % time.time()); _ = sys.stdout.flush()\n"
LIBC = "import ctypes; libc = ctypes.PyDLL(None)\n"
#: What may be told on the way to another state.
ON_THE_WAY = set(["idle", "busy"])

Cause = collections.namedtuple("Cause", "name state limit code act undo")


class Bench(object):
    """A kernel that is made anew whenever it is gone, and all that its status said."""

    def __init__(self, python):
        self.python = python
        self.kernel = None
        self.began = None
        self.told = []
        self.fresh()

    def fresh(self):
        """A kernel that is idle."""
        if self.kernel is not None and (self.kernel.lost or self.kernel.exit is not None or self.kernel.status.state != "idle"):
            self.close()
        if self.kernel is None:
            self.kernel = ide_kernel.start(self.python, linger=0)  # Ctrl-C leaves nothing behind
            self.kernel.on_output(self._output)
            self.kernel.on_status(lambda status: self.told.append((time.time(), status)))
        self.wait(lambda: self.kernel.status.state == "idle")
        self.began = None
        del self.told[:]

    def close(self):
        kernel, self.kernel = self.kernel, None
        if not kernel.lost:
            kernel.kill()
        kernel.close()

    def _output(self, output):
        if output.text.startswith("T1") and self.began is None:  # a time of this century
            self.began = float(output.text.split()[0][1:])

    def wait(self, condition, limit=LIMIT):
        """Whether it came true in time."""
        try:
            self.kernel.wait(condition, limit)
            return True
        except yotonlike.Timeout:
            return False

    def until(self, *states, **options):
        """Whether the status was one of them in time."""
        return self.wait(lambda: self.kernel.status.state in states, options.get("limit", LIMIT))

    @property
    def pid(self):
        return self.kernel.info["kernel_pid"]


def run(bench, cause):
    """One run; (seconds until it was told or None, what was wrong or None)."""
    bench.fresh()
    kernel = bench.kernel
    if cause.code:
        kernel.execute(NOW + cause.code)
        bench.wait(lambda: bench.began is not None)
    if cause.act:
        bench.began = time.time()
        cause.act(bench)
    came = bench.wait(lambda: any(status.state == cause.state for _, status in bench.told), 5.0)
    if came and cause.state not in ("dead", "input"):
        bench.wait(lambda: False, 0.3)  # and stays
    states = [status.state for _, status in bench.told]
    took = [max(0.0, when - bench.began) for when, status in bench.told if status.state == cause.state][:1]
    wrong = sorted(set(states) - ON_THE_WAY - set([cause.state]))
    problem = "told %s" % ",".join(wrong) if wrong else None
    if not came:
        problem = "not told: %s" % ",".join(states)
    elif took[0] > cause.limit:
        problem = "late"
    elif states[-1] != cause.state:
        problem = "not kept: %s" % ",".join(states)
    if problem:
        print("  %s: %s" % (cause.name, problem))
        for when, status in bench.told + [(time.time(), kernel.status)]:
            print("    %+.3f s: %s (%s), %s" % (when - (bench.began or when), status.state, status.detail, status.evidence))
        sys.stdout.flush()
    if cause.undo:
        cause.undo(bench)
    return (took[0] if took else None), problem


def interrupt(bench):
    bench.kernel.interrupt(wait=False)
    bench.wait(lambda: bench.kernel.status.state == "idle", 2.0)


def answer(text):
    def undo(bench):
        for request in bench.kernel.requests:
            request.reply(text)
        bench.wait(lambda: bench.kernel.status.state == "idle", 5.0)
    return undo


def send(number):
    return lambda bench: os.kill(bench.pid, number)


def stopped_broker(seconds):
    def act(bench):
        """A broker that is stopped for a while learns nothing meanwhile, and must not invent it. That it is silent is told."""
        pid = bench.kernel.info["broker_pid"]
        bench.kernel.execute("import time; time.sleep(%r)" % (seconds + LIMIT))  # many such runs go side by side
        bench.wait(lambda: bench.kernel.status.state == "busy")
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        bench.kernel.process_events()
        bench.told[:] = [each for each in bench.told if each[1].state not in ("busy", "lost")]
        os.kill(pid, signal.SIGCONT)
        bench.began = time.time()
        if bench.until("busy", limit=LIMIT):
            bench.told.append((time.time(), bench.kernel.status))
        bench.wait(lambda: False, 1.0)
        bench.told.append((time.time(), bench.kernel.status))
    return act


def crowd(bench):
    """The kernel ends, and 200 children hold on to its stdout."""
    bench.kernel.execute("import os, subprocess\nfor _ in range(200): c = subprocess.Popen(['sleep', '60'])").result(LIMIT)
    bench.began = None
    bench.kernel.execute(NOW + "os._exit(0)")
    bench.wait(lambda: bench.began is not None)


def stall(bench):
    """Another frontend that takes no output."""
    connection = connection_file.read(bench.kernel.connection_file)
    bench.stalled = yotonlike.Context(u"stalled", key=connection.key)
    bench.channel = yotonlike.SubChannel(bench.stalled, vocabulary.EVENTS, yotonlike.OBJECT, window=1 << 16)
    bench.stalled.connect(connection.address, timeout=LIMIT)
    bench.kernel.execute("while True: print('x' * 1000)")
    bench.wait(lambda: bench.kernel.status.state == "busy")
    bench.began = time.time()


def unstall(bench):
    bench.stalled.close(0.0)
    bench.close()


class Group(object):
    """A control group of version 1, where the machine lets us make one."""

    def __init__(self, controller):
        self.path = "/sys/fs/cgroup/%s/ide-kernel-bench-%d" % (controller, os.getpid())

    def __enter__(self):
        try:
            os.mkdir(self.path)
        except EnvironmentError:
            self.path = None
        return self

    def set(self, name, value):
        with open("%s/%s" % (self.path, name), "w") as stream:
            stream.write("%s\n" % value)

    def __exit__(self, *exception):
        if self.path:
            os.rmdir(self.path)


def on_pypy(cause):
    """Its ctypes always gives the GIL up, without ``PyDLL``, and its ``sum`` is compiled Python: these are *busy* there."""
    is_free = "libc" in (cause.code or "") or cause.name == "sum(repeat)"
    return cause._replace(state="busy", code=cause.code.replace("PyDLL", "CDLL")) if is_free else cause


def causes(freezer, memory, broker_stop):
    """All there are here."""
    found = [
        Cause("python spin", "busy", 1, "while True: pass", None, interrupt),
        Cause("lock deadlock in Python", "busy", 1, "import threading; l = threading.Lock(); _ = l.acquire(); l.acquire()", None,
              Bench.close),
        Cause("sum(repeat)", "extension", 1, "import itertools; sum(itertools.repeat(1, 10**10))", None, Bench.close),
        Cause("big-int power", "extension", 1, "n = 10**9; x = 7**n", None, Bench.close),
        Cause("regex backtracking", "extension", 1, "import re; re.match('(a+)+b', 'a' * 60)", None, Bench.close),
        Cause("C sleep with the GIL", "stuck", 1, LIBC + NOW + "libc.usleep(20000000)", None, Bench.close),
        Cause("lock deadlock in C", "stuck", 1, LIBC + "m = ctypes.create_string_buffer(64); libc.pthread_mutex_lock(m)\n" + NOW
              + "libc.pthread_mutex_lock(m)", None, Bench.close),
        Cause("SIGSTOP", "suspended", 1, None, send(signal.SIGSTOP), send(signal.SIGCONT)),
        Cause("input", "input", 0.1, "sys.stdin.readline()", None, answer(u"x")),
        Cause("debugger", "debugging", 1, "import pdb\ndef f():\n    pdb.set_trace()\n    return 1\nf()", None, answer(u"c")),
        Cause("stalled reader", "output", 1, None, stall, unstall),
        Cause("SIGSEGV", "dead", 0.1, "import os; os.kill(os.getpid(), 11)", None, None),
        Cause("SIGKILL", "dead", 0.1, None, send(signal.SIGKILL), None),
        Cause("SIGABRT", "dead", 0.1, "import os; os.abort()", None, None),
        Cause("os._exit(7)", "dead", 0.1, "import os; os._exit(7)", None, None),
        Cause("200 children hold stdout", "dead", 0.1, None, crowd, None),
        Cause("broker stopped %g s" % broker_stop, "busy", 1, None, stopped_broker(broker_stop), interrupt),
    ]
    if freezer.path:
        found.append(Cause("frozen control group", "suspended", 1, None,
                           lambda bench: (freezer.set("cgroup.procs", bench.pid), freezer.set("freezer.state", "FROZEN")),
                           lambda bench: freezer.set("freezer.state", "THAWED")))
    if memory.path:
        memory.set("memory.limit_in_bytes", 64 << 20)
        found.append(Cause("out of memory", "dead", 1,  # the time that it takes to use so much is in it
              None, lambda bench: (
            memory.set("cgroup.procs", bench.pid), bench.kernel.execute(
                NOW.replace("'T%r", "'M%r") + "x = b'x' * (1 << 28)")), None))
    return found


#: name -> (code that gives True when nothing has disturbed the call, the lines on which it may be)
CALLS = {
    "usleep": (LIBC + "import time\nt = time.time()\nlibc.usleep(1500000)\ntime.time() - t > 1.49", (4,)),
    "mutex": (LIBC + "import time\nm = ctypes.create_string_buffer(64)\nlibc.pthread_mutex_lock(m)\n"
              "until = (ctypes.c_long * 2)(int(time.time()) + 3, 0)\nlibc.pthread_mutex_timedlock(m, until) == 110", (6,)),
    "sum": ("import itertools\n\n\n\nsum(itertools.repeat(1, 10 ** 9))\nTrue", (5,)),
    "power": ("n = 3 * 10 ** 6\n\n\n\nx = 7 ** n and 7 ** n\nTrue", (5,)),
    "regex": ("import re\n\n\n\nre.match('(a+)+b', 'a' * 26) is None", (5,)),
}


def where(python, runs):
    """How many dumps name the line of each C call, and how many calls were disturbed."""
    rows = []
    for name, (code, lines) in sorted(CALLS.items()):
        named = undisturbed = dumped = 0
        bench = Bench(python)
        for _ in range(runs):
            bench.fresh()
            execution = bench.kernel.execute(code, filename=u"/w/call.py")
            bench.until("stuck", "extension", limit=3.0)
            found = bench.kernel.where()
            frames = [frame for thread in found.threads for frame in thread.frames]
            dumped += found.how == "dump"
            named += any(frame.file == "/w/call.py" and frame.line in lines for frame in frames)
            undisturbed += execution.result(60).value == "True"
        bench.close()
        rows.append([name, runs, dumped, named, undisturbed])
    return rows


def deaths(python, count):
    """Latencies of death by SIGKILL, and whether everything that waited had the cause."""
    latencies, unresolved = [], 0
    for _ in range(count):
        bench = Bench(python)
        kernel = bench.kernel
        running, queued = kernel.execute("import time; time.sleep(60)"), kernel.execute("1")
        bench.until("busy")
        question = kernel._line.request(u"ask", u"complete", u"x = 1", 1)
        began = time.time()
        os.kill(bench.pid, signal.SIGKILL)
        bench.until("dead")
        latencies.append(time.time() - began)
        for execution in (running, queued):
            error = execution.exception(LIMIT)
            unresolved += not (isinstance(error, ide_kernel.KernelDied) and error.cause.name == "SIGKILL")
        question.exception(LIMIT)
        bench.close()
    return latencies, unresolved


def orphans(python, count):
    """Seconds until all is gone after the broker was killed, by what the kernel did; None for longer than 10 s."""
    found = {}
    child = "import subprocess; c = subprocess.Popen(['setsid', 'sleep', '60'])\n"
    for number in range(count):
        name, code, state = [("idle", "1", "idle"), ("busy", "while True: pass", "busy"),
                             ("holds the GIL", LIBC + "libc.usleep(60000000)", "stuck")][number % 3]
        bench = Bench(python)
        bench.kernel.execute(child + "print('C%d' % c.pid)").result(LIMIT)
        bench.kernel.execute(code)
        bench.until(state, "extension", limit=5.0)
        pids = [bench.pid] + below(bench.pid)
        began = timer()
        os.kill(bench.kernel.info["broker_pid"], signal.SIGKILL)
        while any(lives(pid) for pid in pids) and timer() - began < 10:
            time.sleep(0.002)
        found.setdefault(name, []).append(timer() - began)
        bench.kernel.close()
    return found


def below(pid):
    from ide_kernel.broker.guardian import descendants
    return descendants(pid, True)


def lives(pid):
    try:
        with open("/proc/%d/stat" % pid) as stream:
            return stream.read().rpartition(")")[2].split()[0] not in "ZX"
    except EnvironmentError:
        return False


#: (code, the states that may be told while it runs)
MIXED = (
    ("1", ()), ("sum(range(200000))", ()), ("for i in range(20000): print(i)", ()), ("import time; time.sleep(0.7)", ()),
    ("import time; t = time.time()\nwhile time.time() - t < 1.2: pass", ()),
    ("import threading, time\ndef spin():\n    t = time.time()\n    while time.time() - t < 1.5: pass\n"
     "ts = [threading.Thread(target=spin) for _ in range(8)]\nfor t in ts: t.start()\nfor t in ts: t.join()", ()),
    ("import subprocess; subprocess.call(['sleep', '0.4'])", ()),
    ("import gc; x = [[] for _ in range(300000)]; gc.collect()", ("extension",)),  # it is C code, and may take long
    ("import itertools; sum(itertools.repeat(1, 10**8))", ("extension",)), (LIBC + "libc.usleep(900000)", ("stuck",)),
    ("import os\nfor _ in range(5):\n    pid = os.fork()\n    if pid == 0: os._exit(0)\n    _ = os.waitpid(pid, 0)", ()),
)


def mixed(python, seconds):
    """False announcements in a time of mixed load; (executions, [what was told wrongly])."""
    bench, count, false = Bench(python), 0, []
    end = timer() + seconds
    while timer() < end:
        code, allowed = random.choice(MIXED)
        if "libc" in code and "PyDLL" in code and "pypy" in python:
            continue
        bench.until("idle")
        del bench.told[:]
        execution = bench.kernel.execute(code)
        bench.wait(execution.done, 120)
        bench.until("idle", limit=2.0)
        count += 1
        for _, status in bench.told:
            if status.state not in ("idle", "busy", "output") + allowed:
                false.append("%s in %r: %s" % (status, code, status.evidence))
                print("  false:", false[-1])
    bench.close()
    return count, false


def ms(seconds):
    return "-" if seconds is None else "%.0f" % (seconds * 1e3)


def show_causes(python, chosen, runs):
    """Run them; how many were not right."""
    bench, rows, bad = Bench(python), [], 0
    for cause in chosen:
        took, problems = [], []
        for number in range(runs):
            seconds, problem = run(bench, cause)
            if bench.kernel is None:
                bench = Bench(python)
            took.append(seconds)
            if problem:
                problems.append(problem)
            if sys.stderr.isatty():
                sys.stderr.write("\r\x1b[K%s %d/%d" % (cause.name, number + 1, runs))
        known = [each for each in took if each is not None] or [None]
        dead = len([each for each in problems if "dead" in each and cause.state != "dead"])
        rows.append([cause.name, cause.state, "%d/%d" % (runs - len(problems), runs), ms(median(known)), ms(known and max(known)),
                     dead, "; ".join(sorted(set(problems)))])
        bad += len(problems)
    bench.close()
    table("causes on %s" % python, ["cause", "state", "right", "p50 ms", "max ms", "false dead", "problems"], rows)
    return bad


def main(arguments):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="of each cause (default 5)")
    parser.add_argument("--python", action="append", help="the kernel's interpreter; may be repeated (default: this one)")
    parser.add_argument("--causes", help="only these, separated by commas; parts of names will do")
    parser.add_argument("--load", type=int, default=0, help="processes that spin meanwhile")
    parser.add_argument("--broker-stop", type=float, default=10.0, metavar="SECONDS")
    parser.add_argument("--where", type=int, default=0, metavar="N", help="looks into each of five C calls")
    parser.add_argument("--deaths", type=int, default=0, metavar="N")
    parser.add_argument("--orphans", type=int, default=0, metavar="N")
    parser.add_argument("--mixed", type=float, default=0, metavar="SECONDS")
    options = parser.parse_args(arguments)
    os.environ.update(clean_environment())
    os.environ.pop("PYTHONPATH")
    print("measured by %s, %d spinning beside it" % (machine(), options.load))
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(options.load)]
    bad = 0
    try:
        for python in options.python or [sys.executable]:
            with Group("freezer") as freezer, Group("memory") as memory:
                chosen = [cause for cause in causes(freezer, memory, options.broker_stop) if not options.causes or any(
                    part in cause.name for part in options.causes.split(","))]
                if "pypy" in python:
                    chosen = [on_pypy(cause) for cause in chosen]
                if options.runs:
                    bad += show_causes(python, chosen, options.runs)
            if options.where:
                rows = where(python, options.where)
                bad += sum(row[1] * 2 - row[3] - row[4] for row in rows)
                table("where on %s" % python, ["call", "looks", "dumps", "line named", "undisturbed"], rows)
            if options.deaths:
                latencies, unresolved = deaths(python, options.deaths)
                bad += unresolved + (percentile(latencies, 99) > 0.1)
                table("deaths on %s" % python, ["kills", "p50 ms", "p99 ms", "max ms", "without cause"], [
                    [options.deaths, ms(median(latencies)), ms(percentile(latencies, 99)), ms(max(latencies)), unresolved]])
            if options.orphans:
                found = orphans(python, options.orphans)
                bad += sum(max(times) > 2.0 for times in found.values())
                table("orphans on %s" % python, ["kernel", "kills", "p50 ms", "max ms"], [
                    [name, len(times), ms(median(times)), ms(max(times))] for name, times in sorted(found.items())])
            if options.mixed:
                count, false = mixed(python, options.mixed)
                bad += len(false)
                table("mixed load on %s" % python, ["seconds", "executions", "false announcements"], [
                    ["%g" % options.mixed, count, len(false)]])
    finally:
        for process in spinning:
            process.kill()
            process.wait()
    return 1 if bad else 0


if __name__ == "__main__":
    exit_with(main, sys.argv[1:])
