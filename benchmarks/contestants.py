"""The messaging systems that messaging.py compares, each behind the same few calls.

The parent binds, the child connects. In a throughput job the child sends and the parent receives; in a round trip the
parent asks and the child echoes. Each is used the way its own documentation uses it, without tricks.
"""
from __future__ import absolute_import, division, print_function

import os
import socket
import struct
import sys

TEXT_LIMIT = 16 * 1024  # messages up to here are texts, longer ones bytes
LIMIT = 60.0            # seconds; for a wait that should be over at once

GO, END = "go", "end"


class Contestant(object):
    """Base: ``message`` is what a job sends, ``end`` what follows the last one, so that a loss is seen."""

    name = ""
    module = ""       # what must be importable
    share = 1.0       # of the messages of a job: slow ones are measured on fewer
    has_child = True  # else the system starts its other process itself

    def __init__(self, job, size):
        self.job, self.size = job, size
        self.text = size <= TEXT_LIMIT
        self.message = u"x" * size if self.text else b"x" * size
        self.end = u"end" if self.text else b"end"

    def bind(self):
        """In the parent: listen, and say in JSON terms what the child needs to connect."""

    def accept(self):
        """In the parent, once the child was started."""

    def connect(self, where):
        """In the child: connect to what bind() told."""

    def start(self):
        """In the parent: let the child begin to send."""

    def wait_start(self):
        """In the child: until the parent starts."""

    def send(self, count):
        """In the child: the message, `count` times, then the end; return when all of it was received."""

    def receive(self, count):
        """In the parent: `count` messages and the end; returns the end."""

    def ask(self):
        """In the parent: one round trip; returns the reply."""

    def serve(self):
        """In the child: echo until the parent goes."""

    def close(self):
        """In the parent: let the child end."""


