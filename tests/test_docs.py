"""The examples of the documentation run, print what stands below them, and the reference pages name what there is."""
from __future__ import absolute_import, division, print_function

import io
import os
import re
import subprocess
import sys

import house
import pytest

import __future__ as future

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def read(path):
    with io.open(os.path.join(house.ROOT, path), encoding="utf-8") as stream:
        return stream.read()


def blocks(path):
    """The fenced blocks of a page: (language, text, line of the page)."""
    text = read(path)
    return [(match.group(1), match.group(2), text.count("\n", 0, match.start()) + 1) for match in BLOCK.finditer(text)]


def run(page, code, line, namespace, capsys):
    """Run a block as the page's reader would, and return what it prints."""
    capsys.readouterr()
    # Line numbers in tracebacks are the page's.
    exec(compile("\n" * line + code, page, "exec", future.print_function.compiler_flag, True), namespace)
    return capsys.readouterr()[0]


@pytest.mark.parametrize("page", ["docs/messaging.md", "docs/embedding.md"])
def test_the_examples_print_what_the_page_says(page, capsys):
    namespace = {"__name__": "__main__"}
    found = blocks(page)
    assert found
    try:
        for (language, code, line), (following, expected, _) in zip(found, found[1:] + [("", "", 0)]):
            if language == "python" or (language == "python3" and sys.version_info[0] > 2):
                printed = run(page, code, line, namespace, capsys)
                if following == "text":
                    assert printed.replace("u'", "'") == expected, "%s:%d" % (page, line)  # 2.7 shows lists of text so
    finally:
        for name in ("kernel", "client", "server"):  # an example that failed must not leave processes behind
            if name in namespace:
                namespace[name].close()


def readme(number):
    """A block of the README, with this Python in the place of the one on PATH."""
    found = [code for language, code, _ in blocks("README.md") if language == "python"]
    assert len(found) == 4, "the README has other examples now: see what is to be run of them"
    return found[number].replace('"python3"', repr(sys.executable))


def test_the_readme_runs_a_kernel(capsys):
    namespace = {"__name__": "__main__"}
    try:
        printed = run("README.md", readme(0), 0, namespace, capsys)
        assert "stdout" in printed and "True 42\n" in printed and "ZeroDivisionError" in printed
        if sys.version_info[0] > 2:  # the second block uses selectors
            assert "done" in run("README.md", readme(1), 0, namespace, capsys)
    finally:
        if "kernel" in namespace:
            namespace["kernel"].close()


def start(code, *arguments):
    code = "from __future__ import print_function\nimport sys\n%s" % code
    environment = dict(os.environ, PYTHONPATH=house.ROOT, PYTHONUNBUFFERED="1")
    return subprocess.Popen([sys.executable, "-c", code] + list(arguments), stdout=subprocess.PIPE, env=environment)


def test_the_readme_sends_messages():
    server = start(readme(2))
    try:
        address, key = server.stdout.readline().decode("ascii").split()
        client = start(readme(3), address, key)
        try:
            lines = [client.stdout.readline().decode("ascii").strip() for _ in range(1000)]
        finally:
            client.kill()
            client.stdout.close()
            client.wait()
    finally:
        server.kill()
        server.stdout.close()
        server.wait()
    assert lines == ["7"] + ["message %d" % number for number in range(999)]


def test_the_protocol_page_has_every_frame_and_tag():
    from yotonlike.protocol import frames
    page = read("docs/protocol.md")
    assert dict((int(kind), name) for kind, name in re.findall(r"^\| (\d+) \| ([A-Z]+) \|", page, re.MULTILINE)) == frames.NAMES


def test_the_protocol_page_has_every_request_event_and_constant():
    page = read("docs/protocol.md")
    service = read("ide_kernel/broker/service.py")
    methods = re.findall(r'"(\w+)"', re.search(r"METHODS = \((.*?)\)", service).group(1))
    assert len(methods) > 5
    events = re.findall(r'event": ?u?"([\w-]+)"|event=u"([\w-]+)"', "".join(
        source.text for source in house.product() if source.module.startswith("ide_kernel.broker.")))
    names = methods + [one or other for one, other in events]
    assert [name for name in names if not re.search(r"\| `%s` \|" % name, page)] == []
    from yotonlike.protocol import connection, frames, handshake, outgoing
    for number in (frames.MAX_BODY, frames.MAX_FRAGMENT, frames.MAX_NODES, connection.MAX_SINKS, outgoing.MAX_ALIASES):
        assert "{:,}".format(number) in page
    assert [size for size in handshake.SIZES.values() if "| %d |" % size not in page] == []


def test_the_rules_of_flow_control_have_a_test_each():
    rules = re.findall(r"^(\d+)\. ", read("docs/flow-control.md"), re.MULTILINE)
    tests = re.findall(r"^def test_rule_(\d+)_", read("tests/yotonlike/test_flow_control.py"), re.MULTILINE)
    assert tests == rules == [str(number) for number in range(1, len(rules) + 1)]


def test_the_architecture_page_has_a_line_for_every_module():
    named, directory = set(), None
    for line in read("docs/architecture.md").splitlines():
        if re.match(r"(yotonlike|ide_kernel)/\S* ", line + " "):
            directory = line.split()[0]
        elif re.match(r"  \w+\.py +\S", line) and directory:
            named.add(directory + line.split()[0])
    there = set(path.replace(os.sep, "/") for path in house.files(*house.PACKAGES) if not path.endswith("__init__.py"))
    assert sorted(there - named) == [], "docs/architecture.md has no line for them"
    assert sorted(named - there) == [], "docs/architecture.md has a line for what is not there"


def test_the_status_page_and_its_icons_are_those_of_the_code(monkeypatch):
    monkeypatch.syspath_prepend(os.path.join(house.ROOT, "docs"))
    import make_status
    for path, text in make_status.pages().items():
        assert read(path) == text, "run: python3 docs/make_status.py"
