"""The rules of the house, kept by a test: layers, imports, cycles, public names, versions, sizes.

Each rule reads the source with ``ast``; none runs the product, but for the last few that import it.
"""
from __future__ import absolute_import, division, print_function

import ast
import collections
import gc
import os
import re
import subprocess
import sys

import house
import pytest

# --------------------------------------------------------------------------------------------------------------
# Layers: a module imports only from its own number or lower ones. A name ending in "." covers what is below it.

LAYERS = {
    "yotonlike._compat": 0,
    "yotonlike.errors": 0,
    "yotonlike.protocol": 1, "yotonlike.protocol.": 1,
    "yotonlike.transport": 2, "yotonlike.transport.": 2,
    "yotonlike.network": 3,
    "yotonlike.dispatch": 3,
    "yotonlike.futures": 3,
    "yotonlike.channels": 3, "yotonlike.channels.": 3,
    "yotonlike.exits": 3,
    "yotonlike.context": 4,
    "yotonlike": 5,
    "yotonlike.adapters": 5, "yotonlike.adapters.": 5,
    "yotonlike.testing": 5,
    "ide_kernel._compat": 10,
    "ide_kernel.vocabulary": 10,
    "ide_kernel.errors": 10,
    "ide_kernel.wire": 10,
    "ide_kernel.connection_file": 10,
    "ide_kernel.interpreters": 10,
    "ide_kernel.kernel": 11, "ide_kernel.kernel.": 11,
    "ide_kernel.broker": 11, "ide_kernel.broker.": 11,
    "ide_kernel.client": 11, "ide_kernel.client.": 11,
    "ide_kernel": 12,
    "ide_kernel.frontends": 13, "ide_kernel.frontends.": 13,
    "ide_kernel.__main__": 14,
}

#: Three processes: what they share is vocabulary and messages.
STRANGERS = ("ide_kernel.kernel", "ide_kernel.broker", "ide_kernel.client")

#: Pure: bytes and `now` in, events out.
PURE = ("yotonlike.protocol.", "ide_kernel.broker.diagnosis", "ide_kernel.broker.lifecycle")
IMPURE_MODULES = set("os socket select selectors thread threading _thread time signal subprocess random ssl".split())
IMPURE_NAMES = {"monotonic", "allocate_lock", "start_new_thread"}
#: Names of what the system reports are no I/O.
PURE_ENOUGH = {"ide_kernel.broker.diagnosis": {"os", "signal"}}

# --------------------------------------------------------------------------------------------------------------
# The public surface. A name here is a promise: add freely, take away only when an issue says so.

PUBLIC = {
    "yotonlike": """
        Context PubChannel SubChannel ReqChannel RepChannel StateChannel History Gap
        Link Listener Subscriber Future Signal Shield
        TEXT BINARY OBJECT MessageType
        Error WouldBlock Timeout Closed PeerLost AuthenticationFailed CycleError MessageTooBig EncodeError DecodeError
        ProtocolError LocalProtocolError RemoteProtocolError RemoteError AddressError NoReplier
        Cancelled
    """,
    "ide_kernel": """
        start attach Kernel Execution Result ErrorInfo Output InputRequest Status Where Exit Icon ICONS
        KernelError StartError StartTimeout InterpreterNotFound BrokerFailed NoConnection KernelDied BrokerLost Cancelled
        ResultLost Gap RequestFailed
    """,
}

# --------------------------------------------------------------------------------------------------------------
# Sizes. Relaxed where a reason is given: {"path" or "path:function": "reason"}.

MODULE_LINES = 400
FUNCTION_LINES = 40
RELAXED = {}

#: Loaded past the user's modules, so that even the import of ``__future__`` would be seen there.
ALONE = ("ide_kernel/kernel/introspection.py", "ide_kernel/kernel/signatures.py")
FUTURE = "from __future__ import absolute_import, division, print_function"

#: The standard library of 2.7 and of 3.6 to 3.13 together; the common subset is what each Python's own run tests.
STANDARD_LIBRARY = set("""
    ConfigParser Queue SocketServer StringIO Tkinter __builtin__ __future__ _thread abc aifc anydbm argparse
    array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii binhex bisect builtins bz2 cPickle
    cProfile cStringIO calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys commands
    compileall concurrent configparser contextlib contextvars copy copy_reg copyreg crypt csv ctypes curses
    dataclasses datetime dbm decimal difflib dis distutils doctest dummy_thread email encodings enum errno
    exceptions faulthandler fcntl filecmp fileinput fnmatch formatter fractions ftplib functools gc getopt
    getpass gettext glob graphlib grp gzip hashlib heapq hmac html htmlentitydefs http httplib imaplib imghdr
    imp importlib inspect io ipaddress itertools json keyword linecache locale logging lzma macpath mailbox
    mailcap marshal math mimetypes mmap modulefinder msvcrt multiprocessing netrc nntplib nt ntpath numbers
    operator optparse os parser pathlib pdb pickle pickletools pipes pkgutil platform plistlib poplib posix
    posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pyexpat queue quopri random re readline repr
    reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex shutil signal site smtpd
    smtplib sndhdr socket socketserver sqlite3 ssl stat statistics string stringprep struct subprocess sunau
    symbol symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios textwrap thread threading
    time timeit tkinter token tokenize tomllib trace traceback tracemalloc ttk tty types typing unicodedata
    unittest urllib urllib2 urlparse uu uuid warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml
    xmlrpc zipapp zipfile zipimport zlib zoneinfo
    _ast _collections _functools _io _posixsubprocess _signal _socket _struct _weakref
""".split())  # the last line: C halves that kernel and broker take directly, because a short start needs few modules

