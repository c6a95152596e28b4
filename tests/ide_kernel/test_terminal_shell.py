# -*- coding: utf-8 -*-
"""The shell in a terminal, as somebody uses it who types and reads."""
from __future__ import absolute_import, division, print_function

import os
import pty
import re
import signal
import stat
import sys
import threading

import pytest

import ide_kernel
from ide_kernel.client.execution import Execution, Result
from ide_kernel.client.status import ICONS
from ide_kernel.client.waiting import wait_readable
from ide_kernel.frontends.lines import LineReader
from ide_kernel.frontends.terminal import Shell
from frontend_harness import INPUT, LIMIT, Person, end_all, run, wait_gone

READY = u">>> "
#: The kernel's code writes its question, and the line editor draws it again when it is ready for the answer.
NAME = (u"name? ", u"name? ")

#: The arrow key, as a terminal sends it while a line editor is at work.
UP = u"\x1bOA"


@pytest.fixture(scope="module", autouse=True)
def leave_nothing_behind():
    yield
    end_all()


@pytest.fixture
def state(tmpdir):
    return str(tmpdir.join("state"))


@pytest.fixture
def person(state):
    with Person(XDG_STATE_HOME=state) as found:
        found.sees(u"exit() or Ctrl-D leaves", READY)
        yield found


@pytest.fixture(scope="module")
def resident(tmpdir_factory):
    """Somebody at one shell, for all tests that leave it as it was, at its prompt."""
    with Person(XDG_STATE_HOME=str(tmpdir_factory.mktemp("resident"))) as found:
        found.sees(u"exit() or Ctrl-D leaves", READY)
        yield found


class Gate(object):
    """A named pipe: whoever opens it for reading waits until we open it."""

    def __init__(self, path):
        self.path = path
        os.mkfifo(path)

    def open(self):
        with open(self.path, "w"):
            pass


@pytest.fixture
def gate(tmpdir):
    return Gate(str(tmpdir.join("gate")))


def test_values_blocks_and_errors(resident):
    resident.types(u"1 + 1").sees(u"\n2\n", READY)
    resident.types(u"for i in range(2):").sees(u"... ").types(u"  print(i + 100)").sees(u"... ").types(u"")
    resident.sees(u"100\n101\n", READY)
    resident.types(u"(1,").sees(u"... ").types(u"2)").sees(u"(1, 2)\n", READY)
    resident.types(u"u'\xe9' == u'\\xe9'").sees(u"True\n", READY)
    resident.types(u"1/0").sees(u"Traceback (most recent call last):\n  File \"<stdin>\", line 1", u"ZeroDivisionError", READY)
    resident.types(u"_").sees(u"True", READY)


def test_a_statement_in_a_bracket_or_none_at_all(resident):
    resident.types(u"   ").sees(READY).types(u"").sees(READY)
    resident.types(u"# nothing").sees(READY).types(u"7 * 6").sees(u"\n42\n", READY)


def test_an_input_ends_where_it_does_in_plain_python(resident):
    if not hasattr(sys, "pypy_version_info"):  # which itself waits for the bracket there
        resident.types(u"def f(:").sees(u"SyntaxError", READY)
    resident.types(u"x = 1 \\").sees(u"... ").types(u"  + 2").sees(READY).types(u"x * 14").sees(u"\n42\n", READY)
    resident.types(u"if x == 1: 'no'").sees(u"... ").types(u"else: 6 * 7").sees(u"... ").types(u"").sees(u"\n42\n", READY)


def test_output_without_a_newline_leaves_the_prompt_alone(resident):
    resident.types(u"import sys; n = sys.stdout.write('%s!' % (10 ** 3))").sees(u"1000!\n", READY)


def test_input_and_password(resident):
    resident.types(u"x = %s('na' + 'me? ')" % INPUT).sees(*NAME).types(u"Ada").sees(READY)
    resident.types(u"x + '!'").sees(u"'Ada!'\n", READY)
    resident.types(u"%s('e' + 'nd? ')" % INPUT).sees(u"end? ", u"end? ").keys(u"\x04").sees(u"EOFError", READY)
    resident.types(u"import getpass; p = getpass.getpass('se' + 'cret: ')").sees(u"secret: ").types_secretly(u"hush").sees(READY)
    assert u"hush" not in resident.screen
    resident.types(u"p + '!'").sees(u"'hush!'\n", READY)


