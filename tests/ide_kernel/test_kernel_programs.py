"""Scripts, commands and modules in a kernel print and end exactly as under plain Python."""
from __future__ import absolute_import, division, print_function

import os
import re
import subprocess
import sys
import textwrap

import pytest

from kernel_harness import PY2, PYPY, run_program

PROGRAMS = {
    "output": "import sys; print('out'); sys.stderr.write('err\\n'); sys.stdout.write('no newline')",
    "exit none": "import sys; sys.exit()",
    "exit int": "import sys; print('x'); sys.exit(3)",
    "exit big": "import sys; sys.exit(259)",
    "exit negative": "import sys; sys.exit(-1)",
    "exit text": "import sys; sys.exit('a reason')",
    "exit object": "import sys; sys.exit([1, 2])",
    "exit in a function": "def f():\n    raise SystemExit(4)\nf()",
    "error": "def f():\n    return 1/0\nf()",
    "error in a call": "def f(a):\n    return g(a) + 1\ndef g(a):\n    return a['no']\nf(\n  {}\n)",
    "syntax error": "x = 1\ny = = 2\n",
    "indentation error": "if 1:\nx = 2\n",
    "tab error": "if 1:\n        x = 1\n\ty = 2\n",
    "unclosed": "print((1,\n",
    "unclosed string": "x = 'abc\n",
    "return outside": "x = 1\nreturn x\n",
    "name error": "prnt('x')",
    "import error": "import no_such_module_anywhere",
    "chained": "try:\n    1/0\nexcept ZeroDivisionError:\n    undefined_name",
    "recursion": "def f(n):\n    return f(n + 1)\nf(0)",
    "recursion of two": "def f(n):\n    return g(n)\ndef g(n):\n    return f(n)\nf(0)",
    "interrupted": "raise KeyboardInterrupt",
    "interrupted with text": "def f():\n    raise KeyboardInterrupt('text')\nf()",
    "interrupted by itself": "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(5)",
    "bad str": "class E(Exception):\n    def __str__(self):\n        raise ValueError\nraise E",
    "unicode message": u"# coding: utf-8\nraise ValueError('\u00e4\u20ac')",
    "many lines message": "raise ValueError('a\\nb\\n')",
    "hook": "import sys\ndef hook(*args):\n    print('hook', args[0].__name__, args[2].tb_lineno, args[2].tb_next)\n"
            "sys.excepthook = hook\n1/0",
    "hook fails": "import sys\ndef hook(*args):\n    raise ValueError('in hook')\nsys.excepthook = hook\n1/0",
    "hook exits": "import sys\ndef hook(*args):\n    sys.exit(5)\nsys.excepthook = hook\n1/0",
    "atexit": "import atexit, sys\ndef bye(text):\n    sys.stdout.write(text)\natexit.register(bye, 'one ')\n"
              "atexit.register(bye, 'two ')\nprint('end')",
    "atexit after an error": "import atexit, sys\natexit.register(lambda: sys.stdout.write('bye '))\n1/0",
    "atexit fails": "import atexit, sys\ndef bad():\n    1/0\natexit.register(sys.stdout.write, 'good')\natexit.register(bad)\n",
    "atexit sees the error": "import atexit, sys\n@atexit.register\ndef look():\n"
                             "    print(sys.last_type.__name__, sys.last_traceback.tb_lineno)\n"
                             "    print(sys.excepthook is sys.__excepthook__)\n1/0",
    "threads are joined": "import threading, time\ndef work():\n    time.sleep(0.2)\n    print('worked')\n"
                          "threading.Thread(target=work).start()\nprint('main ends')",
    "thread fails": "import threading\ndef work():\n    1/0\nt = threading.Thread(target=work, name='w')\nt.start()\nt.join()",
    "os exit": "import os, sys\nprint('line')\nsys.stdout.flush()\nos._exit(7)",
    "killed": "import os, sys\nprint('last words')\nsys.stdout.flush()\nos.kill(os.getpid(), 9)",
    "segfault": "import os, sys\nprint('last words')\nsys.stdout.flush()\nos.kill(os.getpid(), 11)",
    "main": "print(__name__, sorted(k for k in globals() if k != '__annotations__'))",
    "fork": "import os, sys\nprint('before')\nsys.stdout.flush()\npid = os.fork()\nif not pid:\n    print('child')\n"
            "    sys.exit(3)\nprint(os.waitpid(pid, 0)[1])",
    "fork returns": "import os, sys\npid = os.fork()\nif pid:\n    print(os.waitpid(pid, 0)[1])\nelse:\n    print('child')\n",
    "fork fails": "import os, sys\npid = os.fork()\nif pid:\n    print(os.waitpid(pid, 0)[1])\nelse:\n    1/0\n",
    "warning": "import warnings\nwarnings.warn('careful')\ndef f():\n    warnings.warn('deep', stacklevel=2)\nf()",
    "syntax warning": "x = 1\nassert (x, 'always')\nprint(x)",
    "print_exc": "import traceback\ndef f():\n    1/0\ntry:\n    f()\nexcept ZeroDivisionError:\n    traceback.print_exc()",
    "closed stdout": "import sys\nprint('x')\nsys.stdout.close()",
    "no stdout": "import sys\nsys.stdout = None\nprint('x')",
    "no stderr": "import sys\nsys.stderr = None\n1/0",
    "stdin": "import sys\nprint(repr(sys.stdin.read()))",
    "lone surrogate": "print('\\udc80')" if not PY2 else "print(u'x')",
    "daemon thread": "import threading, time\n"
                     "t = threading.Thread(target=time.sleep, args=(60,))\nt.daemon = True\nt.start()\nprint('out')",
    "open string error": "x = '''abc\n\n",
}
if not PY2:
    PROGRAMS.update({
        "cause": "try:\n    1/0\nexcept ZeroDivisionError as e:\n    raise ValueError('x') from e",
        "from none": "try:\n    1/0\nexcept ZeroDivisionError as e:\n    raise ValueError('x') from None",
        "unraisable": "class A:\n    def __del__(self):\n        1/0\na = A()\ndel a\n",
        "buffer": "import sys\nsys.stdout.buffer.write(b'\\xff\\x00\\n')\nsys.stdout.buffer.flush()\nprint('t')",
        "exec error": "exec(compile('1/0', '<made>', 'exec'))",
        "unicode output": "print('\\u00e4\\u20ac \\U0001f600')",
    })
