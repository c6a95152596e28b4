# -*- coding: utf-8 -*-
"""What a frontend knows of its kernel, from events alone."""
from __future__ import absolute_import, division, print_function

import pytest

from ide_kernel import ICONS, Cancelled, Execution, Exit, KernelDied, Status, vocabulary
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
    assert kinds == [news.INPUT_OVER, news.EXECUTION, news.DONE]
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
        rest = [part.text for _, part in model.feed(ended(code=0))]
        assert (item.text + u"".join(rest)).encode("utf-8", UNDECODABLE) == every
    else:
        assert u"\ufffd" in item.text


def test_half_a_character_comes_out_at_the_end(model):
    assert model.feed(output(b"\xc3"))[0][1].text == u""
    (kind, item), = model.feed(ended(code=0))
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


def test_a_newcomer_learns_what_runs_and_waits(model):
    kinds = [kind for kind, _ in model.adopt(HELLO)]
    assert kinds == [news.EXECUTION, news.EXECUTION, news.EXECUTION, news.INPUT]
    assert [(number, item.state) for number, item in sorted(model.executions.items())] == [
        (3, life.RUNNING), (4, life.QUEUED)]
    assert model.ready is HELLO and model.generation == 2


def test_events_that_overtook_the_hello_know_better(model):
    model.feed(queued(3))
    model.feed(finished(3))
    model.feed(queued(4))
    model.feed({u"event": u"started", u"execution": 4})
    model.feed({u"event": u"input-over", u"request": 8})
    model.feed({u"event": u"input", u"request": 8, u"execution": 3})
    model.feed({u"event": u"input-over", u"request": 8})
    assert model.adopt(HELLO) == []
    assert model.executions[4].state == life.RUNNING and not model.requests


@pytest.mark.parametrize("state, ready, exit", [(u"starting", False, None), (u"idle", True, None), (u"dead", False, 3)])
def test_a_newcomer_learns_how_the_kernel_is(model, state, ready, exit):
    model.adopt({u"status": {u"state": state, u"exit": {u"code": exit} if exit else None}})
    assert (model.ready is not None, model.exit and model.exit.code) == (ready, exit)
