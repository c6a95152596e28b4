"""The command ``gui``, with a display and keys of its own (3.8+)."""
from __future__ import absolute_import, division, print_function

import os
import shutil
import signal
import subprocess
import sys

import ide_kernel
import pytest
from frontend_harness import COMMAND, LIMIT, ROOT
from window_harness import is_gone, until, x_server

from ide_kernel.frontends.window.main import run as run_window


@pytest.fixture
def own_display():
    """A display where only the test's own program is, which must leave it."""
    name, server = x_server()
    yield name
    try:
        server.wait(LIMIT)
    finally:
        server.kill()  # nothing, if it has ended
        server.wait()


def start_command(display, *arguments, **environment):
    environment = dict(os.environ, DISPLAY=display, **environment)
    if not display:
        del environment["DISPLAY"]
    return subprocess.Popen(COMMAND + ["gui"] + list(arguments), cwd=ROOT, env=environment, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


@pytest.fixture
def command(own_display, tmp_path):
    """The command, its display, and its connection file once its window is there."""
    runtime = tmp_path / "r"
    runtime.mkdir()
    process = start_command(own_display, "--new", "--dark", XDG_RUNTIME_DIR=str(runtime))
    try:
        until(lambda: list(runtime.glob("ide-kernel/kernel-*.json")), "the connection file")
        if shutil.which("xdotool"):  # else it gets its signal wherever it is, which must do, too
            xdotool(own_display, "search", "--sync", "--onlyvisible", "--name", ide_kernel.ICONS["idle"].words)
        path, = runtime.glob("ide-kernel/kernel-*.json")
        yield process, own_display, str(path)
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=LIMIT)


def xdotool(display, *arguments):
    subprocess.check_call(["xdotool"] + list(arguments), env=dict(os.environ, DISPLAY=display), stdout=subprocess.DEVNULL,
                          timeout=LIMIT)


def test_control_c_in_the_terminal_closes_the_window_and_ends_the_kernel(command):
    process, _, path = command
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out, err) == (-signal.SIGINT, b"", b"")
    is_gone(path)


def test_keys_of_the_x_server_and_another_frontend(command):
    process, display, path = command
    if shutil.which("xdotool") is None:
        pytest.skip("xdotool is not installed")
    with ide_kernel.attach(path) as other:
        seen = []
        other.on_output(lambda output: seen.append(output.text))
        other.wait(lambda: other.status.state == "idle", LIMIT)
        for line in ("x = 6 * 7", "for _ in 'ab':", "print(x)", ""):
            xdotool(display, "type", "--delay", "2", line)
            xdotool(display, "key", "Return")
        other.wait(lambda: "".join(seen) == "42\n42\n", LIMIT)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT)
        assert other.execute("x").result(LIMIT).value == "42"  # the window has left, the kernel is the other's
    is_gone(path)


def test_without_a_file_it_takes_the_newest_kernel(own_display):
    if shutil.which("xdotool") is None:
        pytest.skip("xdotool is not installed")
    with ide_kernel.start() as kernel:
        seen = []
        kernel.on_output(lambda output: seen.append(output.text))
        process = start_command(own_display)
        xdotool(own_display, "search", "--sync", "--onlyvisible", "--name", ide_kernel.ICONS["idle"].words)
        xdotool(own_display, "type", "--delay", "2", "print(1 + 1)")
        xdotool(own_display, "key", "Return")
        kernel.wait(lambda: "".join(seen) == "2\n", LIMIT)
        process.terminate()
        assert process.communicate(timeout=LIMIT) == (b"", b"")


def test_no_such_kernel_is_one_clear_line(own_display):
    process = start_command(own_display, "/no/such/file")
    out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out) == (1, b"") and b"/no/such/file" in err and err.count(b"\n") == 1


def test_no_display_is_one_clear_line():
    process = start_command("", "--new")
    out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out) == (1, b"")
    assert err.decode().startswith("ide-kernel: no window can be opened here") and err.count(b"\n") == 1


def test_no_tkinter_is_one_clear_line(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tkinter", None)
    assert run_window(lambda: pytest.fail("no kernel is needed")) == 1
    err = capsys.readouterr()[1]
    assert "tkinter" in err and err.count("\n") == 1


def test_the_window_is_an_example_of_embedding():
    """It takes nothing of ide_kernel but public names, and what other frontends use."""
    import house
    sources = [house.Source(path) for path in house.files("ide_kernel/frontends/window")]
    wrong = [(source.path, each.line) for source in sources for each in source.imports
             if each.module.startswith("ide_kernel.") and not each.module.startswith("ide_kernel.frontends")]
    assert len(sources) > 5 and wrong == []
