"""The command line, as a shell sees it: output, input, exit status, signals."""
from __future__ import absolute_import, division, print_function

import json
import os
import re
import signal
import subprocess
import sys

import pytest

import ide_kernel
from ide_kernel import connection_file, interpreters
from ide_kernel.client.waiting import wait_readable
from ide_kernel.frontends.conduit import Conduit
from ide_kernel.frontends.words import crash

from frontend_harness import COMMAND, INPUT, ROOT, popen, read_until, run, wait_gone

SEGFAULT = "import os; print('last words'); os.kill(os.getpid(), 11)"


def python27():
    try:
        return interpreters.find("python2.7")
    except ide_kernel.InterpreterNotFound:
        pytest.skip("this machine has no python2.7")


@pytest.fixture(scope="module")
def lasting(tmpdir_factory):
    """The connection file of a broker for all that leaves its kernel as it was."""
    path = str(tmpdir_factory.mktemp("lasting").join("connection.json"))
    assert run("broker", "--connection-file", path, "--keep")[0] == 0
    yield path
    run("terminate", path)


#: Runs the command line once for each list of arguments, each in a fork of one interpreter that has loaded its modules.
EACH = """
import json, os, runpy, sys
directory, commands, redirected = json.loads(sys.argv[1])
import ide_kernel.__main__, argparse, ide_kernel.frontends.commands
for number, arguments in enumerate(commands):
    pid = os.fork()
    if pid == 0:
        for fd in redirected:
            opened = os.open(os.path.join(directory, "%d.%d" % (number, fd)) if fd else os.devnull, os.O_RDWR | os.O_CREAT)
            os.dup2(opened, fd)
            os.close(opened)
        sys.argv[1:] = map(str, arguments)
        sys.modules.pop("ide_kernel.__main__")
        runpy.run_module("ide_kernel", run_name="__main__", alter_sys=True)
    status = os.waitpid(pid, 0)[1]
    with open(os.path.join(directory, "statuses"), "a") as statuses:
        statuses.write("%d\\n" % status)
"""


def run_each(commands, directory, closed=(), **settings):
    """Run the command line for each list of arguments: [(exit status, stdout, stderr), ...].

    Args:
        commands: lists of arguments.
        directory: an empty one, for what they write.
        closed: descriptors that are not open.
        settings: of ``Popen``; what goes to a ``stdout`` of its is not read.
    """
    redirected = [fd for fd in (0, 1, 2) if fd not in closed and not (fd == 1 and "stdout" in settings)]
    description = json.dumps([str(directory), commands, redirected])
    assert subprocess.call([sys.executable, "-c", EACH, description], cwd=ROOT, preexec_fn=close(*closed), **settings) == 0
    found = []
    for number, status in enumerate(map(int, directory.join("statuses").read().split())):
        files = [directory.join("%d.%d" % (number, fd)) for fd in (1, 2)]
        out, err = [path.read_binary() if path.check() else b"" for path in files]
        found.append((os.WEXITSTATUS(status) if os.WIFEXITED(status) else None, out, err.decode("utf-8")))
    assert len(found) == len(commands)
    return found


# What the README promises


def test_a_command():
    assert run("run", "-c", "print(6*7)") == (0, b"42\n", "")


def test_a_program_from_stdin():
    program = b"x = 20\nfor i in range(2):\n    x += 11\n\nx\n"
    assert run(input=program) == (0, b"42\n", "")


def test_an_exit_status():
    assert run("run", "-c", "import sys; print('out'); sys.exit(3)") == (3, b"out\n", "")


def test_input():
    assert run("run", "-c", "print(%s('name? ').upper())" % INPUT, input=b"Ada\n") == (0, b"name? ADA\n", "")


def test_last_words_and_the_signal():
    status, out, err = run("run", "-c", SEGFAULT)
    assert (status, out) == (139, b"last words\n")
    assert "SIGSEGV" in err.splitlines()[-1] and "ide_kernel" not in err
    if err.count("\n") > 1:  # where Python has a faulthandler, it says as much there as plain Python's says
        assert re.match(r"Fatal Python error: Segmentation fault\n\n.*:\n  File \"<string>\", line 1 in <module>\n\n.*\n$", err)
    assert (err.count("\n") > 1) == (sys.version_info[0] > 2)


