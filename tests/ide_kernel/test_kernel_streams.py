"""Output, input, interrupts, forks and questions of a real kernel process."""
from __future__ import absolute_import, division, print_function

import os
import textwrap

import pytest

from ide_kernel._compat import monotonic
from kernel_harness import PY2, PYPY, KernelProcess

INPUT = u"raw_input" if PY2 else u"input"


@pytest.fixture(scope="module")
def kernels():
    """At most one, which lasts."""
    found = []
    yield found
    for kernel in found:
        kernel.close()


@pytest.fixture
def shared(kernels):
    """One kernel for all tests that leave it as it was; after one that failed and left something running there is a new one."""
    if not kernels:
        kernels.append(KernelProcess())
    kernel = kernels[0].wait_ready()
    yield kernel
    kernel.auto_input = None
    del kernel.inputs[:]
    kernel.stray = b""
    if not all(execution.finished and execution.ended for execution in kernel.executions.values()):
        kernels.pop().close()


def source(text):
    return u"" + textwrap.dedent(text)


# -- output -------------------------------------------------------------------------------------------------------


def test_order_of_both_streams(shared):
    execution = shared.run(source("""\
        import sys, os
        for i in range(200):
            x = sys.stdout.write('o%d\\n' % i)
            x = sys.stderr.write('e%d\\n' % i)
            x = sys.stdout.write('part ')
            x = sys.stderr.write('x\\n')
            x = sys.stdout.write('whole\\n')
        """))
    expected = b"".join(b"o%s\ne%s\npart x\nwhole\n".replace(b"%s", str(i).encode("ascii")) for i in range(200))
    assert b"".join(piece for _, piece in execution.pieces) == expected


def test_children_and_c_code_keep_their_place(shared):
    execution = shared.run(source("""\
        import os, subprocess, sys
        print('one'); os.write(1, b'two\\n') and None; print('three')
        subprocess.call(['echo', 'four']) and None
        subprocess.call(['echo', 'five'], stdout=sys.stdout) and None
        sys.stdout.write('six'); sys.stdout.flush(); os.system('echo " seven"') and None
        """).replace("sys.stdout.write('six');", "_ = sys.stdout.write('six');"))
    lines = [line for line in execution.out.splitlines() if not line.isdigit()]
    assert lines == ["one", "two", "three", "four", "five", "six seven"], execution.out


def test_fd_2_has_its_own_pipe(shared):
    shared.err = b""
    shared.run(u"import os\nx = os.write(2, b'raw\\n')")
    shared.pump(lambda: shared.err == b"raw\n")


def test_stderr_follows_a_redirected_fd_2(shared, tmpdir):
    path = str(tmpdir.join("err"))
    execution = shared.run(source("""\
        import os, sys
        saved = os.dup(2); fd = os.open(%r, os.O_WRONLY | os.O_CREAT)
        x = os.dup2(fd, 2)
        x = sys.stderr.write('to the file\\n')
        x = os.dup2(saved, 2)
        x = sys.stderr.write('to the frontend\\n')
        """ % str(path)))
    assert execution.err == "to the frontend\n"
    assert open(path).read() == "to the file\n"


def test_stdout_follows_a_redirected_fd_1(shared, tmpdir):
    path = str(tmpdir.join("out"))
    execution = shared.run(source("""\
        import os, sys, time
        saved = os.dup(1); fd = os.open(%r, os.O_WRONLY | os.O_CREAT)
        x = os.dup2(fd, 1)
        print('to the file'); x = sys.stdout.write('unfinished'); time.sleep(0.2); x = sys.stdout.flush()
        x = os.dup2(saved, 1)
        print('to the frontend')
        """ % str(path)))
    assert execution.text() == "to the frontend\n"
    assert open(path).read() == "to the file\nunfinished"


def test_unfinished_text_leaves_by_itself(shared):
    execution = shared.start(u"import sys, time\nx = sys.stdout.write('unfinished')\ntime.sleep(0.6)")
    shared.pump(lambda: execution.out == "unfinished")
    assert execution.finished is None
    shared.pump(lambda: execution.finished)


