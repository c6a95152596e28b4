"""Other processes, for the tests of a module."""
from __future__ import absolute_import, division, print_function

import pytest


@pytest.fixture(scope="module")
def nursery():
    from nursery import Nursery  # here: the tests of the lower layers run without what it loads
    made = Nursery()
    yield made
    made.close()


@pytest.fixture
def children(nursery):
    """A function that starts Python code in another process, which is ended after the test."""
    started = []

    def start(code, *arguments):
        started.append(nursery.start(code, *arguments))
        return started[-1]

    yield start
    for child in started:
        child.close()
