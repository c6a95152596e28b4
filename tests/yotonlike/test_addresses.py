# -*- coding: utf-8 -*-
"""Addresses as text: what is understood, what is refused and why, and which ones only this machine can reach."""
from __future__ import absolute_import, division, print_function

import pytest

from yotonlike.errors import AddressError
from yotonlike.transport.addresses import MAX_PATH, Address, from_sockaddr, is_loopback, parse, require_local

LONG_LABEL = "a" * 63


@pytest.mark.parametrize("text, expected", [
    ("tcp://127.0.0.1:0", Address("tcp", "127.0.0.1", 0, None)),
    ("tcp://127.0.0.1:65535", Address("tcp", "127.0.0.1", 65535, None)),
    ("tcp://localhost:80", Address("tcp", "localhost", 80, None)),
    ("tcp://[::1]:80", Address("tcp", "::1", 80, None)),
    ("tcp://[::]:80", Address("tcp", "::", 80, None)),
    ("tcp://[2001:db8::8:800:200c:417a]:1", Address("tcp", "2001:db8::8:800:200c:417a", 1, None)),
    ("tcp://some-host.example_x.org:1", Address("tcp", "some-host.example_x.org", 1, None)),
    ("tcp://%s.org:1" % LONG_LABEL, Address("tcp", LONG_LABEL + ".org", 1, None)),
    ("unix:///tmp/socket", Address("unix", None, None, "/tmp/socket")),
    ("unix:///with space/and:colon?#%20", Address("unix", None, None, "/with space/and:colon?#%20")),
    ("unix:///" + "x" * (MAX_PATH - 1), Address("unix", None, None, "/" + "x" * (MAX_PATH - 1))),
])
def test_addresses_are_parsed_and_formatted(text, expected):
    assert parse(text) == expected
    assert str(parse(text)) == text
    assert parse(text.encode("ascii").decode("ascii")) == expected
    assert parse(parse(text)) is not None and parse(str(parse(text))) == expected
    assert parse(expected) is expected


@pytest.mark.parametrize("text, plain", [
    ("tcp://LocalHost:8", "tcp://localhost:8"), ("tcp://[0:0:0:0:0:0:0:1]:8", "tcp://[::1]:8"),
    ("tcp://[0::0]:8", "tcp://[::]:8"), ("tcp://[FE80::00A]:8", "tcp://[fe80::a]:8"),
    ("tcp://[1:0:0:2:0:0:0:3]:8", "tcp://[1:0:0:2::3]:8"), ("tcp://[1:0:2:3:4:5:6:7]:8", "tcp://[1:0:2:3:4:5:6:7]:8"),
    ("tcp://[1::]:8", "tcp://[1::]:8"), ("tcp://[::ffff:127.0.0.1]:8", "tcp://127.0.0.1:8"),
    ("tcp://[::ffff:7f00:1]:8", "tcp://127.0.0.1:8"), ("tcp://[64:ff9b::1.2.3.4]:8", "tcp://[64:ff9b::102:304]:8"),
    ("tcp://h:0080", "tcp://h:80"),
])
def test_one_address_has_one_spelling(text, plain):
    assert str(parse(text)) == plain


@pytest.mark.parametrize("text, says", [
    ("", "tcp://"), ("127.0.0.1:80", "tcp://"), ("http://127.0.0.1:80", "tcp://"), ("TCP://127.0.0.1:80", "tcp://"),
    ("tcp:/127.0.0.1:80", "tcp://"), (" tcp://127.0.0.1:80", "tcp://"), ("tcp", "tcp://"), ("://x:1", "tcp://"),
    ("tcp://", "port is missing"), ("tcp://host", "port is missing"), ("tcp://127.0.0.1", "port is missing"),
    ("tcp://:80", "host is missing"), ("tcp://host:", "port"), ("tcp://host:65536", "port"), ("tcp://host:-1", "port"),
    ("tcp://host:+1", "port"), ("tcp://host: 1", "port"), ("tcp://host:1 ", "port"), ("tcp://host:1\n", "port"),
    ("tcp://host:0x10", "port"), ("tcp://host:1_0", "port"), ("tcp://host:000001", "port"), (u"tcp://host:\u0661", "port"),
    ("tcp://host:80/", "port"), ("tcp://host:80/path", "port"), ("tcp://host:http", "port"),
    ("tcp://ho st:80", "host"), ("tcp://user@host:80", "host"), ("tcp://*:80", "host"), ("tcp://host/x:80", "host"),
    ("tcp://a..b:80", "host"), ("tcp://.:80", "host"), ("tcp://host.:80", "host"), ("tcp://-a:80", "host"),
    ("tcp://a-:80", "host"), ("tcp://%s:80" % ("a" * 64), "host"), ("tcp://%s:80" % ".".join(["a" * 60] * 5), "host"),
    (u"tcp://h\xf6st:80", "host"), ("tcp://host\0:80", "host"), ("tcp://host\n:80", "host"), ("tcp://%:80", "host"),
    ("tcp://127.1:80", "four decimal"), ("tcp://2130706433:80", "four decimal"), ("tcp://0x7f.1:80", "four decimal"),
    ("tcp://0x7f000001:80", "four decimal"), ("tcp://0177.0.0.1:80", "four decimal"), ("tcp://0x:80", "four decimal"),
    ("tcp://256.0.0.1:80", "four decimal"), ("tcp://1.2.3.4.5:80", "four decimal"), ("tcp://127.0.0.01:80", "four decimal"),
    ("tcp://::1:80", "brackets"), ("tcp://fe80::1", "brackets"), ("tcp://[::1]", "[host]:port"), ("tcp://[::1", "[host]"),
    ("tcp://[::1]80", "[host]:port"), ("tcp://[::1]:", "port"), ("tcp://[]:80", "IPv6"), ("tcp://[:]:80", "IPv6"),
    ("tcp://[:::]:80", "IPv6"), ("tcp://[1::2::3]:80", "IPv6"), ("tcp://[127.0.0.1]:80", "IPv6"),
    ("tcp://[fe80::1%eth0]:80", "IPv6"), ("tcp://[1:2:3:4:5:6:7]:80", "IPv6"), ("tcp://[1:2:3:4:5:6:7:8:9]:80", "IPv6"),
    ("tcp://[::12345]:80", "IPv6"), ("tcp://[1:2:3:4:5:6:7:8::]:80", "IPv6"), ("tcp://[::g]:80", "IPv6"),
    ("tcp://[::1.2.3]:80", "IPv6"), ("tcp://[1.2.3.4::]:80", "IPv6"), ("tcp://[::1:]:80", "IPv6"), ("tcp://[localhost]:8", ""),
    ("unix://", "absolute"), ("unix://path", "absolute"), ("unix://./path", "absolute"), ("unix:/path", "tcp://"),
    ("unix:///", "directory"), ("unix:///tmp/", "directory"), ("unix:///a\0b", "NUL"), ("unix://\0a", "absolute"),
    ("unix:///" + "x" * MAX_PATH, str(MAX_PATH)),
])
def test_the_rest_is_refused_by_name(text, says):
    with pytest.raises(AddressError) as caught:
        parse(text)
    assert repr(text) in str(caught.value) and says in str(caught.value)


