"""Whatever writes, through kernel, broker and client: it all comes, whole. The long proofs are in benchmarks/printing.py."""
from __future__ import absolute_import, division, print_function

import subprocess
import sys
import threading

import pytest

import ide_kernel
from frontend_harness import COMMAND, LIMIT, ROOT, end_all


@pytest.fixture(scope="module", autouse=True)
def leave_nothing_behind():
    yield
    end_all()


@pytest.fixture(scope="module")
def kernel():
    found = ide_kernel.start()
    yield found
    found.close()


@pytest.fixture
def data(kernel):
    """What the kernel writes to stdout."""
    pieces = []
    listener = kernel.on_output(lambda output: pieces.append(output.data) if output.stream == u"stdout" else None)
    yield pieces
    kernel.off(listener)


@pytest.mark.parametrize("code", ["import os; os._exit(3)", "os.kill(os.getpid(), 11)", "os.kill(os.getpid(), 9)"])
def test_last_words(kernel, data, code):
    execution = kernel.execute("import os\nfor i in range(50): print(i)\n" + code)
    assert isinstance(execution.exception(LIMIT), ide_kernel.KernelDied)
    assert b"".join(data).split() == [b"%d" % number for number in range(50)]
    kernel.restart(timeout=LIMIT)


@pytest.mark.skipif(hasattr(sys, "pypy_version_info"), reason="PyPy's ctypes never holds the interpreter")
def test_c_code_that_holds_the_interpreter(kernel, data):
    code = ("import ctypes\nlibc = ctypes.PyDLL(None)\ndata = b'x' * 10**6\nat = 0\n"
            "while at < len(data): at += libc.write(1, data[at:], len(data) - at)")
    assert kernel.execute(code).result(LIMIT).ok and b"".join(data) == b"x" * 10 ** 6


WRITE = """
import os, subprocess, sys, threading
def write(which):
    for number in range(200):
        sys.stdout.write("%s-%d\\n" % (which, number))
        sys.stdout.flush()
"""
WRITERS = {
    "threads": "threads = [threading.Thread(target=write, args=(which,)) for which in range(4)]\n"
               "for thread in threads: thread.start()\nfor thread in threads: thread.join()",
    "a pool": "import multiprocessing\n"
              "pool = getattr(multiprocessing, 'get_context', lambda name: multiprocessing)('fork').Pool(2)\n"
              "n = pool.map(write, range(4))\npool.close()\npool.join()",
    "forked children": "children = []\nfor which in range(4):\n    pid = os.fork()\n    if pid == 0:\n        write(which)\n"
                       "        os._exit(0)\n    children.append(pid)\nfor pid in children: n = os.waitpid(pid, 0)",
    "subprocesses": "code = 'import sys\\nfor number in range(200):\\n"
                    "    n = sys.stdout.write(\"%s-%d\\\\n\" % (sys.argv[1], number)); sys.stdout.flush()'\n"
                    "children = [subprocess.Popen([sys.executable, '-c', code, str(which)]) for which in range(4)]\n"
                    "for child in children: n = child.wait()",
}


@pytest.mark.parametrize("writers", sorted(WRITERS))
def test_every_line_of_all_who_write_at_the_same_time(kernel, data, writers):
    result = kernel.execute(WRITE + WRITERS[writers]).result(LIMIT)
    assert result.ok, result.error.traceback
    expected = [b"%d-%d" % (which, number) for which in range(4) for number in range(200)]
    assert sorted(b"".join(data).splitlines()) == sorted(expected)


def test_one_long_line(kernel, data):
    """64 MiB without a newline, and nobody keeps it."""
    sizes, same, expected = [], [], b"x" * (1 << 18)

    def take(output):
        sizes.append(len(output.data))
        same.append(output.data == expected[:len(output.data)])
        del data[:]

    listener = kernel.on_output(take)
    assert kernel.execute("import sys\npiece = 'x' * 65536\nfor i in range(1024): n = sys.stdout.write(piece)").result(LIMIT).ok
    kernel.off(listener)
    assert sum(sizes) == 64 << 20 and max(sizes) <= 1 << 18 and all(same)


def test_run_in_a_pipeline():
    printed = subprocess.check_output(COMMAND + ["run", "-c", "for i in range(20000): print('%029d' % i)"], cwd=ROOT)
    assert printed.splitlines(True) == [b"%029d\n" % number for number in range(20000)]


def test_run_whose_reader_has_enough():
    program = subprocess.Popen(COMMAND + ["run", "-c", "while True: print(1)"], cwd=ROOT, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    timer = threading.Timer(LIMIT, program.kill)
    timer.start()
    assert [program.stdout.readline() for _ in range(3)] == [b"1\n"] * 3
    program.stdout.close()
    assert program.stderr.read() == b"" and program.wait() == 128 + 13
    program.stderr.close()
    timer.cancel()
