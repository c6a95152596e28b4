"""The handshake: honest pairs however split, the table of states and inputs, and every attack that it is there to stop."""
from __future__ import absolute_import, division, print_function

import hashlib
import hmac
import os
import struct
import traceback

import pytest

from yotonlike.errors import AuthenticationFailed, Error, LocalProtocolError, RemoteProtocolError
from yotonlike.protocol.handshake import (AWAITED, CLIENT, INITIAL, MAGIC, SERVER, SIZES, TIMEOUT, TRANSITIONS, VERSION,
                                          Handshake, Limits, check_key)

KEY = b"0123456789abcdef-the-key"
SERVER_ADDRESS = "tcp://127.0.0.1:4000"
CLIENT_ADDRESS = "tcp://127.0.0.1:50000"
CLIENT_LIMITS = Limits(max_message=1 << 30, heartbeat=100)
SERVER_LIMITS = Limits(max_message=2 ** 64 - 1, heartbeat=2 ** 32 - 1)
NOW = 1000.0
#: Seconds; shorter than the deadline.
SOON = 0.1


def client(key=KEY, local=CLIENT_ADDRESS, remote=SERVER_ADDRESS, nonce=b"c" * 32, limits=CLIENT_LIMITS, now=NOW):
    return Handshake(CLIENT, key, local, remote, nonce, limits, now)


def server(key=KEY, local=SERVER_ADDRESS, remote=CLIENT_ADDRESS, nonce=b"s" * 32, limits=SERVER_LIMITS, now=NOW):
    return Handshake(SERVER, key, local, remote, nonce, limits, now)


def deliver(data, receiver, split):
    for start in range(0, len(data), split):
        receiver.receive_data(data[start:start + split], NOW + SOON)


def shake(one, other, split=1000):
    """Let both ends talk until both are silent; returns the messages in order."""
    messages = []
    while True:
        sent = [one.data_to_send(), other.data_to_send()]
        if not any(sent):
            return messages
        messages += [data for data in sent if data]
        deliver(sent[0], other, split)
        deliver(sent[1], one, split)


def conversation():
    """The four messages of an honest handshake."""
    return shake(client(), server())


def at_state(role, state):
    """An end in ``state``, as an honest (or, for "failed", dishonest) partner gets it there; and the next message."""
    ends = {CLIENT: client(), SERVER: server()}
    end, partner = ends[role], ends[SERVER if role == CLIENT else CLIENT]
    if state == "failed":
        end.receive_data(b"x" * 200, NOW)
        return end, b""
    while end.state != state:
        partner.receive_data(end.data_to_send(), NOW)
        end.receive_data(partner.data_to_send(), NOW)
    partner.receive_data(end.data_to_send(), NOW)
    return end, partner.data_to_send()


def assert_failed(end, kind=AuthenticationFailed):
    assert end.state == "failed" and isinstance(end.error, kind) and not end.done
    assert end.data_to_send() == b"" and end.peer_limits is None and end.trailing == b""
    assert end.next_deadline() is None


# -- honest -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("split", [1000, 1, 2, 7, 31, 33])
def test_both_ends_come_through(split):
    one, other = client(), server()
    messages = shake(one, other, split)
    assert [len(message) for message in messages] == [66, 82, 32, 32]
    assert [len(message) for message in messages] == [SIZES[name] for name in
                                                      ("hello", "challenge", "response", "confirmation")]
    assert one.done and other.done and one.error is None and other.error is None
    assert (one.peer_limits, other.peer_limits) == (SERVER_LIMITS, CLIENT_LIMITS)
    assert one.trailing == other.trailing == b""
    assert one.next_deadline() is None


def test_the_bytes_are_those_of_the_description():
    """A second implementation, from the docstring alone: whoever changes a byte has to change the version too."""
    def keyed(key, data):
        return hmac.new(key, data, hashlib.sha256).digest()

    def joined(*parts):
        return b"".join(struct.pack(">I", len(part)) + part for part in parts)

    ks, kc, kd = [keyed(KEY, b"yotonlike 1 " + use)
                  for use in (b"server proves", b"client proves", b"server confirms")]
    hello = b"yoto\x01C" + keyed(KEY, b"yotonlike 1 key id")[:16] + struct.pack(">QI", 1 << 30, 100) + b"c" * 32
    body = b"yoto\x01S" + b"\xff" * 12 + b"s" * 32
    about = [hello, body, SERVER_ADDRESS.encode("ascii"), CLIENT_ADDRESS.encode("ascii")]
    proof2 = keyed(ks, joined(*about))
    proof3 = keyed(kc, joined(*(about + [proof2])))
    proof4 = keyed(kd, joined(*(about + [proof2, proof3])))
    assert conversation() == [hello, body + proof2, proof3, proof4]


