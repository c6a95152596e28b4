"""What test_house.py judges: the product's source files, parsed, with their imports resolved to modules.

Works on every Python that the product runs on, so it keeps to what ``ast`` of 2.7 and of 3.13 have in common.
"""
from __future__ import absolute_import, division, print_function

import ast
import io
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PACKAGES = ("yotonlike", "ide_kernel")

#: How a file says in its first line that only newer Pythons run it.
NEWER_ONLY = "3.8+"

FUNCTIONS = (ast.FunctionDef, getattr(ast, "AsyncFunctionDef", ast.FunctionDef))


class Import(object):
    """One imported module, or one name from a module.

    Attributes:
        module (str): absolute dotted name.
        name (str | None): the name taken from it, None for ``import module``.
        bound (str): the name that the statement binds.
    """

    def __init__(self, module, name, bound, line):
        self.module, self.name, self.bound, self.line = module, name, bound, line


class Source(object):
    """One source file: ``path`` (from the root), ``module`` (dotted), ``data`` (bytes), ``text``, ``lines``.

    What a rule asks of it is found once and kept: many rules ask for the same.
    """

    def __init__(self, path):
        self.path = path.replace(os.sep, "/")
        with io.open(os.path.join(ROOT, path), "rb") as stream:
            data = stream.read()
        self.data = data
        self.text = data.decode("utf-8")
        self.lines = self.text.splitlines()
        dotted = self.path[:-len(".py")].split("/")
        self.is_package = dotted[-1] == "__init__"
        self.module = ".".join(dotted[:-1] if self.is_package else dotted)
        self.forget()
        self.newer_only = bool(self.lines) and NEWER_ONLY in self.lines[0]

    def forget(self):
        """Keep nothing but the text: trees are many objects for the garbage collector to look through."""
        self._tree = self._typed_imports = self._imports = self._nodes = None

    def _parse(self):
        if self._tree is None:
            tree = ast.parse(self.data, self.path)
            self._typed_imports = self._imports_among(statements(tree))
            _drop_type_checking(tree)
            self._imports = self._imports_among(statements(tree))
            self._tree = tree

    @property
    def tree(self):
        """The parsed file, without the blocks that only a type checker reads."""
        self._parse()
        return self._tree

    @property
    def nodes(self):
        """Every node of the tree."""
        if self._nodes is None:
            self._nodes = list(ast.walk(self.tree))
        return self._nodes

    @property
    def imports(self):
        """Every import that can run, at the top or inside a function."""
        self._parse()
        return self._imports

    @property
    def typed_imports(self):
        """Every import, those for a type checker included."""
        self._parse()
        return self._typed_imports

    @property
    def top_imports(self):
        """The imports that run when the module is imported: these can make a cycle."""
        return self._imports_among(statements(self.tree, into=lambda node: not isinstance(node, FUNCTIONS)))

    def _imports_among(self, nodes):
        return [found for node in nodes for found in self._resolve(node)]

    def _resolve(self, node):
        if isinstance(node, ast.Import):
            return [Import(alias.name, None, alias.asname or alias.name.split(".")[0], node.lineno)
                    for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            return [Import(self._absolute(node), alias.name, alias.asname or alias.name, node.lineno)
                    for alias in node.names]
        return []

    def _absolute(self, node):
        if not node.level:
            return node.module
        parts = self.module.split(".")
        base = parts[:len(parts) - node.level + (1 if self.is_package else 0)]
        return ".".join(base + ([node.module] if node.module else []))


def blocks(node):
    """The lists of statements (or of ``except`` and ``case`` clauses, which hold such lists) right below a statement."""
    found = [getattr(node, name, None) for name in ("body", "orelse", "handlers", "finalbody", "cases")]
    return [block for block in found if isinstance(block, list)]


def statements(node, into=lambda node: True):
    """Every statement below a node, expressions aside; what is below a statement only if ``into`` says so."""
    waiting = [node]
    while waiting:
        for block in blocks(waiting.pop()):
            for each in block:
                yield each
                if into(each):
                    waiting.append(each)


def _drop_type_checking(node):
    for block in blocks(node):
        kept = []
        for each in block:
            test = getattr(each, "test", None)
            if isinstance(each, ast.If) and "TYPE_CHECKING" in (getattr(test, "id", None), getattr(test, "attr", None)):
                kept += each.orelse or [ast.copy_location(ast.Pass(), each)]
            else:
                kept.append(each)
        block[:] = kept
        for each in kept:
            _drop_type_checking(each)


def files(*tops):
    """Paths from the root of every ``.py`` file below the directories, in order."""
    return [
        os.path.relpath(os.path.join(directory, name), ROOT)
        for top in tops
        for directory, _, names in sorted(os.walk(os.path.join(ROOT, top)))
        for name in sorted(names) if name.endswith(".py")
    ]


def product():
    """The sources of both packages that this interpreter can parse."""
    found = [Source(path) for path in files(*PACKAGES)]
    return [source for source in found if parses(source)]


def parses(source):
    """Whether this interpreter is meant to read the file: an old one is spared those that say ``3.8+``."""
    return not source.newer_only or hasattr(ast, "NamedExpr")


def targets(found, modules):
    """The modules of ours that an import loads: the module itself, or the submodule that the name means."""
    if found.name is not None and found.module + "." + found.name in modules:
        return [found.module + "." + found.name]
    return [found.module] if found.module in modules else []


def dotted(node):
    """``a.b.c`` as text for a name or an attribute of names, else an empty text."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return base and base + "." + node.attr
    return ""


def functions(source):
    """``(name, first line, number of lines)`` of every function, decorators not counted."""
    for node in statements(source.tree):
        if isinstance(node, FUNCTIONS):
            # `end_lineno` came with 3.8; the last line of an expression is short by a closing bracket at most.
            last = getattr(node, "end_lineno", None) or max(getattr(each, "lineno", 0) for each in ast.walk(node))
            first = node.lineno
            while not re.match(r"\s*(async )?def\b", source.lines[first - 1]):
                first += 1  # before 3.8 the line of a decorated function is its decorator's
            yield node.name, first, last - first + 1