def test_the_stacks_of_a_crash_are_shown_without_ours():
    user = u"Thread 0x0001 (most recent call first):\n  File \"/lib/threading.py\", line 1 in run\n\n"
    stacks = (u"Fatal Python error: Aborted\n\n" + user +
              u"Thread 0x0002 (most recent call first):\n  File \"/root/ide_kernel/kernel/link.py\", line 1 in _poll\n\n"
              u"Current thread 0x0003 (most recent call first):\n  File \"/root/ide_kernel/kernel/streams.py\", line 1 in write\n"
              u"  File \"<stdin>\", line 1 in <module>\n  File \"/root/ide_kernel/kernel/app.py\", line 1 in run\n"
              u"  File \"<string>\", line 12 in <module>\n\nExtension modules: x (total: 1)")
    assert crash(stacks, u"/root") == (
        u"Fatal Python error: Aborted\n\n" + user +
        u"Current thread 0x0003 (most recent call first):\n  File \"<stdin>\", line 1 in <module>\n\n"
        u"Extension modules: x (total: 1)")


def test_another_python():
    assert run("--python", python27(), "run", "-c", "print 6*7") == (0, b"42\n", "")
    assert run("run", "--python=" + python27(), "-c", "print 6*7") == (0, b"42\n", "")


def test_a_module():
    status, out, err = run("run", "-m", "json.tool", input=b'{"a": 1}')
    assert (status, json.loads(out.decode("utf-8")), err) == (0, {"a": 1}, "")


def test_a_file_that_is_not_there():
    status, out, err = run("run", "no-such-file.py")
    assert (status, out) == (2, b"") and "no-such-file.py" in err and err.count("\n") == 1


# Scripts


def test_a_script_has_its_arguments_and_a_traceback_of_its_own(tmpdir):
    script = tmpdir.join("script.py")
    script.write("import sys\nprint(sys.argv)\n1/0\n")
    status, out, err = run("run", str(script), "-x", "--help", "-c")
    assert (status, out.decode("utf-8").split("'")[1::2]) == (1, [str(script), "-x", "--help", "-c"])
    assert err.startswith("Traceback (most recent call last):\n  File \"%s\", line 3, in <module>" % script)
    assert "ZeroDivisionError" in err and "ide_kernel" not in err


def test_every_byte_passes():
    code = "import os; os.write(1, bytes(bytearray(range(256))) * 1000); os.write(2, b'\\xff\\x00e')"
    process = popen("run", "-c", code)
    out, err = process.communicate()
    assert (process.returncode, out == bytes(bytearray(range(256))) * 1000, err) == (0, True, b"\xff\x00e")


def test_input_line_by_line_and_its_end():
    code = "import sys\nfor line in iter(sys.stdin.readline, ''): print(repr(str(line)))"
    assert run("run", "-c", code, input=b"one\n\nlast") == (0, b"'one\\n'\n'\\n'\n'last'\n", "")
    assert run("run", "-c", "import sys; print(len(sys.stdin.read()))", input=b"x" * 99 + b"\n") == (0, b"100\n", "")


def test_no_input_is_asked_for_that_nobody_wants():
    process = popen("run", "-c", "print(1)")
    assert process.wait() == 0  # although its stdin stays open
    assert process.stdout.read() == b"1\n"
    process.stdin.close()


def test_the_reader_goes_away():
    code = "import os\nprint(os.getpid())\nwhile True: print('y')"
    process = popen("run", "-c", code)
    kernel = int(read_until(process.stdout, b"\n").split()[0])
    process.stdout.close()
    assert process.wait() == 128 + signal.SIGPIPE
    assert process.stderr.read() == b""
    wait_gone(kernel)


def test_nobody_leaves_a_kernel_behind_when_the_run_is_killed():
    process = popen("run", "-c", "import os, time\nprint(os.getpid())\ntime.sleep(1000)")
    kernel = int(read_until(process.stdout, b"\n"))
    process.kill()
    wait_gone(kernel)
    process.wait()


def interrupted(code, *presses):
    """Run code that prints a line, press Ctrl-C then and after each further line; (status, rest of stdout, stderr)."""
    process = popen("run", "-c", code)
    for expected in (b"1\n",) + presses:
        read_until(process.stdout, expected)
        process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    return process.returncode, out, err.decode("utf-8")


def test_ctrl_c_interrupts_and_ends_as_python_does():
    status, out, err = interrupted("import time\nprint(1)\ntime.sleep(1000)")
    assert "KeyboardInterrupt" in err
    assert status == -signal.SIGINT or status == 1 and sys.version_info < (3, 8)