class RawSocket(Contestant):
    """The limit of a plain program: 4 bytes of length, one message at a time, writes gathered to 64 KiB."""

    name = "raw socket"
    HEAD = struct.Struct("<I")

    def bind(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(1)
        return self.listener.getsockname()

    def accept(self):
        self._use(self.listener.accept()[0])

    def connect(self, where):
        self._use(socket.create_connection(tuple(where)))

    def _use(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock

    def start(self):
        self.sock.sendall(b"g")

    def wait_start(self):
        self._exactly(1)

    def _exactly(self, size):
        data = bytearray(size)
        view, got = memoryview(data), 0
        while got < size:
            n = self.sock.recv_into(view[got:])
            if not n:
                raise EOFError
            got += n
        return bytes(data)

    def _bytes(self, message):
        return message.encode("utf-8") if self.text else message

    def send(self, count):
        out, held, pack, text = [], 0, self.HEAD.pack, self.text
        for message in self._messages(count):
            data = message.encode("utf-8") if text else message
            out.append(pack(len(data)))
            out.append(data)
            held += len(data)
            if held > 65536:
                self.sock.sendall(b"".join(out))
                out, held = [], 0
        self.sock.sendall(b"".join(out))
        self._exactly(1)

    def _messages(self, count):
        message = self.message
        for _ in range(count):
            yield message
        yield self.end

    def receive(self, count):
        message = self._receive_small(count) if self.text else self._receive_big(count)
        self.sock.sendall(b"d")
        return message

    def _receive_small(self, count):
        data, got, unpack, recv = b"", 0, self.HEAD.unpack_from, self.sock.recv
        while True:
            data += recv(262144)
            at, end = 0, len(data)
            while end - at >= 4:
                size, = unpack(data, at)
                if end - at - 4 < size:
                    break
                message = data[at + 4:at + 4 + size].decode("utf-8")
                at += 4 + size
                got += 1
            data = data[at:]
            if got > count:
                return message

    def _receive_big(self, count):
        for _ in range(count + 1):
            message = self._exactly(self.HEAD.unpack(self._exactly(4))[0])
        return message

    def ask(self):
        data = self._bytes(self.message)
        self.sock.sendall(self.HEAD.pack(len(data)) + data)
        return self._exactly(self.HEAD.unpack(self._exactly(4))[0]).decode("utf-8")

    def serve(self):
        try:
            while True:
                head = self._exactly(4)
                self.sock.sendall(head + self._exactly(self.HEAD.unpack(head)[0]))
        except EOFError:
            self.sock.close()

    def close(self):
        self.sock.close()


class ThisProject(Contestant):
    """PubChannel to SubChannel with on_full="block", and ReqChannel to RepChannel, over TCP."""

    name = "this project"
    module = "yotonlike"

    def bind(self):
        import yotonlike
        self.yotonlike = yotonlike
        self.context = yotonlike.Context(name="parent")
        address = self.context.bind("tcp://127.0.0.1:0").address
        if self.job == "trip":
            self.channel = yotonlike.ReqChannel(self.context, "echo")
        key = self.context.key
        return [address, "".join("%02x" % byte for byte in bytearray(key))]

    def connect(self, where):
        import yotonlike
        address, key = where
        self.context = yotonlike.Context(name="child", key=bytes(bytearray.fromhex(key)))
        if self.job == "trip":
            self.channel = yotonlike.RepChannel(self.context, "echo", handler=lambda message: message)
        else:
            self.channel = yotonlike.PubChannel(self.context, "texts", self._type(yotonlike))
        self.context.connect(address, timeout=LIMIT)

    def _type(self, yotonlike):
        return yotonlike.TEXT if self.text else yotonlike.BINARY

    def start(self):
        self.channel = self.yotonlike.SubChannel(self.context, "texts", self._type(self.yotonlike))

    def wait_start(self):
        self.channel.wait_for_subscriber(LIMIT)

    def send(self, count):
        send, message = self.channel.send, self.message
        for _ in range(count):
            send(message)
        send(self.end)
        self.context.close(LIMIT)

    def receive(self, count):
        recv = self.channel.recv
        for _ in range(count):
            recv()
        return recv()

    def ask(self):
        return self.channel.request(self.message).result(LIMIT)

    def serve(self):
        sys.stdin.read()  # the parent's end of the pipe closes when it goes
        self.context.close(1)

    def close(self):
        self.context.close(LIMIT)


class Zmq(Contestant):
    """pyzmq: PUSH to PULL without a high-water mark, REQ to REP."""

    name = "pyzmq"
    module = "zmq"

    def bind(self):
        import zmq
        self.context = zmq.Context()
        self.control = self.context.socket(zmq.PUSH)
        self.sock = self.context.socket(zmq.REQ if self.job == "trip" else zmq.PULL)
        self.sock.rcvhwm = 0
        return [each.bind_to_random_port("tcp://127.0.0.1") for each in (self.sock, self.control)]

    def connect(self, where):
        import zmq
        self.context = zmq.Context()
        self.control = self.context.socket(zmq.PULL)
        self.sock = self.context.socket(zmq.REP if self.job == "trip" else zmq.PUSH)
        self.sock.sndhwm = 0
        for sock, port in zip((self.sock, self.control), where):
            sock.connect("tcp://127.0.0.1:%d" % port)

    def start(self):
        self.control.send(b"go")

    def wait_start(self):
        self.control.recv()

    def send(self, count):
        send, message = (self.sock.send_string if self.text else self.sock.send), self.message
        for _ in range(count):
            send(message)
        send(self.end)
        self.control.recv()

    def receive(self, count):
        recv = self.sock.recv_string if self.text else self.sock.recv
        for _ in range(count):
            recv()
        end = recv()
        self.control.send(b"done")
        return end

    def ask(self):
        self.sock.send_string(self.message)
        return self.sock.recv_string()

    def serve(self):
        message = None
        while message != "end":
            message = self.sock.recv_string()
            self.sock.send_string(message)

    def close(self):
        if self.job == "trip":
            self.sock.send_string("end")
            self.sock.recv_string()
        self.context.destroy()


class Multiprocessing(Contestant):
    """multiprocessing.connection: Listener and Client of the standard library (which pickle)."""

    name = "multiprocessing"
    module = "multiprocessing.connection"
    share = 0.4

    def bind(self):
        from multiprocessing.connection import Listener
        self.listener = Listener(("127.0.0.1", 0))
        return self.listener.address

    def accept(self):
        self.link = self.listener.accept()

    def connect(self, where):
        from multiprocessing.connection import Client
        self.link = Client(tuple(where))

    def start(self):
        self.link.send(GO)

    def wait_start(self):
        self.link.recv()

    def send(self, count):
        send, message = (self.link.send if self.text else self.link.send_bytes), self.message
        for _ in range(count):
            send(message)
        send(self.end)
        self.link.recv()

    def receive(self, count):
        recv = self.link.recv if self.text else self.link.recv_bytes
        for _ in range(count):
            recv()
        end = recv()
        self.link.send(END)
        return end

    def ask(self):
        self.link.send(self.message)
        return self.link.recv()

    def serve(self):
        try:
            while True:
                self.link.send(self.link.recv())
        except EOFError:
            self.link.close()

    def close(self):
        self.link.close()


class Execnet(Contestant):
    """execnet: a channel of a popen gateway (a pipe, not TCP)."""

    name = "execnet"
    module = "execnet"
    share = 0.3
    has_child = False

    def bind(self):
        import execnet
        self.gateway = execnet.makegateway()
        if self.job == "trip":
            self.channel = self.gateway.remote_exec("for m in channel: channel.send(m)")
        else:
            self.channel = self.gateway.remote_exec(
                "n, m, e = channel.receive()\nfor i in range(n): channel.send(m)\nchannel.send(e)\nchannel.receive()")

    def receive(self, count):
        self.channel.send((count, self.message, self.end))
        receive = self.channel.receive
        for _ in range(count):
            receive()
        end = receive()
        self.channel.send(None)
        return end

    def ask(self):
        self.channel.send(self.message)
        return self.channel.receive()

    def close(self):
        self.gateway.exit()


class Yoton(Contestant):
    """Yoton, the messaging layer that comes with Pyzo. Its queues drop when full, so they are made large."""

    name = "Yoton"
    module = "pyzo"
    share = 0.008
    QUEUE = (10 ** 7, "old")

    def _import(self):
        from importlib.util import find_spec  # the peer runs on Python 3 only
        sys.path.insert(0, os.path.join(os.path.dirname(find_spec("pyzo").origin)))
        import yoton
        return yoton

    def bind(self):
        yoton = self._import()
        self.context = yoton.Context(queue_params=self.QUEUE)
        self.out, self.back = yoton.PubChannel(self.context, "to-child"), yoton.SubChannel(self.context, "to-parent")
        return self.context.bind("localhost:max").port1

    def connect(self, where):
        yoton = self._import()
        self.context = yoton.Context(queue_params=self.QUEUE)
        self.back, self.out = yoton.SubChannel(self.context, "to-child"), yoton.PubChannel(self.context, "to-parent")
        self.context.connect("localhost:%d" % where, timeout=10)

    def start(self):
        self.out.send(u"go")

    def wait_start(self):
        self.back.recv()

    def send(self, count):
        send, message = self.out.send, self.message if self.text else self.message.decode("ascii")
        for _ in range(count):
            send(message)
        send(u"end")
        self.back.recv()

    def receive(self, count):
        recv = self.back.recv
        for _ in range(count):
            recv()
        end = recv()
        self.out.send(u"done")
        self.context.flush()
        return end if self.text else end.encode("ascii")

    def ask(self):
        self.out.send(self.message)
        return self.back.recv()

    def serve(self):
        message = None
        while message != "end":
            message = self.back.recv()
            self.out.send(message)
        self.context.flush()

    def close(self):
        if self.job == "trip":
            self.out.send(u"end")
        self.context.flush()


ALL = (RawSocket, ThisProject, Zmq, Multiprocessing, Execnet, Yoton)
