"""The mutual handshake: each end proves that it has the key, before either parses a frame.

Theory of operation. Four messages of fixed size go to and fro, so nobody's length field is read before both proofs
are in::

    1 hello         client -> server   prefix "C", key id (16), limits (12), nonce (32)                      66 bytes
    2 challenge     server -> client   prefix "S", limits (12), nonce (32), proof (32)                       82 bytes
    3 response      client -> server   proof (32)                                                            32 bytes
    4 confirmation  server -> client   proof (32)                                                            32 bytes

``prefix`` is the magic ``yoto``, the version (1) and the sender's role, ``C`` or ``S``: 6 bytes. ``limits`` are the
sender's ``max_message`` (u64, bytes) and ``heartbeat`` interval (u32, ms). All integers are big-endian. The key id and
the keys are HMAC-SHA256(key, label). Their labels are ``yotonlike 1 key id`` (that one cut to 16 bytes), ``yotonlike 1
server proves`` (Ks), ``yotonlike 1 client proves`` (Kc) and ``yotonlike 1 server confirms`` (Kd). The proofs are
HMAC-SHA256 over parts that each have their length (u32) in front::

    proof 2   under Ks   hello, challenge without its proof, the server's address, the client's address
    proof 3   under Kc   the same, proof 2
    proof 4   under Kd   the same, proof 2, proof 3

What holds it up: two fresh nonces stop replay. One key a message stops reflection. The addresses, as each end sees
them, stop relay and port squatting, for a proof made for one connection is none on another. One suite without
negotiation stops downgrade. The server says nothing until it has a whole hello with the right key id, and an end that
fails says nothing at all, so a stranger learns only that the connection was closed.

What lives in a handshake: at most the bytes of one message that is not yet whole (bytes behind it are the next one's).
What must not: frames. They are in ``trailing`` when it is done, and a parser may run only then.
"""
from __future__ import absolute_import, division, print_function

import hashlib
import hmac
import struct
from collections import namedtuple

from .._compat import SURROGATES, text_type
from ..errors import AuthenticationFailed, LocalProtocolError, RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Union

#: Seconds that the whole may take. An honest one takes 0.35 ms and four trips; a slow one holds one of few places.
TIMEOUT = 2.0
#: Bytes. Shorter keys can be found by trying: the key id tells, without a connection, whether a guess is right.
MIN_KEY = 16
NONCE_SIZE = 32
MAGIC = b"yoto"
VERSION = 1

CLIENT = "client"
SERVER = "server"

_MAC_SIZE = 32
_KEY_ID_SIZE = 16
_PREFIXES = {CLIENT: MAGIC + bytes(bytearray([VERSION])) + b"C", SERVER: MAGIC + bytes(bytearray([VERSION])) + b"S"}
_PREFIX_SIZE = 6
_LIMITS = struct.Struct(">QI")
_LENGTH = struct.Struct(">I")
_LABELS = {"key id": b"yotonlike 1 key id", "challenge": b"yotonlike 1 server proves",
           "response": b"yotonlike 1 client proves", "confirmation": b"yotonlike 1 server confirms"}

#: The bytes of each message.
SIZES = {
    "hello": _PREFIX_SIZE + _KEY_ID_SIZE + _LIMITS.size + NONCE_SIZE,
    "challenge": _PREFIX_SIZE + _LIMITS.size + NONCE_SIZE + _MAC_SIZE,
    "response": _MAC_SIZE,
    "confirmation": _MAC_SIZE,
}

#: Role -> state -> the message awaited in it. A state that is missing awaits nothing.
AWAITED = {
    CLIENT: {"hello-sent": "challenge", "response-sent": "confirmation"},
    SERVER: {"listening": "hello", "challenge-sent": "response"},
}

#: Role -> state -> input -> next state. The inputs are the messages (whole and right), "refused" (a message that is
#: neither), "deadline" and "eof". A missing input changes nothing: a finished handshake is closed to all of them.
TRANSITIONS = {
    CLIENT: {
        "hello-sent": {"challenge": "response-sent", "refused": "failed", "deadline": "failed", "eof": "failed"},
        "response-sent": {"confirmation": "done", "refused": "failed", "deadline": "failed", "eof": "failed"},
        "done": {},
        "failed": {},
    },
    SERVER: {
        "listening": {"hello": "challenge-sent", "refused": "failed", "deadline": "failed", "eof": "failed"},
        "challenge-sent": {"response": "done", "refused": "failed", "deadline": "failed", "eof": "failed"},
        "done": {},
        "failed": {},
    },
}  # type: Dict[str, Dict[str, Dict[str, str]]]

INITIAL = {CLIENT: "hello-sent", SERVER: "listening"}

#: What one end tells the other: ``max_message`` in bytes (1 to 2**64 - 1), ``heartbeat`` in ms (1 to 2**32 - 1).
Limits = namedtuple("Limits", "max_message heartbeat")


