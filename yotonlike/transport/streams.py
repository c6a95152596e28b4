"""Stream sockets: listen, connect, read and write without blocking. Foreign exceptions are translated here, once."""
from __future__ import absolute_import, division, print_function

import errno
import os
import socket
import stat

from ..errors import AddressError
from . import addresses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional, Tuple

#: One read (bytes): small, which the allocator serves from its heap, until a read was full; then as much as a loopback
#: socket gives at a time, for which it has to ask the system each time.
SMALL_READ, LARGE_READ = 1 << 14, 1 << 18
#: Waiting connections at a listener: the system's own limit is often 4096; more than it takes is cut by it.
BACKLOG = 1024
_AGAIN = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)
#: What accept reports of a connection that is gone already, or of a passing shortage: not the listener's end.
_PASSING = _AGAIN + (errno.ECONNABORTED, errno.ENOBUFS, errno.ENOMEM, errno.EPROTO)


def listen(address):
    # type: (addresses.Address) -> Tuple[socket.socket, addresses.Address]
    """A listening, non-blocking socket, and its address with the port that it got.

    Raises:
        AddressError: in use, no permission, no such host.
    """
    addresses.require_local(address)
    listener = None
    try:
        if address.kind == "unix":
            _remove_stale(address.path)
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            old = os.umask(0o177)  # the socket file is the owner's alone from its first moment
            try:
                listener.bind(address.path)
            finally:
                os.umask(old)
        else:
            family, where = _resolve(address)
            listener = socket.socket(family, socket.SOCK_STREAM)
            if os.name == "posix":  # elsewhere it lets strangers take the port over
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(where)
            address = address._replace(port=listener.getsockname()[1])
        listener.listen(BACKLOG)
        _prepare(listener)
    except (EnvironmentError, socket.error) as error:
        if listener is not None:
            listener.close()
        raise AddressError("%s cannot be listened on: %s." % (address, error.strerror or error))
    return listener, address


def _resolve(address):
    # type: (addresses.Address) -> Tuple[int, Any]
    found = socket.getaddrinfo(address.host, address.port, 0, socket.SOCK_STREAM)
    return found[0][0], found[0][4]


def _remove_stale(path):
    # type: (str) -> None
    """Remove a socket file that nobody listens on any more. Whatever else is there stays, and bind will say so."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return
    except EnvironmentError:
        return
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.setblocking(False)
        if probe.connect_ex(path) == errno.ECONNREFUSED:
            os.unlink(path)
    finally:
        probe.close()


def begin_connect(address):
    # type: (addresses.Address) -> socket.socket
    """A non-blocking socket whose connection is under way; writable once that has ended.

    Raises:
        AddressError: refused at once, no such host, no such file.
    """
    addresses.require_local(address)
    try:
        if address.kind == "unix":
            family, where = socket.AF_UNIX, address.sockaddr  # type: Tuple[int, Any]
        else:
            family, where = _resolve(address)
        stream = socket.socket(family, socket.SOCK_STREAM)
    except (EnvironmentError, socket.error) as error:
        raise AddressError("%s cannot be reached: %s." % (address, error.strerror or error))
    _prepare(stream)
    code = stream.connect_ex(where)
    if code not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK) or (code == errno.EAGAIN and address.kind == "unix"):
        # EAGAIN of a Unix socket is no connection under way, but too many that wait there.
        stream.close()
        raise AddressError("%s cannot be reached: %s." % (address, os.strerror(code)))
    return stream


def end_connect(stream, address):
    # type: (socket.socket, addresses.Address) -> None
    """
    Raises:
        AddressError: the connection did not come about.
    """
    code = stream.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise AddressError("%s cannot be reached: %s." % (address, os.strerror(code)))


def accept(listener):
    # type: (socket.socket) -> Optional[socket.socket]
    """The next connection, non-blocking; None when there is none, or it is gone already.

    Raises:
        OSError: EMFILE or ENFILE, which the caller has a remedy for.
    """
    try:
        stream, _ = listener.accept()
    except (EnvironmentError, socket.error) as error:
        if error.errno in _PASSING:
            return None
        raise
    _prepare(stream)
    return stream


def _prepare(stream):
    # type: (socket.socket) -> None
    stream.setblocking(False)
    if os.name == "posix":  # 2.7 lets children inherit sockets
        import fcntl
        fcntl.fcntl(stream.fileno(), fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    if stream.family in (socket.AF_INET, socket.AF_INET6):
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # frames are written whole


def read(stream, size):
    # type: (socket.socket, int) -> Optional[bytes]
    """What is there, b"" at the end (also an end by an error), None when nothing is."""
    try:
        return stream.recv(size)
    except (EnvironmentError, socket.error) as error:
        return None if error.errno in _AGAIN else b""


#: Whether protocol code may be given a view of a buffer, which 2.7 can do little with.
VIEWS = bytes(memoryview(b"12")) == b"12"


def read_into(stream, buffer):
    # type: (socket.socket, bytearray) -> Any
    """As :func:`read`, into a buffer that is used again and again: to get fresh memory costs more than reading it full.

    Returns:
        A view of what was read.
    """
    try:
        return memoryview(buffer)[:stream.recv_into(buffer)]
    except (EnvironmentError, socket.error) as error:
        return None if error.errno in _AGAIN else b""


def write(stream, data):
    # type: (socket.socket, Any) -> int
    """How much of ``data`` the socket took; -1 when the connection is gone."""
    try:
        return stream.send(data)
    except (EnvironmentError, socket.error) as error:
        return 0 if error.errno in _AGAIN else -1


def names(stream, address, listening):
    # type: (socket.socket, addresses.Address, bool) -> Tuple[str, str]
    """(this end's, the other end's) address as this end sees them, for the handshake."""
    if address.kind == "unix":  # the path as bound; a client's socket has no name of its own
        return (str(address), "") if listening else ("", str(address))
    return (str(addresses.from_sockaddr("tcp", stream.getsockname())),
            str(addresses.from_sockaddr("tcp", stream.getpeername())))
