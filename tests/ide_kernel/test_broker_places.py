"""Where things are: interpreters by name, and connection files that only their owner is let in by."""
from __future__ import absolute_import, division, print_function

import os
import sys

import pytest

from ide_kernel import connection_file, interpreters
from ide_kernel.connection_file import Connection
from ide_kernel.errors import InterpreterNotFound, NoConnection


def script(path, text=u"#!/bin/sh\n"):
    """A file that may be executed."""
    path.write(text, ensure=True)
    path.chmod(0o755)
    return str(path)


# -- interpreters -------------------------------------------------------------------------------------------------

@pytest.fixture
def on_path(tmpdir, monkeypatch):
    """A folder that is all of PATH."""
    folder = tmpdir.mkdir("bin")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("PYENV_VERSION", raising=False)
    monkeypatch.chdir(tmpdir)
    return folder


def test_a_name_is_looked_up_on_the_path(on_path):
    path = script(on_path.join("python9"))
    assert interpreters.find("python9") == path


def test_a_path_is_made_absolute(on_path, tmpdir):
    path = script(tmpdir.mkdir("venv").join("python"))
    assert interpreters.find(path) == path
    assert interpreters.find(os.path.join("venv", "python")) == path


def test_a_link_is_not_followed(on_path):
    """The interpreter of a virtual environment is one, and finds its packages by where it lies."""
    os.symlink(sys.executable, str(on_path.join("python9")))
    assert interpreters.find("python9") == str(on_path.join("python9"))


@pytest.mark.parametrize("name, words", [
    ("python9", "no program named python9"), ("", "no program named ''"), ("/no/such/python", "no such file"),
    ("./here", "not executable"), ("/", "a directory"),
])
def test_what_is_none(on_path, tmpdir, name, words):
    tmpdir.join("here").write(b"")
    tmpdir.join("here").chmod(0o644)
    with pytest.raises(InterpreterNotFound) as caught:
        interpreters.find(name)
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.fixture
def pyenv(on_path, tmpdir, monkeypatch):
    """A pyenv with three versions, whose shims are on PATH."""
    root = tmpdir.mkdir("pyenv")
    for version, names in (("2.7.18", ["python", "python2.7"]), ("3.9.1", ["python", "python3"]),
                           ("3.13.0", ["python", "python3", "python3.13"]), ("pypy3.10-7.3.17", ["python", "python3"])):
        for name in names:
            script(root.join("versions", version, "bin", name))
    for name in ("python", "python3", "python2.7", "python3.13", "gone"):
        script(root.join("shims", name))
    monkeypatch.setenv("PATH", os.pathsep.join([str(root.join("shims")), str(on_path)]))
    return root


def test_a_shim_is_looked_through_to_the_selected_version(pyenv, tmpdir, monkeypatch):
    def found(name):
        path = interpreters.find(name)
        return os.path.relpath(path, str(pyenv.join("versions"))).split(os.sep)[0]

    assert found("python3") == "3.13.0"  # none selected: the newest
    pyenv.join("version").write(b"3.9.1\n2.7.18\n")
    assert (found("python3"), found("python2.7"), found("python3.13")) == ("3.9.1", "2.7.18", "3.13.0")
    tmpdir.join(".python-version").write(b"2.7.18\n")
    assert (found("python"), found("python3")) == ("2.7.18", "3.13.0")
    monkeypatch.setenv("PYENV_VERSION", "pypy3.10-7.3.17")
    assert found("python3") == "pypy3.10-7.3.17"


def test_a_shim_for_the_systems_python(pyenv, on_path):
    pyenv.join("version").write(b"system\n")
    path = script(on_path.join("python3"))
    assert interpreters.find("python3") == path
    assert interpreters.find("python2.7") == str(pyenv.join("versions", "2.7.18", "bin", "python2.7"))


def test_a_shim_that_leads_nowhere_is_left_to_pyenv(pyenv):
    assert interpreters.find("gone") == str(pyenv.join("shims", "gone"))


# -- connection files ---------------------------------------------------------------------------------------------

@pytest.fixture
def home(tmpdir, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmpdir))
    return tmpdir.join("ide-kernel")


def connection(created=1.0, pid=None, key=b"k" * 32):
    return Connection(u"unix:///somewhere", key, pid or os.getpid(), u"/usr/bin/python", created)


