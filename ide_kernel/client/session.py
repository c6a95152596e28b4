"""A handle on a kernel: `start` one with a broker of its own, or `attach` to one that runs."""
from __future__ import absolute_import, division, print_function

import itertools
import os
import sys

from yotonlike import Timeout, WouldBlock

from .. import connection_file as files
from .. import vocabulary as names
from .._compat import integer_types, text_type
from ..errors import BrokerLost, KernelDied, StartError, StartTimeout
from .execution import Execution
from .following import Follower
from .stacks import Where
from .status import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

#: Seconds to wait for the last words of a kernel that was dead when we came.
WORDS_LIMIT = 1.0
#: Lines of a failed start's stderr that go into its error.
LAST_LINES = 20
#: Seconds for an interpreter to become ready. It takes 0.05 on an idle machine, and perhaps 10 from a slow disk or network; one
#: that takes this long never will be, and a person who waits has begun to wonder.
READY_LIMIT = 60.0
#: Seconds for the broker to answer what it answers within one. Only one that is stopped, or hangs, takes longer.
ANSWER_LIMIT = 10.0


def start(python=None, cwd=None, env=None, name="frontend", timeout=READY_LIMIT, **options):
    # type: (Any, Any, Optional[Dict[Any, Any]], Any, Optional[float], **Any) -> Kernel
    """Start a broker and a kernel.

    Args:
        python: the interpreter that runs the code: a path, or a name on PATH; None for this one.
        cwd: the kernel's working directory; None for the present one.
        env: the kernel's environment variables; None for the present ones.
        name: how this frontend is called in what others see.
        timeout: seconds for the interpreter to become ready; None waits for ever.
        options: for the broker: ``keep`` (live on without frontends), ``linger`` (seconds to wait for a frontend that
            vanished to come back), ``connection_file`` (where to write that), ``when_slow`` (what happens when an attached
            frontend does not read: ``"block"``, the default: the code waits in ``print``; ``"spool"``: it runs on and the output
            is kept; ``"drop"``: it runs on and the frontend gets the newest), ``output_spool`` and ``output_memory`` (bytes of
            output that are kept in a file, 64 MiB, and in memory, 256 KiB, for frontends that come late or are slow).

    Returns:
        A kernel that is ready to run code.

    Raises:
        TypeError, ValueError: no such option, or no value of it.
        InterpreterNotFound, BrokerFailed: there is nothing to run, or no process to run it in.
        StartError: the interpreter ended before it was ready; with its last words.
        StartTimeout: it was not ready in time. It was killed.
    """
    from .launch import Broker
    if timeout is not None and not timeout > 0:
        raise ValueError("timeout is a time in seconds, or None for ever, not %r" % (timeout,))
    return join(Broker(python, cwd, env, options), name, timeout)


def join(broker, name="frontend", timeout=READY_LIMIT):
    # type: (Any, Any, Optional[float]) -> Kernel
    """Become the frontend of a broker that was just launched: the second half of `start`, which may be imported meanwhile."""
    kernel = Kernel(files.read(broker.connection_file()), name, broker)
    try:
        kernel._wait_ready(0, timeout)
    except BaseException:
        kernel.kill(wait=False)  # a broker that is to be kept without frontends keeps none that is dead
        kernel.close()
        raise
    return kernel


def attach(connection_file=None, name="frontend", lines=None, when_slow=names.BLOCK):
    # type: (Any, Any, Optional[int], Any) -> Kernel
    """Attach to a kernel that runs, as one more frontend.

    Args:
        connection_file: its path; None for the newest of this user.
        name: how this frontend is called in what others see.
        lines: how much of the old output to get: its last so many lines, 0 for none, None for all that the broker keeps.
        when_slow: what happens when this frontend does not read: ``"block"``: what the broker does with all; ``"drop"``: it does
            not count, and gets the newest.

    Raises:
        NoConnection: no such file, or nobody answers there.
    """
    if when_slow not in (names.BLOCK, names.DROP):
        raise ValueError("a frontend can block or drop, not %r" % (when_slow,))
    return Kernel(files.newest() if connection_file is None else files.read(connection_file), name,
                  lines=lines, when_slow=when_slow)