@pytest.mark.parametrize("value", [None, 80, ("127.0.0.1", 80), [], object, bytearray(b"tcp://127.0.0.1:1")])
def test_an_address_is_text(value):
    with pytest.raises(AddressError):
        parse(value)


def test_the_length_of_a_path_is_counted_in_bytes():
    text = u"unix:///tmp/" + u"\xe9" * (MAX_PATH // 2)
    with pytest.raises(AddressError) as caught:
        parse(text)
    assert "tmp" in str(caught.value)


@pytest.mark.parametrize("host, loopback", [
    ("127.0.0.1", True), ("127.255.255.254", True), ("::1", True), ("localhost", True), ("LOCALHOST", True),
    ("::ffff:127.0.0.1", True), ("::ffff:7f01:203", True), ("0:0:0:0:0:0:0:1", True),
    ("128.0.0.1", False), ("0.0.0.0", False), ("::", False), ("::2", False), ("::ffff:10.0.0.1", False),
    ("::127.0.0.1", False), ("localhost.example.org", False), ("127.0.0.1.example.org", False), ("10.0.0.1", False),
    ("127.1", False), ("", False), ("notlocalhost", False),
])
def test_loopback(host, loopback):
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("text", ["tcp://127.0.0.1:0", "tcp://127.9.9.9:1", "tcp://[::1]:5", "tcp://localhost:9",
                                  "unix:///tmp/socket", "tcp://[::ffff:127.0.0.1]:5"])
def test_local_addresses_pass(text):
    address = parse(text)
    assert require_local(address) is address and address.is_local


@pytest.mark.parametrize("text", ["tcp://0.0.0.0:80", "tcp://[::]:80", "tcp://192.168.0.1:80", "tcp://example.org:80",
                                  "tcp://[fe80::1]:80", "tcp://[::ffff:10.1.1.1]:80", "tcp://localhost.example.org:1"])
def test_all_others_are_refused_with_what_to_do_instead(text):
    address = parse(text)
    assert not address.is_local
    with pytest.raises(AddressError) as caught:
        require_local(address)
    assert str(address) in str(caught.value)
    assert "TLS" in str(caught.value) and "127.0.0.1" in str(caught.value) and "ssh" in str(caught.value)


def test_what_a_socket_takes():
    assert parse("tcp://127.0.0.1:5").sockaddr == ("127.0.0.1", 5)
    assert parse("tcp://[::1]:5").sockaddr == ("::1", 5)
    path = parse(u"unix:///tmp/s").sockaddr
    assert path == "/tmp/s" and type(path) is str
    assert type(parse(u"tcp://localhost:5").host) is str


@pytest.mark.parametrize("kind, sockaddr, text", [
    ("tcp", ("127.0.0.1", 5), "tcp://127.0.0.1:5"), ("tcp", (u"127.0.0.1", 5), "tcp://127.0.0.1:5"),
    ("tcp", ("::1", 5, 0, 0), "tcp://[::1]:5"), ("tcp", ("::ffff:127.0.0.1", 5, 0, 0), "tcp://127.0.0.1:5"),
    ("tcp", ("fe80::1%eth0", 5, 0, 2), "tcp://[fe80::1]:5"),
    ("unix", "/tmp/s", "unix:///tmp/s"), ("unix", "", "unix://"), ("unix", b"", "unix://"), ("unix", None, "unix://"),
    ("unix", b"/tmp/s", "unix:///tmp/s"),
])
def test_both_ends_spell_a_socket_the_same(kind, sockaddr, text):
    address = from_sockaddr(kind, sockaddr)
    assert str(address) == text and address.kind == kind
