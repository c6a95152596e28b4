# -*- coding: utf-8 -*-
"""What a frontend knows of its kernel, from events alone."""
from __future__ import absolute_import, division, print_function

import pytest

from ide_kernel import ICONS, Cancelled, Execution, Exit, KernelDied, ResultLost, Status, vocabulary
from ide_kernel.client import execution as life
from ide_kernel.client import model as news
from ide_kernel.client.model import Model
from ide_kernel.client.news import UNDECODABLE


@pytest.fixture
def answers():
    return []


@pytest.fixture
def model(answers):
    return Model(lambda request, data: answers.append((request, data)))


def queued(number, token=u"t1", frontend=u"me", code=u"1"):
    return {u"event": u"queued", u"execution": number, u"token": token, u"frontend": frontend, u"code": code,
            u"mode": u"cell"}


def finished(number, **more):
    event = {u"event": u"finished", u"execution": number, u"ok": True, u"value": None, u"error": None, u"count": 1,
             u"exit": None}
    event.update(more)
    return event


def output(data, stream=u"stdout", source=u"kernel", execution=1):
    return {u"event": u"output", u"stream": stream, u"data": data, u"execution": execution, u"source": source}


def ended(**exit):
    return {u"event": u"ended", u"exit": dict(exit), u"generation": 1}


def expect(model, token=u"t1"):
    execution = Execution(u"1", token=token, mine=True)
    model.expect(execution)
    return execution


def test_an_own_execution_goes_through_its_life(model):
    execution = expect(model)
    seen = []
    for event in (queued(7), {u"event": u"started", u"execution": 7, u"count": 1}, finished(7, value=u"2", count=3)):
        for kind, item in model.feed(event):
            seen.append((kind, item is execution, item.state))
    assert seen == [(news.EXECUTION, True, life.QUEUED), (news.EXECUTION, True, life.RUNNING),
                    (news.EXECUTION, True, life.FINISHED), (news.DONE, True, life.FINISHED)]
    result = execution.result(timeout=0)
    assert (result.ok, result.value, result.error, result.count, execution.id) == (True, u"2", None, 3, 7)
    assert execution.done() and not execution.running() and not execution.cancel() and execution.exception() is None
    assert not model.executions


def test_an_error_of_the_code_is_a_result(model):
    execution = expect(model)
    model.feed(queued(7))
    model.feed(finished(7, ok=False, exit=3, error={u"type": u"E", u"message": u"m", u"traceback": u"tb"}))
    result = execution.result()
    assert (result.ok, result.error.type, result.error.message, result.error.traceback) == (False, u"E", u"m", u"tb")
    assert result.exit == 3


def test_executions_are_told_apart_by_token_and_id(model):
    first, second = expect(model, u"a"), expect(model, u"b")
    model.feed(queued(1, u"b"))
    model.feed(queued(2, u"a"))
    model.feed(finished(1, value=u"for b"))
    assert second.result().value == u"for b" and not first.done()
    model.feed(finished(2, value=u"for a"))
    assert first.result().value == u"for a"


def test_what_others_do_is_seen(model):
    (kind, execution), = model.feed(queued(9, u"theirs", u"terminal-2", u"x = 1"))
    assert kind == news.EXECUTION
    assert (execution.mine, execution.frontend, execution.code) == (False, u"terminal-2", u"x = 1")
    model.feed(finished(9, value=u"5"))
    assert execution.result().value == u"5"


def test_one_who_comes_late_sees_an_execution_without_its_code(model):
    (_, execution), = model.feed({u"event": u"started", u"execution": 4, u"count": 4})
    assert execution.code is None and execution.running()
    assert model.feed(finished(4))[0] == (news.EXECUTION, execution)


def test_an_execution_taken_back(model):
    execution = expect(model)
    model.feed(queued(1))
    model.feed({u"event": u"cancelled", u"execution": 1})
    assert execution.cancelled() and execution.cancel()
    with pytest.raises(Cancelled):
        execution.result()


