"""The record of a broker's events: what is counted, where the last lines begin, what is remembered of ends."""
from __future__ import absolute_import, division, print_function

from ide_kernel.broker import transcript as module
from ide_kernel.broker.transcript import OUTCOMES, OUTCOMES_SIZE, STRIDE, Transcript


def output(data):
    return {u"event": u"output", u"data": data}


def test_each_message_says_what_came_before():
    transcript = Transcript()
    first = transcript.message([output(b"a\nb"), {u"event": u"ready"}, output(b"\n\n")])
    second = transcript.message([{u"event": u"queued", u"execution": 1}])
    third = transcript.message([])
    assert [(each[u"number"], each[u"bytes"], each[u"lines"]) for each in (first, second, third)] == [
        (0, 0, 0), (1, 5, 3), (2, 5, 3)]
    assert (transcript.number, transcript.bytes, transcript.lines) == (3, 5, 3)


def test_where_the_last_lines_begin(monkeypatch):
    """Never too late, and not much too early; also when landmarks are thinned out."""
    monkeypatch.setattr(module, "LANDMARKS", 16)
    transcript, lines_before = Transcript(), []
    for number in range(600):
        lines_before.append(transcript.lines)
        transcript.message([output(b"x" * 99 + b"\n") for _ in range(number % 400)])
    assert transcript.bytes > 100 * STRIDE
    for lines in (1, 2, 100, 5000, 50000, 10 ** 6):
        start = transcript.start(lines, 7)
        assert start == 7 or transcript.lines - lines_before[start] >= lines
    assert transcript.start(0, 7) == 600 and transcript.start(1, 7) > 500
    assert transcript.start(10 ** 9, 7) == 7 and transcript.start(5, 599) == 599


def test_the_latest_ends_are_remembered():
    transcript = Transcript()
    for number in range(3 * OUTCOMES):
        transcript.message([{u"event": u"started", u"execution": number},
                            {u"event": u"finished", u"execution": number, u"value": u"v", u"error": None}])
    transcript.message([{u"event": u"cancelled", u"execution": -1}])
    assert [event[u"execution"] for event in transcript.outcomes()] == list(range(2 * OUTCOMES + 1, 3 * OUTCOMES)) + [-1]
    for number in range(5):
        transcript.message([{u"event": u"finished", u"execution": number, u"value": u"v" * (OUTCOMES_SIZE // 3)}])
    assert [event[u"execution"] for event in transcript.outcomes()] == [3, 4]