def test_unfinished_text_keeps_its_place(shared):
    execution = shared.run(source("""\
        import sys, time
        end = time.time() + 0.5
        count = 0
        while time.time() < end:
            x = sys.stdout.write('<%d' % count); x = time.sleep(0.01 if count % 3 else 0.06); x = sys.stdout.write('>\\n')
            count += 1
        """))
    lines = execution.out.split("\n")
    assert lines[:-1] == ["<%d>" % number for number in range(len(lines) - 1)] and len(lines) > 5


def test_threads_do_not_tear_lines(shared):
    execution = shared.run(source("""\
        import sys, threading
        def work(name):
            for i in range(300):
                sys.stdout.write(name * 200 + '\\n')
        threads = [threading.Thread(target=work, args=(name,)) for name in 'abcd']
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """))
    lines = execution.out.splitlines()
    assert len(lines) == 1200 and all(line == line[0] * 200 for line in lines)


def test_all_bytes(shared):
    execution = shared.run(source("""\
        import sys
        raw = getattr(sys.stdout, 'buffer', sys.stdout)
        x = raw.write(bytes(bytearray(range(256))) * 50)
        x = raw.flush()
        """))
    assert b"".join(piece for _, piece in execution.pieces) == bytes(bytearray(range(256))) * 50


def test_large_output_and_large_stderr(shared):
    execution = shared.run(u"import sys\nx = sys.stdout.write('o' * 1000000)\nx = sys.stderr.write('e' * 100000)")
    assert execution.out == "o" * 1000000 and execution.err == "e" * 100000


def test_encodings_and_attributes(shared):
    execution = shared.run(source(u"""\
        import sys
        print(sys.stdout.name, sys.stdout.mode, sys.stdout.fileno(), sys.stdout.isatty(), sys.stdout.closed)
        print(sys.stderr.name, sys.stderr.fileno(), sys.stdin.name, sys.stdin.fileno(), sys.stdin.isatty())
        print(u'\u00e4\u20ac')
        """))
    assert execution.out.splitlines()[-1] == u"\u00e4\u20ac"


@pytest.mark.parametrize("end", [u"os._exit(3)", u"os.kill(os.getpid(), 9)", u"os.kill(os.getpid(), 11)"])
def test_last_words(end):
    with KernelProcess() as kernel:
        execution = kernel.start(u"import os\nprint('last words')\n" + end)
        kernel.wait_exit()
        assert execution.out == "last words\n"


def test_reader_that_stops_holds_print_and_an_interrupt_ends_it():
    with KernelProcess() as kernel:
        execution = kernel.start(u"print('go')\nn = 0\nwhile 1:\n    print('x' * 100)\n    n += 1")
        kernel.pump(lambda: execution.out)
        deadline = monotonic() + 0.5
        kernel.pump(lambda: monotonic() > deadline, read=False)
        kernel.interrupt()
        kernel.pump(lambda: execution.ended and execution.finished)
        assert "KeyboardInterrupt" in execution.err
        assert kernel.run(u"n > 100").out == "True\n"


def test_ask_is_answered_while_print_waits():
    with KernelProcess() as kernel:
        execution = kernel.start(u"while 1:\n    print('x' * 100)")
        kernel.pump(lambda: execution.pieces)
        kernel.wire.send({"kind": u"ask", "request": 99, "what": u"stacks", "code": u"", "cursor": 0})
        kernel.pump(lambda: 99 in kernel.answers, read=False)
        frames = kernel.answers[99]["result"]["threads"][0]["frames"]
        assert frames[0]["function"] == "<module>"
        assert not [frame for frame in frames if "ide_kernel" in frame["file"]]  # PyPy's codecs are written in Python


def test_non_blocking_child_does_no_harm(shared):
    execution = shared.run(source("""\
        import fcntl, os, sys
        flags = fcntl.fcntl(1, fcntl.F_GETFL)
        x = fcntl.fcntl(1, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        for i in range(3000): x = sys.stdout.write('%099d\\n' % i)
        x = fcntl.fcntl(1, fcntl.F_SETFL, flags)
        """))
    assert execution.out == "".join("%099d\n" % i for i in range(3000))


# -- input --------------------------------------------------------------------------------------------------------


