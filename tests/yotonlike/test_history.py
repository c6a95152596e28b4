"""What a publisher keeps: compared with a plain list of all messages, and its bounds."""
from __future__ import absolute_import, division, print_function

import random
import sys

import pytest

from histories import Everything, append, cost, cut, read_all
from yotonlike.protocol.credit import OVERHEAD
from yotonlike.protocol.history import CHUNK, History


@pytest.mark.parametrize("seed", range(30))
def test_it_is_the_end_of_a_list(seed):
    generator = random.Random(seed)
    limit = generator.choice((1, 100, 1000, 50000, 300000))
    history, everything = History(limit), Everything()
    largest = generator.choice((0, 20, 1000, 40000))
    for _ in range(150):
        messages = [bytes(bytearray([generator.randrange(256)])) * generator.randint(0, largest)
                    for _ in range(generator.choice((1, 1, 3, 50)) if largest < 40000 else 1)]
        number = generator.randint(history.first, history.next)
        room, kept = history.room(number), everything.cost_from(number)
        assert room == max(0, limit - kept)
        append(history, *messages)
        everything.add(messages)
        if cost(messages) <= room:
            assert history.first <= number, "it went although there was room"
        assert history.next == len(everything) and history.first < history.next
        assert history.size == everything.cost_from(history.first)
        assert history.size <= limit or history.first == history.next - 1
        if history.first:
            assert everything.cost_from(history.first - 1) > limit, "it went without need"
        tail_limit = generator.choice((0, 31, 32, 500, limit, 2 * limit))
        tail = history.tail(tail_limit)
        assert history.first <= tail < history.next
        assert everything.cost_from(tail) <= tail_limit or tail == history.next - 1
        assert tail == history.first or everything.cost_from(tail - 1) > tail_limit
        number, at_most = generator.randint(history.first, history.next - 1), generator.choice((1, 100, 5000, 1 << 20))
        lengths, data = history.read(number, at_most)
        messages = cut(lengths, data)
        assert messages == everything[number:number + len(lengths)]
        assert cost(messages) <= at_most or len(messages) == 1
    assert read_all(history) == read_all(history, 1) == everything[history.first:]


def test_what_is_not_there_is_not_read():
    history = History(100)
    assert (history.first, history.next, history.size, history.tail(10), history.room(0)) == (0, 0, 0, 0, 100)
    assert history.read(0, 10) is None
    append(history, b"x" * 60)
    append(history, b"y" * 60)
    assert (history.first, history.next) == (1, 2)
    assert history.read(0, 10) is None and history.read(2, 10) is None
    assert history.room(2) == 100


def test_the_newest_message_stays_whatever_it_costs():
    history = History(100)
    append(history, b"a", b"b")
    append(history, b"x" * 100000)
    assert (history.first, history.next, history.size) == (2, 3, 100000 + OVERHEAD)
    assert read_all(history) == [b"x" * 100000] and history.room(2) == 0 and history.tail(5) == 2
    append(history, b"c")
    assert (history.first, history.size) == (3, 1 + OVERHEAD) and len(history._chunks) == 1


def test_a_long_message_is_kept_without_a_copy():
    history, message = History(1 << 20), b"x" * CHUNK
    append(history, message)
    if sys.version_info[0] > 2:
        assert history.read(0, 1)[1] is message


def test_many_empty_messages_are_bounded():
    history = History(1 << 20)
    for _ in range(200):
        history.append([0] * 1000, b"")
    assert history.next == 200000 and history.next - history.first == (1 << 20) // OVERHEAD
    held = sum(len(chunk.data) + chunk.lengths.itemsize * len(chunk.lengths) + 500 for chunk in history._chunks)
    assert held < 1 << 20


def test_closed_it_keeps_nothing():
    history = History(1000)
    append(history, b"a", b"b")
    history.close()
    assert (history.first, history.next, history.size) == (2, 2, 0) and history.read(1, 10) is None
    append(history, b"c")
    assert read_all(history) == [b"c"]
