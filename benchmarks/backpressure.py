"""What happens when a reader is slow or stopped: memory stays flat, nothing is lost, Ctrl-C and interrupt work.

    python3 benchmarks/backpressure.py [messages|kernel ...] [--seconds 60]

messages: a publisher in a tight loop and a subscriber that reads one message a second.
kernel: a kernel that prints for ever and a frontend that was stopped (SIGSTOP); a second frontend interrupts it.
Prints figures; the status is 1 when a promise is broken.
"""
from __future__ import absolute_import, division, print_function

import argparse
import os
import signal
import sys
import time

from measure import Part, exit_with, machine, memory, say, timer

LIMIT = 60.0          # seconds; for a wait that should be over at once
WARM_UP = 0.2         # of the time: windows and pipes fill up at first
FLAT = 1.0            # MiB that a process may grow after that
AT_ONCE = 1.0         # seconds for Ctrl-C and interrupt
MESSAGE = u"%09d " + u"x" * 90


class Report(object):
    """Prints promises and whether they were kept."""

    def __init__(self):
        self.broken = 0

    def promise(self, kept, text):
        print("  %-6s  %s" % ("kept" if kept else "BROKEN", text))
        sys.stdout.flush()
        self.broken += not kept


def watch(pids, seconds):
    """Sample the memory of processes ({what: pid}) once a second; returns {what: [MiB, ...]}."""
    samples = dict((what, []) for what in pids)
    end = timer() + seconds
    while timer() < end:
        for what, pid in pids.items():
            samples[what].append(memory(pid))
        time.sleep(1.0)
    return samples


def judge_memory(report, samples):
    """Flat after the warm-up: no later sample is more than FLAT above the first."""
    for what, values in sorted(samples.items()):
        late = values[int(len(values) * WARM_UP):]
        grown = max(late) - late[0]
        report.promise(grown <= FLAT, "memory of the %s: %.1f MiB at first, %.1f MiB after the warm-up, then at most "
                                      "%.2f MiB more in %d s" % (what, values[0], late[0], grown, len(late)))


# ---- messages

def publisher():
    """Send numbered messages in a tight loop until Ctrl-C; then say how many."""
    import yotonlike
    context = yotonlike.Context(name="publisher")
    channel = yotonlike.PubChannel(context, "numbers", yotonlike.TEXT)
    say([context.bind("tcp://127.0.0.1:0").address, "".join("%02x" % byte for byte in bytearray(context.key))])
    channel.wait_for_subscriber(LIMIT)
    number = 0
    try:
        while True:
            channel.send(MESSAGE % number)
            number += 1
    except KeyboardInterrupt:
        say(number)
    os._exit(130)  # without close(), which would wait for the slow reader: that is a choice of this program


def subscriber(address, key):
    """Read a message a second until told to stop, then what is left; say how many, and whether all were in order."""
    import threading

    import yotonlike
    context = yotonlike.Context(name="subscriber", key=bytes(bytearray.fromhex(key)))
    context.connect(address, timeout=LIMIT)
    channel = yotonlike.SubChannel(context, "numbers", yotonlike.TEXT, on_full="block")
    hurry = threading.Event()

    def wait_for_the_word():
        sys.stdin.readline()
        hurry.set()

    waiter = threading.Thread(target=wait_for_the_word)
    waiter.daemon = True
    waiter.start()
    number, wrong = 0, None
    say("subscribed")
    while not hurry.is_set():
        wrong = wrong or (None if channel.recv(LIMIT) == MESSAGE % number else number)
        number += 1
        hurry.wait(1.0)
    slowly = number
    try:
        while True:
            wrong = wrong or (None if channel.recv(2.0) == MESSAGE % number else number)
            number += 1
    except yotonlike.Timeout:
        say([slowly, number, wrong])
    os._exit(0)