def test_ctrl_c_at_a_question_interrupts_the_code(resident):
    resident.types(u"%s('q' + 'q? ')" % INPUT).sees(u"qq? ", u"qq? ").keys(u"\x03").sees(u"KeyboardInterrupt", READY)
    resident.types(u"6 * 7").sees(u"\n42\n", READY)


def test_ctrl_c_at_the_prompt_clears_the_line(resident):
    resident.keys(u"1 +").sees(u"1 +").keys(u"\x03").sees(READY).types(u"5 * 5").sees(u"\n25\n", READY)
    resident.types(u"def f():").sees(u"... ").keys(u"\x03").sees(READY).types(u"5 * 6").sees(u"\n30\n", READY)


def test_ctrl_c_leaves_a_wait_and_the_next_one_interrupts(resident):
    resident.types(u"import time; print(9 * 11); time.sleep(1000)").sees(u"99\n").keys(u"\x03")
    resident.sees(u"runs on", READY)
    resident.keys(u"\x03").sees(u"Interrupting", u"KeyboardInterrupt", READY)
    resident.types(u"6 * 7").sees(u"\n42\n", READY)


def test_a_left_wait_delivers_no_reply_to_a_later_prompt(resident, gate):
    resident.types(u"print(9 * 11); x = open(%r).read(); 'first'" % gate.path).sees(u"99\n").keys(u"\x03").sees(READY)
    resident.types(u"'second'")
    gate.open()
    resident.sees(u"'first'\n", u"'second'\n", READY)
    resident.types(u"6 * 7").sees(u"\n42\n", READY)


def test_ctrl_c_in_a_wait_is_not_sent_again_at_the_next_prompt(shared):
    """What Python is told of in a wait, and tells after it, a handler may have seen to in the wait."""
    before, lines = signal.getsignal(signal.SIGINT), LineReader(None)
    try:
        lines.install()
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            shared.wait(lambda: False)
        assert shared.execute("6 * 7").result(LIMIT).value == u"42"
        assert lines._guarded(lambda: wait_readable([lines.signal_fd], 0)) == []
    finally:
        signal.signal(signal.SIGINT, before)
        signal.set_wakeup_fd(-1)


def test_a_semicolon_runs_it_in_the_background(resident, gate):
    resident.types(u"x = open(%r).read(); print('o' + 'ut');" % gate.path).sees(READY)
    resident.keys(u"40 + ").sees(u"40 + ")  # drawn: PyPy takes a key, and draws it in another moment
    gate.open()
    resident.sees(u"\nout\n", u"[done: ", u">>> 40 + ")
    resident.types(u"2").sees(u"\n42\n", READY)


def test_the_kernel_dies_and_another_is_started(person):
    person.types(u"import os; os.kill(os.getpid(), 11)").sees(u"killed by SIGSEGV", u"Press Enter", READY)
    person.types(u"x = 1").sees(u"The kernel is dead", u"Press Enter", READY)
    person.types(u"").sees(u"A new kernel is ready", READY)
    person.types(u"os").sees(u"NameError", READY)
    person.types(u"6 * 7").sees(u"\n42\n", READY)


@pytest.mark.skipif(sys.version_info[0] == 2, reason="2.7 has no faulthandler")
def test_a_crash_is_shown_with_its_stacks(person):
    person.types(u"import os").sees(READY).types(u"def crash(): os.kill(os.getpid(), 11)").sees(u"... ").types(u"").sees(READY)
    person.types(u"crash()").sees(u"Fatal Python error: Segmentation fault", u"line 1 in crash\n", u"in <module>\n")
    person.sees(u"killed by SIGSEGV", READY)
    assert u"ide_kernel" not in person.screen


def test_system_exit_ends_shell_and_kernel_with_its_status(person):
    person.types(u"import os, sys; print(os.getpid())").sees(u"\n")
    person.sees(u"\n", READY)
    assert person.types(u"sys.exit(7)").leaves() == 7
    assert u"The kernel is dead" not in person.screen  # the user knows