def test_output_is_handed_out_once():
    end = client()
    assert end.has_output() and end.data_to_send() and not end.has_output() and end.data_to_send() == b""


def test_what_follows_the_last_message_is_left_to_the_frame_parser():
    one, other = client(), server()
    other.receive_data(one.data_to_send(), NOW)
    one.receive_data(other.data_to_send(), NOW)
    other.receive_data(one.data_to_send() + b"frames", NOW)
    assert other.done and other.trailing == b"frames"
    one.receive_data(other.data_to_send() + b"more", NOW)
    one.receive_data(b" frames", NOW)
    assert one.done and one.trailing == b"more frames"


def test_addresses_may_be_text_or_bytes():
    one = client(local=CLIENT_ADDRESS.encode("ascii"), remote=u"unix:///t\xe9")
    other = server(local=b"unix:///t\xc3\xa9")
    shake(one, other)
    assert one.done and other.done
    one, other = client(remote=u"unix:///\ud800", local=""), server(local=u"unix:///\ud800", remote=b"")
    shake(one, other)
    assert one.done and other.done


# -- the table ----------------------------------------------------------------------------------------------------------

def test_the_tables_fit_each_other():
    for role, states in TRANSITIONS.items():
        assert INITIAL[role] in states
        for state, moves in states.items():
            assert set(moves.values()) <= set(states)
            awaited = AWAITED[role].get(state)
            assert set(moves) == ({awaited, "refused", "deadline", "eof"} if awaited else set())
        assert set(AWAITED[role].values()) <= set(SIZES)


INPUTS = ["hello", "challenge", "response", "confirmation", "garbage", "deadline", "eof", "nothing"]


@pytest.mark.parametrize("role, state", [(role, state) for role in TRANSITIONS for state in TRANSITIONS[role]])
@pytest.mark.parametrize("given", INPUTS)
def test_every_input_in_every_state(role, state, given):
    end, right = at_state(role, state)
    awaited = AWAITED[role].get(state)
    waiting = bool(end.data_to_send())
    if given == "deadline":
        end.tick(NOW + TIMEOUT)
    elif given == "eof":
        end.receive_eof()
    elif given == "nothing":
        end.receive_data(b"", NOW)
        end.tick(NOW + SOON)
    else:
        sample = dict(zip(("hello", "challenge", "response", "confirmation"), conversation()))
        message = right if given == awaited else sample.get(given, b"\x16\x03\x01 GET / HTTP/1.1" * 20)
        if given != awaited and len(message) < SIZES.get(awaited, 0):
            message = message.ljust(SIZES[awaited], b"\0")
        if given != awaited and given in ("response", "confirmation"):
            message = message[::-1]  # The nonces are fixed here; a right one must not come from the sample.
        end.receive_data(message, NOW + SOON)
    event = awaited if given == awaited else {"deadline": "deadline", "eof": "eof", "nothing": None}.get(given, "refused")
    expected = TRANSITIONS[role][state].get(event, state)
    assert end.state == expected
    if expected == "failed":
        assert_failed(end, Error)
    assert end.done == (expected == "done")
    assert not waiting or state != "failed"


# -- silence ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("split", [1000, 1])
@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\0", b"\0", b"\xff" * 500,
                                     b"yotto", MAGIC + b"\0C", MAGIC + b"\x02C", MAGIC + b"\x01S", MAGIC + b"\x01X"])
def test_garbage_is_met_with_silence(garbage, split):
    for end, role in ((server(), b"C"), (client(), b"S")):
        end.data_to_send()
        if garbage == MAGIC + b"\x01" + role:
            continue
        deliver(garbage, end, split)
        version = garbage.startswith(MAGIC) and garbage[4:5] != b"\x01"
        assert_failed(end, RemoteProtocolError if version else AuthenticationFailed)


def test_another_version_is_named():
    end = server()
    end.receive_data(MAGIC + b"\x07C", NOW)
    assert "version 7" in str(end.error) and "version %d" % VERSION in str(end.error)