def test_code_that_handles_ctrl_c_goes_on():
    code = "import time\nprint(1)\ntry: time.sleep(1000)\nexcept KeyboardInterrupt: print(2)"
    assert interrupted(code) == (0, b"2\n", "")


def test_a_second_ctrl_c_is_harder():
    code = ("import time, signal\nsignal.signal(signal.SIGINT, lambda *a: print_('2'))\n"
            "def print_(text): import os; os.write(1, text.encode() + b'\\n')\nprint(1)\n"
            "while True: time.sleep(0.01)")
    status, _, err = interrupted(code, b"2\n")
    assert status == 128 + signal.SIGTERM and "SIGTERM" in err


def test_ctrl_c_is_told_by_python_itself(lasting):
    """A handler would run after a wait that the signal came too early to end."""
    before, kernel = signal.getsignal(signal.SIGINT), ide_kernel.attach(lasting)
    conduit = Conduit(kernel)
    try:
        signal.signal(signal.SIGINT, lambda number, frame: None)
        os.kill(os.getpid(), signal.SIGINT)
        assert wait_readable([conduit._pressed], 0)
    finally:
        conduit.close()
        kernel.close()
    assert (signal.getsignal(signal.SIGINT), signal.set_wakeup_fd(-1)) == (before, -1)


# Programs from stdin


def test_a_program_from_stdin_ends_at_its_first_error():
    status, out, err = run(input=b"print(1)\n\ndef f():\n\n    1/0\n\nf()\nprint(2)\n")
    assert (status, out) == (1, b"1\n")
    assert 'File "<stdin>", line 7, in <module>' in err and 'File "<stdin>", line 5, in f' in err


def test_a_program_from_stdin_has_an_exit_status():
    assert run(input=b"import sys\nsys.exit(4)\n1\n") == (4, b"", "")
    assert run(input=SEGFAULT.encode("ascii"))[:2] == (139, b"last words\n")


def test_a_program_from_stdin_ends_as_an_interpreter_does():
    program = b"import atexit, sys\ndef bye(): sys.stdout.write('bye')\n\nf = atexit.register(bye)\n"
    assert run(input=program) == (0, b"bye", "")


def test_a_program_from_stdin_may_read_the_lines_below():
    assert run(input=("x = %s()\nAda\nx + '!'\n" % INPUT).encode("ascii")) == (0, b"'Ada!'\n", "")


def test_a_statement_runs_before_the_next_is_written():
    process = popen()
    for number in range(3):
        process.stdin.write(b"%d + 1\n" % number if hasattr(b"", "__mod__") else str("%d + 1\n" % number))
        process.stdin.flush()
        assert read_until(process.stdout, b"\n") == b"%d\n" % (number + 1)
    assert process.communicate() == (b"", b"") and process.returncode == 0


# Descriptors that are not there, or take nothing


needs_full_disk = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")


@needs_full_disk
def test_a_program_whose_output_cannot_be_written():
    with open("/dev/full", "w") as full:
        for arguments, program in ((["run", "-c", "print(1)"], b""), ([], b"print(1)\n"),
                                   (["run", "-c", "while True: print(1)"], b"")):
            status, _, err = run(*arguments, stdout=full, input=program)
            assert (status, err) == (120, "ide-kernel: cannot write to stdout: [Errno 28] No space left on device\n")
        code = "import sys; sys.stderr.write('unheard'); sys.exit(3)"
        assert run("run", "-c", code, stdout=full, stderr=full) == (3, None, "")


@needs_full_disk
def test_a_command_whose_output_cannot_be_written(lasting, tmpdir):
    """To a full disk, and to a reader that is gone."""
    commands = [["status", lasting], ["status", lasting, "--json"], ["status", lasting, "--watch"], ["where", lasting],
                ["--version"], ["--help"], ["run", "-h"], ["broker", "--help"]]
    with open("/dev/full", "w") as full:
        for arguments, (status, _, err) in zip(commands, run_each(commands, tmpdir.mkdir("full"), stdout=full)):
            assert (arguments, status, err) == (
                arguments, 120, "ide-kernel: cannot write to stdout: [Errno 28] No space left on device\n")
    read_end, write_end = os.pipe()
    os.close(read_end)
    for arguments, (status, _, err) in zip(commands, run_each(commands, tmpdir.mkdir("gone"), stdout=write_end)):
        assert (arguments, status, err) == (arguments, 128 + signal.SIGPIPE, "")
    os.close(write_end)