class Kernel(Follower):
    """A kernel, as one frontend sees it: what a `Follower` gives, and what makes it run code, stop, and answer."""

    def __init__(self, connection, name=u"frontend", broker=None, **options):
        # type: (files.Connection, Any, Any, **Any) -> None
        self._tokens = itertools.count(1)
        super(Kernel, self).__init__(connection, name, broker, **options)

    # Running code

    def execute(self, code, filename=None, line=1, mode=names.CELL, argv=()):
        # type: (Any, Any, int, Any, Any) -> Execution
        """Queue code and return at once.

        Args:
            code: its text (for the mode ``"module"`` a module's name, for ``"script"`` nothing).
            filename: what tracebacks call it; for ``"script"`` the file to run.
            line: the number of its first line.
            mode: ``"cell"``, or ``"script"``, ``"command"``, ``"module"`` to run it as ``python FILE``, ``-c``, ``-m`` would.
            argv: arguments, for these three.

        Raises:
            TypeError, ValueError: an argument cannot be meant.
        """
        code = _code(code)
        if isinstance(line, bool) or not isinstance(line, integer_types):
            raise TypeError("line is a whole number, not %r" % (line,))
        if not 1 <= line <= names.MAX_LINE:
            raise ValueError("line is 1 to %d, not %d" % (names.MAX_LINE, line))
        if mode not in names.MODES:
            raise ValueError("mode is one of %s, not %r" % (", ".join(map(str, names.MODES)), mode))
        token = u"%s/%d" % (self.frontend, next(self._tokens))
        execution = Execution(code, mode, self.frontend, token, self, mine=True)
        spec = {u"mode": _text(mode), u"code": code, u"filename": _text(filename), u"line": line,
                u"argv": [_text(argument) for argument in argv]}
        self._model.expect(execution)
        if self._error is not None:
            self._post(self._model.fail(execution, self._error))
            return execution
        ends = len(self._model.ends)
        future = self._line.request(u"execute", self.frontend, token, spec)
        future.add_done_callback(lambda reply: self._executed(execution, reply, ends))
        return execution

    def _executed(self, execution, reply, ends):
        # type: (Execution, Any, int) -> None
        self._turns.changed()
        try:
            number = self._line.outcome(reply)[u"execution"]
            if execution.id is None:
                execution.id = number  # should its events be missed
        except KernelDied:
            self._post(self._model.refuse(execution, ends))
        except BrokerLost:
            pass  # it fails when that is told; or the link was cut, and it may have arrived: see `Look`
        except Exception as error:
            self._post(self._model.fail(execution, error))

    def _cancel(self, execution, timeout):
        # type: (Execution, Optional[float]) -> bool
        self._wait(lambda: execution.done() or execution.id is not None, timeout)
        if not execution.done() and self._call(u"cancel", execution.id, timeout=timeout):
            self._wait(execution.done, timeout)
        return execution.cancelled()

    # Control

    def interrupt(self, wait=True, timeout=ANSWER_LIMIT):
        # type: (bool, Optional[float]) -> Optional[Dict[Any, Any]]
        """Interrupt what runs, as Ctrl-C does.

        Args:
            wait: whether to wait for the broker's answer, which comes when what ran has ended, or after half a second.
            timeout: seconds to wait for it at most; None waits for ever.

        Returns:
            A dict: ``delivered`` (bool), ``detail`` (what came of it, in words), and ``stronger``, the names of the methods that
            do more, when it runs on; they are never used unasked.

        Raises:
            yotonlike.Timeout: the broker does not answer. The request is taken back.
        """
        return self._control(wait, timeout, u"interrupt")

    def _control(self, wait, timeout, method, *arguments):
        # type: (bool, Optional[float], Any, *Any) -> Any
        if wait:
            return self._call(method, *arguments, timeout=timeout, follow=True)
        self._tell(method, *arguments)
        return None

    def where(self, timeout=None):
        # type: (Optional[float]) -> Where
        """Where all threads of the kernel are, also while C code holds the interpreter; ``how`` says how sure that is."""
        return Where.from_message(self._call(u"where", timeout=timeout))

    def restart(self, python=None, cwd=None, env=None, timeout=None):
        # type: (Any, Any, Optional[Dict[Any, Any]], Optional[float]) -> None
        """End the kernel and start a new one, with the old settings where no new ones are given; wait until it is ready.

        Raises:
            StartError: the new one ended before it was ready.
        """
        settings = {}
        if python is not None:
            from .. import interpreters
            settings[u"python"] = _text(interpreters.find(str(python)))
        if cwd is not None:
            settings[u"cwd"] = _text(os.path.abspath(cwd))
        if env is not None:
            settings[u"env"] = dict((_text(key), _text(value)) for key, value in env.items())
        try:
            reply = self._call(u"restart", settings or None, timeout=timeout, follow=True)
        except KernelDied as error:
            raise StartError(str(error), error.cause)
        self._wait_ready(reply[u"generation"])

    def terminate(self, timeout=None, wait=True, limit=None):
        # type: (Optional[float], bool, Optional[float]) -> Optional[Exit]
        """Ask the kernel to end; after ``timeout`` seconds (None: the broker's usual time) with more and more force.

        Args:
            wait: whether to wait until it has ended.
            limit: seconds to wait for that at most; None waits for ever, also for a broker that does not answer.

        Returns:
            How it ended; None with ``wait=False``.

        Raises:
            yotonlike.Timeout: it has not ended within ``limit``.
        """
        return Exit.from_message(self._control(wait, limit, u"terminate", timeout))

    def kill(self, wait=True, timeout=None):
        # type: (bool, Optional[float]) -> Optional[Exit]
        """End the kernel and its children at once; returns as `terminate` does, and waits for ``timeout`` seconds at most."""
        return Exit.from_message(self._control(wait, timeout, u"kill"))

    def _wait_ready(self, generation, timeout=None):
        # type: (int, Optional[float]) -> None
        """Wait until the kernel of that generation, or a later one, can run code."""
        model = self._model

        def settled():
            # type: () -> bool
            return self.lost or (model.generation >= generation and (model.exit is not None or model.ready is not None))

        try:
            self._wait(settled, timeout)
        except (Timeout, WouldBlock):
            words = self._last_words()
            raise StartTimeout("the interpreter was not ready within %g s (%s): is it a Python?%s" % (
                timeout or 0.0, self.status, ":\n" + str(words) if words else ""), None, words)
        if self._error is not None:
            raise self._error
        if model.exit is not None:
            try:
                self._wait(lambda: model.heard_end or self.lost, WORDS_LIMIT)
            except Timeout:
                pass  # its last words were for a frontend before us
            words = self._last_words()
            message = "the kernel %s before it was ready" % model.exit
            raise StartError(message + (":\n" + str(words) if words else ""), model.exit, words)

    def _last_words(self):
        # type: () -> Any
        """The last lines that a kernel which did not start wrote to stderr."""
        words = u"".join(output.text for output in self._early if output.stream == u"stderr")
        return u"\n".join(words.splitlines()[-LAST_LINES:])

    # Questions about code

    def complete(self, code, cursor=None, timeout=None):
        # type: (Any, Optional[int], Optional[float]) -> Dict[Any, Any]
        """What may stand at ``cursor`` (None: at the end, and so for one beyond it): ``matches``, each of which may replace
        ``code[start:end]``."""
        return self._ask(u"complete", code, cursor, timeout)

    def inspect(self, code, cursor=None, timeout=None):
        # type: (Any, Optional[int], Optional[float]) -> Dict[Any, Any]
        """What the name at ``cursor`` is: ``found`` and ``text``."""
        return self._ask(u"inspect", code, cursor, timeout)

    def signature(self, code, cursor=None, timeout=None):
        # type: (Any, Optional[int], Optional[float]) -> Dict[Any, Any]
        """The call around ``cursor``: ``found``, ``name``, ``signature`` and ``doc``."""
        return self._ask(u"signature", code, cursor, timeout)

    def is_complete(self, code, timeout=None):
        # type: (Any, Optional[float]) -> Dict[Any, Any]
        """Whether a line must follow: ``state`` is ``"complete"``, ``"incomplete"`` or ``"invalid"``; and its ``indent``."""
        return self._ask(u"is_complete", code, None, timeout)

    def _ask(self, what, code, cursor, timeout):
        # type: (Any, Any, Optional[int], Optional[float]) -> Any
        code = _code(code)
        if cursor is not None and (isinstance(cursor, bool) or not isinstance(cursor, integer_types)):
            raise TypeError("cursor is a whole number, not %r" % (cursor,))
        return self._call(u"ask", what, code, len(code) if cursor is None else cursor, timeout=timeout)


def _code(code):
    # type: (Any) -> Any
    if not isinstance(code, (bytes, text_type)):
        raise TypeError("code is text, not %r" % (code,))
    return _text(code)


def _text(value):
    # type: (Any) -> Any
    """Text for a message: 2.7's native strings are bytes, in the encoding of its file names."""
    if value is None or isinstance(value, text_type):
        return value
    if isinstance(value, bytes):
        return value.decode(sys.getfilesystemencoding() or "utf-8")
    return text_type(value)
