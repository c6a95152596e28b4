"""Addresses: ``tcp://host:port`` and ``unix:///path``, as text and as what a socket takes.

Pure: nothing is resolved or opened here. A host is an IPv4 address in four parts, an IPv6 address in brackets, or a
name. What looks like a shortened or octal IPv4 address (``127.1``, ``0177.0.0.1``) is refused, since resolvers disagree
about what it means, and so about whether it is this machine.
"""
from __future__ import absolute_import, division, print_function

import re
import sys
from collections import namedtuple

from .._compat import text_type
from ..errors import AddressError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Sequence, Union

#: Bytes of a Unix socket's path: ``sun_path`` has 108 on Linux and 104 on the BSDs and macOS, with the NUL at its end.
MAX_PATH = 107 if sys.platform.startswith("linux") else 103
#: Characters of a host name (RFC 1035).
MAX_HOST = 253

_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)\Z")
_DIGITS = re.compile(r"[0-9]{1,5}\Z")
_GROUP = re.compile(r"[0-9A-Fa-f]{1,4}\Z")
_OCTET = re.compile(r"(0|[1-9][0-9]{0,2})\Z")
#: A last label that makes the whole host a number and no name (as in WHATWG URL's "ends in a number").
_NUMBER = re.compile(r"([0-9]+|0[xX][0-9A-Fa-f]*)\Z")


class Address(namedtuple("Address", "kind host port path")):
    """One address. ``str()`` of it is what ``parse`` reads.

    Attributes:
        kind (str): ``"tcp"`` or ``"unix"``.
        host (str): of tcp; lower case, IPv6 without brackets. Otherwise None.
        port (int): of tcp; 0 asks ``bind`` for any. Otherwise None.
        path (str): of unix; absolute. Otherwise None. (A native ``str`` on 2.7, as are the others.)
    """

    __slots__ = ()

    @property
    def sockaddr(self):
        # type: () -> Any
        """What ``socket.bind`` and ``socket.connect`` take."""
        return self.path if self.kind == "unix" else (self.host, self.port)

    @property
    def is_local(self):
        # type: () -> bool
        """Whether it is a Unix socket or a loopback address. (A name but localhost is not, wherever it leads.)"""
        return self.kind == "unix" or is_loopback(self.host)

    def __str__(self):
        # type: () -> str
        if self.kind == "unix":
            return "unix://%s" % self.path
        return ("tcp://[%s]:%d" if ":" in self.host else "tcp://%s:%d") % (self.host, self.port)


def parse(text):
    # type: (Union[str, Address]) -> Address
    """The address that ``text`` names (an Address is returned as it is).

    Raises:
        AddressError: it names none; the message says why.
    """
    if isinstance(text, Address):
        return text
    if not isinstance(text, (str, text_type)):
        raise AddressError("an address is a text like 'tcp://127.0.0.1:0' or 'unix:///path', not %s: %r"
                           % (type(text).__name__, text))
    scheme, separator, rest = text.partition("://")
    if separator and scheme == "tcp":
        return _parse_tcp(text, rest)
    if separator and scheme == "unix":
        return _parse_unix(text, rest)
    raise _error(text, "it begins with neither tcp:// nor unix://")


def from_sockaddr(kind, sockaddr):
    # type: (str, Any) -> Address
    """The address of what ``getsockname``, ``getpeername`` or ``accept`` returned, in the one spelling that both ends use.

    An unnamed Unix socket (each client's) has the path ``""``. IPv4 addresses in IPv6 become IPv4; scopes are left out.
    """
    if kind == "unix":
        return Address("unix", None, None, _native_path(sockaddr or ""))
    host, port = sockaddr[:2]
    groups = _ipv6_groups(host.partition("%")[0])
    if groups is not None:
        host = _format_ipv6(groups)
    return Address("tcp", str(host), port, None)


def is_loopback(host):
    # type: (str) -> bool
    """Whether ``host`` is 127.0.0.0/8, ::1 (or 127.0.0.0/8 in IPv6) or the name localhost."""
    groups = _ipv6_groups(host)
    if groups is not None:
        host = _format_ipv6(groups)
    octets = _ipv4_octets(host)
    if octets is not None:
        return octets[0] == 127
    return host == "::1" or host.lower() == "localhost"


def require_local(address):
    # type: (Address) -> Address
    """``address``, when only this machine can reach it.

    Raises:
        AddressError: others could; it says what to do instead.
    """
    if not address.is_local:
        raise AddressError(
            "%s is refused: what goes there can be read and changed on the way, and there is no TLS here. Use "
            "tcp://127.0.0.1:PORT, tcp://[::1]:PORT or unix:///path, and reach other machines through a tunnel such as "
            "ssh -L" % (address,))
    return address


def _error(text, why):
    # type: (str, str) -> AddressError
    return AddressError("%r is no address: %s" % (text, why))