def test_the_kernels_end_fails_what_it_had_with_the_cause(model, answers):
    first, second = expect(model, u"a"), expect(model, u"b")
    model.feed(queued(1, u"a"))
    model.feed({u"event": u"input", u"request": 5, u"execution": 1, u"prompt": u"? ", u"password": False})
    kinds = [kind for kind, _ in model.feed(ended(code=None, signal=11, name=u"SIGSEGV", reason=u""))]
    assert kinds == [news.INPUT_OVER, news.EXECUTION, news.DONE, news.END]
    with pytest.raises(KernelDied) as caught:
        first.result()
    assert caught.value.cause.name == u"SIGSEGV" and "SIGSEGV (signal 11)" in str(caught.value)
    assert not second.done()  # the broker has not said that it has it: its reply will tell
    assert model.fail(second, KernelDied(model.exit)) and second.done()
    assert not model.fail(second, KernelDied(model.exit))


def test_a_refused_execution_waits_for_the_cause(model):
    early, late = expect(model, u"a"), expect(model, u"b")
    assert model.refuse(early, 0) == [] and not early.done()
    model.feed(ended(signal=9, name=u"SIGKILL"))
    assert early.exception().cause.name == u"SIGKILL"
    model.feed({u"event": u"ready", u"generation": 2})
    model.refuse(late, 0)  # sent before that end was heard, answered after the restart
    assert late.exception().cause.name == u"SIGKILL"


def test_a_new_kernel_is_ready(model):
    model.feed(ended(code=1))
    assert model.exit.code == 1 and model.ready is None
    model.feed({u"event": u"ready", u"generation": 2, u"python": u"3.11.7"})
    assert model.exit is None and model.ready[u"python"] == u"3.11.7" and model.generation == 2


def test_all_ends_when_the_broker_is_lost(model):
    first, second = expect(model, u"a"), expect(model, u"b")
    model.feed(queued(1, u"a"))
    model.fail_all(ValueError("lost"))
    assert isinstance(first.exception(), ValueError) and isinstance(second.exception(), ValueError)


def test_questions_are_answered_once_each_by_number(model, answers):
    (kind, request), = model.feed({u"event": u"input", u"request": 5, u"execution": 1, u"prompt": u"? ",
                                   u"password": True})
    assert (kind, request.prompt, request.password, request.execution) == (news.INPUT, u"? ", True, 1)
    request.reply(u"h\xe9")
    request.reply(u"two\n")
    request.reply(b"\xff")
    request.reply(None)
    assert answers == [(5, b"h\xc3\xa9\n"), (5, b"two\n"), (5, b"\xff\n"), (5, None)]
    assert not request.over
    assert model.feed({u"event": u"input-over", u"request": 5}) == [(news.INPUT_OVER, request)]
    assert request.over and model.feed({u"event": u"input-over", u"request": 5}) == []


@pytest.mark.parametrize("step", [1, 2, 3, 5, 100])
def test_text_is_decoded_over_the_pieces_of_a_stream(model, step):
    text = u"h\xe9llo \u20ac \U0001f600\n" * 3
    data = text.encode("utf-8")
    outputs = [model.feed(output(data[at:at + step]))[0][1] for at in range(0, len(data), step)]
    assert u"".join(item.text for item in outputs) == text
    assert b"".join(item.data for item in outputs) == data


def test_streams_are_decoded_apart(model):
    texts = [model.feed(event)[0][1].text for event in (
        output(b"\xc3"), output(b"\xe2\x82", u"stderr"), output(b"!", u"stderr", u"fd2"), output(b"\xa9"),
        output(b"\xac", u"stderr"))]
    assert texts == [u"", u"", u"!", u"\xe9", u"\u20ac"]