def close(*fds):
    """What a child does before it becomes the command line: the shell's ``<&-``, ``>&-`` and ``2>&-``."""
    return lambda: [os.close(fd) for fd in fds]


@pytest.mark.parametrize("fds", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)])
def test_a_program_without_some_standard_descriptors(tmpdir, fds):
    """It does what it does, and what it writes to a closed one goes nowhere."""
    path = str(tmpdir.join("found"))
    code = "import sys; print('out'); sys.stderr.write('err'); open(%r, 'w').write(repr(sys.stdin.readline()))" % path
    assert run("run", "-c", code, preexec_fn=close(*fds)) == (
        0, b"" if 1 in fds else b"out\n", "" if 2 in fds else "err")
    with open(path) as found:
        assert found.read() == "''"


@pytest.mark.parametrize("fds", [(0,), (1,), (2,), (0, 1, 2)])
def test_commands_without_some_standard_descriptors(lasting, fds, tmpdir):
    other = lasting + ".other"
    commands = [[], ["--help"], ["status", "--help"], ["status", lasting], ["where", lasting], ["status", lasting + "?"],
                ["broker", "--connection-file", other], ["terminate", other]]
    for arguments, (status, out, err) in zip(commands, run_each(commands, tmpdir, closed=fds)):
        assert (status, bool(out)) == (1 if lasting + "?" in arguments else 0, 1 not in fds and arguments not in ([], [
            "status", lasting + "?"])), (arguments, err)
        assert "Traceback" not in err


# Kernels that go on


@pytest.fixture
def broker(tmpdir):
    path = str(tmpdir.join("connection.json"))
    status, out, err = run("broker", "--connection-file", path, "--keep")
    assert (status, out.decode("utf-8"), err) == (0, path + "\n", "")
    yield path
    run("terminate", path)


def test_a_broker_is_found_and_asked(broker):
    status, out, err = run("status", broker, "--json")
    found = json.loads(out.decode("utf-8"))
    assert (status, found["state"], found["connection_file"], err) == (0, "idle", broker, "")
    status, out, err = run("status", broker)
    assert (status, b"idle" in out, err) == (0, True, "")
    assert os.stat(broker).st_mode & 0o777 == 0o600


def test_frontends_share_a_kernel(lasting):
    assert run("attach", lasting, input=b"x = 5\n") == (0, b"", "")
    assert run("attach", lasting, input=b"x\n") == (0, b"5\n", "")


def test_looking_does_not_count_as_a_frontend():
    with ide_kernel.start() as kernel:
        for command in ("status", "interrupt"):
            assert run(command, kernel.connection_file)[0] == 0
        assert kernel.execute("1").result(30).value == u"1"


def test_interrupt_restart_terminate(broker):
    kernel = ide_kernel.attach(broker)
    begun = []
    kernel.on_output(begun.append)
    execution = kernel.execute("import time; print(1); time.sleep(1000)")
    kernel.wait(lambda: begun, 30)
    status, out, err = run("interrupt", broker)
    assert (status, err) == (0, "") and b"SIGINT" in out
    assert execution.result(30).error.type == u"KeyboardInterrupt"
    old = kernel.info[u"kernel_pid"]
    assert run("restart", broker)[0] == 0
    kernel.wait(lambda: kernel.info[u"kernel_pid"] != old, 30)
    status, out, err = run("terminate", broker)
    assert (status, out, err) == (0, b"the kernel ended with exit status 0\n", "")
    kernel.wait(lambda: kernel.exit is not None, 30)
    kernel.close()


def test_watching_the_status(broker):
    process = popen("status", broker, "--watch", "--json")
    assert json.loads(read_until(process.stdout, b"\n").decode("utf-8"))["state"] == "idle"
    kernel = ide_kernel.attach(broker)
    kernel.execute("import time; time.sleep(1000)")  # what is over sooner than that may never be told
    read_until(process.stdout, b'"busy"')
    kernel.interrupt()
    read_until(process.stdout, b'"idle"')
    kernel.kill()
    read_until(process.stdout, b'"dead"')
    process.send_signal(signal.SIGINT)
    assert process.communicate() == (b"", b"") and process.returncode == 0
    kernel.close()  # not before: then the broker ends, and the watch tells that


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_watching_ends_when_the_broker_is_gone(broker, options):
    process = popen("status", broker, "--watch", *options)
    assert b"idle" in read_until(process.stdout, b"\n")
    os.kill(connection_file.read(broker).broker_pid, signal.SIGKILL)
    out, err = process.communicate()
    assert (b"lost" in out, out.count(b"\n"), err, process.returncode) == (True, 1, b"", 1)


