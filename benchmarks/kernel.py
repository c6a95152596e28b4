"""The kernel on the jobs that an IDE cares about, beside bare Python and ipykernel.

    python3 benchmarks/kernel.py [--quick] [--peer-python PATH] [--json]

Repeats are interleaved and each figure is a median. "Bare" is what no kernel can beat: `python -c pass` for the start,
`python -u` into a pipe for the flood of lines (output that survives a crash cannot be block-buffered), a round trip
over a pipe for an execution, a Python that waits for input for memory.
"""
from __future__ import absolute_import, division, print_function

import argparse
import json
import os
import subprocess
import sys
import time

from measure import (HERE, clean_environment, cpu_seconds, exit_with, has_module, machine, median, memory, percentile,
                     ratio, switches, table, timer)

LIMIT = 60  # seconds for a wait that should be over at once
FLOOD = "for i in range(%d): print(i)"
#: Seconds between the last work and the look at an idle kernel, for what still winds down.
SETTLE = 1.0
STARTS = 3  # in one run; the last is the one that works


class Bare(object):
    """Plain Python, driven through pipes."""

    name = "bare Python"
    LOOP = "import sys\nfor line in iter(sys.stdin.readline, ''): print(eval(line)); sys.stdout.flush()"

    def start(self):
        """Seconds from nothing to the end of `python -c pass`."""
        begun = timer()
        subprocess.check_call([sys.executable, "-c", "pass"])
        seconds = timer() - begun
        self.process = subprocess.Popen([sys.executable, "-c", self.LOOP], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.execute()
        return seconds

    def execute(self):
        """Run `1` once and have the answer."""
        self.process.stdin.write(b"1\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == b"1\n"

    def flood(self, lines):
        """Seconds in which that many printed lines arrive."""
        code = "import sys; print('ready'); sys.stdin.readline()\n" + FLOOD % lines
        writer = subprocess.Popen([sys.executable, "-u", "-c", code], bufsize=0,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert writer.stdout.readline() == b"ready\n"  # its start is not part of the flood
        seen, begun = 0, timer()
        writer.stdin.close()
        while True:
            data = os.read(writer.stdout.fileno(), 65536)
            if not data:
                break
            seen += data.count(b"\n")
        seconds = timer() - begun
        assert seen == lines and writer.wait() == 0
        return seconds

    def pids(self):
        """{what: pid} of the processes to look at."""
        return {"kernel": self.process.pid}

    def close(self):
        """End all of it."""
        self.process.stdin.close()
        self.process.wait()


class ThisProject(object):
    """ide_kernel's client in this process, broker and kernel in theirs."""

    name = "this project"
    module = "ide_kernel"

    def __init__(self):
        import ide_kernel
        self.ide_kernel = ide_kernel
        self.lines = 0

    def start(self):
        begun = timer()
        self.kernel = self.ide_kernel.start(linger=0)  # Ctrl-C leaves nothing behind
        seconds = timer() - begun
        self.kernel.on_output(self._output)
        return seconds

    def _output(self, output):
        self.lines += output.data.count(b"\n")

    def execute(self):
        assert self.kernel.execute("1").result(LIMIT).value == "1"

    def flood(self, lines):
        self.lines = 0
        begun = timer()
        result = self.kernel.execute(FLOOD % lines).result(None)
        seconds = timer() - begun
        assert result.ok and self.lines == lines, "%d of %d lines, %r" % (self.lines, lines, result.error)
        return seconds

    def pids(self):
        return {"kernel": self.kernel.info["kernel_pid"], "broker": self.kernel.info["broker_pid"]}

    def close(self):
        self.kernel.terminate(LIMIT)
        self.kernel.close()


class Ipykernel(object):
    """ipykernel through jupyter_client's blocking client."""

    name = "ipykernel"
    module = "ipykernel, jupyter_client"

    def __init__(self):
        import jupyter_client
        self.jupyter_client = jupyter_client
        self.lines = 0

    def start(self):
        self.manager = self.jupyter_client.KernelManager(kernel_name="python3")
        begun = timer()
        self.manager.start_kernel()
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=LIMIT)
        return timer() - begun

    def execute(self):
        self.client.execute("1")
        self.client.get_shell_msg(timeout=LIMIT)

    def _message(self, message):
        if message["msg_type"] == "stream":
            self.lines += message["content"]["text"].count("\n")

    def flood(self, lines):
        self.lines = 0
        begun = timer()
        self.client.execute_interactive(FLOOD % lines, timeout=600, output_hook=self._message)
        seconds = timer() - begun
        assert self.lines == lines, "%d of %d lines" % (self.lines, lines)
        return seconds

    def pids(self):
        return {"kernel": self.manager.provisioner.pid}

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


CONTESTANTS = (Bare, ThisProject, Ipykernel)


def measure(name, lines, executions, idle):
    """Everything about one contestant in one run: {what: figure}."""
    contestant = [each for each in CONTESTANTS if each.name == name][0]()
    starts = []
    for _ in range(STARTS - 1):
        starts.append(contestant.start() * 1e3)
        contestant.close()
    starts.append(contestant.start() * 1e3)
    found = {"start": median(starts)}
    try:
        pids = contestant.pids()
        found.update(("memory of the " + what, memory(pid)) for what, pid in pids.items())
        times = []
        for _ in range(executions + 20):
            begun = timer()
            contestant.execute()
            times.append((timer() - begun) * 1e3)
        found["execute p50"], found["execute p99"] = percentile(times[20:], 50), percentile(times[20:], 99)
        found["flood"] = lines / contestant.flood(lines)
        time.sleep(SETTLE)
        before = dict((what, (switches(pid), cpu_seconds(pid))) for what, pid in pids.items())
        time.sleep(idle)
        for what, pid in pids.items():
            found["wake-ups of the " + what] = (switches(pid) - before[what][0]) / idle
            found["CPU of the " + what] = 100 * (cpu_seconds(pid) - before[what][1]) / idle
    finally:
        contestant.close()
    return found


def run(python, name, *numbers):
    """One run in a fresh process; None when it failed, its traceback stands on stderr then."""
    process = subprocess.Popen([python, __file__, "--run", name] + [str(number) for number in numbers],
                               stdout=subprocess.PIPE, env=clean_environment(), cwd=HERE)
    out = process.communicate()[0]
    if process.returncode:
        print("%s failed with status %d" % (name, process.returncode), file=sys.stderr)
        return None
    return json.loads(out.decode("ascii").splitlines()[-1])


#: (row, figure, format): what the table shows. "start" of bare Python is start and end of `python -c pass`.
ROWS = (
    ("start to ready, ms", "start", "%.1f"),
    ("execute `1`, p50, ms", "execute p50", "%.3f"),
    ("execute `1`, p99, ms", "execute p99", "%.3f"),
    ("print flood, lines/s", "flood", "%.0f"),
    ("memory of the kernel, MiB", "memory of the kernel", "%.1f"),
    ("memory of the broker, MiB", "memory of the broker", "%.1f"),
    ("idle kernel, wake-ups/s", "wake-ups of the kernel", "%.1f"),
    ("idle kernel, CPU %", "CPU of the kernel", "%.2f"),
    ("idle broker, wake-ups/s", "wake-ups of the broker", "%.1f"),
    ("idle broker, CPU %", "CPU of the broker", "%.2f"),
)


def show(results):
    """The table, with this project's and ipykernel's ratios to bare Python."""
    names = [each.name for each in CONTESTANTS if each.name in results]
    bare = results.get(Bare.name, {})
    rows = []
    for label, figure, form in ROWS:
        values = [results[name].get(figure) for name in names]
        row = [label] + ["-" if value is None else form % value for value in values]
        rows.append(row + [ratio(value, bare.get(figure)) for name, value in zip(names, values) if name != Bare.name])
    table("the kernel", [""] + names + [name + " / bare" for name in names if name != Bare.name], rows)


def main(arguments):
    """The command line."""
    if arguments[:1] == ["--run"]:
        print(json.dumps(measure(arguments[1], int(arguments[2]), int(arguments[3]), float(arguments[4]))))
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one short run of each")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer-python", default=sys.executable, metavar="PATH", help="where ipykernel is installed")
    parser.add_argument("--json", action="store_true", help="print the medians as one line of JSON at the end")
    options = parser.parse_args(arguments)
    repeats, numbers = (1, (100000, 200, 2)) if options.quick else (options.repeats, (1000000, 1000, 5))
    pythons = [(Bare.name, sys.executable), (ThisProject.name, sys.executable)]
    print("measured by %s; ipykernel in %s" % (machine(), options.peer_python))
    if has_module(options.peer_python, Ipykernel.module):
        pythons.append((Ipykernel.name, options.peer_python))
    else:
        print("not measured, because %s cannot import %s: ipykernel" % (options.peer_python, Ipykernel.module))
    runs = {}
    for _ in range(repeats):
        for name, python in pythons:
            found = run(python, name, *numbers)
            if found:
                runs.setdefault(name, []).append(found)
    results = dict((name, dict((what, median([each[what] for each in found])) for what in found[0]))
                   for name, found in runs.items())
    show(results)
    if options.json:
        print(json.dumps(results, sort_keys=True))
    return 0 if len(results) == len(pythons) else 1


if __name__ == "__main__":
    exit_with(main, sys.argv[1:])
