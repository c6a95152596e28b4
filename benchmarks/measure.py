"""What the benchmarks share: clean child processes, medians, tables, and what /proc says of a process."""
from __future__ import absolute_import, division, print_function

import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)

timer = getattr(time, "perf_counter", time.time)


def clean_environment():
    """The environment for every process that is measured, and the project on its path.

    An exported PYTHONUNBUFFERED or PYTHONDONTWRITEBYTECODE changes prints and start-up for every child.
    """
    environment = dict(os.environ)
    for name in ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONHOME"):
        environment.pop(name, None)
    environment["PYTHONPATH"] = ROOT
    return environment


def has_module(python, name):
    """Whether that interpreter can import the module."""
    with open(os.devnull, "w") as null:
        return subprocess.call([python, "-c", "import " + name], stdout=null, stderr=null, env=clean_environment()) == 0


def median(values):
    """The middle value; of an even number, the lower of the two: a figure that was really measured."""
    return sorted(values)[(len(values) - 1) // 2]


def percentile(values, percent):
    """The smallest measured value that is not below that many percent of all."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100.0))]


def table(title, head, rows):
    """Print rows of texts as aligned columns, the first to the left, the others to the right."""
    rows = [[str(cell) for cell in row] for row in [head] + rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    print("\n" + title)
    for number, row in enumerate(rows):
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  " + "  ".join(cells).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))
    sys.stdout.flush()


def ratio(value, reference):
    """``value / reference`` as text, or ``-`` when one of the two was not measured."""
    return "%.2f" % (value / reference) if value and reference else "-"


def machine():
    """One line that says what the figures were measured on."""
    return "%s %s, %s, %d cores" % (
        sys.subversion[0] if hasattr(sys, "subversion") else sys.implementation.name,
        sys.version.split()[0], sys.platform, os.sysconf("SC_NPROCESSORS_ONLN"))


def _status(pid, field):
    with open("/proc/%d/status" % pid) as stream:
        for line in stream:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    return 0


def memory(pid):
    """The resident memory of a process in MiB."""
    return _status(pid, "VmRSS") / 1024.0


def cpu_seconds(pid):
    """The CPU time that all threads of a process have used so far, in seconds."""
    with open("/proc/%d/stat" % pid) as stream:
        fields = stream.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))


def switches(pid):
    """How often the threads of a process gave up the CPU by themselves so far: each is one later wake-up."""
    total = 0
    for thread in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, thread)) as stream:
            total += sum(int(line.split()[1]) for line in stream if line.startswith("voluntary_ctxt_switches"))
    return total


def exit_with(main, *arguments):
    """Run a benchmark as a program: exit with the status that ``main`` gives; Ctrl-C ends it without a traceback."""
    try:
        sys.exit(main(*arguments))
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted\n")
        sys.exit(130)


class Part(object):
    """A part of a benchmark that runs in a process of its own and talks in lines of JSON.

    Args:
        filename: the benchmark; it is called with ``--role``.
        role: the part.
        arguments: more texts for it.
    """

    def __init__(self, filename, role, *arguments):
        self.popen = subprocess.Popen([sys.executable, filename, "--role", role] + list(arguments), cwd=HERE,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment(),
                                      preexec_fn=_begin_anew)
        self.pid = self.popen.pid

    def tell(self, value):
        """Send it a line."""
        self.popen.stdin.write((json.dumps(value) + "\n").encode("ascii"))
        self.popen.stdin.flush()

    def hear(self):
        """Wait for a line of it."""
        line = self.popen.stdout.readline()
        if not line:
            raise RuntimeError("a process of the benchmark ended early, with status %s" % self.popen.wait())
        return json.loads(line.decode("ascii"))

    def stop(self):
        """Let it stand still."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self):
        """After ``stop``."""
        os.kill(self.pid, signal.SIGCONT)

    def end(self):
        """Kill it where it still runs."""
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        self.popen.stdin.close()
        self.popen.stdout.close()


def _begin_anew():
    """Not as a shell's background job, in which Ctrl-C does nothing, nor in the shell's session: when that ends, the system lets
    a process go on that is stopped."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def say(value):
    """From a part to the program."""
    print(json.dumps(value))
    sys.stdout.flush()
