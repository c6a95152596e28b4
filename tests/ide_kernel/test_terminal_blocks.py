"""How a program is cut into statements without knowing the kernel's grammar."""
from __future__ import absolute_import, division, print_function

import codeop
import sys

import pytest

from ide_kernel.frontends.blocks import Blocks, complete_here, first_line, is_complete, split_background
from ide_kernel.kernel.introspection import _completeness


def cut(program):
    blocks = Blocks()
    found = []
    for line in program.splitlines(True):
        found += blocks.feed(line)
    return found + blocks.finish()


@pytest.mark.parametrize("program, expected", [
    ("", []),
    ("x = 1\n", [("x = 1\n", 1)]),
    ("x = 1", [("x = 1\n", 1)]),
    ("\n# only\n\nx\n", [("x\n", 4)]),
    ("x = 20\nfor i in range(2):\n    x += 11\n\nx\n",
     [("x = 20\n", 1), ("for i in range(2):\n    x += 11\n\n", 2), ("x\n", 5)]),
    ("def f():\n    a = 1\n\n    return a\nf()\n", [("def f():\n    a = 1\n\n    return a\n", 1), ("f()\n", 5)]),
    ("if x:\n  a\n\n# why\nelse:\n  b\nc\n", [("if x:\n  a\n\n# why\nelse:\n  b\n", 1), ("c\n", 7)]),
    ("try: a\nexcept E: b\nfinally: c\nd\n", [("try: a\nexcept E: b\nfinally: c\n", 1), ("d\n", 4)]),
    ("if x: pass\ny\n", [("if x: pass\n", 1), ("y\n", 2)]),
    ("@a\n@b(1,\n2)\ndef f(): pass\ny\n", [("@a\n@b(1,\n2)\ndef f(): pass\n", 1), ("y\n", 5)]),
    ("f(1,\n2)\ng\n", [("f(1,\n2)\n", 1), ("g\n", 3)]),
    ("s = '''a\nif b:\nc'''\nd\n", [("s = '''a\nif b:\nc'''\n", 1), ("d\n", 4)]),
    ("a = 1 + \\\n2\nb\n", [("a = 1 + \\\n2\n", 1), ("b\n", 3)]),
    ("a = 'x\\\ny'\nb\n", [("a = 'x\\\ny'\n", 1), ("b\n", 3)]),
    ("a = 'it\\'s (' # (\nb\n", [("a = 'it\\'s (' # (\n", 1), ("b\n", 2)]),
    ("match x:\n    case 1:\n        a\nb\n", [("match x:\n    case 1:\n        a\n", 1), ("b\n", 4)]),
    ("class A(object):\n    '''Doc.\n\nmore: (\n'''\n    x = 1\nb\n",
     [("class A(object):\n    '''Doc.\n\nmore: (\n'''\n    x = 1\n", 1), ("b\n", 7)]),
    ("x = 1\r\nif x:\r\n  y\r\nz\r\n", [("x = 1\n", 1), ("if x:\n  y\n", 2), ("z\n", 4)]),
    ("a = 'never closed\nb\n", [("a = 'never closed\n", 1), ("b\n", 2)]),
    ("  indented\n", [("  indented\n", 1)]),
    ("else:\n  x\ny\n", [("else:\n  x\n", 1), ("y\n", 3)]),
])
def test_programs_are_cut_at_statements(program, expected):
    assert cut(program) == expected


def test_a_simple_statement_does_not_wait_for_the_next():
    blocks = Blocks()
    assert blocks.feed("x = 1\n") == [("x = 1\n", 1)]
    assert blocks.feed("if x:\n") == []
    assert blocks.feed("    y\n") == []
    assert blocks.feed("z\n") == [("if x:\n    y\n", 2), ("z\n", 4)]
    assert blocks.finish() == []


@pytest.mark.parametrize("code, expected", [
    ("f();", ("f()", True)),
    ("f() ;  ", ("f()   ", True)),
    ("f(); # go", ("f() # go", True)),
    ("for i in x:\n    f();\n", ("for i in x:\n    f()\n", True)),
    ("f()", ("f()", False)),
    ("x = ';'", ("x = ';'", False)),
    ("x # ;", ("x # ;", False)),
    ("x = '''a\n;", ("x = '''a\n;", False)),
    (";", (";", False)),
    ("", ("", False)),
    ("a; b", ("a; b", False)),
])
def test_a_semicolon_at_the_end_asks_for_the_background(code, expected):
    assert split_background(code) == expected


PYPY = hasattr(sys, "pypy_version_info")


@pytest.mark.parametrize("lines", [
    "x", "# c", "x = 1;", "  x", "x = )", "def f(:", "f(a b", "'abc", "else:", "def f()", "x = (1\n2)", "f(1,\n\n2)",
    "'''a\n\nb'''", "x = [\n  1\n]", "x = [i for i in y\n  if i]", "x = 1 \\\n  + 2", "import os, \\\n  sys", "x = 'a\\\nb'",
    "if x:\n  a = 1 \\\n   + 2\n", "def f():\n  (1,\n  2)\n", "if x: # c\n  y\n", "try:\n  x\nexcept:\n  y\n",
    "class A:\n  def f(self):\n    x\n", "for i in x:\n  y\n# c\n", "if 1:\n  x = '''\n\n''' \n", "if x:\n  y z",
    pytest.param("if 1: pass\nelse: pass\n", marks=pytest.mark.skipif(PYPY, reason="PyPy takes the first line as complete")),
    pytest.param("@a\ndef f(): pass\n", marks=pytest.mark.skipif(PYPY, reason="PyPy takes the second line as complete"))])
def test_an_input_is_complete_when_it_is_in_plain_python(lines):
    def plain(code):
        try:
            return codeop.compile_command(code, "<stdin>", "single") is not None
        except SyntaxError:
            return True

    def ask(text):
        return _completeness(u"" + text)

    texts = ["\n".join(lines.split("\n")[:end + 1]) for end in range(lines.count("\n") + 1)]
    assert [is_complete(text, ask) for text in texts] == [plain(text) for text in texts]


@pytest.mark.parametrize("code, complete", [
    ("x", True), ("f(", False), ("'''", False), ("if x:", False), ("if x:\n  y", False), ("if x:\n  y\n", True),
    ("if x: y", False), ("if x: y\n", True), ("a = \\", False), ("@a", False), ("@a\ndef f(): pass\n", True),
    ("def f():\n  (1,\n", False),
])
def test_a_guess_when_the_kernel_cannot_say(code, complete):
    assert complete_here(code) is complete


def test_code_is_named_by_its_first_line():
    assert first_line(u"x = 1\n") == u"x = 1"
    assert first_line(u"for i in x:\n    y\n") == u"for i in x: ..."
    assert first_line(None) == u""
    assert len(first_line(u"x" * 100)) < 70