def messages(report, seconds):
    """The promise about a slow subscriber."""
    pub = Part(__file__, "publisher")
    sub = Part(__file__, "subscriber", *pub.hear())
    try:
        sub.hear()
        judge_memory(report, watch({"publisher": pub.pid, "subscriber": sub.pid}, seconds))
        begun = timer()
        os.kill(pub.pid, signal.SIGINT)
        sent = pub.hear()
        pub.popen.wait()
        took = timer() - begun
        report.promise(took < AT_ONCE, "Ctrl-C ended the publisher after %.0f ms; it had sent %d messages" % (
            took * 1e3, sent))
        sub.tell("hurry")
        slowly, received, wrong = sub.hear()
        report.promise(wrong is None and slowly >= min(3, seconds / 2),
                       "%d messages were read one a second and %d more at the end, all in order%s" % (
                           slowly, received - slowly, "" if wrong is None else ": NOT, first wrong: %d" % wrong))
    finally:
        pub.end()
        sub.end()


# ---- kernel

FLOOD = "i = 0\nwhile True:\n    print(i)\n    i += 1"


def frontend():
    """Start a kernel that prints for ever; at the end say how many lines came, and whether all were in order."""
    import ide_kernel
    kernel = ide_kernel.start(linger=0)  # where this process is killed, nothing is left behind
    seen = {"rest": b"", "next": 0, "wrong": None}

    def count(output):
        if output.stream != "stdout":
            return
        lines = (seen["rest"] + output.data).split(b"\n")
        seen["rest"] = lines.pop()
        for line in lines:
            if seen["wrong"] is None and line != b"%d" % seen["next"]:
                seen["wrong"] = seen["next"]
            seen["next"] += 1

    kernel.on_output(count)
    execution = kernel.execute(FLOOD)
    say([kernel.connection_file, {"kernel": kernel.info["kernel_pid"], "broker": kernel.info["broker_pid"]}])
    result = execution.result(None)
    lines, wrong = seen["next"], seen["wrong"]  # the next execution prints, too
    last = int(kernel.execute("i").result(LIMIT).value)
    kernel.terminate(LIMIT)
    kernel.close()
    say([result.error.type if result.error else None, lines, last, wrong])  # last: whoever hears that may end us


def interrupter(connection_file):
    """A second frontend: interrupt, and say how long it took until the kernel was idle."""
    import select

    import ide_kernel
    kernel = ide_kernel.attach(connection_file)
    before = kernel.status.state
    begun = timer()
    kernel.interrupt()
    while kernel.status.state != "idle" and timer() - begun < LIMIT:
        select.select([kernel.fileno()], [], [], 1.0)
        kernel.process_events()
    say([before, kernel.status.state, timer() - begun])
    kernel.close()


def kernel(report, seconds):
    """The promise about a stopped frontend."""
    first = Part(__file__, "frontend")
    second = None
    try:
        connection_file, pids = first.hear()
        time.sleep(1.0)
        first.stop()
        judge_memory(report, watch(pids, seconds))
        second = Part(__file__, "interrupter", connection_file)
        before, after, took = second.hear()
        report.promise(before == "output" and after == "idle" and took < AT_ONCE,
                       "a second frontend interrupted it while the first was still stopped: %s, and %s after %.0f ms" % (
                           before, after, took * 1e3))
        first.go_on()
        error, lines, last, wrong = first.hear()
        report.promise(error == "KeyboardInterrupt", "the stopped frontend went on and got the result: %s" % error)
        report.promise(wrong is None and last <= lines <= last + 1,
                       "%d lines arrived in order, %d were printed%s" % (
                           lines, last, "" if wrong is None else ": NOT in order, first wrong: %d" % wrong))
    finally:
        try:
            first.go_on()
        except OSError:
            pass  # it ended
        if second is not None:
            second.end()
        first.end()


PARTS = {"messages": messages, "kernel": kernel}
ROLES = {"publisher": publisher, "subscriber": subscriber, "frontend": frontend, "interrupter": interrupter}


def main(arguments):
    """The command line."""
    if arguments[:1] == ["--role"]:
        ROLES[arguments[1]](*arguments[2:])
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help="messages, kernel; both when none is named")
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args(arguments)
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error("no such part: %s" % ", ".join(sorted(unknown)))
    print("measured by %s, %.0f seconds each" % (machine(), options.seconds))
    report = Report()
    for name in options.parts or sorted(PARTS, reverse=True):
        print("\n" + name)
        PARTS[name](report, options.seconds)
    print("\n%s" % ("every promise kept" if not report.broken else "%d promises broken" % report.broken))
    return 1 if report.broken else 0


if __name__ == "__main__":
    exit_with(main, sys.argv[1:])
