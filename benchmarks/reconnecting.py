"""Connections over real sockets cut after any byte, under load in both directions: nothing lost, repeated, reordered.

    python3 benchmarks/reconnecting.py [--cuts 200] [--seed 1] [--bytes 200000]

Two processes over a Unix socket, each with a publisher that keeps what it sends (history) and a subscriber of the
other's, and a proxy between them that cuts each connection after a random number of bytes, at most --bytes. The status
is 1 when anything was lost, repeated or reordered.
"""
from __future__ import absolute_import, division, print_function

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading

from measure import HERE, ROOT, clean_environment, exit_with, timer

sys.path[:0] = [ROOT, os.path.join(ROOT, "tests", "yotonlike")]

import cutting  # noqa: E402

import yotonlike  # noqa: E402

LIMIT = 60.0  # seconds; for a wait that should be over in one or two
#: Bytes that are kept, and messages that a sender is ahead at most, about a third of that.
HISTORY, FAR = 1 << 26, 10000
KEY = b"a key that is no secret: all of this is in one place"


class Sender(object):
    """Sends numbered messages of all lengths until it is told to stop, then "end"."""

    def __init__(self, context, name, seed):
        self.channel = yotonlike.PubChannel(context, name, history=HISTORY)
        self.random, self.sent, self._stop = random.Random(seed), 0, False
        self._thread = threading.Thread(target=self._run)
        self._thread.daemon = True
        self._thread.start()

    def _run(self):
        while not self._stop:
            size = self.random.choice((0, 10, 100, 1000, 10000))
            self.channel.send(u"%d " % self.sent + u"x" * self.random.randint(0, size), timeout=LIMIT)
            self.sent += 1
            while self.sent % 100 == 0 and not self._stop and self._far_ahead():
                threading.Event().wait(0.01)
        self.channel.send(u"end")

    def _far_ahead(self):
        """Nobody is held up by a subscriber that is gone, but the history has an end."""
        there = self.channel.subscribers
        return not there or there[0].behind > FAR

    def stop(self):
        self._stop = True
        self._thread.join(LIMIT)


class Receiver(object):
    """Receives them in a thread, and counts what is wrong."""

    def __init__(self, context, name):
        self.channel = yotonlike.SubChannel(context, name)
        self.received = self.lost = self.repeated = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.daemon = True
        self._thread.start()

    def _run(self):
        expected = 0
        for message in self.channel:
            if message == u"end":
                return
            number = int(message.split()[0])
            self.lost += max(0, number - expected)
            self.repeated += number < expected
            self.received += 1
            expected = max(expected, number + 1)

    def wait(self):
        """What it found, once the end has come."""
        self._thread.join(LIMIT)
        return self.received, self.lost + self.channel.dropped, self.repeated, self._thread.is_alive()


def other_end(address, seed):
    """The second process: connects through the proxy; stops when its stdin is closed, and prints what it found."""
    context = yotonlike.Context(u"other", KEY)
    receiver = Receiver(context, u"down")
    sender = Sender(context, u"up", seed)
    while True:
        try:
            context.connect(address, reconnect=True)
            break
        except yotonlike.Error:
            pass  # cut before it was up
    print("ready")
    sys.stdout.flush()
    sys.stdin.read()
    sender.stop()
    print("%d %d %d %d" % receiver.wait())
    sys.stdout.flush()
    context.close(LIMIT)


def run(options, directory):
    chance = random.Random(options.seed)
    path = os.path.join(directory, "s")
    context = yotonlike.Context(u"one", KEY)
    context.bind("unix://" + path)
    proxy = cutting.CuttingProxy(path, lambda: chance.randint(1, options.bytes) if proxy.cuts < options.cuts else None)
    receiver = Receiver(context, u"up")
    sender = Sender(context, u"down", options.seed)
    child = subprocess.Popen([sys.executable, os.path.join(HERE, "reconnecting.py"), "--other", "unix://" + path,
                              "--seed", str(options.seed + 1)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment())
    try:
        child.stdout.readline()
        while proxy.cuts < options.cuts:
            threading.Event().wait(0.1)
            if sys.stderr.isatty():
                sys.stderr.write("\r%d cuts" % proxy.cuts)
        sender.stop()
        child.stdin.close()
        up = receiver.wait()
        down = tuple(map(int, child.stdout.readline().split()))
        child.wait()
        context.close(LIMIT)
    finally:
        if child.poll() is None:
            child.kill()
        child.stdout.close()
        child.wait()
        proxy.close()
    return proxy, up, down


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cuts", type=int, default=200, help="connections to cut (default: 200)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bytes", type=int, default=200000, help="after at most how many (default: 200000)")
    parser.add_argument("--other", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.other:
        return other_end(options.other, options.seed)
    directory, begun = tempfile.mkdtemp(prefix="cut"), timer()
    try:
        proxy, up, down = run(options, directory)
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print("%d connections cut in %.0f s, %.1f MB carried" % (proxy.cuts, timer() - begun, proxy.carried / 1e6))
    bad = 0
    for name, (received, lost, repeated, hangs) in (("to the server", up), ("to the client", down)):
        print("%s: %d messages received, %d lost, %d repeated or reordered%s"
              % (name, received, lost, repeated, ", and the end did not come" if hangs else ""))
        bad += lost + repeated + hangs
    return 1 if bad else 0


if __name__ == "__main__":
    exit_with(main)
