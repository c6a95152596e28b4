"""What tests of a history and of a store for one share."""
from __future__ import absolute_import, division, print_function

from yotonlike.protocol.credit import OVERHEAD


def cost(messages):
    return sum(len(message) + OVERHEAD for message in messages)


class Everything(list):
    """All messages that a history was ever given."""

    def __init__(self):
        super(Everything, self).__init__()
        self._costs = [0]  # of the first so many: a test asks at every step

    def add(self, messages):
        self.extend(messages)
        for message in messages:
            self._costs.append(self._costs[-1] + cost([message]))

    def cost_from(self, number):
        """``cost(self[number:])``"""
        return self._costs[-1] - self._costs[number]


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