def test_input_and_its_prompt(shared):
    execution = shared.start(u"x = %s('name? ')\nx" % INPUT)
    message = shared.wait_input()
    assert (message["prompt"], message["password"], message["execution"]) == ("name? ", False, len(shared.executions))
    shared.answer(message, u"\u00c4da\n".encode("utf-8"))
    shared.pump(lambda: execution.finished and execution.ended)
    assert execution.out == u"name? " + (u"'\\xc3\\x84da'" if PY2 else u"'\u00c4da'") + u"\n"


@pytest.mark.skipif(PYPY, reason="PyPy reads on after the end of the input")
def test_other_ways_to_read(shared):
    lines = [b"one\n", b"two\n", b"three\n", None, b"four\n", None, b"five\n"]
    shared.auto_input = lambda message: lines.pop(0)
    assert shared.run(u"import sys\nsys.stdin.readline()").out == "'one\\n'\n"
    assert shared.run(u"sys.stdin.read()").out == "'two\\nthree\\n'\n"
    assert shared.run(u"list(sys.stdin)").out == "['four\\n']\n"
    assert shared.run(u"sys.stdin.read(2), sys.stdin.readline()").out == "('fi', 've\\n')\n"


def test_end_of_input(shared):
    shared.auto_input = lambda message: None
    assert "EOFError" in shared.run(u"%s()" % INPUT).err
    assert shared.run(u"import sys\nsys.stdin.read()").out == "''\n"


def test_a_question_ends_its_line_whatever_becomes_of_it(shared):
    prompts = []

    def answer(message):
        prompts.append(message["prompt"])
        if len(prompts) == 3:
            return shared.interrupt()
        return b"typed\n" if len(prompts) < 2 else None

    shared.auto_input = answer
    for prompt in ("a ", "b ", "c ", "d "):
        shared.run(u"x = %s(%r)" % (INPUT, prompt))
    shared.run(u"import sys; n = sys.stdout.write('e'); x = sys.stdin.readline(); n = sys.stdout.write('f'); "
               u"x = sys.stdin.readline()")
    assert prompts == [u"a ", u"b ", u"c ", u"d ", u"e", u"f"]


def test_a_question_begins_with_nothing_of_another_execution(shared):
    shared.run(u"import sys; n = sys.stdout.write('not the end')")
    execution = shared.start(u"x = %s('q? ')" % INPUT)
    message = shared.wait_input()
    shared.answer(message, b"a\n")
    shared.pump(lambda: execution.finished and execution.ended)
    assert (message["prompt"], execution.out) == (u"q? ", u"q? ")


def test_interrupt_leaves_a_read(shared):
    execution = shared.start(u"def f():\n    return %s('? ')\n\nf()" % INPUT, filename=u"cell")
    message = shared.wait_input()
    shared.interrupt()
    shared.pump(lambda: execution.finished and execution.ended)
    names = [line for line in execution.err.splitlines() if line.startswith("  File")]
    assert names == ['  File "cell", line 4, in <module>', '  File "cell", line 2, in f']
    assert any(m["kind"] == "input-over" and m["request"] == message["request"] for m in shared.messages)
    shared.answer(message, b"too late\n")
    shared.auto_input = lambda message: b"in time\n"
    assert shared.run(u"x = %s()\nx" % INPUT).out == "'in time'\n"


def test_input_in_a_thread(shared):
    shared.auto_input = lambda message: b"typed\n"
    execution = shared.run(u"import threading\ndef f():\n    print(%s())\n"
                           u"t = threading.Thread(target=f); t.start(); t.join()" % INPUT)
    assert execution.out == "typed\n"


def test_getpass_hides_and_does_not_warn(shared):
    execution = shared.start(u"import getpass\ngetpass.getpass('secret: ')")
    message = shared.wait_input()
    assert (message["prompt"], message["password"]) == (u"secret: ", True)
    shared.answer(message, b"pw\n")
    shared.pump(lambda: execution.finished and execution.ended)
    assert (execution.out, execution.err.rstrip()) == ("'pw'\n", "secret:")


def test_fd_0_that_the_user_changed(shared, tmpdir):
    tmpdir.join("in").write("from a file\n")
    shared.run(source("""\
        import os, sys
        saved = os.dup(0); x = os.dup2(os.open(%r, os.O_RDONLY), 0)
        """ % str(tmpdir.join("in"))))
    assert shared.run(u"sys.stdin.readline()").out == "'from a file\\n'\n"
    shared.run(u"x = os.dup2(saved, 0)")


