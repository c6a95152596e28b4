"""Messages a second and round trips: this project beside a raw socket and whatever else is installed.

    python3 benchmarks/messaging.py [--quick] [--peer-python PATH] [--only NAME ...] [--json]

Two processes on loopback. The repeats of all contestants are interleaved, so that a busy machine troubles all alike;
each figure is a median. Look at the ratios: figures of two machines, or of two runs, cannot be compared.
"""
from __future__ import absolute_import, division, print_function

import argparse
import json
import subprocess
import sys

import contestants
from measure import HERE, clean_environment, exit_with, has_module, machine, median, percentile, ratio, table, timer

#: (label, job, bytes in a message, messages at full share): about half a second each for a fast contestant.
JOBS = (
    ("texts of 100 B", "flow", 100, 400000),
    ("texts of 1 kB", "flow", 1000, 200000),
    ("bytes of 64 KiB", "flow", 65536, 6000),
    ("bytes of 1 MiB", "flow", 1 << 20, 300),
    ("round trip of 100 B", "trip", 100, 3000),
)
WARM_UP = 50          # round trips that are not counted
RUN_LIMIT = 120       # seconds for one run, after which it counts as failed
BY_NAME = dict((each.name, each) for each in contestants.ALL)


def child(name, job, size, count):
    """The other process of one run: connects to what stands on stdin, says so, and does its half."""
    contestant = BY_NAME[name](job, size)
    contestant.connect(json.loads(sys.stdin.readline()))
    print("ready")
    sys.stdout.flush()
    if job == "trip":
        contestant.serve()
    else:
        contestant.wait_start()
        contestant.send(count)


def measure(name, job, size, count):
    """One run in this process: messages a second, or the times of the round trips in microseconds."""
    contestant = BY_NAME[name](job, size)
    where = contestant.bind()
    process = None
    if contestant.has_child:
        process = subprocess.Popen([sys.executable, __file__, "--child", name, job, str(size), str(count)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdin.write((json.dumps(where) + "\n").encode("ascii"))
        process.stdin.flush()
        contestant.accept()
        if process.stdout.readline().strip() != b"ready":
            raise RuntimeError("the other process of %s did not start" % name)
    try:
        return round_trips(contestant, count) if job == "trip" else throughput(contestant, count)
    finally:
        contestant.close()
        if process is not None:
            process.stdin.close()
            process.wait()


def throughput(contestant, count):
    """Messages a second, from the start to the last one received; all have to arrive."""
    begun = timer()
    contestant.start()
    end = contestant.receive(count)
    seconds = timer() - begun
    if end != contestant.end:
        raise RuntimeError("%s lost or repeated messages" % contestant.name)
    return {"rate": count / seconds}


def round_trips(contestant, count):
    """p50 and p99 of the time from question to answer, in microseconds."""
    times = []
    for _ in range(count + WARM_UP):
        begun = timer()
        answer = contestant.ask()
        times.append(timer() - begun)
        if answer != contestant.message:
            raise RuntimeError("%s answered something else" % contestant.name)
    times = times[WARM_UP:]
    return {"p50": percentile(times, 50) * 1e6, "p99": percentile(times, 99) * 1e6}


def run(python, name, job, size, count):
    """One run in a fresh pair of processes; None and a line on stderr when it failed."""
    process = subprocess.Popen(
        [python, "-u", __file__, "--run", name, job, str(size), str(count)],
        stdout=subprocess.PIPE, env=clean_environment(), cwd=HERE)
    try:
        out = communicate(process)
        return json.loads(out.decode("ascii").splitlines()[-1])
    except (ValueError, IndexError):
        print("%s, %s of %d: failed with status %s" % (name, job, size, process.returncode), file=sys.stderr)
        return None


def communicate(process):
    """The output of a run; one that takes too long is killed."""
    if not hasattr(subprocess, "TimeoutExpired"):
        return process.communicate()[0]  # 2.7 has no limit here
    try:
        return process.communicate(timeout=RUN_LIMIT)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0]


def choose(python, only):
    """The contestants that this interpreter can run; the others are named."""
    chosen = []
    for contestant in contestants.ALL:
        if only and contestant.name not in only:
            continue
        if contestant.module and not has_module(python, contestant.module):
            print("not measured, because %s cannot import it: %s" % (python, contestant.name))
        else:
            chosen.append(contestant)
    return chosen


def collect(python, chosen, repeats, scale):
    """{label: {name: {what: median}}} of all jobs."""
    results = {}
    for label, job, size, count in JOBS:
        runs = dict((each.name, []) for each in chosen)
        for _ in range(repeats):
            for each in chosen:
                share = each.share if job == "flow" and size < 65536 else max(each.share, 0.1)
                found = run(python, each.name, job, size, max(20, int(count * scale * share)))
                if found:
                    runs[each.name].append(found)
        results[label] = dict((name, dict((what, median([each[what] for each in found])) for what in found[0]))
                              for name, found in runs.items() if found)
        show(label, job, size, chosen, results[label])
    return results


def show(label, job, size, chosen, found):
    """Print one job as a table with ratios to the raw socket and to pyzmq."""
    what = "p50" if job == "trip" else "rate"
    raw, zmq = [found.get(name, {}).get(what) for name in (contestants.RawSocket.name, contestants.Zmq.name)]
    rows = []
    for each in chosen:
        values = found.get(each.name)
        if values is None:
            rows.append([each.name, "failed", "", "", ""])
        elif job == "trip":
            rows.append([each.name, "%.0f" % values["p50"], "%.0f" % values["p99"],
                         ratio(values["p50"], raw), ratio(values["p50"], zmq)])
        else:
            rows.append([each.name, "%.0f" % values["rate"], "%.1f" % (values["rate"] * size / 1e6),
                         ratio(values["rate"], raw), ratio(values["rate"], zmq)])
    columns = ["p50 us", "p99 us"] if job == "trip" else ["messages/s", "MB/s"]
    table(label + (" (less is better)" if job == "trip" else ""), ["", ] + columns + ["x raw", "x pyzmq"], rows)


def main(arguments):
    """The command line."""
    if arguments[:1] in (["--child"], ["--run"]):
        name, job, size, count = arguments[1], arguments[2], int(arguments[3]), int(arguments[4])
        if arguments[0] == "--child":
            child(name, job, size, count)
        else:
            print(json.dumps(measure(name, job, size, count)))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one short run of each instead of the median of five")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer-python", default=sys.executable, metavar="PATH",
                        help="run all contestants in this interpreter, one where the others are installed")
    parser.add_argument("--only", nargs="+", metavar="NAME", help=", ".join(sorted(BY_NAME)))
    parser.add_argument("--json", action="store_true", help="print the medians as one line of JSON at the end")
    options = parser.parse_args(arguments)
    print("measured by %s; contestants run in %s" % (machine(), options.peer_python))
    chosen = choose(options.peer_python, options.only)
    repeats, scale = (1, 0.2) if options.quick else (options.repeats, 1.0)
    results = collect(options.peer_python, chosen, repeats, scale)
    if options.json:
        print(json.dumps(results, sort_keys=True))


if __name__ == "__main__":
    exit_with(main, sys.argv[1:])
