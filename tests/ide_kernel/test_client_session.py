"""The handle on a kernel, with a real broker and a real kernel behind it."""
from __future__ import absolute_import, division, print_function

import os
import select
import signal
import sys
import threading

import pytest

import ide_kernel
from frontend_harness import INPUT, LIMIT, end_all, wait_gone
from ide_kernel.client import following, launch
from ide_kernel.client.following import SILENT
from ide_kernel.client.waiting import TURN
from yotonlike import Timeout, WouldBlock

ENDLESS = "import time\nprint('begun')\nwhile True: time.sleep(0.01)"


@pytest.fixture
def kernel():
    found = ide_kernel.start()
    yield found
    found.close()


@pytest.fixture(scope="module", autouse=True)
def leave_nothing_behind():
    yield
    end_all()


def listen(kernel):
    """The texts that the kernel writes, as they come."""
    texts = []
    kernel.on_output(lambda output: texts.append(output.text))
    return texts


def begin(kernel, code=ENDLESS):
    """Start code that prints "begun", and return when it has."""
    texts = listen(kernel)
    execution = kernel.execute(code)
    kernel.wait(lambda: "begun" in u"".join(texts), LIMIT)
    return execution


def test_values_errors_and_counts(kernel):
    result = kernel.execute("6 * 7").result(LIMIT)
    assert (result.ok, result.value, result.error, result.count) == (True, u"42", None, 1)
    result = kernel.execute("1/0", filename="here.py", line=7).result(LIMIT)
    assert (result.ok, result.value, result.error.type, result.count) == (False, None, u"ZeroDivisionError", 2)
    assert u'File "here.py", line 7' in result.error.traceback
    assert kernel.execute("x = 1").result(LIMIT).value is None


def test_output_comes_before_the_end_of_its_execution(shared):
    seen = []
    shared.on_output(lambda output: seen.append((output.stream, output.data, output.execution)))
    execution = shared.execute("import sys; print(1); n = sys.stderr.write('2\\n'); print(3)")
    execution.add_done_callback(lambda done: seen.append("done"))
    execution.result(LIMIT)
    assert seen[-1] == "done" and set(number for _, _, number in seen[:-1]) == {execution.id}
    assert b"".join(data for _, data, _ in seen[:-1]) == b"1\n2\n3\n"


def test_executions_queue_and_can_be_taken_back(shared):
    first, second, third = begin(shared), shared.execute("2"), shared.execute("3")
    assert second.cancel() and second.cancelled() and isinstance(second.exception(), ide_kernel.Cancelled)
    assert not first.cancel() and first.running()
    assert [item.state for item in shared.executions] == [u"running", u"queued"]
    assert shared.interrupt()[u"delivered"]
    assert first.result(LIMIT).error.type == u"KeyboardInterrupt" and third.result(LIMIT).value == u"3"


def test_limits_of_time(shared):
    execution = begin(shared)
    with pytest.raises(Timeout):
        execution.result(0.01)
    with pytest.raises(WouldBlock):
        execution.result(0)
    assert execution.running()
    shared.interrupt()
    assert not execution.result(LIMIT).ok


def test_ctrl_c_in_a_wait_leaves_the_execution_running(shared):
    execution = begin(shared)
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        execution.result(LIMIT)
    assert execution.running()
    shared.interrupt()
    assert execution.result(LIMIT).error.type == u"KeyboardInterrupt"


def test_input_is_answered(shared):
    shared.on_input(lambda request: request.reply(u"Ada"))
    assert shared.execute("%s('? ')" % INPUT).result(LIMIT).value == u"'Ada'"
    assert not shared.requests


def test_death_comes_with_its_cause_to_all_that_waits(kernel):
    texts, ends = listen(kernel), []
    kernel.on_end(ends.append)
    first = kernel.execute("import os; print('last words'); os.kill(os.getpid(), 11)")
    second = kernel.execute("2")
    for execution in (first, second):
        with pytest.raises(ide_kernel.KernelDied) as caught:
            execution.result(LIMIT)
        assert (caught.value.cause.signal, caught.value.cause.name) == (11, u"SIGSEGV")
    assert u"".join(texts) == u"last words\n" and kernel.exit.status == 139 and ends == [kernel.exit]
    with pytest.raises(ide_kernel.KernelDied):
        kernel.execute("3").result(LIMIT)
    kernel.wait(lambda: kernel.status.state == u"dead", LIMIT)
    assert kernel.status.exit.name == u"SIGSEGV"
    kernel.restart()
    assert kernel.execute("4").result(LIMIT).value == u"4" and kernel.exit is None