if sys.version_info >= (3, 11):
    PROGRAMS.update({
        "group": "raise ExceptionGroup('eg', [ValueError(1), TypeError('t')])",
        "nested groups": "def f():\n    raise ExceptionGroup('in', [OSError(5)])\ntry:\n    f()\nexcept Exception as e:\n"
                         "    raise ExceptionGroup('out', [e, ValueError()])",
        "notes": "e = ValueError('x')\ne.add_note('a note')\nraise e",
    })


def plain(arguments, cwd):
    environment = dict(os.environ)
    with open(os.devnull, "rb") as nothing:
        process = subprocess.Popen([sys.executable] + arguments, stdin=nothing, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, cwd=cwd, env=environment)
        out, err = process.communicate()
    return (process.returncode,) + tuple(without_addresses(data.decode("utf-8", "replace")) for data in (out, err))


def without_addresses(text):
    return re.sub("0x[0-9a-fA-F]+", "0x", text)


def in_kernel(cwd, *arguments, **options):
    status, execution, kernel = run_program(*arguments, cwd=cwd, **options)
    stray = kernel.stray.decode("utf-8", "replace")
    err = execution.err + kernel.err.decode("utf-8", "replace")
    return status, without_addresses(execution.out + stray), without_addresses(err)


#: PyPy counts bytes of the stack and not frames, and its own main program, in Python, calls the hook.
NOT_ON_PYPY = ("recursion", "recursion of two", "hook fails", "hook exits", "no stderr")


def skip_what_differs(name):
    if PYPY and name in NOT_ON_PYPY:
        pytest.skip("PyPy's own differs from run to run, or shows its own frames")
    if PY2 and name == "no stderr":
        pytest.skip("2.7 says so on fd 2, from C")
    if name in ("unclosed", "open string error") and sys.version_info < (3, 10):
        pytest.skip("the old parser finds the end of a file elsewhere than the end of a string")


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_script(name, tmpdir):
    skip_what_differs(name)
    source = PROGRAMS[name]
    tmpdir.join("program.py").write_binary(source.encode("utf-8"))
    assert in_kernel(str(tmpdir), u"", mode=u"script", filename=u"program.py") == plain(["program.py"], str(tmpdir))


@pytest.mark.parametrize("name", [
    "output", "exit text", "error", "syntax error", "chained", "recursion", "interrupted", "main", "hook fails", "fork",
    "import error", "atexit", "syntax warning", "open string error", "return outside"])
def test_command(name, tmpdir):
    skip_what_differs(name if name != "open string error" else "")
    source = PROGRAMS[name]
    assert in_kernel(str(tmpdir), u"" + source) == plain(["-c", source], str(tmpdir))


@pytest.mark.parametrize("name", ["output", "exit int", "error", "chained", "recursion", "interrupted", "main", "hook fails"])
def test_module(name, tmpdir):
    skip_what_differs(name)
    tmpdir.join("program.py").write_binary(PROGRAMS[name].encode("utf-8"))
    assert in_kernel(str(tmpdir), u"program", mode=u"module") == plain(["-m", "program"], str(tmpdir))