# -- interrupts ---------------------------------------------------------------------------------------------------


def either(execution, deadline):
    return lambda: execution.finished or monotonic() > deadline


@pytest.mark.parametrize("code", [u"while 1: pass", u"import time; time.sleep(100)", u"import os; os.system('sleep 100')",
                                  u"import threading; threading.Event().wait(100)"])
def test_interrupt(shared, code):
    if PY2 and "Event" in code:
        code = code.replace("100", "5")
    execution = shared.start(u"print('go')\n" + code)
    shared.pump(lambda: execution.out)
    while not execution.finished:  # system() ignores interrupts for a moment, and so does its new child
        shared.interrupt()
        shared.pump(until=either(execution, monotonic() + 0.5))
    shared.pump(lambda: execution.ended)
    if "system" not in code:
        assert execution.finished["error"]["type"] == "KeyboardInterrupt"
        assert "ide_kernel" not in execution.err
    assert shared.run(u"1 + 1").out == "2\n"


def test_interrupt_while_idle_is_ignored(shared):
    for _ in range(5):
        shared.interrupt()
        assert shared.run(u"1 + 1").text() == "2\n"


def test_many_interrupts_lose_no_execution(shared):
    executions = []
    for number in range(60):
        executions.append(shared.start(u"x = %d" % number))
        shared.interrupt()
        shared.pump(lambda: executions[-1].finished)
    shared.pump(lambda: all(execution.ended for execution in executions))
    for execution in executions:
        assert execution.finished["ok"] or execution.finished["error"]["type"] == "KeyboardInterrupt"
        assert "ide_kernel" not in execution.err
    assert shared.run(u"1 + 1").text() == "2\n"


def test_handlers_of_the_user(shared):
    shared.run(u"import signal, os\ndef handler(*a): print('mine')\nold = signal.signal(signal.SIGINT, handler)")
    assert shared.run(u"old is signal.default_int_handler").out == "True\n"
    assert shared.run(u"x = os.kill(os.getpid(), signal.SIGINT)\nfor i in range(1000): pass\n").out == "mine\n"
    assert shared.run(u"signal.getsignal(signal.SIGINT) is handler").out == "True\n"
    shared.run(u"x = signal.signal(signal.SIGINT, old)")
    assert "KeyboardInterrupt" in shared.run(u"import time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(5)").err


def test_handler_that_raises_while_idle(shared):
    shared.run(u"import signal\ndef handler(*a): raise ValueError('late')\nx = signal.signal(signal.SIGALRM, handler)\n"
               u"x = signal.setitimer(signal.ITIMER_REAL, 0.2)")
    shared.pump(lambda: b"ValueError: late" in shared.stray)
    assert b"ide_kernel" not in shared.stray
    assert shared.run(u"1 + 1").out == "2\n"
    shared.run(u"x = signal.signal(signal.SIGALRM, signal.SIG_DFL)")


def test_handler_that_exits_while_idle():
    with KernelProcess() as kernel:
        kernel.run(u"import signal, sys\ndef handler(*a): sys.exit(9)\nx = signal.signal(signal.SIGTERM, handler)")
        os.kill(kernel.pid, 15)
        assert kernel.wait_exit() == 9


# -- forks --------------------------------------------------------------------------------------------------------


def test_forked_child_of_a_cell(shared):
    execution = shared.run(source("""\
        import os, sys
        pid = os.fork()
        if pid:
            status = os.waitpid(pid, 0)[1]
            print('parent')
        else:
            print('child')
        """))
    assert sorted(execution.out.split()) == ["child", "parent"] and execution.err == ""
    assert shared.run(u"status").out == "0\n"


def test_forked_child_that_fails(shared):
    execution = shared.run(source("""\
        import os, sys
        pid = os.fork()
        status = os.waitpid(pid, 0)[1] if pid else 1/0
        """))
    assert "ZeroDivisionError" in execution.err and execution.err.count("Traceback") == 1
    assert shared.run(u"os.WEXITSTATUS(status)").out == "1\n"