def test_restart_with_other_settings(kernel, tmpdir):
    kernel.execute("x = 1").result(LIMIT)
    pid = kernel.info[u"kernel_pid"]
    kernel.restart(cwd=str(tmpdir), env=dict(os.environ, IK_TEST="yes"))
    assert kernel.info[u"kernel_pid"] != pid
    code = "import os; (os.path.samefile(os.getcwd(), %r), os.environ['IK_TEST'], 'x' in globals())" % str(tmpdir)
    assert kernel.execute(code).result(LIMIT).value == u"(True, 'yes', False)"


def test_terminate_and_kill(kernel):
    assert kernel.terminate(timeout=5).code == 0
    kernel.restart()
    begin(kernel)
    assert kernel.terminate(timeout=0).signal in (None, signal.SIGINT)
    kernel.restart()
    begin(kernel)
    assert kernel.kill().name == u"SIGKILL"


def test_questions_about_code(shared):
    shared.execute("some_name = 1").result(LIMIT)
    reply = shared.complete("some_n", timeout=LIMIT)
    assert (reply[u"matches"], reply[u"start"], reply[u"end"]) == ([u"some_name"], 0, 6)
    assert shared.is_complete("if x:", timeout=LIMIT)[u"state"] == u"incomplete"
    assert shared.is_complete("x", timeout=LIMIT)[u"state"] == u"complete"
    assert shared.inspect("len", timeout=LIMIT)[u"found"]
    assert shared.signature("len(", timeout=LIMIT)[u"found"]


@pytest.mark.parametrize("call, error", [
    (lambda kernel: kernel.execute(None), TypeError), (lambda kernel: kernel.execute(1), TypeError),
    (lambda kernel: kernel.execute("1", line="2"), TypeError), (lambda kernel: kernel.execute("1", line=-5), ValueError),
    (lambda kernel: kernel.execute("1", line=2 ** 40), ValueError), (lambda kernel: kernel.execute("1", mode="x"), ValueError),
    (lambda kernel: kernel.complete("pri", "x"), TypeError), (lambda kernel: kernel.is_complete(5), TypeError),
    (lambda kernel: ide_kernel.InputRequest(1, 1, u"", False, None).reply(5), TypeError),
    (lambda kernel: ide_kernel.start(keep="x"), TypeError), (lambda kernel: ide_kernel.start(linger="x"), TypeError),
    (lambda kernel: ide_kernel.start(linger=-1), ValueError), (lambda kernel: ide_kernel.start(timeout=0), ValueError)])
def test_arguments_that_make_no_sense(call, error):
    with pytest.raises(error) as caught:
        call(ide_kernel.Kernel.__new__(ide_kernel.Kernel))  # they are looked at before anything else
    assert "not " in str(caught.value)


def test_a_cursor_outside_of_the_code_is_at_its_end(shared):
    for cursor, where in ((99, 3), (-1, 0)):
        found = shared.complete("pri", cursor, timeout=LIMIT)
        assert (found["start"], found["end"]) == (0, where)


def test_a_second_frontend_sees_what_the_first_does(kernel):
    with ide_kernel.attach(kernel.connection_file) as other:
        seen, texts = [], listen(other)
        other.on_execution(lambda item: seen.append((item.state, item.code, item.frontend, item.mine)))
        kernel.execute("print(5)").result(LIMIT)
        other.wait(lambda: seen and seen[-1][0] == u"finished", LIMIT)
        assert seen == [(state, u"print(5)", kernel.frontend, False) for state in (u"queued", u"running", u"finished")]
        assert texts == [u"5\n"]
        assert other.execute("7").result(LIMIT).value == u"7"
    assert kernel.execute("6").result(LIMIT).value == u"6"


def test_a_late_comer_sees_what_runs(shared):
    execution = begin(shared)
    queued = shared.execute("2")
    shared.wait(lambda: queued.state == u"queued", LIMIT)
    with ide_kernel.attach(shared.connection_file) as other:
        other.wait(lambda: len(other.executions) == 2, LIMIT)
        assert [(item.id, item.state) for item in other.executions] == [
            (execution.id, u"running"), (queued.id, u"queued")]
        shared.interrupt()
        other.wait(lambda: not other.executions, LIMIT)


def test_a_host_event_loop_runs_the_callbacks(shared):
    main, threads, values = threading.current_thread(), [], []
    shared.on_output(lambda output: threads.append(threading.current_thread()))
    shared.process_events()
    worker = threading.Thread(target=lambda: values.append(shared.execute("print(1); 2").result(LIMIT).value))
    worker.start()
    while not values:
        assert select.select([shared.fileno()], [], [], 0.05 if threads else LIMIT)[0] or threads
        shared.process_events()
    worker.join()
    assert values == [u"2"] and set(threads) == {main}