WORLD = textwrap.dedent("""\
    import sys
    space = dict(globals())
    space.pop('__builtins__')
    print(sorted((name, type(value).__name__, str(value).split(' at ')[0]) for name, value in space.items()))
    print(sys.argv, sys.path, getattr(sys, 'orig_argv', [])[-4:] if getattr(sys, 'orig_argv', ['-c'])[1] != '-c' else None)
    print(sorted(sys.modules))
    print(sorted(str(entry) for entry in sys.path_importer_cache), [str(f).split(' at ')[0] for f in sys.meta_path])
    print(sys.flags)
    import os, signal, threading
    print(sorted(os.environ.items()), os.getcwd())
    print(signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGPIPE), threading.enumerate()[0].name)
    print(getattr(signal, 'pthread_sigmask', lambda *a: None)(0, ()))
    print([getattr(f, 'name', None) for f in (sys.stdin, sys.stdout, sys.stderr)], sys.stdout.errors, sys.stdin.errors)
    print([getattr(f, 'mode', None) for f in (sys.stdin, sys.stdout, sys.stderr)])
    print([f.fileno() for f in (sys.stdin, sys.stdout, sys.stderr)])
    print(sys.stdout is sys.__stdout__, sys.displayhook, sys.excepthook)
    import warnings
    print(warnings.filters)
""")


def test_world_of_a_script(tmpdir):
    tmpdir.join("program.py").write(WORLD)
    ours = in_kernel(str(tmpdir), u"", mode=u"script", filename=u"program.py", argv=[u"a", u"b c"])
    assert ours == plain(["program.py", "a", "b c"], str(tmpdir))


def test_world_of_a_command(tmpdir):
    assert in_kernel(str(tmpdir), u"" + WORLD, argv=[u"a"]) == plain(["-c", WORLD, "a"], str(tmpdir))


def test_world_of_a_module(tmpdir):
    tmpdir.join("program.py").write(WORLD)
    ours = in_kernel(str(tmpdir), u"program", mode=u"module", argv=[u"a"])
    assert ours == plain(["-m", "program", "a"], str(tmpdir))


@pytest.mark.parametrize("inside", ["", "tests"])
def test_world_where_the_users_path_leads_to_our_directory(inside, tmpdir, monkeypatch):
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    monkeypatch.setenv("PYTHONPATH", os.path.join(root, inside) if inside else root)
    assert in_kernel(str(tmpdir), u"" + WORLD) == plain(["-c", WORLD], str(tmpdir))


def test_script_that_is_missing(tmpdir):
    ours = in_kernel(str(tmpdir), u"", mode=u"script", filename=u"missing.py")
    theirs = plain(["missing.py"], str(tmpdir))
    assert ours[0] == theirs[0] == 2
    assert "can't open file" in ours[2] and ours[2].count("\n") == 1
    if not PYPY:
        assert ours[2] == theirs[2]


def test_module_that_is_missing(tmpdir):
    assert in_kernel(str(tmpdir), u"missing", mode=u"module") == plain(["-m", "missing"], str(tmpdir))


def test_directory_with_a_main(tmpdir):
    tmpdir.mkdir("app").join("__main__.py").write("import sys; print(sys.argv, sys.path[0], __name__)\n1/0")
    assert in_kernel(str(tmpdir), u"", mode=u"script", filename=u"app") == plain(["app"], str(tmpdir))


def test_compiled_script(tmpdir):
    import py_compile
    tmpdir.join("program.py").write("print(__file__)")
    py_compile.compile(str(tmpdir.join("program.py")), str(tmpdir.join("program.pyc")))
    assert in_kernel(str(tmpdir), u"", mode=u"script", filename=u"program.pyc") == plain(["program.pyc"], str(tmpdir))


@pytest.mark.parametrize("name", [
    "queue", "socket", "yotonlike", "ide_kernel", "select", "struct", "threading", "signal", "_ast"])
def test_file_in_the_directory_is_what_the_user_imports(name, tmpdir):
    tmpdir.join(name + ".py").write("mine = 'mine'")
    source = u"import sys\nsys.dont_write_bytecode = True\nimport %s\nprint(getattr(%s, 'mine', 'theirs'))" % (name, name)
    assert in_kernel(str(tmpdir), source) == plain(["-c", source], str(tmpdir))


def test_finished_comes_with_the_status_after_exit_functions(tmpdir):
    source = u"import atexit, sys\natexit.register(lambda: sys.stdout.write('bye\\n'))\nprint('x')\nsys.exit(3)"
    status, execution, _ = run_program(source)
    assert status == 3
    assert execution.out == "x\nbye\n"
    assert execution.ended
    assert execution.finished["exit"] == 3 and execution.finished["ok"] is False and execution.finished["error"] is None


def test_finished_tells_the_error():
    _, execution, _ = run_program(u"1/0")
    error = execution.finished["error"]
    assert error["type"] == "ZeroDivisionError" and "by zero" in error["message"] and execution.finished["exit"] == 1
    assert error["traceback"] == execution.err


def test_input_is_answered():
    name = "raw_input" if PY2 else "input"
    status, execution, _ = run_program(u"print(%s('name? ').upper())" % name, answers=[b"Ada\n"])
    assert (status, execution.text()) == (0, "name? ADA\n")