def test_bytes_that_are_no_text_are_kept_as_python_keeps_them(model):
    every = bytes(bytearray(range(256)))
    item = model.feed(output(every))[0][1]
    assert item.data == every
    if UNDECODABLE == "surrogateescape":
        rest = [part.text for kind, part in model.feed(ended(code=0)) if kind == news.OUTPUT]
        assert (item.text + u"".join(rest)).encode("utf-8", UNDECODABLE) == every
    else:
        assert u"\ufffd" in item.text


def test_half_a_character_comes_out_at_the_end(model):
    assert model.feed(output(b"\xc3"))[0][1].text == u""
    kind, item = model.feed(ended(code=0))[0]
    assert (kind, item.data) == (news.OUTPUT, b"") and len(item.text) == 1


def test_events_of_a_newer_broker_are_no_error(model):
    assert model.feed({u"event": u"no such thing"}) == []
    assert model.feed({}) == []


def test_done_callbacks_run_once_each():
    execution = Execution(u"1")
    seen = []
    execution.add_done_callback(lambda item: seen.append("early"))
    execution._fail(Cancelled("x"))
    for callback in execution._take_callbacks():
        callback(execution)
    execution.add_done_callback(lambda item: seen.append("late"))
    assert seen == ["early", "late"]


@pytest.mark.parametrize("exit, status, words", [
    (Exit(code=0), 0, "ended with exit status 0"),
    (Exit(code=3), 3, "ended with exit status 3"),
    (Exit(signal=11, name=u"SIGSEGV"), 139, "killed by SIGSEGV (signal 11)"),
    (Exit(signal=64), 192, "killed by signal 64"),
    (Exit(signal=9, name=u"SIGKILL", reason=u"out of memory"), 137, "killed by SIGKILL (signal 9): out of memory"),
])
def test_an_exit_in_words_and_as_a_status(exit, status, words):
    assert (exit.status, str(exit)) == (status, words)


def test_every_state_has_an_icon_of_its_own():
    assert set(ICONS) == set(vocabulary.STATES)
    for field in ("glyph", "ascii", "words", "svg"):
        assert len(set(getattr(icon, field) for icon in ICONS.values())) == len(ICONS)
    for icon in ICONS.values():
        assert len(icon.glyph) == len(icon.ascii) == 1 and icon.svg.startswith(u"<svg ")
        shape = icon.svg.replace(icon.colour, u"").split(u"</title>")[1]
        assert shape not in [other.svg.replace(other.colour, u"").split(u"</title>")[1]
                             for other in ICONS.values() if other is not icon], "colour alone tells %s" % icon


def test_a_status_from_the_broker():
    status = Status.from_message({u"state": u"dead", u"since": 5.0, u"exit": {u"signal": 9, u"name": u"SIGKILL"},
                                  u"generation": 2})
    assert str(status) == "dead: killed by SIGKILL (signal 9)" and status.icon is ICONS[u"dead"]
    assert status.as_dict()["exit"]["name"] == u"SIGKILL"
    assert str(Status(u"idle")) == "idle: ready for input"
    assert Status(u"unheard of").icon is ICONS[u"lost"]


HELLO = {u"generation": 2, u"status": {u"state": u"busy"}, u"running": queued(3, u"x", u"other"),
         u"queued": [queued(4, u"y", u"other")],
         u"inputs": [{u"request": 8, u"execution": 3, u"prompt": u"? ", u"password": False}]}


STARTED = {u"event": u"started", u"execution": 3, u"count": 1}
QUESTION = {u"event": u"input", u"request": 8, u"execution": 3, u"prompt": u"? ", u"password": False}


def kinds_of(found):
    return [(kind, getattr(item, "id", None), getattr(item, "state", None)) for kind, item in found]


def say(model, number, *events, **position):
    """A message of the broker's, and all its news."""
    message = dict({u"number": number, u"bytes": 0, u"lines": 0, u"events": list(events)}, **position)
    if not events:
        message[u"events"] = [{u"event": u"something new"}]
    return [news for index in range(len(message[u"events"])) for news in model.take((message, index))]


