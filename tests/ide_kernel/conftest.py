"""A kernel that the tests of a module share; modules that need another kind of one have a ``shared`` of their own."""
from __future__ import absolute_import, division, print_function

import pytest

import ide_kernel


@pytest.fixture(scope="module")
def lasting():
    with ide_kernel.start() as kernel:
        yield kernel
        kernel.kill()


@pytest.fixture
def shared(lasting):
    """A frontend of its own, on a kernel for all tests that leave it as it was."""
    with ide_kernel.attach(lasting.connection_file, lines=0) as kernel:
        yield kernel
