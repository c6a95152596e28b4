"""Cells: echo, `_`, tracebacks, several statements, SystemExit, and the world that the user sees."""
from __future__ import absolute_import, division, print_function

import os
import subprocess
import sys

import pytest

from kernel_harness import PY2, PYPY, KernelProcess


@pytest.fixture(scope="module")
def shared():
    """One kernel for the tests that leave it as it was."""
    with KernelProcess() as kernel:
        yield kernel


@pytest.mark.parametrize("source, out, value", [
    (u"1 + 1", u"2\n", u"2"),
    (u"None", u"", None),
    (u"x = 5", u"", None),
    (u"'a'\n'b'\nNone", u"'a'\n'b'\n", u"'b'"),
    (u"for i in range(3):\n    i\n", u"0\n1\n2\n", u"2"),
    (u"for i in range(3):\n    i", u"0\n1\n2\n", u"2"),
    (u"def f():\n    1\n    return 2\n\nf()\n", u"2\n", u"2"),
    (u"'doc'", u"'doc'\n", u"'doc'"),
    (u"print(1); 2", u"1\n2\n", u"2"),
    (u"# only a comment", u"", None),
    (u"", u"", None),
    (u"\n\n", u"", None),
    (u"if 1:\n    3\nelse:\n    4", u"3\n", u"3"),
    (u"class A(object):\n    5\nA.__name__", u"'A'\n", u"'A'"),
    (u"u'\u00e4' == '\\xe4'" if not PY2 else u"u'\u00e4' == u'\\xe4'", u"True\n", u"True"),
    (u"(1,\n 2)", u"(1, 2)\n", u"(1, 2)"),
])
def test_echo(shared, source, out, value):
    execution = shared.run(source)
    assert execution.text() == out
    assert execution.finished["ok"] and execution.finished["error"] is None and execution.finished["exit"] is None
    assert execution.finished["value"] == value


WRONG = [
    u"def f(n):\n    return f(n + 1)\n\nf(0)\n",  # the first: 3.11 counts a frame of ours less once it has run some times
    u"1/0\n",
    u"x = = 1\n",
    u"return 5\n",
    u"def f():\n    return 1/0\n\nf()\n",
    u"undefined_name\n",
    u"import no_such_module\n",
    u"raise KeyboardInterrupt\n",
    u"raise ValueError('a\\nb')\n",
    u"try:\n    1/0\nexcept ZeroDivisionError:\n    undefined_name\n\n",
    u"class R(object):\n    def __repr__(self):\n        return 1/0\n\nR()\n",
    u"class S(Exception):\n    def __str__(self):\n        raise ValueError\n\nraise S()\n",
    u"break\n",
    u"'abc\n",
]