def test_a_newcomer_learns_what_runs_and_waits(model):
    kinds = [kind for kind, _ in model.adopt(HELLO)]
    assert kinds == [news.EXECUTION, news.EXECUTION, news.INPUT]
    assert [(number, item.state) for number, item in sorted(model.executions.items())] == [
        (3, life.RUNNING), (4, life.QUEUED)]
    assert model.ready is HELLO and model.generation == 2


def test_the_past_is_told_in_order_and_changes_nothing_of_the_present(model):
    """Executions of the past come and go as news only, those of the present are told once, where they began."""
    assert model.adopt(dict(HELLO, start=0, number=9)) == []
    assert sorted(model.executions) == [3, 4] and sorted(model.requests) == [8]
    found = say(model, 0, {u"event": u"ready", u"generation": 1}, queued(1))
    assert kinds_of(found) == [(news.EXECUTION, 1, life.QUEUED)]
    found = say(model, 1, {u"event": u"started", u"execution": 1}, output(b"old\n"))
    assert [kind for kind, _ in found] == [news.EXECUTION, news.OUTPUT]
    found = say(model, 2, dict(QUESTION, request=7, execution=1), {u"event": u"input-over", u"request": 7},
                finished(1, value=u"5"), bytes=4, lines=1)
    assert [kind for kind, _ in found] == [news.EXECUTION, news.DONE] and found[0][1].result().value == u"5"
    found = say(model, 3, queued(2), dict(ended(code=3), generation=1), {u"event": u"ready", u"generation": 2}, bytes=4, lines=1)
    assert [kind for kind, _ in found] == [news.EXECUTION, news.EXECUTION, news.DONE]
    assert isinstance(found[1][1].exception(), KernelDied)
    assert model.exit is None and model.generation == 2 and sorted(model.executions) == [3, 4]
    found = say(model, 4, queued(3, u"x"), STARTED, QUESTION, bytes=4, lines=1)
    assert kinds_of(found) == [(news.EXECUTION, 3, life.RUNNING)] * 2 + [(news.INPUT, 8, None)]
    assert found[0][1] is model.executions[3] and model.is_past
    found = say(model, 8, bytes=4, lines=1)
    assert (news.EXECUTION, model.executions[4]) in found, "its event was missed"
    assert not model.is_past
    found = say(model, 9, {u"event": u"input-over", u"request": 8}, finished(3), bytes=4, lines=1)
    assert [kind for kind, _ in found] == [news.INPUT_OVER, news.EXECUTION, news.DONE] and sorted(model.executions) == [4]


def test_the_end_of_a_dead_kernel_is_told_where_it_was_and_once(model):
    status = {u"state": u"dead", u"exit": {u"code": 3}}
    model.adopt({u"generation": 1, u"status": status, u"start": 0, u"number": 2})
    assert model.exit.code == 3 and not model.heard_end
    assert [kind for kind, _ in say(model, 0, output(b"x"))] == [news.OUTPUT]
    assert [kind for kind, _ in say(model, 1, ended(code=3), bytes=1)] == [news.END] and model.heard_end


def test_only_the_last_lines_if_that_is_wanted(model):
    hello = {u"status": {u"state": u"idle"}, u"start": 5, u"number": 7, u"lines": 1002}
    model.adopt(hello, lines=2)
    found = say(model, 5, output(b"a\nb\nc\n"), output(b"d\ne"), bytes=500, lines=996)
    assert [item.data for _, item in found] == [b"e"]
    found = say(model, 6, output(b"\n1\n"), bytes=509, lines=1000)
    assert [item.data for _, item in found] == [b"\n1\n"]