@pytest.mark.skipif(PYPY, reason="slow to start its children")
def test_multiprocessing(shared):
    execution = shared.run(source("""\
        import multiprocessing, os
        context = multiprocessing.get_context('fork') if hasattr(multiprocessing, 'get_context') else multiprocessing
        def square(n): return n * n
        pool = context.Pool(2)
        pool.map(square, range(5))
        pool.close(); pool.join()
        """))
    assert execution.text() == "[0, 1, 4, 9, 16]\n"
    assert shared.ask(u"complete", u"multiproc")["matches"] == ["multiprocessing"]


# -- questions ----------------------------------------------------------------------------------------------------


def test_complete(shared):
    shared.run(u"class Thing(object):\n    alpha = 1\n    _hidden = 2\n    def beta(self): pass\nthing = Thing()")
    assert shared.ask(u"complete", u"thing.")["matches"] == ["alpha", "beta"]
    assert shared.ask(u"complete", u"thing._h")["matches"] == ["_hidden"]
    assert shared.ask(u"complete", u"x = thing.al") == {"matches": ["alpha"], "start": 10, "end": 12}
    assert "thing" in shared.ask(u"complete", u"thi")["matches"]
    assert "while" in shared.ask(u"complete", u"whi")["matches"]
    assert "json" in shared.ask(u"complete", u"import js")["matches"]
    assert "decoder" in shared.ask(u"complete", u"from json.de")["matches"]


def test_signature_and_inspect(shared):
    shared.run(u"def f(a, b=2, *args, **kw):\n    '''Says f.\n\n    More.\n    '''")
    found = shared.ask(u"signature", u"f(1, ")
    assert (found["name"], found["signature"], found["doc"]) == ("f", "(a, b=2, *args, **kw)", "Says f.\n\nMore.")
    assert "Says f." in shared.ask(u"inspect", u"f")["text"]
    assert shared.ask(u"inspect", u"no_such")["found"] is False
    assert shared.ask(u"signature", u"len(")["found"]


@pytest.mark.parametrize("code, state, indent", [
    (u"1 + 1", "complete", u""), (u"for i in x:", "incomplete", u"    "), (u"for i in x:\n    pass", "incomplete", u""),
    (u"for i in x:\n    pass\n", "complete", u""), (u"x = = 1", "invalid", u""), (u"(1,", "incomplete", u""),
    (u"'''abc", "incomplete", u""), (u"", "complete", u""), (u"if a:\n    if b:", "incomplete", u"        "),
    (u"x = [\n1", "incomplete", u""), (u"def f():\n    return 1", "incomplete", u""), (u"'abc", "invalid", u""),
    (u"@d", "incomplete", u""),
    (u"x = 1 \\", "incomplete", u""), (u"x = 1 \\\n", "incomplete", u""), (u"x = 1 + \\", "incomplete", u""),
    (u"x = 1; \\", "incomplete", u""), (u"x = 1 # \\", "complete", u""), (u"x = 1 \\\n\n", "complete", u"")])
def test_is_complete(shared, code, state, indent):
    assert shared.ask(u"is_complete", code) == {"state": state, "indent": indent}


def test_stacks(shared):
    execution = shared.start(source("""\
        import threading, time
        def inner(): time.sleep(0.8)
        def outer(): inner()
        t = threading.Thread(target=outer, name='worker'); t.start()
        inner()
        t.join()
        """), filename=u"cell")
    shared.pump(lambda: execution.started)
    end = []
    while not end:
        threads = shared.ask(u"stacks")["threads"]
        names = dict((thread["name"], [frame["function"] for frame in thread["frames"]]) for thread in threads)
        if names.get("worker", [])[-2:] == ["outer", "inner"] and names["MainThread"] == ["<module>", "inner"]:
            end.append(True)
    shared.pump(lambda: execution.finished)


def test_questions_leave_no_trace():
    with KernelProcess() as kernel:  # of its own: the first question loads what answers
        before = kernel.run(u"import sys\nsorted(sys.modules)").out
        for what in (u"complete", u"inspect", u"signature", u"is_complete", u"stacks"):
            kernel.ask(what, u"sys.path")
        assert kernel.run(u"sorted(sys.modules)").out == before
        assert (kernel.stray, kernel.err) == (b"", b"")