SOURCES = house.product()
MODULES = dict((source.module, source) for source in SOURCES)


@pytest.fixture(scope="module", autouse=True)
def forgotten_afterwards():
    """No garbage is looked for while the trees grow, which would take as long as to make them, nor among them in later tests."""
    gc.disable()
    yield
    for source in SOURCES:
        source.forget()
    gc.enable()


def each_of(condition):
    """Make one test of a rule for one source file: it lists what the rule finds wrong in all files of the condition."""
    def decorate(rule):
        def test():
            chosen = [source for source in SOURCES if condition(source)]
            assert chosen
            wrong = [found for source in chosen for found in rule(source)]
            assert not wrong, "\n" + "\n".join(wrong)

        test.__name__, test.__doc__ = rule.__name__, rule.__doc__  # no more: pytest would take the rule's argument for a fixture
        return test
    return decorate


EACH = each_of(lambda source: True)


def layer(module):
    """The number of a module's layer; a module without a place in the list is an error of its own."""
    if module in LAYERS:
        return LAYERS[module]
    found = [number for name, number in LAYERS.items() if name.endswith(".") and module.startswith(name)]
    assert found, "%s has no layer: give it a place in LAYERS and in docs/architecture.md" % module
    return found[0]


def at(source, line, what):
    return "%s:%d %s" % (source.path, line, what)


@EACH
def test_a_module_imports_only_from_its_own_layer_or_above(source):
    own = layer(source.module)
    wrong = [at(source, each.line, "(layer %d) imports %s (layer %d)" % (own, target, layer(target)))
             for each in source.imports for target in house.targets(each, MODULES) if layer(target) > own]
    return wrong


@EACH
def test_kernel_broker_and_client_do_not_import_one_another(source):
    mine = [name for name in STRANGERS if (source.module + ".").startswith(name + ".")]
    wrong = [at(source, each.line, "imports " + target)
             for each in source.imports for target in house.targets(each, MODULES) for name in STRANGERS
             if mine and name not in mine and (target + ".").startswith(name + ".")]
    return wrong


@EACH
def test_only_the_standard_library_and_our_own_modules_are_imported(source):
    wrong = []
    for each in source.imports:
        top = each.module.split(".")[0]
        ours = top == "yotonlike" or top == source.module.split(".")[0]
        if ours and not house.targets(each, MODULES) and each.module not in MODULES:
            wrong.append(at(source, each.line, "imports %s, which does not exist" % each.module))
        if not ours and top not in STANDARD_LIBRARY and not source.newer_only:
            wrong.append(at(source, each.line, "imports %s, which is not in the standard library" % each.module))
    return wrong


def test_there_is_no_import_cycle():
    graph = dict((source.module, sorted(set(
        target for each in source.top_imports for target in house.targets(each, MODULES) if target != source.module)))
        for source in SOURCES)
    done = set()

    def walk(module, path):
        assert module not in path, "import cycle: " + " -> ".join(path[path.index(module):] + [module])
        if module not in done:
            for target in graph[module]:
                walk(target, path + [module])
            done.add(module)

    for module in sorted(graph):
        walk(module, [])


@each_of(lambda source: source.module.startswith(PURE))
def test_pure_modules_have_no_socket_thread_or_clock(source):
    wrong = [at(source, each.line, "imports %s" % (each.name or each.module)) for each in source.imports
             if each.module.split(".")[0] in IMPURE_MODULES - PURE_ENOUGH.get(source.module, set()) or each.name in IMPURE_NAMES]
    return wrong


@each_of(lambda source: source.module.startswith("ide_kernel"))
def test_ide_kernel_uses_only_public_names_of_yotonlike(source):
    public = set(PUBLIC["yotonlike"].split()) | {"protocol", "adapters"}
    wrong = []
    aliases = set()
    for each in source.imports:
        name = each.name or ""
        if each.module == "yotonlike" and not name:
            aliases.add(each.bound)
        elif each.module in ("yotonlike", "yotonlike.errors"):
            wrong += [at(source, each.line, "takes " + name)] if name not in public else []
        elif each.module.startswith("yotonlike."):
            # The protocol is for programs with a loop of their own, module by module.
            if not re.match(r"yotonlike\.(protocol|adapters)\b", each.module) or name.startswith("_") or "._" in each.module:
                wrong.append(at(source, each.line, "takes %s from %s" % (name, each.module)))
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and house.dotted(node.value) in aliases and node.attr not in public:
            wrong.append(at(source, node.lineno, "uses yotonlike.%s" % node.attr))
    return wrong


