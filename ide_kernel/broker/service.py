"""What frontends can ask of the broker: the methods of the request channel.

Each checks what came over the wire and returns at once: a value, or a future where the answer is the kernel's or takes
the kernel's end. An error goes back to the frontend by the name of its class.
"""
from __future__ import absolute_import, division, print_function

import os

from yotonlike import Future

from .. import interpreters
from .._compat import integer_types, text_type
from ..errors import KernelDied, KernelError
from ..vocabulary import CELL, MAX_LINE, MODES, QUESTIONS, extended
from . import lifecycle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

METHODS = ("hello", "look", "leave", "execute", "cancel", "answer", "interrupt", "restart", "terminate", "kill", "ask", "where")


class BadRequest(KernelError):
    """A request with arguments that make no sense."""


class AskFailed(KernelError):
    """The kernel could not answer."""


class Service(object):
    """Serves the frontends.

    Args:
        broker: what does it all (see ``app.py``).
    """

    def __init__(self, broker):
        # type: (Any) -> None
        self._broker = broker
        self._pending = []  # type: List[Any]  # futures of what only the living kernel can answer
        self._ended = []  # type: List[Any]  # futures of who waits for the kernel's end
        self._restarted = []  # type: List[Any]  # ... for the next kernel

    # -- frontends ------------------------------------------------------------------------------------------------

    def hello(self, frontend, lines=None):
        # type: (Any, Any) -> Dict[Any, Any]
        """Attach: what runs where, and where the last ``lines`` lines of output begin (None: all that is kept)."""
        _check(frontend, text_type, "frontend")
        return self._broker.attach(frontend, None if lines is None else _check(lines, integer_types, "lines"))

    def look(self):
        # type: () -> Dict[Any, Any]
        """How things are, for a frontend that missed something; and how the latest executions ended."""
        return extended(self._broker.look(), {u"outcomes": self._broker.outcomes()})

    def leave(self, frontend):
        # type: (Any) -> bool
        """Say goodbye; whether kernel and broker end now, because that was the last one."""
        return self._broker.detach(_check(frontend, text_type, "frontend"))

    # -- executions -----------------------------------------------------------------------------------------------

    def execute(self, frontend, token, spec):
        # type: (Any, Any, Any) -> Future
        """Queue code; its events carry the id that is returned."""
        _check(frontend, text_type, "frontend")
        _check(token, text_type, "token")
        self._need_kernel()
        return self._broker.execute(frontend, token, _check_spec(spec))

    def cancel(self, execution):
        # type: (Any) -> bool
        """Take back an execution that did not start; whether that was still possible."""
        return self._broker.cancel(_check(execution, integer_types, "execution"))

    def answer(self, request, data):
        # type: (Any, Any) -> bool
        """Answer a request for input (None: its end); False when another frontend was faster."""
        if data is not None:
            _check(data, bytes, "data")
        return self._broker.kernel.answer(_check(request, integer_types, "request"), data)

    def ask(self, what, code=u"", cursor=0):
        # type: (Any, Any, Any) -> Any
        """Ask the kernel to complete, inspect and so on."""
        if what not in QUESTIONS:
            raise BadRequest("what can be asked is %s, not %r" % (", ".join(QUESTIONS), what))
        _check(code, text_type, "code")
        _check(cursor, integer_types, "cursor")
        self._need_kernel()
        cursor = min(max(0, cursor), len(code))
        future = self._new(self._pending)

        def done(result, error):
            # type: (Any, Any) -> None
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(AskFailed(error))

        if not self._broker.kernel.ask(what, code, cursor, done):
            raise AskFailed("the kernel closed its line to the broker: it cannot be asked any more")
        return future

    # -- the kernel's life ----------------------------------------------------------------------------------------

    def interrupt(self):
        # type: () -> Any
        """Send SIGINT to the kernel's process group, children included, and say what came of it."""
        state = self._broker.lifecycle.state
        if state == lifecycle.STARTING:
            return {u"delivered": False, u"detail": u"the kernel is still starting", u"stronger": []}
        future = self._new(self._pending)

        kernel = self._broker.kernel
        if not self._broker.lifecycle.alive or not kernel.interrupt(future):
            return {u"delivered": False, u"detail": u"there is no kernel: it has ended", u"stronger": []}
        return future

    def where(self):
        # type: () -> Any
        """Where all threads of the kernel are, whatever it does."""
        self._need_kernel()
        future = self._new(self._pending)

        def done(found):
            # type: (Dict[Any, Any]) -> None
            if not future.done():
                future.set_result(found)

        self._broker.kernel.stacks.where(done)
        return future

    def restart(self, settings=None):
        # type: (Any) -> Any
        """End the kernel and start a new one, with other settings where some are given: python, cwd, env."""
        self._broker.change_settings(_check_settings({} if settings is None else settings))
        future = self._new(self._restarted)
        self._broker.aim(lifecycle.RESTART, "end", lifecycle.POLITE_BRIEF)
        return future

    def terminate(self, timeout=None):
        # type: (Any) -> Any
        """End the kernel, step by step; how it ended."""
        if timeout is not None:
            _check(timeout, integer_types + (float,), "timeout")
        if timeout is None:
            return self._end("end", lifecycle.POLITE, lifecycle.GRACE)
        return self._end("end", max(0.0, float(timeout)), 0.0)

    def kill(self):
        # type: () -> Any
        """Kill the kernel and everything that descends from it; how it ended."""
        return self._end("kill", 0.0, 0.0)

    def _end(self, event, polite, grace):
        # type: (str, float, float) -> Any
        if not self._broker.lifecycle.alive and self._broker.exit is not None:
            return self._broker.exit
        future = self._new(self._ended)
        self._broker.aim(lifecycle.STAY, event, polite, grace)
        return future

    # -- what the broker tells us ---------------------------------------------------------------------------------

    def kernel_ended(self, exit, words):
        # type: (Dict[Any, Any], Any) -> None
        """The kernel is dead: those who wait for its end have it, those who wait for its answers are told."""
        for future in _take(self._pending):
            future.set_exception(KernelDied(None, u"the kernel died: " + words))
        for future in _take(self._ended):
            future.set_result(exit)
        if self._broker.lifecycle.purpose != lifecycle.RESTART:
            self.restart_failed(u"the kernel ended before it could be restarted: " + words)

    def kernel_ready(self, generation):
        # type: (int) -> None
        """A kernel runs."""
        for future in _take(self._restarted):
            future.set_result({u"generation": generation})

    def restart_failed(self, words):
        # type: (Any) -> None
        """There will be no new kernel."""
        for future in _take(self._restarted):
            future.set_exception(KernelDied(None, words))

    def _need_kernel(self):
        # type: () -> None
        if self._broker.lifecycle.vacant:
            raise KernelDied(None, u"the kernel is dead: restart it")

    def _new(self, futures):
        # type: (List[Any]) -> Any
        """A future that is in one of our lists until it is done."""
        futures[:] = [future for future in futures if not future.done()]
        futures.append(Future())
        return futures[-1]


