"""A broker's process and frontends made of bare channels, for tests that look at a broker as a frontend does."""
from __future__ import absolute_import, division, print_function

import json
import os
import select
import subprocess
import sys
import time

import yotonlike
from ide_kernel import connection_file, vocabulary
from ide_kernel.broker import guardian

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
#: As the client starts it: a virtualenv of the old kind finds the standard library only through site.
WITHOUT_SITE = ["-E"] if hasattr(sys, "real_prefix") else ["-S", "-E"]
LIMIT = 30.0  # seconds for anything that has to happen


class Frontend(object):
    """A frontend made of bare channels."""

    def __init__(self, connection, name=u"test", window=1 << 20):
        self.name = name
        self.context = yotonlike.Context(name, key=connection.key)
        self.unseen = []
        self.events = yotonlike.SubChannel(self.context, vocabulary.EVENTS, yotonlike.OBJECT, window=window)
        self.status = yotonlike.StateChannel(self.context, vocabulary.STATUS, yotonlike.OBJECT)
        self.requests = yotonlike.ReqChannel(self.context, vocabulary.REQUESTS)
        self.context.connect(connection.address, timeout=LIMIT)
        self.hello = self.call("hello", name)
        self.seen = []

    def request(self, method, *args):
        return self.requests.call(method, *args)

    def call(self, method, *args):
        return self.request(method, *args).result(LIMIT)

    def execute(self, code, mode=u"cell", token=u"t", **spec):
        return self.call("execute", self.name, token, dict(spec, code=code, mode=mode))[u"execution"]

    def wait_for(self, kind, **fields):
        """The next event of that kind; those before it are added to ``seen``."""
        while True:
            while not self.unseen:
                self.unseen.extend(self.events.recv(LIMIT)[u"events"])
            event = self.unseen.pop(0)
            self.seen.append(event)
            if event[u"event"] == kind and all(event[key] == fields[key] for key in fields):
                return event

    def run(self, code, **spec):
        """Execute to the end; (what came of it, stdout, stderr)."""
        del self.seen[:]
        number = self.execute(code, **spec)
        finished = self.wait_for(u"finished", execution=number)
        return finished, self.output(u"stdout"), self.output(u"stderr")

    def output(self, stream):
        return b"".join(event[u"data"] for event in self.seen
                        if event[u"event"] == u"output" and event[u"stream"] == stream)

    def wait_for_state(self, *states):
        """Wait until the status is one of these; it."""
        began = time.time()
        while True:
            status = self.status.value
            if status and status[u"state"] in states:
                return status
            assert time.time() - began < LIMIT, status
            changed = []
            self.status.changed.connect(changed.append)
            guardian.retry(select.select, [self.context.fileno()], [], [], 0.1)
            self.context.process_events()
            self.status.changed.disconnect(changed.append)

    def close(self):
        if not self.context.closed:
            try:
                self.call("leave", self.name)
            except yotonlike.Error:
                pass  # the broker may be gone
            self.context.close(1.0)


class Broker(object):
    """A broker's process."""

    def __init__(self, interpreter=sys.executable, **arguments):
        self.process = subprocess.Popen(
            [sys.executable] + WITHOUT_SITE + ["-c", vocabulary.BROKER_BOOT, ROOT, interpreter, json.dumps(arguments)],
            stdin=open(os.devnull), stdout=subprocess.PIPE, preexec_fn=os.setsid)
        self.said = json.loads(self.process.stdout.readline().decode("ascii"))
        self.frontends = []

    @property
    def connection(self):
        return connection_file.read(self.said["connection_file"])

    def attach(self, name=u"test", **options):
        self.frontends.append(Frontend(self.connection, name, **options))
        return self.frontends[-1]

    def wait(self):
        """Wait until the process ended, which closes nothing of ours."""
        began = time.time()
        while self.process.poll() is None:
            assert time.time() - began < LIMIT, "the broker did not end"
            select.select([], [], [], 0.01)
        return self.process.returncode

    def end(self):
        for frontend in self.frontends:
            frontend.context.close(0.1)
        if self.process.poll() is None:
            self.process.terminate()
            self.wait()
        self.process.stdout.close()
