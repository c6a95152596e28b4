"""The broker's process: listen, say where, run the loop, and leave nothing behind.

``boot.py`` has started the kernel already.
"""
from __future__ import absolute_import, division, print_function

import json
import os
import select
import signal

import yotonlike

from .. import connection_file, vocabulary
from ..errors import InterpreterNotFound, KernelError
from .broker import Broker, Channels, start_problem
from .frontends import LINGER
from .guardian import close_on_exec, nonblocking, retry
from .journal import MEMORY, SPOOL, Journal
from .loop import Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Tuple

    from .process import Process, Report

#: Seconds for the last events to reach frontends that read.
GOODBYE = 1.0
#: Seconds between heartbeats to frontends. A link to a process of this machine tells of its end; but one that is stopped or hangs
#: is known by its silence alone, and three of these are soon enough for a person who looks. The kernel's own wake us more often.
HEARTBEAT = 2.0


def run(kernel, root, interpreter, arguments):
    # type: (Process, Any, Any, Any) -> None
    """Be the broker of a kernel that was started, until the end.

    Args:
        kernel: the kernel's process.
        root: the directory that holds our packages.
        interpreter: the kernel's.
        arguments: JSON text of a dict: ``keep`` (bool), ``linger`` (seconds), ``connection_file`` (path or null), ``when_slow``
            (of ``vocabulary.WHEN_SLOW``), ``output_memory`` and ``output_spool`` (bytes).
    """
    context = socket_path = connection = broker = None  # type: Any
    failed = False
    try:
        settings = {"keep": False, "linger": LINGER, "connection_file": None, "python": interpreter,
                    "when_slow": vocabulary.BLOCK, "output_memory": MEMORY, "output_spool": SPOOL}
        settings.update(json.loads(arguments))
        reports = _first_reports(kernel, interpreter)
        context, socket_path, connection = _open(interpreter, settings["connection_file"])
        loop = Loop(context)
        journal = Journal(settings["output_memory"], settings["output_spool"])
        broker = Broker(loop, kernel, root, settings, Channels(context, journal, settings["when_slow"]))
        broker.kernel.take_reports(reports)
        _watch_signals(loop, broker)
        _say({"connection_file": connection.path})
        connection_file.sweep()
        loop.run()
    except Exception as error:
        failed = True
        _last_words(error, context, connection)
    finally:
        _tidy(broker.kernel.process if broker else kernel, context, socket_path, connection)
    if failed:
        raise SystemExit(1)


def _first_reports(kernel, interpreter):
    # type: (Process, Any) -> List[Report]
    """Wait for the guardian's first report: the interpreter runs, or cannot be run.

    Raises:
        InterpreterNotFound: it cannot.
    """
    poller = select.poll()
    poller.register(kernel.report_fd, select.POLLIN)
    retry(poller.poll)
    reports = kernel.reports()
    for report in reports:
        if report[0] == "failed":
            raise InterpreterNotFound(start_problem({"python": interpreter, "cwd": None}, report[1], report[2]))
    return reports


def _open(interpreter, path):
    # type: (Any, Any) -> Tuple[Any, Any, connection_file.Connection]
    """Listen, and write down where."""
    context = yotonlike.Context(u"broker", heartbeat=HEARTBEAT, thread=False)
    socket_path, address = connection_file.new_address()
    listener = context.bind(address)
    connection = connection_file.Connection(u"" + str(listener.address), context.key, os.getpid(), interpreter,
                                            connection_file.now())
    connection_file.write(connection, path)
    return context, socket_path, connection


def _watch_signals(loop, broker):
    # type: (Loop, Broker) -> None
    """Whoever ends the broker's process with a signal gets the same end as when everybody left."""
    receiver, sender = os.pipe()
    for fd in (receiver, sender):
        nonblocking(fd)
        close_on_exec(fd)
    signal.set_wakeup_fd(sender)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, frame: None)
    yotonlike.Shield().on()  # for good: the descriptor tells us, and the context need not put SIGINT off for each message

    def came():
        # type: () -> None
        os.read(receiver, 4096)
        broker.leave()

    loop.watch(receiver, came)


def _say(record):
    # type: (Dict[str, Any]) -> None
    """Say our one line to whoever started us, and let go of its stdout and stderr."""
    try:
        os.write(1, (json.dumps(record) + "\n").encode("ascii"))
    except EnvironmentError:  # it did not wait; it may attach by the connection file all the same
        pass
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (1, 2):
        os.dup2(null, fd)
    os.close(null)


def _last_words(error, context, connection):
    # type: (Exception, Any, Any) -> None
    """Say what ended the broker: on stdout before anybody knows us, to the frontends after."""
    kind = type(error).__name__
    if connection is None or context is None:
        _say({"error": "%s" % error if isinstance(error, KernelError) else "%s: %s" % (kind, error), "kind": kind})
        return
    import traceback  # 7 ms, and hopefully never needed
    with os.fdopen(os.open(connection.path + ".failure", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as words:
        words.write(traceback.format_exc())


def _tidy(kernel, context, socket_path, connection):
    # type: (Process, Any, Any, Any) -> None
    """End what is left, and leave no file behind."""
    kernel.close()
    if connection is not None:
        connection_file.remove(connection.path)
    if context is not None:
        context.close(GOODBYE)
    if socket_path is not None:
        connection_file.remove(socket_path)
