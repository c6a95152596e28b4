"""An interpreter that ends: what was sent before leaves, whoever forgot to close."""
from __future__ import absolute_import, division, print_function

import os
import subprocess
import sys

import yotonlike

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(yotonlike.__file__)))
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
