"""A proxy between two ends of a Unix socket that cuts connections after a given number of bytes."""
from __future__ import absolute_import, division, print_function

import os
import select
import socket
import threading


class CuttingProxy(object):
    """Stands between a listener and those that connect to it; nobody notices but by the cuts.

    Both ends have to see the same address, since the handshake proves it. So the listener's socket file is moved away,
    which leaves it working, and the proxy takes its place.

    Args:
        path (str): of the listener's socket file.
        budget: called for each connection; gives the bytes, of both directions together, after which it is cut, or
            None to let it live.

    Attributes:
        cuts (int): connections that were cut.
        carried (int): bytes that went through.
    """

    def __init__(self, path, budget):
        self.path, self.budget, self.cuts, self.carried = path, budget, 0, 0
        self._behind = path + "-"
        os.rename(path, self._behind)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(10)
        self._closing = False
        self._thread = threading.Thread(target=self._run)
        self._thread.daemon = True
        self._thread.start()

    def _run(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except (EnvironmentError, socket.error):
                return
            if self._closing:
                client.close()
                return
            self._carry(client, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), self.budget())

    def _carry(self, client, server, left):
        """One connection at a time, until it is cut or one end closes it."""
        other = {client: server, server: client}
        try:
            server.connect(self._behind)
            while left is None or left > 0:
                for ready in select.select([client, server], [], [])[0]:
                    data = ready.recv(65536 if left is None else min(65536, left))
                    if not data:
                        return
                    other[ready].sendall(data)
                    self.carried += len(data)
                    if left is not None:
                        left -= len(data)
                        if not left:
                            self.cuts += 1
                            return
        except (EnvironmentError, socket.error):
            pass  # one end is gone
        finally:
            client.close()
            server.close()

    def close(self):
        """Stop taking connections; the one that is there ends with its ends."""
        self._closing = True
        try:
            waker = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            waker.settimeout(1.0)
            waker.connect(self.path)
            waker.close()
        except (EnvironmentError, socket.error):
            pass
        self._thread.join(5.0)
        self._listener.close()
        for path in (self.path, self._behind):
            if os.path.exists(path):
                os.unlink(path)
