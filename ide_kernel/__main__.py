"""The command line. It imports what a command needs when it is needed: the start of a program is time that somebody waits."""
from __future__ import absolute_import, division, print_function

import os
import sys

from .frontends.standard import Unwritable, complain, open_missing, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple

#: What a new broker can be told of the output.
_OUTPUT_OPTIONS = """\
  --when-slow HOW       when a frontend does not read the output: block: the code waits in print (default); spool: it
                        runs on, and what is missing is kept; drop: it runs on, and the frontend gets what is newest.
                        What is missing for good, a frontend is told exactly
  --output-spool SIZE   how much output is kept in a file, for frontends that come late or are slow (default: 64M)
  --output-memory SIZE  ... and how much in memory before that (default: 256K)
"""

_USAGE = """\
usage: python3 -m ide_kernel [OPTION ...] [COMMAND ...]

A Python kernel: code runs in a process of its own, in any interpreter, beside a broker that always knows how it is.

Without a command: a shell in the terminal, on a new kernel; or, where stdin is no terminal, the program that stdin holds.

commands:
  run FILE [ARG ...]         run a script in a kernel: its output, its input, its exit status
  run -c CODE [ARG ...]      ... or code from the command line
  run -m MODULE [ARG ...]    ... or a module
  broker                     start a kernel that waits for frontends, and print its connection file
  attach [F]                 another shell on a running kernel
  status [F]                 how the kernel is
  interrupt [F]              interrupt what it runs, as Ctrl-C does
  restart [F]                end it and start a new one
  terminate [F]              end it
  where [F]                  the stacks of all its threads, also while C code holds the interpreter
  gui [F]                    a window, on a running kernel or on a new one

F is a connection file; without it, the newest of yours is taken. "COMMAND --help" says more.

options:
  --python PATH         the interpreter that runs the code: a path, or a name on PATH (default: this one)
""" + _OUTPUT_OPTIONS + """\
  --version             print the version
  -h, --help            print this
"""

_RUN_USAGE = """\
usage: python3 -m ide_kernel run [OPTION ...] (FILE | -c CODE | -m MODULE) [ARG ...]

Run a program in a kernel of its own, as python would. Its output and errors pass byte for byte, it is asked for input only when
it wants some, Ctrl-C interrupts it (a second one soon after ends it), and its exit status is ours: 128 + n when signal n
ended it, with the signal's name on stderr, and after a crash in C code with the stacks of all threads. It is ended when its
output cannot be written: 120, with the cause on stderr, or 141, as by SIGPIPE, when the reader is gone.

options:
  --python PATH         the interpreter that runs it: a path, or a name on PATH (default: this one)
""" + _OUTPUT_OPTIONS

_SIMPLE = {"interrupt": "interrupt what the kernel runs, as Ctrl-C does, and say what came of it",
           "where": "print the stacks of all threads, whatever the kernel does",
           "restart": "end the kernel and start a new one",
           "terminate": "end the kernel: ask, then SIGINT, SIGTERM, SIGKILL"}
_COMMANDS = ("run", "broker", "attach", "status", "gui") + tuple(sorted(_SIMPLE))


#: What they need, and for the help of ``broker``, in this order.
_OUTPUT = (("--when-slow", "block, spool or drop: what happens when a frontend does not read the output (default: block)"),
           ("--output-spool", "how much output is kept in a file, such as 64M (the default)"),
           ("--output-memory", "how much output is kept in memory before that, such as 256K (the default)"))
_OPTIONS = dict(_OUTPUT + (("--python", "the path of an interpreter"),))
#: Lines of old output that a shell shows when it attaches: some screens full.
LINES = 200


class _Wrong(Exception):
    """Wrong arguments."""


def main(arguments=None):
    # type: (Optional[List[Any]]) -> int
    """Run the command line; returns the exit status."""
    open_missing()
    from .errors import InterpreterNotFound, KernelError
    try:
        return _main(list(sys.argv[1:] if arguments is None else arguments))
    except Unwritable as error:
        return _fail(error, error.status) if error.words else error.status
    except _Wrong as error:
        return _fail("%s (--help shows what there is)" % error, 2)
    except InterpreterNotFound as error:
        return _fail(error, 2)
    except KernelError as error:
        return _fail(error, 1)
    except KeyboardInterrupt:
        from .frontends.conduit import die_like
        return die_like(2) or 130


