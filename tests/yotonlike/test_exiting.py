"""The end of a context, and of the interpreter: what was sent before leaves, or it is said that it did not."""
from __future__ import absolute_import, division, print_function

import os
import subprocess
import sys
import threading

import pytest
import yotonlike

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(yotonlike.__file__)))
LIMIT = 20  # seconds
KEY = b"0123456789abcdef0123456789abcdef"

SENDER = """
import sys, yotonlike
class Broken(yotonlike.Context):
    def close(self, timeout=5.0):
        raise ValueError("this one fails")
contexts = [Broken(u"broken %d" % number) for number in range(10)]
contexts.insert(5, yotonlike.Context(u"sender", b"0123456789abcdef0123456789abcdef"))
contexts[5].connect(sys.argv[1])
pub = yotonlike.PubChannel(contexts[5], u"news")
pub.wait_for_subscriber(20)
for number in range(1000):
    pub.send(u"%d" % number)
"""


def test_a_context_that_fails_does_not_keep_the_others_from_sending():
    with yotonlike.Context(u"here", KEY) as context:
        sub = yotonlike.SubChannel(context, u"news")
        process = subprocess.Popen([sys.executable, "-c", SENDER, context.bind("tcp://127.0.0.1:0").address],
                                   env=dict(os.environ, PYTHONPATH=ROOT), stderr=subprocess.PIPE)
        errors = process.communicate()[1].decode("ascii")
        assert [sub.recv(20) for _ in range(1000)] == [u"%d" % number for number in range(1000)]
    assert errors.count("ValueError: this one fails") == 10


def linked(thread=True):
    """Two contexts, and the link as either end sees it."""
    one, other = yotonlike.Context(u"one", KEY), yotonlike.Context(u"other", KEY, thread=thread)
    link = other.connect(one.bind("tcp://127.0.0.1:0").address)
    return one, other, one.links[0], link


def test_a_link_says_who_closed_it():
    one, other, accepted, link = linked()
    assert other.close() is True
    assert isinstance(link.closed_reason, yotonlike.Closed)
    one.link_closed.connect(lambda closed: None)
    one.wait(LIMIT, until=lambda: accepted.closed_reason or one.pending)
    assert isinstance(accepted.closed_reason, yotonlike.PeerLost)
    one.close()


def test_nothing_is_flushed_by_a_closed_context():
    one, other, _, _ = linked()
    other.close()
    with pytest.raises(yotonlike.Closed):
        other.flush()
    with pytest.raises(yotonlike.Closed):
        other.flush(0)
    assert other.close() is True
    one.close()


@pytest.mark.parametrize("loses", [True, False])
def test_a_flush_during_which_the_context_is_closed_says_whether_anything_was_lost(loses):
    one, other, _, _ = linked(thread=False)
    sub = yotonlike.SubChannel(one, u"news", on_full="drop_oldest", window=100)
    pub = yotonlike.PubChannel(other, u"news")
    pub.wait_for_subscriber(LIMIT)
    for _ in range(10):
        pub.send(u"x" * 60)  # the newest waits here until there is window
    poller, threads, results = other.loop._poller, [], []
    sleep = poller.poll_eagerly

    def sleeps(timeout, wakeup):
        """The flush is about to: only now another thread closes the context."""
        if not threads:
            threads.append(threading.Thread(target=close))
            threads[0].start()
        return sleep(timeout, wakeup)

    def close():
        while not loses and not all(link.idle() for link in other.links):
            sub.recv(LIMIT)
        results.append(other.close(0 if loses else LIMIT))

    poller.poll_eagerly = sleeps
    if loses:
        with pytest.raises(yotonlike.Closed):
            other.flush(LIMIT)
    else:
        other.flush(LIMIT)
    threads[0].join(LIMIT)
    assert results == [not loses]
    one.close()