def test_the_server_is_silent_until_the_hello_is_whole():
    hello = client().data_to_send()
    end = server()
    for index in range(len(hello) - 1):
        end.receive_data(hello[index:index + 1], NOW)
        assert not end.has_output() and end.state == "listening"
    end.receive_data(hello[-1:], NOW)
    assert end.has_output()


def test_little_is_kept_of_a_flood():
    end = server()
    end.receive_data(client().data_to_send() + b"\0" * 1000000, NOW)
    assert_failed(end)
    end.receive_data(b"\0" * 1000000, NOW)
    assert len(end._incoming) == 0


# -- attacks ------------------------------------------------------------------------------------------------------------

def test_a_wrong_key_is_refused_by_the_server_in_silence():
    one, other = client(key=b"another key of 16 and more"), server()
    assert len(shake(one, other)) == 1
    assert_failed(other)
    one.receive_eof()
    assert_failed(one)
    assert "another key" in str(one.error) and CLIENT_ADDRESS in str(other.error)


def test_a_server_without_the_key_is_refused_by_the_client_in_silence():
    one, other = client(), server(key=b"another key of 16 and more")
    other._keys["key id"] = one._keys["key id"]  # The key id is no secret: an eavesdropper has it.
    assert len(shake(one, other)) == 2
    assert_failed(one)
    assert one.data_to_send() == b""


def test_a_client_without_the_key_is_refused():
    one, other = client(key=b"another key of 16 and more"), server()
    one._keys["key id"] = other._keys["key id"]
    hello = bytearray(one.data_to_send())
    hello[6:22] = other._keys["key id"][:16]
    other.receive_data(bytes(hello), NOW)
    assert len(other.data_to_send()) == SIZES["challenge"]
    other.receive_data(b"\0" * 32, NOW)
    assert_failed(other)


def test_a_replayed_client_is_refused():
    messages = conversation()
    end = server(nonce=b"t" * 32)
    end.receive_data(messages[0], NOW)
    assert end.data_to_send() != messages[1]
    end.receive_data(messages[2], NOW)
    assert_failed(end)


def test_a_replayed_server_is_refused():
    messages = conversation()
    end = client(nonce=b"d" * 32)
    end.receive_data(messages[1], NOW)
    assert_failed(end)


def test_a_confirmation_of_another_handshake_is_refused():
    end = client(nonce=b"d" * 32)
    other = server(nonce=b"t" * 32)
    other.receive_data(end.data_to_send(), NOW)
    end.receive_data(other.data_to_send(), NOW)
    end.receive_data(conversation()[3], NOW)
    assert_failed(end)


def test_what_an_end_said_cannot_be_reflected():
    end = client()
    hello = end.data_to_send()
    end.receive_data(hello, NOW)
    assert_failed(end)
    assert "came back" in str(end.error)

    other = server()  # Its challenge, then its own proof, come back to it.
    other.receive_data(client().data_to_send(), NOW)
    challenge = other.data_to_send()
    other.receive_data(challenge[-32:], NOW)
    assert_failed(other)

    end, challenge = at_state(CLIENT, "hello-sent")
    end.receive_data(challenge, NOW)
    end.receive_data(end.data_to_send(), NOW)  # The client's response as the server's confirmation.
    assert_failed(end)


def test_a_second_server_cannot_be_used_to_answer():
    # A client's hello turned into a server's challenge, and the other way round, with all else kept.
    hello = client().data_to_send()
    end = client(nonce=b"d" * 32)
    end.receive_data((MAGIC + b"\x01S" + hello[22:] + b"\0" * 82)[:82], NOW)
    assert_failed(end)


@pytest.mark.parametrize("seen", [
    dict(remote="tcp://127.0.0.1:4001"), dict(local="tcp://127.0.0.1:50001"),
    dict(local=SERVER_ADDRESS, remote=CLIENT_ADDRESS), dict(remote=""),
    # The boundary between the two addresses is part of what is proved.
    dict(remote=SERVER_ADDRESS + "t", local=CLIENT_ADDRESS[1:]),
])
def test_a_relayed_connection_is_refused(seen):
    one, other = client(**seen), server()
    assert len(shake(one, other)) == 2
    assert_failed(one)
    assert "addresses" in str(one.error)


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_a_bit_flipped_in_any_byte_is_refused(number):
    size = len(conversation()[number])
    for index in range(size):
        one, other = client(), server()
        ends = [one, other, one, other]  # who sends message 0, 1, 2, 3
        for step in range(4):
            message = bytearray(ends[step].data_to_send())
            if step == number:
                message[index] ^= 1 << index % 8
            ends[(step + 1) % 2].receive_data(bytes(message), NOW)
        # The server is done once the client proved itself; only the client can know that message 3 was changed.
        failed = [end for end in (one, other) if end.state == "failed"]
        assert failed and one.state != "done", index
        assert other.state != "done" or number == 3
        for end in failed:
            assert_failed(end, (AuthenticationFailed, RemoteProtocolError))