def _fail(error, status):
    # type: (Any, int) -> int
    complain(error)
    return status


def _main(arguments):
    # type: (List[Any]) -> int
    options, rest = _take_options(arguments, {})
    if not rest:
        return _shell(options)
    command, rest = rest[0], rest[1:]
    if command in ("-h", "--help"):
        say(_USAGE)
        return 0
    if command == "--version":
        from . import __version__
        say(__version__ + "\n")
        return 0
    if command not in _COMMANDS:
        hint = ": to run that file, say: run %s" % command if os.path.exists(command) else ""
        raise _Wrong("there is no %s %r%s" % ("option" if command.startswith("-") else "command", command, hint))
    if command == "gui":
        return _gui(*_take_options(rest, options))
    if command == "run":
        return _run(_take_options(rest, options))
    return _other(command, options, rest)


def _take_options(arguments, options):
    # type: (List[Any], Dict[str, Any]) -> Tuple[Dict[str, Any], List[Any]]
    """The options at the beginning, on top of those given before, and the rest."""
    options = dict(options)
    while arguments and arguments[0].split("=")[0] in _OPTIONS:
        name, equals, value = arguments[0].partition("=")
        if not equals:
            if len(arguments) < 2:
                raise _Wrong("%s needs %s" % (name, _OPTIONS[name]))
            value, arguments = arguments[1], arguments[1:]
        options[name[2:].replace("-", "_")] = _value(name, value)
        arguments = arguments[1:]
    return options, arguments


def _value(name, value):
    # type: (str, str) -> Any
    """The value of an option, checked."""
    if name == "--when-slow" and value not in ("block", "spool", "drop"):
        raise _Wrong("--when-slow is block, spool or drop, not %r" % value)
    if not name.startswith("--output-"):
        return value
    factor = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(value[-1:].upper(), 1)
    digits = value if factor == 1 else value[:-1]
    if not digits.isdigit():
        raise _Wrong("%s is a number of bytes such as 65536, 512K, 64M or 1G, not %r" % (name, value))
    return int(digits) * factor


def _run(found):
    # type: (Tuple[Dict[str, Any], List[Any]]) -> int
    options, arguments = found
    if not arguments:
        raise _Wrong("run needs a FILE, -c CODE or -m MODULE")
    first = arguments[0]
    if first in ("-h", "--help"):
        say(_RUN_USAGE)
        return 0
    mode, code, rest = "script", first, arguments[1:]
    if first[:2] in ("-c", "-m"):  # as for python: -cCODE, -c CODE; all that follows is the program's
        mode = "command" if first[:2] == "-c" else "module"
        if not first[2:] and not rest:
            raise _Wrong("%s needs %s" % (first, "code to run" if mode == "command" else "the name of a module"))
        code, rest = (first[2:], rest) if first[2:] else (rest[0], rest[1:])
    elif first.startswith("-"):
        raise _Wrong("run has no option %r" % first)
    from .frontends import script
    return script.run(options, mode, code, rest)


def _shell(options):
    # type: (Dict[str, Any]) -> int
    from .client.launch import Broker
    terminal = os.isatty(0)
    # The kernel of a program from stdin ends with it, whatever happens; one that a person worked in waits for the person.
    python = options.pop("python", None)
    broker = Broker(python, options=options if terminal else dict(options, linger=0.0))
    from .client.session import join
    if terminal:
        from .frontends.terminal import run
        return run(join(broker, "terminal"))
    from .frontends import program
    return program.run(join(broker, "program"), own=True)


def _attach(path, lines):
    # type: (Any, Any) -> int
    from .client.session import attach
    if os.isatty(0):
        from .frontends.terminal import run
        return run(attach(path, "terminal", lines))
    from .frontends import program
    return program.run(attach(path, "program", 0), own=False)


_WINDOW = ("A window on a kernel: a shell, the status icon, and buttons to interrupt, restart and end it. It needs tkinter and a "
           "display.")
_WINDOW_KEYS = ("Keys: Enter runs, or begins a line where the code is not complete; Shift+Enter begins a line, Ctrl+Enter runs. "
                "Up and Down: history. Tab: completion. F1: help. Ctrl+C interrupts where nothing is selected; "
                "Ctrl+Shift+I, W, R, T: interrupt, where, restart, terminate. Ctrl+L clears, Ctrl and +, -, 0 zoom.")