@pytest.mark.parametrize("code", [u"sys.exit(7)", u"sys.exit(7);"])
def test_the_kernel_may_end_before_who_sent_the_code_gets_any_further(code):
    """The other thread hears of it, on a busy machine before the main thread has said that the user waits for that."""
    class Kernel(object):
        exit, lost = None, False

        def execute(self, code):
            self.execution = Execution(code, mine=True)
            self.execution._finish(Result(False, exit=7))
            hears.start()
            hears.join(0.1)
            return self.execution

        def wait(self, condition):
            self.exit = ide_kernel.Exit(7)
            assert condition()

    class Screen(object):
        fancy, notices = False, []

        def notice(self, words):
            self.notices.append(words)

    shell = Shell(Kernel(), Screen(), "utf-8")
    hears = threading.Thread(target=lambda: shell._ended(ide_kernel.Exit(7)))
    shell._execute(code)
    hears.join()
    dead = u"The kernel is dead: ended with exit status 7.\nPress Enter to start a new one, Ctrl-D to leave."
    assert (shell._status, sorted(Screen.notices)) == (
        (None, [dead, u"[ended with SystemExit: sys.exit(7)]"]) if code.endswith(u";") else (7, []))


def test_leaving_ends_the_kernel(person):
    person.types(u"import os; print('pid', os.getpid(), '.')").sees(READY)
    pid = int("".join(filter(str.isdigit, str(person.screen.rsplit(u"pid", 1)[1].split(u".")[0]))))
    assert person.keys(u"\x04").leaves() == 0
    wait_gone(pid)


def test_completion_and_history(person, state):
    pytest.importorskip("readline")
    person.types(u"some_long_name = 6 * 7").sees(READY)
    person.keys(u"some_lo\t").sees(u"some_long_name").keys(u" + 0\r").sees(u"\n42\n", READY)
    person.keys(UP).sees(u"some_long_name + 0").keys(u"0\r").sees(u"\n42\n", READY)
    assert person.types(u"exit()").leaves() == 0
    path = os.path.join(state, "ide-kernel", "history")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with Person(XDG_STATE_HOME=state) as again:
        again.sees(READY).keys(UP).sees(u"exit()").keys(UP).sees(u"some_long_name + 00")


def test_answers_are_not_history(resident):
    pytest.importorskip("readline")
    resident.types(u"x = %s('na' + 'me? ')" % INPUT).sees(*NAME).types(u"Ada").sees(READY)
    resident.keys(UP).sees(u"x = %s('na' + 'me? ')" % INPUT).keys(u"\x03").sees(READY)


def test_two_terminals_share_a_kernel_and_see_each_other(person, state):
    person.types(u"import os; print('at', os.getppid())").sees(READY)
    with Person("attach", XDG_STATE_HOME=state) as other:
        other.sees(READY).types(u"shared = 6 * 7").sees(READY)
        person.sees(u"[terminal-%d] >>> shared = 6 * 7" % other.pid, READY)
        person.types(u"shared").sees(u"\n42\n", READY)
        other.sees(u"[terminal-%d] >>> shared" % person.pid, u"\n42\n", READY)
        person.types(u"x = %s('na' + 'me? ')" % INPUT).sees(*NAME)
        other.sees(u"asks: name?", u"Enter alone answers it").types(u"").sees(u"name? ").types(u"Bob").sees(READY)
        person.sees(READY).types(u"x + '!'").sees(u"'Bob!'\n", READY)
        assert other.keys(u"\x04").leaves() == 0
    person.types(u"6 * 7").sees(u"\n42\n", READY)


def test_the_broker_is_killed(person):
    kernel = ide_kernel.attach()
    pid = kernel.info[u"broker_pid"]
    kernel.close()
    os.kill(pid, signal.SIGKILL)
    person.sees(u"broker").types(u"")
    assert person.leaves() == 1


def test_a_terminal_that_understands_nothing(state):
    with Person(XDG_STATE_HOME=state, TERM="dumb", PYTHONIOENCODING="ascii", LC_ALL="C") as person:
        person.sees(u"o >>> ").types(u"6 * 7").sees(u"42\n", u"o >>> ")
        person.types(u"import time; time.sleep(0.1); print('o' + 'ut');").sees(u"\nout\n", u"done", u">>> ")
        assert u"\x1b" not in person.screen
        assert person.types(u"exit()").leaves() == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")
