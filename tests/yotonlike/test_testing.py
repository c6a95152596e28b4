"""What the package offers to tests."""
from __future__ import absolute_import, division, print_function

import pytest
import yotonlike
from yotonlike.protocol import credit, events
from yotonlike.testing import FakeClock, LinkedConnections, LinkedContexts


def test_a_clock_moves_by_hand():
    clock = FakeClock(5.0)
    assert clock() == clock() == 5.0
    assert clock.advance(1.5) == clock() == 6.5
    with pytest.raises(ValueError):
        clock.advance(-1)


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_connections_without_sockets(chunk):
    link = LinkedConnections()
    link.other.open_sink(1, credit.SUBSCRIPTION, credit.BLOCK, 1 << 20, u"news", "text")
    found = link.pump(chunk)
    assert [type(event) for event in found[0]] == [events.Hello, events.Opened] and [type(found[1][0])] == [events.Hello]
    outlet = link.one.outlets[1]
    link.one.push(outlet, credit.Batch(b"e" * 16, 0, [5], b"hello"))
    (data,) = link.pump(chunk)[1]
    assert data.batch.data == b"hello" and link.pump(chunk) == ([], [])


def test_time_passes_for_both_ends():
    link = LinkedConnections(heartbeat=0.5)
    link.pump()
    for _ in range(20):
        link.advance(0.5)
        link.pump()
    assert link.one.liveness.state == link.other.liveness.state == "alive"
    for _ in range(4):
        link.advance(0.5)
    assert link.one.liveness.state == link.other.liveness.state == "silent"


def test_contexts_without_a_network():
    with LinkedContexts(3) as contexts:
        pub, sub = yotonlike.PubChannel(contexts[0], u"news"), yotonlike.SubChannel(contexts[2], u"news")
        assert pub.wait_for_subscriber(20) == 1
        pub.send(u"hello")
        assert sub.recv(20) == u"hello"
        assert [len(context.links) for context in contexts] == [1, 2, 1]
    assert all(context.closed for context in contexts)
    pair = LinkedContexts(heartbeat=0.1)
    assert [context.heartbeat for context in pair] == [0.1, 0.1]
    pair.close()