def test_a_gap_says_how_much_is_missing(model):
    model.adopt({u"status": {u"state": u"idle"}, u"start": 7, u"number": 7})
    (kind, gap), (_, first) = say(model, 7, output(b"\xc3"), bytes=5000, lines=100)
    assert (kind, gap.bytes, gap.lines, gap.source, gap.data, gap.stream) == (news.OUTPUT, 5000, 100, u"broker", b"", u"stderr")
    assert gap.text.startswith(u"[5,000 bytes of output, 100 lines, are missing here: ") and first.data == b"\xc3"
    found = say(model, 12, output(b"x"), bytes=5101, lines=102)
    assert [kind for kind, _ in found] == [news.OUTPUT, news.OUTPUT, news.MISSED, news.OUTPUT]
    assert found[0][1].data == b"" and len(found[0][1].text) == 1, "half a character, before the gap"
    assert (found[1][1].bytes, found[1][1].lines) == (100, 2)
    assert [kind for kind, _ in say(model, 14, bytes=5102, lines=102)] == [news.MISSED], "no output, but something"


def look(**more):
    return dict({u"generation": 1, u"status": {u"state": u"busy"}, u"number": 20, u"outcomes": []}, **more)


def test_what_was_missed_is_found_out(model):
    model.adopt({u"status": {u"state": u"idle"}, u"start": 0, u"number": 0})
    ended_, lost, waits, unseen = (expect(model, token) for token in (u"a", u"b", u"c", u"d"))
    say(model, 0, queued(1, u"a"), queued(2, u"b"), queued(3, u"c"), dict(QUESTION, execution=1))
    unseen.id = 4  # the broker's reply has come, the event has not
    assert [kind for kind, _ in say(model, 11)] == [news.MISSED]
    question = model.look()
    question.answer = look(outcomes=[finished(1, value=u"9")], running=queued(3, u"c"), queued=[queued(4, u"d"), queued(5, u"e")],
                           inputs=[dict(QUESTION, request=9, execution=3)])
    assert model.compare() == [], "its place is still to come"
    found = say(model, 19)[1:]  # after MISSED
    assert ended_.result().value == u"9" and isinstance(lost.exception(), ResultLost)
    assert waits.running() and unseen.state == life.QUEUED and sorted(model.executions) == [3, 4, 5]
    assert sorted(model.requests) == [9] and (news.DONE, lost) in found


def test_what_ended_since_the_look_does_not_come_back(model):
    model.adopt({u"status": {u"state": u"idle"}, u"start": 0, u"number": 0})
    say(model, 0, queued(1), QUESTION)
    question = model.look()
    say(model, 1, finished(1), {u"event": u"input-over", u"request": 8})
    say(model, 2, queued(2, u"x"))
    question.answer = look(number=1, running=queued(1), inputs=[QUESTION])
    assert model.compare() == [] and sorted(model.executions) == [2] and not model.requests


@pytest.mark.parametrize("answer, code, generation", [
    (look(status={u"state": u"dead", u"exit": {u"code": 3}}), 3, 1),
    (look(generation=2, status={u"state": u"idle"}), None, 2),
    (look(generation=2, status={u"state": u"dead", u"exit": {u"code": 4}}), 4, 2),
])
def test_a_missed_end_is_made_up_for(model, answer, code, generation):
    model.adopt({u"status": {u"state": u"idle"}, u"start": 0, u"number": 0, u"generation": 1})
    execution = expect(model)
    say(model, 0, queued(1))
    model.look().answer = answer
    found = say(model, 19)
    assert news.END in [kind for kind, _ in found] and isinstance(execution.exception(), KernelDied)
    assert (model.exit.code if model.exit else None) == code and model.generation == generation
    assert (news.READY in [kind for kind, _ in found]) == (model.exit is None)


@pytest.mark.parametrize("state, ready, exit", [(u"starting", False, None), (u"idle", True, None), (u"dead", False, 3)])
def test_a_newcomer_learns_how_the_kernel_is(model, state, ready, exit):
    model.adopt({u"status": {u"state": state, u"exit": {u"code": exit} if exit else None}})
    assert (model.ready is not None, model.exit and model.exit.code) == (ready, exit)
