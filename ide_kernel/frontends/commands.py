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
from .standard import say
from .words import duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional


class Observer(object):
    """Sees the status of a kernel without counting as a frontend: it comes and goes, and the kernel's life does not change."""

    def __init__(self, path):
        # type: (Any) -> None
        self.connection = files.newest() if path is None else files.read(path)
        self.lost = False
        self._line = Line(self.connection, u"observer-%d" % os.getpid(), ATTACH_LIMIT, lambda event: None,
                          lambda status: None, lambda: None, self._lose)

    def _lose(self, link):
        # type: (Any) -> None
        self.lost = True

    def ask(self, method, *arguments):
        # type: (Any, *Any) -> Any
        """One request, and its reply."""
        return self._line.outcome(self._line.request(method, *arguments))

    def watch(self, changed):
        # type: (Any) -> None
        """Call ``changed(status message, beats)`` at each change and each beat of the kernel, until the broker is gone."""
        beats = [0]
        self._line.follow_beats(lambda beat: beats.append(beat[u"beats"]))
        seen = None  # type: Any
        while not self.lost:
            self._line.process_events()
            if (self._line.status, len(beats)) != seen:
                seen = self._line.status, len(beats)
                changed(seen[0], seen[1])
            self._line.context.wait(None)

    def next_status(self, last=None, timeout=None):
        # type: (Any, Optional[float]) -> Any
        """Wait for a message that is not ``last``; None when the broker is gone or the time is over."""
        while not self.lost:
            self._line.process_events()
            message = self._line.status
            if message is not None and message != last:
                return message
            self._line.context.wait(timeout)
            if not self._line.context.pending:
                return None
        return None

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
        message = observer.next_status()
        while message is not None and message[u"state"] == names.STARTING:
            message = observer.next_status(message)
        if message is None:
            raise StartError("the broker ended before the kernel was ready")
        status = Status.from_message(message)
        if status.state == names.DEAD:
            raise StartError("the kernel %s before it was ready" % status.exit)
        say(observer.connection.path + "\n")
    finally:
        observer.close()
        launched.leave()
    return 0


def status(path, as_json=False, watch=False):
    # type: (Any, bool, bool) -> int
    """Print the status once, or each time it changes."""
    observer = Observer(path)
    try:
        message = observer.next_status(timeout=ATTACH_LIMIT)
        if message is None:
            raise NoConnection("the broker of %s did not tell a status" % observer.connection.path)
        if watch and not as_json and sys.stdout.isatty():
            observer.watch(_Pulse(observer.connection).show)
            message = None
            print("")
        while message is not None:
            _print_status(Status.from_message(message), observer.connection, as_json)
            if not watch:
                return 0
            message = observer.next_status(message)
        _print_status(Status(names.LOST, time.time(), u"the broker has ended"), observer.connection, as_json)
    except KeyboardInterrupt:
        print("")
    finally:
        observer.close()
    return 0


class _Pulse(object):
    """The status on one line of a terminal, with a heart that beats as the kernel's does; what ends gets a line of its own."""

    def __init__(self, connection):
        # type: (files.Connection) -> None
        self._connection = connection
        self._state = None  # type: Any

    def show(self, message, beats):
        # type: (Dict[Any, Any], int) -> None
        """Write the line anew."""
        found = Status.from_message(message)
        heart = u"\u2665\u2661" if _shows(u"\u2665\u2661" + found.icon.glyph) else u"@o"
        text = u"\x1b[%dm%s %s\x1b[0m %s" % (found.icon.ansi, heart[beats % 2],
                                           found.icon.glyph if heart != u"@o" else found.icon.ascii,
                                           _line(found, self._connection))
        before = u"\n" if self._state not in (None, found.state) else u"\r"
        self._state = found.state
        data = (before + u"\x1b[K" + text).encode(sys.stdout.encoding or "ascii", "replace")
        os.write(1, data)


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


def _print_status(found, connection, as_json):
    # type: (Status, files.Connection, bool) -> None
    if as_json:
        record = found.as_dict()
        record.update(connection_file=connection.path, python=connection.python, broker_pid=connection.broker_pid)
        text = json.dumps(record, sort_keys=True)
    else:
        text = "%s %s" % (found.icon.ascii, _line(found, connection))
    say(text + "\n")


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