def test_a_cut_at_any_byte_waits_and_then_fails_at_the_end_of_the_stream():
    messages = conversation()
    for size in range(len(messages[0])):
        end = server()
        end.receive_data(messages[0][:size], NOW)
        assert end.state == "listening" and end.error is None
        end.receive_eof()
        assert_failed(end)


@pytest.mark.parametrize("limits", [b"\0" * 8 + b"\0\0\0\1", b"\0" * 7 + b"\1" + b"\0" * 4])
def test_limits_of_zero_break_the_protocol(limits):
    hello = client().data_to_send()
    end = server()
    end.receive_data(hello[:22] + limits + hello[34:], NOW)
    assert_failed(end, RemoteProtocolError)


# -- time ---------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("make", [client, server])
def test_the_deadline_is_for_the_whole(make):
    end = make()
    assert end.next_deadline() == NOW + TIMEOUT
    end.tick(NOW + TIMEOUT - 0.001)
    assert end.error is None
    end.receive_data(b"", NOW + TIMEOUT)
    assert_failed(end)
    assert "2 s" in str(end.error)


def test_bytes_do_not_prolong_the_deadline():
    messages = conversation()
    end = server()
    for index in range(len(messages[0])):
        end.receive_data(messages[0][index:index + 1], NOW + index * 0.01)
    assert end.next_deadline() == NOW + TIMEOUT
    end.receive_data(messages[2], NOW + TIMEOUT)  # Right, but late.
    assert_failed(end)


def test_a_clock_that_jumps_back_does_not_prolong_the_deadline():
    end = server()
    end.tick(NOW - 3600)
    assert end.next_deadline() == NOW - 3600 + TIMEOUT


@pytest.mark.parametrize("role", [CLIENT, SERVER])
def test_no_deadline_after_the_end(role):
    end, _ = at_state(role, "done")
    end.tick(NOW + 1000)
    end.receive_eof()
    assert end.done and end.error is None


# -- arguments and secrets ------------------------------------------------------------------------------------------------

def test_arguments_are_checked():
    for key in (b"", b"x" * 15):
        with pytest.raises(ValueError) as caught:
            client(key=key)
        assert "16" in str(caught.value)
    for key in (None, u"x" * 32, 5):
        with pytest.raises(TypeError):
            check_key(key)
    check_key(b"x" * 16)
    for nonce in (b"", b"n" * 31, b"n" * 33, None):
        with pytest.raises(ValueError):
            client(nonce=nonce)
    with pytest.raises(ValueError):
        Handshake("peer", KEY, "", "", b"n" * 32, CLIENT_LIMITS, NOW)
    for limits in (Limits(0, 1), Limits(1, 0), Limits(2 ** 64, 1), Limits(1, 2 ** 32)):
        with pytest.raises(LocalProtocolError):
            client(limits=limits)


def test_no_secret_is_shown():
    shown = []
    secret = b"topsecret"
    for key in (secret, (secret * 4).decode("ascii")):
        try:
            client(key=key)
        except (TypeError, ValueError):
            shown.append(traceback.format_exc())
    one, other = client(key=secret * 4), server(key=secret * 3)
    shake(one, other)
    one.receive_eof()
    shown += [repr(one), repr(other), repr(one.error), str(one.error), str(other.error)]
    assert len(shown) == 7
    for text in shown:
        assert "topsecret" not in text
    assert repr(client()) == "<Handshake client hello-sent>"


def test_the_keys_are_forgotten_at_the_end():
    one, other = client(), server()
    shake(one, other)
    assert not one._keys and not other._keys


def test_random_damage_never_raises():
    source = bytearray(os.urandom(4000))
    for index in range(0, len(source), 40):
        end = server()
        end.receive_data(client().data_to_send()[:index % 67] + bytes(source[index:index + 40]), NOW)
        end.receive_data(bytes(source[index:index + 40]), NOW)
        assert end.state in TRANSITIONS[SERVER] and not end.done