def check_key(key):
    # type: (bytes) -> None
    """Refuse what cannot be a key.

    Raises:
        TypeError: it is not bytes.
        ValueError: it is shorter than 16 bytes.
    """
    if not isinstance(key, bytes):
        raise TypeError("a key is bytes, not %s" % type(key).__name__)
    if len(key) < MIN_KEY:
        raise ValueError("a key has at least %d bytes, this one has %d (os.urandom(32) makes a good one)"
                         % (MIN_KEY, len(key)))


class Handshake(object):
    """One end's half of one handshake.

    Args:
        role: ``"client"`` (the end that connected) or ``"server"``.
        key: the shared secret, at least 16 bytes.
        local_address: this end's address as this end sees it, text or bytes.
        remote_address: the other end's address as this end sees it.
        nonce: 32 bytes from ``os.urandom``, never used before.
        limits: what to tell the other end.
        now: monotonic seconds.

    Attributes:
        state (str): a key of ``TRANSITIONS[role]``.
        error: None, AuthenticationFailed or RemoteProtocolError: why it failed. Close the connection then.
        peer_limits (Limits): None until it is done.
        trailing (bytes): what came behind the last message; empty until it is done.
    """

    def __init__(self, role, key, local_address, remote_address, nonce, limits, now):
        # type: (str, bytes, Union[str, bytes], Union[str, bytes], bytes, Limits, float) -> None
        if role not in TRANSITIONS:
            raise ValueError("a role is %r or %r, not %r" % (CLIENT, SERVER, role))
        check_key(key)
        if not isinstance(nonce, bytes) or len(nonce) != NONCE_SIZE:
            raise ValueError("a nonce is %d bytes" % NONCE_SIZE)
        self.role = role
        self.state = INITIAL[role]
        self.error = None  # type: Optional[Exception]
        self.peer_limits = None  # type: Optional[Limits]
        self.trailing = b""
        self._limits = _pack_limits(limits)
        self._nonce = nonce
        self._deadline = now + TIMEOUT
        self._incoming = bytearray()
        self._outgoing = b""
        self._claimed = None  # type: Optional[Limits]
        self._keys = dict((use, hmac.new(key, label, hashlib.sha256).digest()) for use, label in _LABELS.items())
        own, other = _address_bytes(local_address), _address_bytes(remote_address)
        self._addresses = [other, own] if role == CLIENT else [own, other]
        self._transcript = []  # type: List[bytes]
        if role == CLIENT:
            self._outgoing = _PREFIXES[CLIENT] + self._keys["key id"][:_KEY_ID_SIZE] + self._limits + nonce
            self._transcript.append(self._outgoing)

    @property
    def done(self):
        # type: () -> bool
        """Whether both ends have proved themselves. A server's confirmation may still have to be sent."""
        return self.state == "done"

    def data_to_send(self):
        # type: () -> bytes
        """What to send now; each call hands it out once."""
        data, self._outgoing = self._outgoing, b""
        return data

    def has_output(self):
        # type: () -> bool
        """Whether ``data_to_send()`` would give anything."""
        return bool(self._outgoing)

    def receive_data(self, data, now):
        # type: (bytes, float) -> None
        """Take what arrived; look at ``done``, ``error`` and ``data_to_send()`` afterwards."""
        self.tick(now)
        if self.state == "done":
            self.trailing += bytes(data)
        elif self.state != "failed":
            self._incoming += data
            self._advance()

    def receive_eof(self):
        # type: () -> None
        """The other end closed the connection; that is all that a refusal looks like from here."""
        self._fail("eof", AuthenticationFailed(
            "%s closed the connection during the handshake: it has another key, sees other addresses "
            "(a forwarder or NAT between?), or is no peer at all" % self._peer()))

    def tick(self, now):
        # type: (float) -> None
        """Fail when the time is up. A clock that jumps back does not prolong it."""
        self._deadline = min(self._deadline, now + TIMEOUT)
        if now >= self._deadline:
            self._fail("deadline", AuthenticationFailed(
                "%s did not prove in %g s that it has the key" % (self._peer(), TIMEOUT)))

    def next_deadline(self):
        # type: () -> Optional[float]
        """When to call ``tick`` at the latest; None once it is over."""
        return self._deadline if TRANSITIONS[self.role][self.state] else None

    def _advance(self):
        # type: () -> None
        """Take whole messages while there are any."""
        while self.state in AWAITED[self.role]:
            awaited = AWAITED[self.role][self.state]
            try:
                if awaited in ("hello", "challenge"):
                    self._check_prefix()
                if len(self._incoming) < SIZES[awaited]:
                    return
                message = bytes(self._incoming[:SIZES[awaited]])
                del self._incoming[:SIZES[awaited]]
                getattr(self, "_receive_" + awaited)(message)
            except (AuthenticationFailed, RemoteProtocolError) as error:
                self._fail("refused", error)
                return
            self._move(awaited)
        self.trailing = bytes(self._incoming)

    def _move(self, event):
        # type: (str) -> None
        self.state = TRANSITIONS[self.role][self.state][event]
        if self.state == "done":
            self.peer_limits = self._claimed
        if self.state in ("done", "failed"):
            self._keys = {}  # Nothing needs them any longer.

    def _fail(self, event, error):
        # type: (str, Exception) -> None
        if event in TRANSITIONS[self.role][self.state]:
            self.error = error
            self._move(event)
            self._outgoing = b""
            del self._incoming[:]

    def _check_prefix(self):
        # type: () -> None
        """Refuse a stranger at the first byte that gives it away: an HTTP client never sends a whole hello."""
        prefix = self._incoming[:_PREFIX_SIZE]
        expected = SERVER if self.role == CLIENT else CLIENT
        if _PREFIXES[expected].startswith(bytes(prefix)):
            return
        if not MAGIC.startswith(bytes(prefix[:len(MAGIC)])):
            raise AuthenticationFailed("%s does not speak this protocol" % self._peer())
        if prefix[len(MAGIC)] != VERSION:
            raise RemoteProtocolError("%s speaks version %d of the protocol, this end version %d: install the same "
                                      "version at both ends" % (self._peer(), prefix[len(MAGIC)], VERSION))
        raise AuthenticationFailed("%s does not speak as a %s: both ends connected, or our own bytes came back"
                                   % (self._peer(), expected))

    def _receive_hello(self, message):
        # type: (bytes) -> None
        key_id = message[_PREFIX_SIZE:_PREFIX_SIZE + _KEY_ID_SIZE]
        if not hmac.compare_digest(key_id, self._keys["key id"][:_KEY_ID_SIZE]):
            raise AuthenticationFailed("%s has another key" % self._peer())
        self._claimed = self._unpack_limits(message[_PREFIX_SIZE + _KEY_ID_SIZE:-NONCE_SIZE])
        body = _PREFIXES[SERVER] + self._limits + self._nonce
        self._transcript += [message, body] + self._addresses
        self._outgoing = body + self._prove("challenge")

    def _receive_challenge(self, message):
        # type: (bytes) -> None
        body, proof = message[:-_MAC_SIZE], message[-_MAC_SIZE:]
        self._transcript += [body] + self._addresses
        self._verify("challenge", proof)
        self._claimed = self._unpack_limits(body[_PREFIX_SIZE:-NONCE_SIZE])
        self._outgoing += self._prove("response")

    def _receive_response(self, message):
        # type: (bytes) -> None
        self._verify("response", message)
        self._outgoing += self._prove("confirmation")

    def _receive_confirmation(self, message):
        # type: (bytes) -> None
        self._verify("confirmation", message)

    def _mac(self, use):
        # type: (str) -> bytes
        parts = b"".join(_LENGTH.pack(len(part)) + part for part in self._transcript)
        return hmac.new(self._keys[use], parts, hashlib.sha256).digest()

    def _prove(self, use):
        # type: (str) -> bytes
        """The proof that this end has the key; it becomes part of what the later ones are about."""
        proof = self._mac(use)
        self._transcript.append(proof)
        return proof

    def _verify(self, use, proof):
        # type: (str, bytes) -> None
        if not hmac.compare_digest(self._mac(use), proof):
            raise AuthenticationFailed(
                "%s did not prove that it has the key for this connection: its key differs, or it sees other "
                "addresses (a forwarder or NAT between?)" % self._peer())
        self._transcript.append(proof)

    def _unpack_limits(self, data):
        # type: (bytes) -> Limits
        limits = Limits(*_LIMITS.unpack(data))
        if not (limits.max_message and limits.heartbeat):
            raise RemoteProtocolError("%s sent limits that cannot be kept: %s" % (self._peer(), limits))
        return limits

    def _peer(self):
        # type: () -> str
        server, client = self._addresses
        address = server if self.role == CLIENT else client
        shown = address.decode("utf-8", "replace").encode("ascii", "backslashreplace").decode("ascii")
        return "the peer at %s" % shown if address else "the peer"

    def __repr__(self):
        # type: () -> str
        return "<Handshake %s %s>" % (self.role, self.state)  # No key in it, on purpose.


def _address_bytes(address):
    # type: (Union[str, bytes]) -> bytes
    if not isinstance(address, text_type):
        return bytes(address)
    try:
        return address.encode("utf-8", "surrogateescape")  # As file names are, so that 2.7 has the same bytes.
    except UnicodeEncodeError:
        return address.encode("utf-8", SURROGATES)


def _pack_limits(limits):
    # type: (Limits) -> bytes
    if limits.max_message < 1 or limits.heartbeat < 1:
        raise LocalProtocolError("limits start at 1: %s" % (limits,))
    try:
        return _LIMITS.pack(*limits)
    except struct.error:
        raise LocalProtocolError("limits have 64 and 32 bits: %s" % (limits,))