def test_a_thread_beside_an_event_loop_depends_on_it(shared):
    shared.process_events()  # from here on this thread is the loop
    execution, found = shared.execute("6 * 7"), []

    def wait():
        try:
            execution.result(0.2)
        except Timeout as error:
            found.append(str(error))
        found.append(execution.result(LIMIT).value)

    thread = threading.Thread(target=wait)
    thread.start()
    while not found:
        select.select([], [], [], 0.01)
    while len(found) < 2:
        select.select([shared.fileno()], [], [], 0.1)
        shared.process_events()
    thread.join()
    assert "process_events" in found[0] and found[1] == u"42"


def test_an_event_loop_hears_what_was_written_before_it_listened(shared):
    shared.process_events()
    execution, heard = shared.execute("print('early')"), []
    while not execution.done():
        assert select.select([shared.fileno()], [], [], LIMIT)[0]
        shared.process_events()
    shared.on_output(lambda output: heard.append(output.text))
    while not heard:
        assert select.select([shared.fileno()], [], [], LIMIT)[0]
        shared.process_events()
    assert u"".join(heard) == u"early\n"


def test_an_error_in_a_callback_goes_to_the_excepthook(shared, monkeypatch):
    errors = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: errors.append(kind))
    shared.on_output(lambda output: 1 / 0)
    assert shared.execute("print(1); 2").result(LIMIT).value == u"2"
    assert set(errors) == {ZeroDivisionError}  # one for each piece in which the output came


def test_what_was_written_before_anybody_listened(shared):
    shared.execute("for i in range(50000): print(i)").result(LIMIT)
    heard = []
    shared.on_output(heard.append)
    shared.execute("print('end')").result(LIMIT)
    gap, = [output for output in heard if isinstance(output, ide_kernel.Gap)]
    early = b"".join(output.data for output in heard[:heard.index(gap)])
    assert early.startswith(b"0\n1\n") and len(early) >= 1 << 16 and heard[-1].data == b"end\n"
    assert len(early) + gap.bytes == sum(len(b"%d\n" % number) for number in range(50000))
    assert early.count(b"\n") + gap.lines == 50000 and u"nobody listened" in gap.text


def test_the_broker_is_lost(kernel):
    execution, states = begin(kernel), []
    kernel.on_status(lambda status: states.append(status.state))
    os.kill(kernel.info[u"broker_pid"], signal.SIGKILL)
    with pytest.raises(ide_kernel.BrokerLost):
        execution.result(LIMIT)
    assert kernel.lost and kernel.status.state == u"lost"
    with pytest.raises(ide_kernel.BrokerLost):
        kernel.interrupt()
    with pytest.raises(ide_kernel.BrokerLost):
        kernel.execute("1").result(LIMIT)
    wait_gone(kernel.info[u"kernel_pid"])


def test_what_ended_before_the_broker_was_lost_has_its_result(kernel):
    """Also when both are heard of at the same time; and whoever hears that the broker is lost finds it so."""
    told = []
    with ide_kernel.attach(kernel.connection_file, lines=0) as other:
        other.on_execution(lambda execution: told.append(execution.state))
        first, second = kernel.execute("6 * 7"), kernel.execute(ENDLESS)
        second.add_done_callback(lambda done: told.append(kernel.lost))
        other.wait(lambda: told[-1:] == [u"running"] and u"finished" in told, LIMIT)
    os.kill(kernel.info[u"broker_pid"], signal.SIGKILL)
    while kernel._line._link.closed_reason is None:
        select.select([], [], [], 0.01)
    assert first.result(LIMIT).value == u"42"
    with pytest.raises(ide_kernel.BrokerLost):
        second.result(LIMIT)
    assert kernel.lost and told[-1] is True
    wait_gone(kernel.info[u"kernel_pid"])


def test_leaving_a_broker_that_is_gone_waits_for_nothing(monkeypatch):
    """Also when nobody was told yet that its link is closed."""
    kernel = ide_kernel.start()
    os.kill(kernel.info["broker_pid"], signal.SIGKILL)
    while not kernel._line.closed:
        kernel._line.context.wait(0.01)
    monkeypatch.setattr(following, "LEAVE_LIMIT", None)
    kernel.close()
    wait_gone(kernel.info["kernel_pid"])


