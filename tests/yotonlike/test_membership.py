"""Who reaches whom, as one context remembers it."""
from __future__ import absolute_import, division, print_function

from yotonlike.protocol.membership import Membership

ME, A, B, C, D = [name * 16 for name in (b"m", b"a", b"b", b"c", b"d")]


def test_alone():
    membership = Membership(ME)
    assert membership.reachable() == [ME]
    assert membership.loop([A]) is None and membership.loop([A, ME]) is membership
    assert membership.leave("link") == [] and not membership.joined("link")


def test_links_lead_to_contexts():
    membership = Membership(ME)
    membership.join("left", (A, b"1"), [A, B])
    membership.join("right", (ME, b"2"), [C])
    assert sorted(membership.reachable()) == sorted([ME, A, B, C])
    assert sorted(membership.reachable("left")) == sorted([ME, C])
    assert membership.loop([D, B]) == "left" and membership.loop([D]) is None
    assert membership.rank("left") == (A, b"1") and membership.joined("right")
    membership.add("right", [D])
    assert membership.loop([D]) == "right"
    assert membership.remove("right", [D, B]) == [D]
    assert membership.loop([D]) is None and membership.loop([B]) == "left"
    assert sorted(membership.leave("left")) == sorted([A, B])
    assert sorted(membership.reachable()) == sorted([ME, C])


def test_the_lower_initiator_stays():
    membership = Membership(ME)
    membership.join("link", (B, b"5"), [B])
    assert membership.loser("link", (A, b"9")) and not membership.loser("link", (C, b"1"))
    assert membership.loser("link", (B, b"4")) and not membership.loser("link", (B, b"6"))
