"""What the benchmarks share: clean child processes, medians, tables, and what /proc says of a process."""
from __future__ import absolute_import, division, print_function

import os
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
