"""Starts a broker as a process of its own, and hears from it where it listens."""
from __future__ import absolute_import, division, print_function

import json
import os
import subprocess
import sys

from .. import interpreters
from .._compat import integer_types
from ..errors import BrokerFailed, InterpreterNotFound
from ..vocabulary import BROKER_BOOT, WHEN_SLOW, extended

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

#: Seconds for the broker to say where it listens. It takes 0.05 on an idle machine; a swapping one may need a hundred times that.
BOOT_LIMIT = 30.0

#: Brokers that outlived the kernel object that started them, so that their exit status is collected one day.
_left = []  # type: List[subprocess.Popen[bytes]]


#: What a broker can be told.
OPTIONS = ("keep", "linger", "connection_file", "when_slow", "output_memory", "output_spool")


class Broker(object):
    """A broker's process that was just started.

    Args:
        python: the kernel's interpreter, a path or a name on PATH; None for the one that runs this.
        cwd: the kernel's working directory; None for this process's own.
        environment: its environment variables; None for this process's own.
        options: what else the broker takes: see `OPTIONS`.

    Raises:
        TypeError, ValueError: there is no such option, or it has no such value.
        InterpreterNotFound: no such interpreter.
        BrokerFailed: no process could be started there.
    """

    def __init__(self, python=None, cwd=None, environment=None, options=None):
        # type: (Any, Any, Optional[Dict[Any, Any]], Optional[Dict[str, Any]]) -> None
        options = _checked(options or {})
        self.python = sys.executable if python is None else interpreters.find(str(python))
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        # Without site the broker starts sooner; but a virtualenv of the old kind finds the standard library through it.
        options_of_python = ["-E"] if hasattr(sys, "real_prefix") else ["-S", "-E"]
        command = [sys.executable] + options_of_python + ["-c", str(BROKER_BOOT), root, self.python, json.dumps(options)]
        # One pipe for both: what comes before or instead of the line that is expected, says what went wrong.
        settings = {"cwd": cwd, "env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT,
                    "close_fds": True}  # type: Dict[str, Any]
        # A session of its own: Ctrl-C and the end of our terminal are not the broker's.
        if "start_new_session" in subprocess.Popen.__init__.__code__.co_varnames:
            settings["start_new_session"] = True
        else:
            settings["preexec_fn"] = os.setsid
        with open(os.devnull, "rb") as nothing:
            try:
                self._process = subprocess.Popen(command, stdin=nothing, **settings)
            except EnvironmentError as error:
                if cwd is not None and not os.path.isdir(cwd):
                    raise BrokerFailed("no kernel can be started in %r: no such directory" % (cwd,))
                raise BrokerFailed("the broker could not be started: %s" % error)

    def connection_file(self):
        # type: () -> str
        """Wait for the broker's one line: the path of its connection file.

        Raises:
            StartError: it has none to give; the message says why.
        """
        from .waiting import wait_readable
        from .._compat import monotonic
        assert self._process.stdout is not None
        fd = self._process.stdout.fileno()
        deadline, said = monotonic() + BOOT_LIMIT, b""
        while True:
            if not wait_readable([fd], max(0.0, deadline - monotonic())):
                self._process.kill()
                raise BrokerFailed("the broker said nothing for %d s" % BOOT_LIMIT, stderr=_text(said))
            chunk = os.read(fd, 65536)
            said += chunk
            answer = _answer(said)
            if answer is not None:
                break
            if not chunk:
                code = self._process.wait()
                raise BrokerFailed("the broker ended with exit status %s before it listened:\n%s"
                                   % (code, _text(said).strip() or "(it said nothing)"), stderr=_text(said))
        self._process.stdout.close()
        if "connection_file" not in answer:
            self._process.wait()
            kind = InterpreterNotFound if answer.get("kind") == "InterpreterNotFound" else BrokerFailed
            raise kind(answer.get("error") or "the broker could not start a kernel")
        return answer["connection_file"]

    def leave(self):
        # type: () -> None
        """Nobody here needs this process any more; it ends by its own rule."""
        _left.append(self._process)
        _left[:] = [process for process in _left if process.poll() is None]

    def wait(self):
        # type: () -> int
        """Wait until the process has ended; its exit status."""
        return self._process.wait()


def _checked(options):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    for name, value in options.items():
        if name not in OPTIONS:
            raise ValueError("a broker has no option %r; there are %s" % (name, ", ".join(OPTIONS)))
        if name == "when_slow" and value not in WHEN_SLOW:
            raise ValueError("when_slow is one of %s, not %r" % (", ".join(map(str, WHEN_SLOW)), value))
        if name == "keep" and not isinstance(value, bool):
            raise TypeError("keep is True or False, not %r" % (value,))
        if name == "linger" and (isinstance(value, bool) or not isinstance(value, integer_types + (float,))):
            raise TypeError("linger is a number of seconds, not %r" % (value,))
        if name == "linger" and not 0 <= value < float("inf"):
            raise ValueError("linger is a number of seconds, not %r; keep=True is for ever" % (value,))
        if name.startswith("output_") and (not isinstance(value, integer_types) or value < 0):
            raise ValueError("%s is a number of bytes, not %r" % (name, value))
    if options.get("connection_file") is not None:
        options = extended(options, {"connection_file": os.path.abspath(options["connection_file"])})
    return options


def _text(said):
    # type: (bytes) -> Any
    return said.decode("utf-8", "replace")


def _answer(said):
    # type: (bytes) -> Optional[Dict[str, Any]]
    """The JSON object in the last complete line, if there is one."""
    for line in reversed(said.split(b"\n")[:-1]):
        if line.startswith(b"{"):
            try:
                return json.loads(line.decode("utf-8"))
            except ValueError:
                continue
    return None
