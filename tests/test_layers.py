"""Each layer's tests pass where the layers below it do not exist."""
from __future__ import absolute_import, division, print_function

import os
import shutil
import subprocess
import sys

import house
import pytest
import test_house

TOP = 4  # of yotonlike; what is below is `import yotonlike`, the whole


def lowest_layer(path):
    """The lowest layer down to which the imports of a test file reach, or None."""
    source = house.Source(path)
    layers = [test_house.layer(target) for each in source.imports for target in house.targets(each, test_house.MODULES)]
    return max(layers) if layers and os.path.basename(path).startswith("test_") else None


REACH = [(path, lowest_layer(path)) for path in house.files("tests/yotonlike")]


def files_of(layer):
    """The test files whose imports reach down to exactly that layer."""
    return [path for path, lowest in REACH if lowest == layer]


def copy(path, root):
    """One file of the project, at its place below another root."""
    target = os.path.join(root, path)
    if not os.path.isdir(os.path.dirname(target)):
        os.makedirs(os.path.dirname(target))
    shutil.copy(os.path.join(house.ROOT, path), target)


@pytest.mark.parametrize("layer", [layer for layer in range(TOP + 1) if files_of(layer)])
def test_a_layer_stands_without_those_below(layer, tmpdir):
    tests = files_of(layer)
    root = str(tmpdir)
    for source in test_house.SOURCES:
        if test_house.layer(source.module) <= layer:
            copy(source.path, root)
    # The packages' own `__init__` is the lowest layer: here they are bare.
    with open(os.path.join(root, "yotonlike", "__init__.py"), "w"):
        pass
    for path in tests + ["tests/conftest.py", "tests/histories.py"]:
        copy(path, root)
    # Imports are what a missing layer breaks, and they stand at the top of the files. The tests themselves run here only
    # on the newest Pythons: each has run once already, and where the layers are does not depend on the version.
    # Assertions are not rewritten, which would take longer than all else: a test that fails here can be run alone.
    only_import = [] if sys.version_info >= (3, 13) else ["--collect-only"]
    pytest_here = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--assert=plain"]
    process = subprocess.Popen(pytest_here + only_import + tests, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        out = process.communicate()[0].decode("utf-8", "replace")
    finally:
        if process.poll() is None:  # the limit of one test passed
            process.kill()
            process.wait()
    assert process.returncode == 0, out
