"""Finds the interpreter that a user names.

A pyenv shim is a shell script that asks pyenv which Python it stands for: that takes 0.2 s at each start, and fails for
a version that is installed but not selected. So a shim is looked through: to the selected version that has the program,
or else to the newest installed one.
"""
from __future__ import absolute_import, division, print_function

import os
import re

from .errors import InterpreterNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, List, Optional, Tuple


def find(name):
    # type: (Any) -> Any
    """The interpreter that a user means.

    Args:
        name: a path (absolute, or relative to the working directory), or a name such as ``python2.7``, which is looked
            up on PATH as a shell does.

    Returns:
        str: an absolute path. Symbolic links stay: the Python of a virtual environment is one.

    Raises:
        InterpreterNotFound: there is no such file, or nobody may execute it.
    """
    if os.path.dirname(name):
        path = os.path.abspath(os.path.expanduser(name))
        problem = _problem(path)
        if problem:
            raise InterpreterNotFound("cannot run %s: %s" % (name, problem))
        return _look_through(path)
    for path in _on_path(name):
        if _problem(path) is None:
            return _look_through(path)
    raise InterpreterNotFound("there is no program named %s on PATH: give its path, or install it" % (name or "''"))


def _on_path(name):
    # type: (Any) -> Iterable[Any]
    if not name:
        return
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        yield os.path.abspath(os.path.join(folder, name))


def _problem(path):
    # type: (Any) -> Optional[str]
    if not os.path.exists(path):
        return "there is no such file"
    if os.path.isdir(path):
        return "it is a directory"
    if not os.access(path, os.X_OK):
        return "it is not executable"
    return None


def _look_through(path):
    # type: (Any) -> Any
    """The real program behind a pyenv shim; any other path as it is."""
    folder, name = os.path.split(path)
    root = os.path.dirname(folder)
    versions = os.path.join(root, "versions")
    if os.path.basename(folder) != "shims" or not os.path.isdir(versions) or not _is_script(path):
        return path
    selected = _selected(root)
    if selected == ["system"]:
        for other in _on_path(name):
            if os.path.dirname(other) != folder and _problem(other) is None:
                return other
    for version in selected + sorted(os.listdir(versions), key=_age, reverse=True):
        real = os.path.join(versions, version, "bin", name)
        if _problem(real) is None:
            return real
    return path  # let pyenv itself say what is wrong


def _is_script(path):
    # type: (Any) -> bool
    with open(path, "rb") as program:
        return program.read(2) == b"#!"


def _selected(root):
    # type: (Any) -> List[Any]
    """The versions that pyenv would use, first choice first: the shell's, the nearest folder's, the global ones."""
    chosen = os.environ.get("PYENV_VERSION")
    if chosen:
        return chosen.split(":")
    folder = os.getcwd()
    while True:
        lines = _lines(os.path.join(folder, ".python-version"))
        if lines:
            return lines
        if os.path.dirname(folder) == folder:
            return _lines(os.path.join(root, "version"))
        folder = os.path.dirname(folder)


def _lines(path):
    # type: (Any) -> List[Any]
    try:
        with open(path) as found:
            return [line.strip() for line in found if line.strip() and not line.startswith("#")]
    except EnvironmentError:
        return []


def _age(version):
    # type: (Any) -> Tuple[bool, List[int]]
    """What to sort versions by: plain CPython numbers above names such as ``pypy3.9-7.3.11``."""
    return version[:1].isdigit(), [int(number) for number in re.findall(r"\d+", version)]