def test_what_is_written_is_read(home):
    path = connection_file.write(connection())
    assert os.path.dirname(path) == str(home)
    assert (os.stat(path).st_mode & 0o777, os.stat(str(home)).st_mode & 0o777) == (0o600, 0o700)
    found = connection_file.read(path)
    assert vars(found) == dict(vars(connection()), path=path)
    assert "kkkk" not in repr(found) and "6b6b" not in repr(found)
    assert os.listdir(str(home)) == [os.path.basename(path)]
    connection_file.remove(path)
    connection_file.remove(path)


def test_the_mode_does_not_depend_on_the_umask(home):
    before = os.umask(0)
    try:
        path = connection_file.write(connection())
    finally:
        os.umask(before)
    assert (os.stat(path).st_mode & 0o777, os.stat(str(home)).st_mode & 0o777) == (0o600, 0o700)


def test_a_place_of_ones_own_choice(tmpdir):
    path = str(tmpdir.join("here"))
    assert connection_file.write(connection(1.0), path) == path
    connection_file.write(connection(2.0), path)
    assert connection_file.read(path).created == 2.0
    with pytest.raises(NoConnection):
        connection_file.write(connection(), str(tmpdir.join("no", "such", "place")))


def test_the_newest_of_those_that_live(home):
    with pytest.raises(NoConnection):
        connection_file.newest()
    paths = [connection_file.write(connection(created)) for created in (5.0, 9.0, 7.0)]
    connection_file.write(connection(11.0, pid=dead_pid()))
    home.join("kernel-1-half.json").write(b"{")
    home.join("other.json").write(b"{}")
    assert connection_file.newest().path == paths[1]
    assert [found.created for found in connection_file.find_all()] == [9.0, 7.0, 5.0]


def dead_pid():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid


def test_files_and_sockets_of_dead_brokers_are_swept(home):
    alive = connection_file.write(connection())
    pid = dead_pid()
    connection_file.write(connection(pid=pid))
    home.join("socket-%d-00" % pid).write(b"")
    home.join("socket-%d-00" % os.getpid()).write(b"")
    home.join("notes.txt").write(b"")
    home.join("kernel-%d-00.json.failure" % pid).write(b"")  # what a broker died of is kept
    connection_file.sweep()
    assert sorted(os.listdir(str(home))) == sorted([
        os.path.basename(alive), "socket-%d-00" % os.getpid(), "notes.txt", "kernel-%d-00.json.failure" % pid])


@pytest.mark.parametrize("data", [
    b"", b"{", b"[]", b"null", b"\xff", b"{}", b'{"version": 1}', b'{"version": 1, "address": "a", "key": "zz"}',
    b'{"version": 2, "address": "a", "key": "00", "broker_pid": 1, "python": "p", "created": 1}',
    b'{"version": 1, "address": 5, "key": "00", "broker_pid": 1, "python": "p", "created": 1}',
    b'{"version": 1, "address": "a", "key": "00", "broker_pid": "x", "python": "p", "created": 1}',
])
def test_what_is_no_connection_file(tmpdir, data):
    path = tmpdir.join("file")
    path.write(data, "wb")
    path.chmod(0o600)
    with pytest.raises(NoConnection) as caught:
        connection_file.read(str(path))
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_a_file_that_others_can_read_is_not_believed(tmpdir):
    path = connection_file.write(connection(), str(tmpdir.join("file")))
    os.chmod(path, 0o640)
    with pytest.raises(NoConnection):
        connection_file.read(path)
    with pytest.raises(NoConnection):
        connection_file.read(str(tmpdir.join("missing")))


def test_a_directory_that_others_may_enter_is_not_used(home):
    home.mkdir()
    home.chmod(0o755)
    with pytest.raises(NoConnection):
        connection_file.write(connection())
    assert connection_file.find_all() == []


def test_a_directory_that_is_a_link_is_not_used(home, tmpdir):
    other = tmpdir.mkdir("other")
    other.chmod(0o700)
    os.symlink(str(other), str(home))
    with pytest.raises(NoConnection):
        connection_file.make_directory()


def test_a_path_too_long_for_a_socket_gives_a_loopback_address(tmpdir, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmpdir))
    assert connection_file.new_address()[1].startswith((u"unix://", u"tcp://"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmpdir.mkdir("d" * 100)))
    assert connection_file.new_address() == (None, u"tcp://127.0.0.1:0")
