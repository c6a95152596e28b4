"""What tests of a history and of a store for one share."""
from __future__ import absolute_import, division, print_function

from yotonlike.protocol.credit import OVERHEAD


def cost(messages):
    return sum(len(message) + OVERHEAD for message in messages)


def append(history, *messages):
    history.append([len(message) for message in messages], b"".join(messages))


def cut(lengths, data):
    messages, at = [], 0
    for length in lengths:
        messages.append(data[at:at + length])
        at += length
    assert at == len(data)
    return messages


def read_all(history, limit=1 << 30):
    messages, number = [], history.first
    while number < history.next:
        lengths, data = history.read(number, limit)
        assert type(data) is bytes
        messages += cut(lengths, data)
        number += len(lengths)
    return messages