def test_watching_ends_when_nobody_reads(lasting):
    process = popen("status", lasting, "--watch")
    read_until(process.stdout, b"\n")
    process.stdout.close()
    assert process.wait() == 128 + signal.SIGPIPE and process.stderr.read() == b""


# Wrong arguments


WRONG = [
    (["nonsense"], "no command 'nonsense'"),
    (["setup.py"], "run setup.py"),
    (["--nonsense"], "no option '--nonsense'"),
    (["--python"], "--python needs"),
    (["--python", "no-such-python", "run", "-c", "1"], "no-such-python"),
    (["--python", "/no/such/python"], "/no/such/python"),
    (["run"], "run needs"),
    (["run", "-c"], "-c needs"),
    (["run", "-m"], "-m needs"),
    (["run", "--nonsense"], "no option '--nonsense'"),
    (["gui", "--new", "F"], "either"),
    (["status", "a", "b"], "unrecognized arguments"),
    (["--python", "python", "attach"], "makes no sense"),
    (["--when-slow", "drop", "status"], "--when-slow makes no sense"),
    (["--when-slow"], "--when-slow needs"),
    (["run", "--when-slow=never", "-c", "1"], "block, spool or drop"),
    (["--output-spool", "1X", "run", "-c", "1"], "a number of bytes"),
    (["broker", "--output-memory", "much"], "a number of bytes"),
]
HELP = [
    (["--help"], b"usage: python3 -m ide_kernel"), (["run", "--help"], b"-m MODULE"), (["broker", "-h"], b"--keep"),
    (["status", "--help"], b"--watch"), (["--version"], ide_kernel.__version__.encode("ascii")),
    (["interrupt", "--help"], b"as Ctrl-C does"), (["terminate", "--help"], b"SIGINT, SIGTERM, SIGKILL")]

@pytest.fixture(scope="module")
def said(tmpdir_factory):
    """What commands of which nothing becomes said: {their arguments: (exit status, stdout, stderr)}."""
    commands = [arguments for arguments, _ in WRONG + HELP]
    return dict(zip(map(tuple, commands), run_each(commands, tmpdir_factory.mktemp("said"))))


@pytest.mark.parametrize("arguments, words", WRONG)
def test_wrong_arguments(said, arguments, words):
    status, out, err = said[tuple(arguments)]
    assert (status, out) == (2, b"") and words in err and "Traceback" not in err


def test_wrong_arguments_in_a_process_of_their_own():
    status, out, err = run("nonsense")
    assert (status, out) == (2, b"") and "no command 'nonsense'" in err and "Traceback" not in err


def test_options_of_the_output():
    assert run("--when-slow=spool", "run", "--output-spool", "1G", "--output-memory=1M", "-c", "print(6 * 7)")[:2] == (0, b"42\n")


@pytest.mark.parametrize("arguments", [["status", "/no/such/file"], ["attach", "/no/such/file"]])
def test_no_such_kernel(arguments):
    status, out, err = run(*arguments)
    assert (status, out) == (1, b"") and "/no/such/file" in err and err.count("\n") == 1


@pytest.mark.parametrize("arguments, words", HELP)
def test_help(said, arguments, words):
    status, out, err = said[tuple(arguments)]
    assert (status, err) == (0, "") and words in out


def test_help_keeps_the_order_that_it_speaks_of():
    status, out, err = run("broker", "--help")
    words = b" ".join(out.split())
    assert (status, err) == (0, "")
    assert words.index(b"kept in a file") < words.index(b"kept in memory before that")
    assert b"terminate F" in words and b"30 s after the start" in words


def test_an_interpreter_that_is_none(tmpdir):
    program = tmpdir.join("python")
    program.write("#!/bin/sh\necho 'no Python at all' >&2\nexit 7\n")
    program.chmod(0o755)
    status, out, err = run("--python", str(program), "run", "-c", "1")
    assert (status, out) == (1, b"")
    assert "exit status 7 before it was ready" in err and "no Python at all" in err


def test_the_installed_command_is_this_one():
    with open(os.path.join(ROOT, "setup.py")) as setup:
        assert "ide_kernel.__main__:main" in setup.read()
    code = "import sys; from ide_kernel.__main__ import main; sys.exit(main(['run', '-c', 'raise SystemExit(5)']))"
    assert subprocess.call([COMMAND[0], "-c", code], cwd=ROOT) == 5
