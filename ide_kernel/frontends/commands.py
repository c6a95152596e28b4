"""The small commands: they look at a running kernel or ask its broker for something, and are no frontends of it."""
from __future__ import absolute_import, division, print_function

import json
import os
import sys
import time

from .. import connection_file as files
from .. import vocabulary as names
from ..client.following import ATTACH_LIMIT
from ..client.line import Line
from ..client.stacks import Where
from ..client.status import Exit, Status
from ..errors import NoConnection, StartError
from .screen import columns
from .standard import say, wait_while_read
from .words import duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, Tuple


class Observer(object):
    """Sees the status of a kernel without counting as a frontend: it comes and goes, and the kernel's life does not change."""

    def __init__(self, path):
        # type: (Any) -> None
        self.connection = files.newest() if path is None else files.read(path)
        self.lost = False
        self._beats = 0
        self._line = Line(self.connection, u"observer-%d" % os.getpid(), ATTACH_LIMIT, lambda event: None,
                          lambda status: None, lambda: None, self._lose)

    def _lose(self, link):
        # type: (Any) -> None
        self.lost = True

    def _beat(self, beat):
        # type: (Any) -> None
        self._beats += 1

    def ask(self, method, *arguments):
        # type: (Any, *Any) -> Any
        """One request, and its reply."""
        return self._line.outcome(self._line.request(method, *arguments))

    def changes(self, beats=False):
        # type: (bool) -> Iterator[Tuple[Dict[Any, Any], int]]
        """Give the status, now and when it changes, until the broker is gone; or until nobody reads our stdout any more.

        Args:
            beats: whether to give it with each beat of the kernel's heart, too.

        Returns:
            Pairs of a status message and a number of beats.
        """
        if beats:
            self._line.follow_beats(self._beat)
        seen = None  # type: Any
        while True:
            self._line.process_events()
            message, beat = self._line.status, self._beats
            if message is not None and (message, beat) != seen:
                seen = message, beat
                yield message, beat
            elif self.lost:
                return
            elif not wait_while_read(self._line.fileno(), ATTACH_LIMIT if seen is None else None):
                raise NoConnection("the broker of %s did not tell a status" % self.connection.path)

    def close(self):
        # type: () -> None
        """Give the link up."""
        self._line.close(0.0)


def broker(python, options):
    # type: (Any, Dict[str, Any]) -> int
    """Start a broker and a kernel, print the path of the connection file, and leave them to themselves."""
    from ..client.launch import Broker
    launched = Broker(python, options=options)
    observer = Observer(launched.connection_file())
    try:
        ready = (Status.from_message(message) for message, _ in observer.changes() if message[u"state"] != names.STARTING)
        status = next(ready, None)
        if status is None:
            raise StartError("the broker ended before the kernel was ready")
        if status.state == names.DEAD:
            raise StartError("the kernel %s before it was ready" % status.exit)
        say(observer.connection.path + "\n")
    finally:
        observer.close()
        launched.leave()
    return 0


def status(path, as_json=False, watch=False):
    # type: (Any, bool, bool) -> int
    """Print the status once, or each time it changes; 1 when the broker is gone."""
    observer = Observer(path)
    beats = watch and not as_json and os.isatty(1)
    show = _Pulse(observer.connection).show if beats else _Lines(observer.connection, as_json).show
    try:
        for message, beat in observer.changes(beats):
            show(Status.from_message(message), beat)
            if not watch:
                return 0
        show(Status(names.LOST, time.time(), u"the broker has ended"), 0)
        result = 1
    except KeyboardInterrupt:
        result = 0
    finally:
        observer.close()
    if beats:
        say("\n")
    return result


class _Lines(object):
    """The status as lines."""

    def __init__(self, connection, as_json):
        # type: (files.Connection, bool) -> None
        self._connection = connection
        self._as_json = as_json

    def show(self, found, beat):
        # type: (Status, int) -> None
        """Write one."""
        if not self._as_json:
            say("%s %s\n" % (found.icon.ascii, _line(found, self._connection)))
            return
        record = found.as_dict()
        record.update(connection_file=self._connection.path, python=self._connection.python,
                      broker_pid=self._connection.broker_pid)
        say(json.dumps(record, sort_keys=True) + "\n")


class _Pulse(object):
    """The status on one line of a terminal, with a heart that beats as the kernel's does; what ends gets a line of its own."""

    def __init__(self, connection):
        # type: (files.Connection) -> None
        self._connection = connection
        self._state = None  # type: Any

    def show(self, found, beat):
        # type: (Status, int) -> None
        """Write the line anew, as far as it fits: what went on in the next row could not be written over."""
        fancy = _shows(u"\u2665\u2661" + found.icon.glyph)
        heart = (u"\u2665\u2661" if fancy else u"@o")[beat % 2]
        text = u"%s %s %s" % (heart, found.icon.glyph if fancy else found.icon.ascii, _line(found, self._connection))
        text = text[:columns(1)]
        before = u"\n" if self._state not in (None, found.state) else u"\r"
        self._state = found.state
        say(u"%s\x1b[K\x1b[%dm%s\x1b[0m%s" % (before, found.icon.ansi, text[:3], text[3:]))


def _shows(text):
    # type: (Any) -> bool
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeError:
        return False
    return True


def _line(found, connection):
    # type: (Status, files.Connection) -> Any
    pid = found.evidence.get(u"pid")
    return u"%s for %s; %s%s" % (found, duration(max(0.0, time.time() - found.since)), "kernel %s, " % pid if pid else "",
                                 connection.python)


def interrupt(path):
    # type: (Any) -> int
    """Interrupt what runs."""
    def words(reply):
        # type: (Any) -> Any
        stronger = u", ".join(reply[u"stronger"])
        return reply[u"detail"] + (u" (stronger: %s)" % stronger if stronger else u"")
    return _ask(path, u"interrupt", words, lambda reply: bool(reply[u"delivered"]))


def where(path):
    # type: (Any) -> int
    """Print the stacks of all threads."""
    return _ask(path, u"where", Where.from_message)


def restart(path):
    # type: (Any) -> int
    """End the kernel and start a new one."""
    return _ask(path, u"restart", lambda reply: u"a new kernel is ready, the %s. of this broker" % reply[u"generation"])


def terminate(path):
    # type: (Any) -> int
    """End the kernel."""
    return _ask(path, u"terminate", lambda reply: u"the kernel %s" % Exit.from_message(reply))


def _ask(path, method, words, good=lambda reply: True):
    # type: (Any, Any, Any, Any) -> int
    observer = Observer(path)
    try:
        reply = observer.ask(method)
    finally:
        observer.close()
    say("%s\n" % words(reply))
    return 0 if good(reply) else 1