def test_a_shell_whose_output_cannot_be_written(state):
    master, terminal = pty.openpty()
    with open("/dev/full", "w") as full:
        status, _, err = run(stdin=terminal, stdout=full, env=dict(os.environ, XDG_STATE_HOME=state))
    os.close(terminal)
    os.close(master)
    assert (status, err) == (120, "ide-kernel: cannot write to stdout: [Errno 28] No space left on device\n")


def test_a_script_reads_from_the_terminal():
    code = u"print('Hi ' + %s('name? '))" % INPUT
    with Person("run", "-c", code) as person:
        assert person.sees(u"name? ").types(u"Ada").sees(u"Hi Ada\n").leaves() == 0
    with Person("run", "-c", u"import getpass; print(len(getpass.getpass('secret: ')))") as person:
        assert person.sees(u"secret: ").types_secretly(u"hush").sees(u"\n4\n").leaves() == 0
        assert u"hush" not in person.screen


def test_ctrl_c_at_a_script(state):
    with Person("run", "-c", u"import time; print(9 * 11); time.sleep(1000)") as person:
        person.sees(u"99").keys(u"\x03").sees(u"KeyboardInterrupt")
        assert person.leaves() in (-signal.SIGINT, 1)
    assert run("run", "-c", "print(1)") == (0, b"1\n", "")


def test_what_is_pasted_runs_as_a_whole(resident):
    pytest.importorskip("readline")
    if not hasattr(__import__("readline"), "get_completion_type"):
        pytest.skip("this Python's own line editor takes a pasted text line by line")
    text = u"def h(n):\r    total = n\r\r    return total + 1\r\rh(41)"
    resident.keys(u"\x1b[200~" + text + u"\x1b[201~").sees(u"h(41)").types(u"").sees(u"\n42\n", READY)


def test_the_end_is_heard(person):
    person.types(u"import atexit, sys; f = atexit.register(sys.stdout.write, 'by' + 'e')").sees(READY)
    person.keys(u"\x04").sees(u"bye")
    assert person.leaves() == 0


def test_the_icon_in_the_prompt_is_that_of_the_moment(resident):
    """Stopped by the system, and let go on: nothing is typed meanwhile, and nothing else moves."""
    resident.types(u"import os; print('pid=%d.' % os.getpid())").sees(u"pid=", u".", READY)
    pid = int(re.findall(u"pid=([0-9]+)", resident.screen)[-1])
    os.kill(pid, signal.SIGSTOP)
    resident.paints(ICONS[u"suspended"].glyph)
    os.kill(pid, signal.SIGCONT)
    resident.paints(ICONS[u"idle"].glyph)
    resident.types(u"6 * 7").sees(u"42", READY)


def test_a_heart_beats_on_the_watched_status(state):
    with ide_kernel.start(sys.executable) as kernel, Person("status", kernel.connection_file, "--watch") as person:
        person.sees(u"\u2665", u"idle", u"\u2661", u"idle", u"\u2665")
        kernel.kill()
        person.sees(u"dead: killed by SIGKILL")
        person.keys(u"\x03")
        assert person.leaves() == 0


def test_a_watched_status_stays_on_its_line_in_a_narrow_terminal(state):
    with ide_kernel.start(sys.executable) as kernel, Person("status", kernel.connection_file, "--watch", columns=20) as person:
        person.sees(u"\u2665", u"\u2661", u"\u2665 ").keys(u"\x03")
        assert person.leaves() == 0
        drawn = [line for line in person.screen.replace(u"^C", u"").split(u"\n") if line]  # each beat erases the line
        assert len(drawn) >= 3 and all(len(line) == 20 and u" idle: wa" in line for line in drawn), drawn


def test_a_watched_status_ends_with_the_broker(state):
    with ide_kernel.start(sys.executable) as kernel, Person("status", kernel.connection_file, "--watch") as person:
        person.sees(u"idle")
        os.kill(kernel.info[u"broker_pid"], signal.SIGKILL)
        person.sees(u"\n", u"lost: the broker has ended")
        assert person.leaves() == 1