def test_a_broker_that_does_not_answer_is_lost_for_so_long(kernel):
    told = []
    kernel.on_status(lambda status: told.append((status.state, status.detail)))
    os.kill(kernel.info["broker_pid"], signal.SIGSTOP)
    try:
        execution = kernel.execute("6 * 7")
        kernel.wait(lambda: told, LIMIT)  # three of its heartbeats
        assert told == [(u"lost", SILENT)] and kernel.status.state == u"lost" and not kernel.lost
        for call in (kernel.interrupt, kernel.kill, execution.cancel):
            with pytest.raises(Timeout):
                call(timeout=0.01)
    finally:
        os.kill(kernel.info["broker_pid"], signal.SIGCONT)
    assert execution.result(LIMIT).value == u"42" and kernel.status.state != u"lost"
    kernel.wait(lambda: told[-1][0] == u"idle", LIMIT)


def test_a_status_is_told_once(kernel):
    told = []
    kernel.on_status(lambda status: told.append(status.gist))
    kernel.execute("import time; time.sleep(0.1)").result(LIMIT)
    kernel.wait(lambda: told and told[-1][0] == u"idle", LIMIT)
    kernel._status_changed(kernel._line.status)  # there was another one before it, which came too late to be told
    kernel._status_changed(dict(kernel._line.status, **{"detail": u"in other words"}))
    kernel.wait(lambda: told[-1][1] == u"in other words", LIMIT)
    assert [gist[0] for gist in told] == [u"busy", u"idle", u"idle"]


def test_leaving_ends_the_kernel_and_everything_that_waits():
    kernel = ide_kernel.start()
    execution, pid = begin(kernel), kernel.info[u"kernel_pid"]
    kernel.close()
    kernel.close()
    with pytest.raises(ide_kernel.BrokerLost):
        execution.result(LIMIT)
    wait_gone(pid)


def test_goodbye_tells_whether_that_is_the_end(kernel):
    with ide_kernel.attach(kernel.connection_file) as other:
        assert other.leave() is False
    assert kernel.leave() is True
    kernel.wait(lambda: kernel.exit is not None, LIMIT)
    assert kernel.exit.code == 0
    with ide_kernel.start(keep=True) as kept:
        assert kept.leave() is False
    end_all()


def test_the_broker_is_lost_after_all_that_it_said():
    """Also when that takes several turns, and for who waits in another thread than the one that hears it."""
    kernel = ide_kernel.start()
    kernel.execute("import atexit, os\ndef end():\n    for i in range(20): os.write(1, b'%d\\n' % i if i % 2 else b''); "
                   "os.write(2, b'e')\n_ = atexit.register(end)").result(LIMIT)
    heard = []

    def slowly(output):
        heard.append(output.text)
        select.select([], [], [], 2 * TURN)  # longer than a turn has

    kernel.on_output(slowly)
    statuses = []
    kernel.on_status(lambda status: statuses.append((status.state, kernel.lost)))
    assert kernel.leave()
    link = kernel._line._link
    kernel._line.context.wait(LIMIT, until=lambda: link.closed_reason is not None)
    kernel.wait(lambda: kernel.lost, LIMIT)
    assert kernel.exit.code == 0 and "".join(heard).count("e") == 20 and "19" in "".join(heard)
    kernel.wait(lambda: statuses[-1:] == [(u"lost", True)], LIMIT)
    kernel.close()


def test_what_start_cannot_start(tmpdir):
    with pytest.raises(ide_kernel.InterpreterNotFound):
        ide_kernel.start(python="/no/such/python")
    with pytest.raises(ide_kernel.BrokerFailed):
        ide_kernel.start(cwd=str(tmpdir.join("nowhere")))
    with pytest.raises(ide_kernel.NoConnection):
        ide_kernel.attach(str(tmpdir.join("nowhere")))


@pytest.mark.parametrize("keep", [False, True])
def test_what_never_becomes_ready(tmpdir, monkeypatch, keep):
    brokers = []
    monkeypatch.setattr(launch.Broker, "leave", lambda broker: brokers.append(broker))
    hangs = tmpdir.join("python")
    hangs.write(b"#!/bin/sh\necho 'no Python' >&2\nexec sleep 1000\n")
    hangs.chmod(0o700)
    with pytest.raises(ide_kernel.StartTimeout) as caught:
        ide_kernel.start(str(hangs), timeout=0.5, keep=keep)
    assert isinstance(caught.value, Timeout) and u"not ready within 0.5 s" in str(caught.value), caught.value
    assert brokers[0].wait() == 0  # and with the broker everything is gone


def test_the_public_names():
    for name in ide_kernel.__all__:
        assert getattr(ide_kernel, name) is not None
    with pytest.raises(AttributeError):
        getattr(ide_kernel, "non" + "sense")
    assert set(ide_kernel.__all__) <= set(dir(ide_kernel))