@each_of(lambda source: not source.module.endswith("._compat"))
def test_only_compat_names_a_python_version(source):
    names = {"version_info", "hexversion", "PY2", "PY3", "pypy_version_info"}
    wrong = [at(source, node.lineno, "names a Python version") for node in source.nodes
             if getattr(node, "id", None) in names or getattr(node, "attr", None) in names]
    wrong += [at(source, each.line, "imports " + each.name) for each in source.imports if each.name in names]
    return wrong


@each_of(lambda source: source.module.startswith(STRANGERS))
def test_no_message_gets_its_names_from_keywords(source):
    """They are bytes on 2.7, and in a message names are text: ``vocabulary.extended`` is for that."""
    wrong = [at(source, node.lineno, "dict(..., name=...)") for node in source.nodes
             if isinstance(node, ast.Call) and house.dotted(node.func) == "dict" and node.keywords]
    return wrong


@EACH
def test_nothing_sleeps(source):
    wrong = [at(source, node.lineno, "time.sleep") for node in source.nodes
             if isinstance(node, ast.Attribute) and house.dotted(node).split(".")[-2:] == ["time", "sleep"]]
    wrong += [at(source, each.line, "imports sleep") for each in source.imports
              if (each.module, each.name) == ("time", "sleep")]
    return wrong


@EACH
def test_no_error_is_swallowed_whole(source):
    def is_broad(handler):
        return handler.type is None or house.dotted(handler.type) in ("Exception", "BaseException")

    def does_nothing(handler):
        return all(isinstance(each, (ast.Pass, ast.Continue)) for each in handler.body)

    wrong = [at(source, node.lineno, "except ...: pass") for node in source.nodes
             if isinstance(node, ast.ExceptHandler) and is_broad(node) and does_nothing(node)]
    return wrong


@each_of(lambda source: source.module.startswith("yotonlike"))
def test_nothing_from_the_wire_can_become_code(source):
    forbidden = {"pickle", "cPickle", "marshal", "shelve", "_pickle"}
    wrong = [at(source, each.line, "imports " + each.module) for each in source.imports if each.module in forbidden]
    statement = getattr(ast, "Exec", ())  # 2.7
    wrong += [at(source, node.lineno, "eval or exec") for node in source.nodes
              if (statement and isinstance(node, statement))
              or (isinstance(node, ast.Call) and house.dotted(node.func) in ("eval", "exec", "execfile"))]
    return wrong


@each_of(lambda source: source.tree.body[1:] or not source.is_package)
def test_a_module_begins_with_docstring_and_future(source):
    wrong = []
    if not ast.get_docstring(source.tree):
        wrong.append(source.path + " has no docstring")
    if not (source.newer_only or source.path in ALONE or FUTURE in source.lines):
        wrong.append("%s lacks: %s" % (source.path, FUTURE))
    if source.newer_only and not re.match(r"ide_kernel/frontends/|yotonlike/adapters/", source.path):
        wrong.append("%s asks for 3.8+, which only frontends and adapters may" % source.path)
    return wrong


@EACH
def test_sizes(source):
    wrong = []
    if len(source.lines) >= MODULE_LINES and source.path not in RELAXED:
        wrong.append("%s has %d lines, a concept may be missing" % (source.path, len(source.lines)))
    for name, line, count in house.functions(source):
        if count >= FUNCTION_LINES and "%s:%s" % (source.path, name) not in RELAXED:
            wrong.append(at(source, line, "%s has %d lines" % (name, count)))
    return wrong


@each_of(lambda source: not source.is_package and not source.module.endswith("._compat"))
def test_every_import_is_used(source):
    """Ruff does not read type comments, so it cannot tell."""
    count = collections.Counter(re.findall(r"\w+", source.text))
    return [at(source, each.line, "%s is not used" % each.bound) for each in source.typed_imports
            if each.module != "__future__" and count[each.bound] < 2]


def test_every_file_compiles():
    """Those for newer Pythons only say so in their first line, and an older one leaves them out."""
    wrong = []
    for source in map(house.Source, house.files("yotonlike", "ide_kernel", "tests", "benchmarks", "examples")):
        if house.parses(source):
            try:
                compile(source.data, source.path, "exec")
            except SyntaxError as error:
                wrong.append("%s:%s %s" % (source.path, error.lineno, error))
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("package", sorted(PUBLIC))
def test_public_names(package):
    __import__(package)
    module = sys.modules[package]  # a package may put something lazier there
    assert sorted(module.__all__) == sorted(PUBLIC[package].split())
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def run(code):
    """What a fresh interpreter prints for the code, as text."""
    environment = dict(os.environ, PYTHONPATH=house.ROOT)
    return subprocess.check_output([sys.executable, "-c", code], env=environment).decode("ascii")


def test_the_messaging_layer_knows_nothing_of_kernels():
    assert run("import sys, yotonlike; print([m for m in sys.modules if m.startswith('ide_kernel')])").strip() == "[]"