@pytest.fixture(scope="module")
def both():
    """All of these in one kernel and at one prompt: {source: (its last execution, what the prompt writes to stderr)}."""
    sources = [source for source in WRONG if not (PYPY and "f(n + 1)" in source)]
    border = u"import sys; n = sys.stderr.write('-- next --\\n')\n"
    process = subprocess.Popen([sys.executable, "-i", "-c", "import sys; sys.ps1 = sys.ps2 = ''"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    err = process.communicate(border.join(sources).encode("utf-8"))[1].decode("utf-8").split(u"-- next --\n")
    assert len(err) == len(sources)
    with KernelProcess() as kernel:
        last = []
        for source in sources:
            last.append([kernel.run(part) for part in source.rstrip(u"\n").split(u"\n\n")][-1])
            kernel.run(border)  # both count what they execute, and 3.13 shows that
    return dict(zip(sources, zip(last, err)))


@pytest.mark.parametrize("source", WRONG)
def test_tracebacks_are_those_of_the_prompt(both, source):
    if PYPY and "f(n + 1)" in source:
        pytest.skip("PyPy counts the bytes of the stack")
    last, theirs = both[source]
    assert last.finished["ok"] is False
    assert last.finished["error"]["traceback"] == last.err
    assert last.out == u""
    assert last.err in theirs, (last.err, theirs)
    if "recursion" not in theirs:
        assert theirs.strip().endswith(last.err.strip())


def test_underscore_and_displayhook(shared):
    shared.run(u"6 * 7")
    assert shared.run(u"_ + 1").out == "43\n"
    assert shared.run(u"None").out == ""
    assert shared.run(u"_").out == "43\n"
    shared.run(u"import sys\nold = sys.displayhook\nsys.displayhook = lambda value: sys.stdout.write('<%r>' % (value,))")
    assert shared.run(u"5").out == "<5>"
    shared.run(u"sys.displayhook = old")
    assert shared.run(u"7").out == "7\n"


def test_exceptions_are_kept_for_the_debugger(shared):
    shared.run(u"1/0")
    assert shared.run(u"import sys\nsys.last_type.__name__").finished["value"] == "'ZeroDivisionError'"
    assert shared.run(u"sys.last_traceback.tb_frame.f_code.co_name, sys.last_traceback.tb_next").out == "('<module>', None)\n"
    assert shared.run(u"sys.exc_info()").out == "(None, None, None)\n"


def test_hook_of_the_user(shared):
    shared.run(u"import sys\ndef hook(*args):\n    sys.stdout.write('hook %s\\n' % args[0].__name__)\nsys.excepthook = hook")
    execution = shared.run(u"1/0")
    assert execution.text() == "hook ZeroDivisionError\n"
    assert execution.finished["error"]["traceback"].startswith("Traceback")
    shared.run(u"sys.excepthook = sys.__excepthook__")
    assert "by zero" in shared.run(u"1/0").err


def test_future_statements_last(shared):
    with KernelProcess() as kernel:
        name = "division" if PY2 else "annotations" if sys.version_info >= (3, 7) else "barry_as_FLUFL"
        assert kernel.run(u"from __future__ import %s" % name).finished["ok"]
        if PY2:
            assert kernel.run(u"1 / 2").out == "0.5\n"
            assert kernel.run(u"x = 1\n1 / 2").out == "0.5\n"
        elif sys.version_info >= (3, 7):
            assert kernel.run(u"def f(a: undefined): pass\nf.__annotations__").out == "{'a': 'undefined'}\n"


@pytest.mark.skipif(not PY2, reason="3 has no print that leaves a blank to the next one")
def test_a_print_that_begins_a_line_ends_it_before_the_next_input(shared):
    for begins in (u"print 'x',", u"import sys, time; print 'x',; sys.stdout.flush()"):
        assert shared.run(begins).out == "x\n"
        assert shared.run(u"print 'y'").out == "y\n"
    assert shared.run(u"print 'x'; sys.stdout.softspace = 1  # as after an interrupt").out == "x\n"
    assert shared.run(u"print 'y'").out == "y\n"


def test_nothing_of_our_own_future_statements():
    if PY2:
        with KernelProcess() as kernel:
            assert kernel.run(u"print 1, 3/2").out == "1 1\n"
            assert kernel.run(u"type('')").out == "<type 'str'>\n"


def test_file_name_and_line(shared):
    execution = shared.run(u"x = 1\n1/0", filename=u"/tmp/some file.py", line=10)
    assert '  File "/tmp/some file.py", line 11, in <module>\n' in execution.err
    execution = shared.run(u"x = (", filename=u"part.py", line=3)
    assert 'File "part.py", line' in execution.err and "SyntaxError" in execution.err


def test_counts(shared):
    first = shared.run(u"1").finished["count"]
    assert shared.run(u"1").finished["count"] == first + 1


def test_several_are_queued(shared):
    del shared.messages[:]
    before = len(shared.executions)
    executions = [shared.start(u"x = %d\nprint(x)" % number) for number in range(20)]
    shared.pump(lambda: all(execution.ended and execution.finished for execution in executions))
    assert [execution.text() for execution in executions] == ["%d\n" % number for number in range(20)]
    kinds = [(message["kind"], message["execution"]) for message in shared.messages if "execution" in message]
    assert kinds == [("finished", before + number) for number in range(1, 21)]


@pytest.mark.parametrize("code, status, err", [
    (u"raise SystemExit", 0, u""), (u"import sys; sys.exit(3)", 3, u""), (u"import sys; sys.exit('why')", 1, u"why\n"),
    (u"raise SystemExit([1])", 1, u"[1]\n"), (u"exit()", 0, u""), (u"quit(4)", 4, u"")])
def test_system_exit_ends_the_process(code, status, err):
    with KernelProcess() as kernel:
        kernel.run(u"import atexit, sys\natexit.register(sys.stdout.write, 'bye\\n') and None")
        execution = kernel.start(code)
        assert kernel.wait_exit() == status
        assert execution.finished["exit"] == status and execution.finished["ok"] is (status == 0)
        assert (execution.out, execution.err) == ("bye\n", err)


def test_polite_exit():
    with KernelProcess() as kernel:
        kernel.run(u"import atexit, sys\natexit.register(sys.stdout.write, 'bye\\n') and None")
        kernel.wire.send({"kind": u"exit"})
        assert kernel.wait_exit() == 0
        assert kernel.stray == b"bye\n"


def test_end_of_the_link_ends_the_kernel():
    with KernelProcess() as kernel:
        execution = kernel.start(u"import time\nprint('go')\ntime.sleep(1000)")
        kernel.pump(lambda: execution.out)
        kernel.wire.close()
        kernel.linked = False
        assert kernel.wait_exit() == 1


def test_closed_link_does_not_end_what_runs():
    with KernelProcess() as kernel:
        execution = kernel.start(u"import os, time\nos.closerange(3, 1000)\nprint('closed')\ntime.sleep(0.3)\nprint('lives')")
        kernel.pump(lambda: "lives" in execution.out)


def test_user_modules_do_not_disturb(tmpdir):
    for name in ("queue", "socket", "select", "struct", "threading", "os", "io", "collections", "ide_kernel", "yotonlike",
                 "keyword"):
        tmpdir.join(name + ".py").write("raise RuntimeError('user module')")
    with KernelProcess(cwd=str(tmpdir), env=dict(os.environ, PYTHONPATH=str(tmpdir.mkdir("path")))) as kernel:
        assert kernel.run(u"1 + 1").out == "2\n"
        assert kernel.ask(u"complete", u"pri")["matches"][0] == "print"
        assert "user module" in kernel.run(u"import yotonlike").err


WORLD = u"""\
import sys
print(sorted((n, str(v)) for n, v in globals().items() if n not in ('__builtins__', 'sys')))
print(sys.argv, sys.path, getattr(sys, 'orig_argv', [])[1:])
print(sorted(n for n in sys.modules))
print([str(f).split(' at ')[0] for f in sys.meta_path], sys.excepthook)
print([(f.name, f.mode, f.errors) for f in (sys.stdin, sys.stdout, sys.stderr)])
"""


def test_world_is_that_of_plain_python(tmpdir):
    environment = dict(os.environ)
    command = "import sys; sys.argv[:] = ['']; getattr(sys, 'orig_argv', [])[1:] = []; exec(%r)" % str(WORLD)
    with open(os.devnull) as nothing:
        theirs = subprocess.check_output([sys.executable, "-c", command], cwd=str(tmpdir), env=environment, stdin=nothing)
    with KernelProcess(cwd=str(tmpdir)) as kernel:
        ours = kernel.run(u"exec(%r)" % str(WORLD)).out
    assert ours.splitlines() == theirs.decode("utf-8").splitlines()


def test_fault_in_the_io_thread_is_told():
    with KernelProcess() as kernel:
        kernel.wire.send({"kind": u"ask", "request": 1})  # no broker of ours sends this
        assert kernel.wait_exit() == 70
        kernel.pump(lambda: not kernel._pipes)
        assert b"I/O thread failed: KeyError" in kernel.err