def _parse_tcp(text, rest):
    # type: (str, str) -> Address
    if rest.startswith("["):
        host, bracket, port_text = rest[1:].partition("]")
        if not bracket or not port_text.startswith(":"):
            raise _error(text, "it is not of the form tcp://[host]:port")
        port_text = port_text[1:]
        groups = _ipv6_groups(host)
        if groups is None:
            raise _error(text, "what is in brackets is no IPv6 address (nor may it have a scope)")
        host = _format_ipv6(groups)
    else:
        host, colon, port_text = rest.rpartition(":")
        if not colon:
            raise _error(text, "the port is missing (tcp://host:port; port 0 binds to any)")
        if ":" in host:
            raise _error(text, "an IPv6 address belongs in brackets, as in tcp://[::1]:0")
        host = _check_host(text, host)
    if not _DIGITS.match(port_text) or int(port_text) > 65535:
        raise _error(text, "its port is no number from 0 to 65535")
    return Address("tcp", str(host), int(port_text), None)


def _check_host(text, host):
    # type: (str, str) -> str
    if not host:
        raise _error(text, "the host is missing (for any interface of this machine name one: 127.0.0.1)")
    labels = host.split(".")
    if _NUMBER.match(labels[-1]):
        if _ipv4_octets(host) is None:
            raise _error(text, "an IPv4 address has four decimal parts from 0 to 255 without leading zeros")
    elif len(host) > MAX_HOST or not all(_NAME.match(label) for label in labels):
        raise _error(text, "its host is no name (letters, digits, hyphens, dots)")
    return host.lower()


def _parse_unix(text, path):
    # type: (str, str) -> Address
    if not path.startswith("/"):
        raise _error(text, "the path is not absolute (there are three slashes in unix:///path)")
    if "\0" in path:
        raise _error(text, "the path has a NUL in it")
    if path.endswith("/"):
        raise _error(text, "the path is a directory's")
    try:
        native = _native_path(path)
        size = len(native if isinstance(native, bytes) else native.encode(sys.getfilesystemencoding(), "surrogateescape"))
    except UnicodeError:
        raise _error(text, "the file system cannot have a path of these characters")
    if size > MAX_PATH:
        raise _error(text, "its path has %d bytes, a Unix socket's at most %d: use a shorter directory" % (size, MAX_PATH))
    return Address("unix", None, None, native)


def _native_path(path):
    # type: (Any) -> str
    """``path`` as ``str``, whichever that is: 2.7's sockets take no unicode, and Python 3 may report bytes."""
    if isinstance(path, str):
        return path
    encoding = sys.getfilesystemencoding() or "utf-8"
    if isinstance(path, text_type):
        return path.encode(encoding)  # type: ignore[return-value]
    return path.decode(encoding, "surrogateescape")


def _ipv4_octets(host):
    # type: (str) -> Optional[List[int]]
    parts = host.split(".")
    if len(parts) != 4 or not all(_OCTET.match(part) and int(part) < 256 for part in parts):
        return None
    return [int(part) for part in parts]


def _ipv6_groups(host):
    # type: (str) -> Optional[List[int]]
    """The eight groups of an IPv6 address, None when it is none (RFC 4291, 2.2)."""
    head, gap, tail = host.partition("::")
    before = _groups_of(head)
    after = _groups_of(tail)
    if ":" not in host or before is None or after is None or (gap and "." in head):
        return None
    missing = 8 - len(before) - len(after)
    if missing < 1 if gap else missing != 0:
        return None
    return before + [0] * missing + after


def _groups_of(text):
    # type: (str) -> Optional[List[int]]
    """The groups of one side of the ``::``; the last may be an IPv4 address, which makes two."""
    if not text:
        return []
    parts = text.split(":")
    groups = []  # type: List[int]
    if "." in parts[-1]:
        octets = _ipv4_octets(parts.pop())
        if octets is None:
            return None
        groups = [octets[0] << 8 | octets[1], octets[2] << 8 | octets[3]]
    if not all(_GROUP.match(part) for part in parts):
        return None
    return [int(part, 16) for part in parts] + groups


def _format_ipv6(groups):
    # type: (Sequence[int]) -> str
    """The shortest spelling (RFC 5952); an IPv4 address in IPv6 becomes plain IPv4, so that both ends say the same."""
    if list(groups[:6]) == [0, 0, 0, 0, 0, 0xffff]:
        return "%d.%d.%d.%d" % (groups[6] >> 8, groups[6] & 255, groups[7] >> 8, groups[7] & 255)
    best = (0, 0)  # length and start of the longest run of zeros
    for start in range(8):
        length = 0
        while start + length < 8 and groups[start + length] == 0:
            length += 1
        if length > max(best[0], 1):
            best = (length, start)
    text = ["%x" % group for group in groups]
    if not best[0]:
        return ":".join(text)
    return "%s::%s" % (":".join(text[:best[1]]), ":".join(text[best[1] + best[0]:]))
