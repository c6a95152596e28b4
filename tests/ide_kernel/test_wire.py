"""The line between kernel and broker, both ends of it here."""
from __future__ import absolute_import, division, print_function

import os
import socket

import pytest

from ide_kernel._compat import monotonic
from ide_kernel.wire import Wire
from yotonlike import Closed


@pytest.fixture
def ends():
    """Two ends that know each other."""
    sockets = socket.socketpair()
    wires = [Wire(os.dup(each.fileno()), u"end") for each in sockets]
    for each in sockets:
        each.close()
    for _ in range(2):
        for wire in wires:
            wire.flush()
        for wire in wires:
            assert wire.receive(monotonic()) == []
    yield wires
    for wire in wires:
        wire.close()


def test_messages_arrive_in_order(ends):
    one, other = ends
    one.post({u"n": 1})
    one.send({u"n": 2})
    assert other.receive(monotonic()) == [{u"n": 1}, {u"n": 2}]


def test_last_words_come_although_nothing_can_be_said_any_more(ends):
    """A broker that tells a kernel something at the moment when that ends must not miss how its last execution ended."""
    one, other = ends
    one.send({u"kind": u"finished"})
    one.close()
    other.send({u"kind": u"execute"})
    assert not other.wants_write()
    other.send({u"kind": u"exit"})
    assert other.receive(monotonic()) == [{u"kind": u"finished"}]
    with pytest.raises(Closed):
        other.receive(monotonic())