def _take(futures):
    # type: (List[Any]) -> List[Any]
    taken = [future for future in futures if not future.done()]
    del futures[:]
    return taken


def _check(value, types, name):
    # type: (Any, Any, Any) -> Any
    if not isinstance(value, types) or isinstance(value, bool):
        raise BadRequest("%s cannot be %r" % (name, value))
    return value


def _check_spec(spec):
    # type: (Any) -> Dict[Any, Any]
    _check(spec, dict, "spec")
    mode = spec.get(u"mode", CELL)
    if mode not in MODES:
        raise BadRequest("mode is one of %s, not %r" % (", ".join(MODES), mode))
    filename = spec.get(u"filename")
    if filename is not None:
        _check(filename, text_type, "filename")
    line = _check(spec.get(u"line", 1), integer_types, "line")
    if not 1 <= line <= MAX_LINE:
        raise BadRequest("line is 1 to %d, not %d" % (MAX_LINE, line))
    argv = [_check(text, text_type, "argv") for text in _check(spec.get(u"argv") or [], list, "argv")]
    return {u"mode": mode, u"code": _check(spec.get(u"code"), text_type, "code"), u"filename": filename,
            u"line": line, u"argv": argv}


def _check_settings(settings):
    # type: (Any) -> Dict[str, Any]
    found = {}  # type: Dict[str, Any]
    for name, value in _check(settings, dict, "settings").items():
        if value is None:
            continue
        if name == u"python":
            found["python"] = interpreters.find(_check(value, text_type, "python"))
        elif name == u"cwd":
            found["cwd"] = _check(value, text_type, "cwd")
            if not os.path.isdir(value):
                raise BadRequest("the working directory %s is not there" % value)
        elif name == u"env":
            found["env"] = dict((_check(key, text_type, "env"), _check(text, text_type, "env"))
                                for key, text in _check(value, dict, "env").items())
        else:
            raise BadRequest("there is no setting named %r: there are python, cwd and env" % (name,))
    return found
