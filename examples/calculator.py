"""Two processes: one serves an object's methods, the other calls them and sees an error of the far side."""
from __future__ import absolute_import, division, print_function

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # so that it runs from a clone

import yotonlike


class Calculator(object):
    """What is served; only the methods that are named may be called."""

    def add(self, a, b):
        return a + b

    def divide(self, a, b):
        return a / b


def serve():
    """Serve until the other end closes our stdin."""
    with yotonlike.Context(name="server") as context:
        rep = yotonlike.RepChannel(context, "calc", target=Calculator(), methods=("add", "divide"))
        address = context.bind("tcp://127.0.0.1:0").address
        # The key goes through a pipe: other users of the machine could read arguments.
        print(address, "".join("%02x" % byte for byte in bytearray(context.key)))
        sys.stdout.flush()
        sys.stdin.read()
        rep.close()


def main():
    """Start the server, call it, and end it."""
    server = subprocess.Popen([sys.executable, __file__, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    address, key = server.stdout.readline().decode("ascii").split()
    with yotonlike.Context(name="client", key=bytes(bytearray.fromhex(key))) as context:
        context.connect(address, timeout=5.0)
        calc = yotonlike.ReqChannel(context, "calc")
        print("3 + 4 =", calc.call("add", 3, 4).result(5.0))
        futures = [calc.call("add", number, number) for number in range(5)]  # all on their way before the first answer
        print("doubles:", [future.result(5.0) for future in futures])
        try:
            calc.call("divide", 1, 0).result(5.0)
        except yotonlike.RemoteError as error:
            print("the server said:", error)
    server.stdin.close()
    server.wait()


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else main()