def _gui(options, arguments):
    # type: (Dict[str, Any], List[Any]) -> int
    parser = _parser("gui")
    parser.description, parser.epilog = _WINDOW, _WINDOW_KEYS
    parser.add_argument("file", metavar="F", nargs="?",
                        help="the kernel's connection file (default: your newest; a new kernel where there is none)")
    parser.add_argument("--new", action="store_true", help="on a new kernel in any case")
    parser.add_argument("--python", metavar="PATH", help="on a new kernel, in that interpreter")
    parser.add_argument("--dark", action="store_true", help="light text on a dark ground")
    given = parser.parse_args(arguments)
    if given.python is not None:
        options["python"] = given.python
    new = given.new or bool(options)
    if new and given.file:
        raise _Wrong("either a new kernel or the one of %s" % given.file)

    def join():
        # type: () -> Any
        from .client.session import attach, start
        from .errors import NoConnection
        if not new:
            try:
                return attach(given.file, "window")
            except NoConnection:
                if given.file:
                    raise
        return start(name="window", **options)

    from .frontends.window import main as window
    return window.run(join, given.dark)


def _parser(command):
    # type: (Any) -> Any
    import argparse
    parser = argparse.ArgumentParser(prog="python3 -m ide_kernel %s" % command)  # type: Any
    parser.print_help = lambda: say(parser.format_help())
    return parser


def _other(command, options, arguments):
    # type: (Any, Dict[str, Any], List[Any]) -> int
    parser = _parser(command)
    if command == "broker":
        return _broker(parser, options, arguments)
    parser.add_argument("file", metavar="F", nargs="?", help="the kernel's connection file (default: your newest)")
    if options:
        raise _Wrong("--%s makes no sense here: the kernel runs already" % sorted(options)[0].replace("_", "-"))
    if command == "attach":
        parser.description = "Another shell on a running kernel: it shares all names, and shows what the others do."
        parser.add_argument("--lines", metavar="N", type=int, default=LINES,
                            help="how many lines of old output to show in a terminal (default: %(default)s)")
        given = parser.parse_args(arguments)
        return _attach(given.file, max(0, given.lines))
    if command == "status":
        parser.description = "Say how the kernel is."
        parser.add_argument("--json", action="store_true", help="as one JSON object a line")
        parser.add_argument("--watch", action="store_true",
                            help="go on, with a line for each change, and in a terminal with a heart that beats; ends with "
                                 "status 1 when the broker is gone, and with 0 at Ctrl-C")
        given = parser.parse_args(arguments)
        from .frontends import commands
        return commands.status(given.file, given.json, given.watch)
    parser.description = _SIMPLE[command][:1].upper() + _SIMPLE[command][1:] + "."
    path = parser.parse_args(arguments).file
    from .frontends import commands
    return getattr(commands, command)(path)


def _broker(parser, options, arguments):
    # type: (Any, Dict[str, Any], List[Any]) -> int
    parser.description = ("Start a broker and a kernel in the background, and print the path of the connection file. They end "
                          "when the last frontend has left, 10 minutes after the last one vanished, 30 s after the start when "
                          "nobody came, or when the kernel is dead and nobody attached. status, where and the like do not "
                          "count as frontends.")
    parser.add_argument("--python", metavar="PATH",
                        help="the interpreter that runs the code: a path, or a name on PATH (default: this one)")
    parser.add_argument("--connection-file", metavar="F", help="where to write the connection file")
    parser.add_argument("--keep", action="store_true",
                        help="live on when nobody is attached, for as long as the kernel lives: to end it, run "
                             "python3 -m ide_kernel terminate F")
    for name, words in _OUTPUT:
        parser.add_argument(name, metavar="HOW" if name == "--when-slow" else "SIZE", help=words)
    given = dict((name, value) for name, value in vars(parser.parse_args(arguments)).items() if value not in (None, False))
    for name in _OPTIONS:
        key = name[2:].replace("-", "_")
        if key in given:
            options[key] = _value(name, given.pop(key))
    from .frontends import commands
    return commands.broker(options.pop("python", None), dict(options, **given))


def _end(status):
    # type: (int) -> None
    """End at once: nothing of ours waits for the interpreter to take itself apart, and on 2.7 threads fail in that."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (EnvironmentError, ValueError):
            pass  # its reader is gone, or it is closed
    os._exit(status)


if __name__ == "__main__":
    _end(main())
