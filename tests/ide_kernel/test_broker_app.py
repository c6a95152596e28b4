"""A whole broker with a real kernel, seen through the channels that a frontend uses."""
from __future__ import absolute_import, division, print_function

import os
import select
import signal
import sys

import pytest

import yotonlike
from broker_harness import LIMIT, Broker
from ide_kernel import connection_file, vocabulary
from ide_kernel.broker import generation
from ide_kernel.broker.broker import EVENTS


@pytest.fixture
def start():
    started = []

    def start(*args, **kwargs):
        started.append(Broker(*args, **kwargs))
        return started[-1]

    yield start
    for broker in started:
        broker.end()


@pytest.fixture(scope="module")
def lasting():
    broker = Broker()
    yield broker.attach()
    broker.end()


@pytest.fixture
def shared(lasting):
    """A frontend for tests that leave broker and kernel as they were; all that came before is read."""
    assert lasting.run(u"")[0][u"ok"]
    del lasting.seen[:]
    return lasting


@pytest.fixture
def broker(start):
    return start()


@pytest.fixture
def frontend(broker):
    return broker.attach()


def lives(pid):
    try:
        os.kill(pid, 0)
    except EnvironmentError:
        return False
    return True


def fails_with(kind, future):
    with pytest.raises(yotonlike.RemoteError) as caught:
        future.result(LIMIT)
    assert caught.value.type == kind, caught.value
    return caught.value.message


# -- start --------------------------------------------------------------------------------------------------------

def test_where_it_listens(broker):
    path = broker.said["connection_file"]
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700
    assert connection_file.newest().path == path
    assert broker.process.stdout.read() == b""  # closed: whoever started it need not read on


@pytest.mark.parametrize("first", ["greeting", "pid"])
def test_a_kernel_is_ready_when_it_says_so_and_its_process_is_known(first):
    """The guardian, which tells of the process, may get no time before the kernel has started."""
    class Anything(object):
        pid = reaped = None

        def __getattr__(self, name):
            return lambda *args: told.append(name) if name in ("kernel_ready", "send_next") else None

    told, kernel = [], generation.Generation.__new__(generation.Generation)
    kernel.process = kernel.watch = kernel._owner = kernel._executions = Anything()
    kernel.ready, kernel._greeting, kernel._ends = False, None, False

    def greet():
        kernel._ready({u"python": u"3.11.7"})

    def report():
        kernel.process.pid = 5
        kernel.take_reports([("pid", 5)])

    steps = [greet, report] if first == "greeting" else [report, greet]
    steps[0]()
    assert not kernel.ready and told == []
    steps[1]()
    greet()  # whoever wrote that: it was ready already
    assert kernel.ready and told == ["kernel_ready", "send_next"] and kernel.about[u"python"] == u"3.11.7"


def test_a_chosen_connection_file(start, tmpdir):
    path = str(tmpdir.join("here.json"))
    broker = start(connection_file=path)
    assert broker.said == {"connection_file": path}
    assert broker.attach().hello[u"broker_pid"] == broker.process.pid


def test_an_interpreter_that_cannot_run(start):
    broker = start("/no/such/python")
    assert broker.said == {"error": "cannot run /no/such/python: No such file or directory", "kind": "InterpreterNotFound"}
    assert broker.wait() == 1


def test_an_interpreter_that_is_none(start):
    """It ends before it is ready: that is a dead kernel, for its frontend to see."""
    frontend = start("/bin/true").attach()
    status = frontend.wait_for_state(u"dead")
    assert status[u"exit"][u"code"] == 0
    fails_with("KernelDied", frontend.request("execute", u"test", u"t", {u"code": u"1"}))


def test_hello_says_what_runs_where(frontend, broker):
    frontend.wait_for_state(u"idle")
    hello = frontend.call("hello", frontend.name)
    assert hello[u"broker_pid"] == broker.process.pid and hello[u"generation"] == 1
    assert hello[u"python"] == u"" + sys.version.split()[0] and lives(hello[u"kernel_pid"])
    assert hello[u"status"][u"state"] == u"idle" and hello[u"status"][u"evidence"][u"pid"] == hello[u"kernel_pid"]


# -- executions ---------------------------------------------------------------------------------------------------

def test_everything_of_an_execution_comes_between_its_start_and_its_end(shared):
    code = (u"import sys, os\n_ = sys.stdout.write('out\\n')\n_ = sys.stderr.write('err\\n')\n"
            u"_ = os.system('echo child >&2')\n6 * 7")
    finished, out, err = shared.run(code)
    assert (out, sorted(err.split())) == (b"out\n42\n", [b"child", b"err"])
    assert (finished[u"ok"], finished[u"value"], finished[u"error"]) == (True, u"42", None)
    kinds = [event[u"event"] for event in shared.seen if event[u"event"] != u"ready"]
    assert kinds[:2] == [u"queued", u"started"] and kinds[-1] == u"finished" and set(kinds[2:-1]) == set([u"output"])
    assert not [event for event in shared.seen
                if event[u"event"] != u"ready" and event[u"execution"] != finished[u"execution"]]
    assert set(event[u"source"] for event in shared.seen if event[u"event"] == u"output") == set([u"kernel", u"fd2"])


def test_an_error_comes_back(shared):
    finished, _, err = shared.run(u"1 / 0")
    assert not finished[u"ok"] and finished[u"error"][u"type"] == u"ZeroDivisionError"
    assert err.startswith(b"Traceback")


def charges(frontend, *executions):
    """What was written, by the place of its execution among these."""
    found = {}
    for event in frontend.seen:
        if event[u"event"] == u"output":
            number = event[u"execution"]
            who = None if number is None else executions.index(number) + 1
            found[who] = found.get(who, b"") + event[u"data"]
    return dict((who, sorted(data.split())) for who, data in found.items())


def test_what_threads_write_after_their_execution_is_charged_to_none(shared):
    first = shared.execute(
        u"import sys, threading\ngo = threading.Event()\ndef work():\n    print('early')\n    begun.set()\n    go.wait()\n"
        u"    print('late')\n    n = sys.stderr.write('late-error\\n')\n"
        u"begun = threading.Event()\nthread = threading.Thread(target=work)\nthread.start()\nn = begun.wait()")
    shared.wait_for(u"finished", execution=first)
    second = shared.execute(u"print('mine' * 3000)\ngo.set()\nthread.join()\nprint('mine')\n"
                            u"n = sys.stderr.write('my-error\\n')\n"
                            u"other = threading.Thread(target=sys.stdout.write, args=('mine\\n',))\n"
                            u"other.start()\nother.join()")
    shared.wait_for(u"finished", execution=second)
    third = shared.execute(u"print('alone')")
    shared.wait_for(u"finished", execution=third)
    assert charges(shared, first, second, third) == {
        1: [b"early"], None: [b"late", b"late-error"], 2: [b"mine", b"mine", b"mine" * 3000, b"my-error"], 3: [b"alone"]}


@pytest.mark.parametrize("child", [
    u"import subprocess; child = subprocess.Popen('read x; echo late; echo late-error >&2', shell=True, stdin=reader)",
    u"child = type('Child', (), {'pid': os.fork(), 'wait': lambda self: os.waitpid(self.pid, 0)})()\n"
    u"if child.pid == 0: n = os.read(reader, 5); print('late'); n = os.write(2, b'late-error\\n'); os._exit(0)",
])
def test_what_children_write_after_their_execution_is_charged_to_none(shared, child):
    first = shared.execute(u"import os, sys\nreader, writer = os.pipe()\n" + child + u"\nprint('mine')")
    shared.wait_for(u"finished", execution=first)
    second = shared.execute(u"print('mine'); n = os.write(writer, b'go on\\n'); n = child.wait()\n"
                            u"n = sys.stderr.write('my-error\\n')")
    shared.wait_for(u"finished", execution=second)
    third = shared.execute(u"n = os.write(1, b'alone\\n')")
    shared.wait_for(u"finished", execution=third)
    assert charges(shared, first, second, third) == {
        1: [b"mine"], None: [b"late", b"late-error"], 2: [b"mine", b"my-error"], 3: [b"alone"]}


def test_an_orphan_is_no_more_alone(shared):
    """Its parent is gone, the guardian has it."""
    first = shared.execute(u"import os\nreader, writer = os.pipe()\nhere, there = os.pipe()\n"
                           u"if os.fork() == 0:\n    if os.fork() == 0:\n        n = os.read(reader, 5)\n"
                           u"        n = os.write(1, b'late\\n')\n"
                           u"        n = os.write(there, b'x')\n    os._exit(0)\nn = os.wait()")
    shared.wait_for(u"finished", execution=first)
    second = shared.execute(u"print('mine'); n = os.write(writer, b'go on'); n = os.read(here, 1)")
    shared.wait_for(u"finished", execution=second)
    assert charges(shared, first, second) == {None: [b"late"], 2: [b"mine"]}


def test_all_bytes_come_as_they_are(shared):
    finished, out, _ = shared.run(
        u"import os\nn = os.write(1, bytes(bytearray(range(256))) * 40)\nn = os.write(1, b'\\x1e\\x01IK')")
    assert out == bytes(bytearray(range(256))) * 40 + b"\x1e\x01IK"


def test_a_message_has_so_many_events_at_most(shared, monkeypatch):
    """A frontend decodes it in one go, and has an event loop."""
    sizes, recv = [], shared.events.recv

    def count(timeout):
        message = recv(timeout)
        sizes.append(len(message[u"events"]))
        return message

    monkeypatch.setattr(shared.events, "recv", count)
    finished, out, err = shared.run(u"import sys\nfor i in range(5000):\n    print(i)\n    n = sys.stderr.write('%d\\n' % i)")
    lines = [b"%d" % i for i in range(5000)]
    assert finished[u"ok"] and out.split() == err.split() == lines
    assert max(sizes) <= EVENTS


def test_executions_wait_for_each_other_and_can_be_cancelled(shared):
    first = shared.execute(u"name = input('?') if str is not bytes else raw_input('?')", token=u"one")
    request = shared.wait_for(u"input")
    second, third = shared.execute(u"2"), shared.execute(u"print(name)")
    hello = shared.call("hello", shared.name)
    assert hello[u"running"][u"execution"] == first and hello[u"running"][u"token"] == u"one"
    assert [waiting[u"execution"] for waiting in hello[u"queued"]] == [second, third]
    assert [waiting[u"request"] for waiting in hello[u"inputs"]] == [request[u"request"]]
    assert shared.call("cancel", second) is True
    assert shared.call("cancel", second) is False and shared.call("cancel", first) is False
    assert shared.call("answer", request[u"request"], b"Ada\n") is True
    assert shared.call("answer", request[u"request"], b"Bob\n") is False  # the first answer wins
    shared.wait_for(u"finished", execution=third)
    order = [(event[u"event"], event[u"execution"]) for event in shared.seen if event[u"event"] in (u"finished", u"cancelled")]
    assert order == [(u"cancelled", second), (u"finished", first), (u"finished", third)]
    assert shared.output(u"stdout").replace(b"?", b"") == b"Ada\n"
    assert [event[u"request"] for event in shared.seen if event[u"event"] == u"input-over"] == [request[u"request"]]


def test_another_frontend_sees_everything(frontend, broker):
    other = broker.attach(u"other")
    number = frontend.execute(u"print(1)", token=u"mine")
    queued = other.wait_for(u"queued")
    assert (queued[u"execution"], queued[u"frontend"], queued[u"token"], queued[u"code"]) == (
        number, u"test", u"mine", u"print(1)")
    other.wait_for(u"finished", execution=number)
    assert other.output(u"stdout") == b"1\n"


def test_questions(shared):
    assert shared.call("ask", u"is_complete", u"for i in range(2):", 18)[u"state"] == u"incomplete"
    shared.run(u"import os")
    assert u"getpid" in " ".join(shared.call("ask", u"complete", u"os.getp", 7)[u"matches"])


@pytest.mark.parametrize("method, args", [
    ("execute", (u"test", u"t", {u"code": b"\xff"})), ("execute", (u"test", u"t", {u"code": u"1", u"mode": u"dance"})),
    ("execute", (u"test", u"t", None)), ("execute", (u"test", 5, {u"code": u"1"})), ("hello", (5,)),
    ("execute", (u"test", u"t", {u"code": u"1", u"argv": [1]})), ("cancel", (u"x",)), ("answer", (1, u"text")),
    ("ask", (u"nonsense", u"", 0)), ("restart", ({u"colour": u"red"},)), ("restart", ([],)), ("terminate", (u"soon",)),
    ("restart", ({u"cwd": u"/no/such/place"},)), ("execute", (u"test", u"t", {u"code": u"1", u"line": 0})),
    ("execute", (u"test", u"t", {u"code": u"1", u"line": 2 ** 40})),
])
def test_requests_that_make_no_sense(shared, method, args):
    fails_with("BadRequest", shared.request(method, *args))
    assert shared.run(u"1")[0][u"ok"]


# -- interrupt, end, restart ---------------------------------------------------------------------------------------

def test_an_interrupt(shared):
    number = shared.execute(u"import time\nprint('here')\ntime.sleep(100)")
    shared.wait_for(u"output")
    assert shared.wait_for_state(u"busy")[u"execution"] == number
    assert shared.call("interrupt")[u"delivered"] is True
    assert shared.wait_for(u"finished")[u"error"][u"type"] == u"KeyboardInterrupt"
    shared.wait_for_state(u"idle")


def test_last_words_then_death_with_its_cause(frontend):
    frontend.wait_for_state(u"idle")
    frontend.execute(u"import os, sys\nx = sys.stdin.readline()\nprint('last words')\nos.kill(os.getpid(), 11)")
    waiting = frontend.execute(u"2")
    request = frontend.wait_for(u"input")
    frontend.call("answer", request[u"request"], b"\n")
    question = frontend.request("ask", u"complete", u"x", 1)
    ended = frontend.wait_for(u"ended")
    assert frontend.output(u"stdout") == b"last words\n"
    assert (ended[u"exit"][u"signal"], ended[u"exit"][u"name"], ended[u"generation"]) == (11, u"SIGSEGV", 1)
    question.exception(LIMIT)  # it may have been answered before; what counts is that it comes to an end
    status = frontend.wait_for_state(u"dead")
    assert status[u"exit"] == ended[u"exit"] and u"SIGSEGV" in status[u"detail"]
    fails_with("KernelDied", frontend.request("execute", u"test", u"t", {u"code": u"1"}))
    fails_with("KernelDied", frontend.request("ask", u"complete", u"x", 1))
    assert frontend.call("interrupt")[u"delivered"] is False
    assert frontend.call("cancel", waiting) is False
    assert frontend.call("terminate", None) == ended[u"exit"]


def test_an_exit_in_a_cell(frontend):
    finished, _, _ = frontend.run(u"import sys\nsys.exit(3)")
    assert finished[u"exit"] == 3
    assert frontend.wait_for(u"ended")[u"exit"][u"code"] == 3


def test_a_program_ends_the_kernel(frontend):
    frontend.run(u"import sys, atexit\natexit.register(lambda: sys.stdout.write('bye\\n'))\nprint(sys.argv[1:])",
                 mode=u"command", argv=[u"a", u"b"])
    assert frontend.wait_for(u"ended")[u"exit"][u"code"] == 0
    assert frontend.output(u"stdout").replace(b"u'", b"'") == b"['a', 'b']\nbye\n"


def test_terminate_asks_first(frontend):
    frontend.run(u"import atexit, os\n_ = atexit.register(lambda: os.write(1, b'asked politely\\n'))")
    assert frontend.call("terminate", None)[u"code"] == 0
    frontend.wait_for(u"ended")
    assert b"asked politely\n" in frontend.output(u"stdout")


def test_terminate_becomes_insistent(frontend):
    frontend.execute(u"import signal, time\nx = signal.signal(signal.SIGINT, signal.SIG_IGN)\nprint(1)\ntime.sleep(100)")
    frontend.wait_for(u"output")
    future = frontend.request("terminate", 0.05)
    assert u"SIGINT" in frontend.wait_for_state(u"terminating")[u"detail"] or \
        u"asked" in frontend.wait_for_state(u"terminating")[u"detail"]
    exit = future.result(LIMIT)
    assert (exit[u"name"], exit[u"reason"]) == (u"SIGTERM", u"as asked")


def test_kill(frontend):
    frontend.execute(u"import time\nprint(1)\ntime.sleep(100)")
    frontend.wait_for(u"output")
    exit = frontend.call("kill")
    assert (exit[u"name"], exit[u"reason"]) == (u"SIGKILL", u"as asked")
    assert frontend.wait_for(u"ended")[u"exit"][u"name"] == u"SIGKILL"
    frontend.call("restart", None)
    assert frontend.run(u"print(1)")[1] == b"1\n"


def test_restart_with_other_settings(frontend, tmpdir):
    frontend.run(u"x = 1")
    settings = {u"env": dict(os.environ, COLOUR="red"), u"cwd": u"" + str(tmpdir)}
    settings[u"env"] = dict((u"" + key, u"" + settings[u"env"][key]) for key in settings[u"env"])
    assert frontend.call("restart", settings) == {u"generation": 2}
    assert frontend.wait_for(u"ended")[u"generation"] == 1
    assert frontend.wait_for(u"ready")[u"generation"] == 2
    _, out, _ = frontend.run(u"import os\nprint(os.environ['COLOUR'])\nprint(os.getcwd())\nprint('x' in globals())")
    assert out.decode().split() == [u"red", u"" + os.path.realpath(str(tmpdir)), u"False"]
    frontend.call("restart", None)
    assert frontend.run(u"print(1)")[1] == b"1\n"


def test_restart_with_an_interpreter_that_is_not_there(shared):
    shared.run(u"x = 1")
    fails_with("InterpreterNotFound", shared.request("restart", {u"python": u"/no/such/python"}))
    assert shared.run(u"print(x)")[1] == b"1\n"


def test_restart_takes_the_old_kernels_children_with_it(frontend):
    _, out, _ = frontend.run(u"import os, subprocess\nprint(subprocess.Popen(['sleep', '100'], preexec_fn=os.setsid).pid)")
    frontend.call("restart", None)
    assert not lives(int(out))


# -- who is there --------------------------------------------------------------------------------------------------

def test_the_last_one_to_leave_ends_everything(frontend, broker):
    other = broker.attach(u"other")
    frontend.wait_for_state(u"idle")
    path = broker.said["connection_file"]
    pid = frontend.call("hello", u"test")[u"kernel_pid"]
    other.close()
    assert frontend.run(u"1")[0][u"ok"]
    frontend.close()
    assert broker.wait() == 0
    assert not lives(pid) and not os.path.exists(path)
    assert not [name for name in os.listdir(connection_file.directory()) if str(broker.process.pid) in name]


def test_a_frontend_that_vanishes_leaves_the_kernel(start):
    broker = start()
    first = broker.attach(u"first")
    first.run(u"x = 5")
    first.context.close(0)  # no goodbye from it
    assert broker.attach(u"second").run(u"print(x)")[1] == b"5\n"


def test_nobody_comes_back(start):
    broker = start(linger=0.05)
    broker.attach().context.close(0)
    assert broker.wait() == 0


def test_kept_when_everybody_leaves(start):
    broker = start(keep=True)
    first = broker.attach(u"first")
    first.run(u"x = 5")
    first.close()
    second = broker.attach(u"second")
    assert second.run(u"print(x)")[1] == b"5\n"
    second.call("terminate", None)
    second.close()
    assert broker.wait() == 0  # a dead kernel is not kept


def test_a_restart_that_nobody_stays_for(start):
    broker = start(keep=True)
    broker.attach(u"first").close()  # the kernel may still be starting: it is not the one that is waited for
    context = yotonlike.Context(u"no frontend", key=broker.connection.key)  # it says no hello, as the command does not
    context.connect(broker.connection.address, timeout=LIMIT)
    assert yotonlike.ReqChannel(context, vocabulary.REQUESTS).call("restart", None).result(LIMIT) == {u"generation": 2}
    context.close(1.0)
    assert broker.attach(u"second").run(u"print(1)")[1] == b"1\n"


def test_a_broker_that_is_told_to_end(broker, frontend):
    frontend.wait_for_state(u"idle")
    pid = frontend.call("hello", u"test")[u"kernel_pid"]
    broker.process.terminate()
    assert broker.wait() == 0 and not lives(pid)
    assert not os.path.exists(broker.said["connection_file"])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux hands orphans to a subreaper")
def test_a_guardian_that_is_killed(frontend, broker):
    _, out, _ = frontend.run(u"import os, subprocess\nprint(subprocess.Popen(['sleep', '100']).pid)\nprint(os.getppid())")
    child, pid = int(out.split()[0]), int(out.split()[1])
    kernel = frontend.call("hello", u"test")[u"kernel_pid"]
    os.kill(pid, signal.SIGKILL)
    assert frontend.wait_for(u"ended")[u"exit"][u"name"] == u"SIGKILL"
    assert not lives(kernel) and not lives(child)
    frontend.call("restart", None)
    assert frontend.run(u"print(1)")[1] == b"1\n"


# -- a frontend that does not read ----------------------------------------------------------------------------------

def resident(pid):
    """Resident memory in bytes."""
    with open("/proc/%d/statm" % pid) as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
def test_a_flood_that_nobody_reads_stops_and_can_be_interrupted(frontend, broker):
    frontend.run(u"print(1)")
    frontend.execute(u"while True: print('x' * 100)")
    frontend.wait_for(u"output")
    pids = [broker.process.pid, frontend.call("hello", u"test")[u"kernel_pid"]]
    frontend.wait_for_state(u"output")  # the window and the pipe are full
    before = [resident(pid) for pid in pids]
    select.select([], [], [], 0.5)
    after = [resident(pid) for pid in pids]
    # What it would have read meanwhile is tens of MiB; PyPy takes memory for its youngest objects 4 MiB at a time.
    limit = (8 if hasattr(sys, "pypy_version_info") else 1) << 20
    assert all(late - early < limit for early, late in zip(before, after)), (before, after)
    assert frontend.call("interrupt")[u"delivered"] is True
    frontend.wait_for_state(u"idle")  # although its output still waits
    finished = frontend.wait_for(u"finished")
    assert finished[u"error"][u"type"] == u"KeyboardInterrupt"
    assert not frontend.output(u"stdout").replace(b"x" * 100 + b"\n", b"").strip(b"1x\n")
    assert frontend.run(u"print(2)")[1].strip() == b"2"


def test_an_interrupt_that_is_sent_late_has_its_room_in_the_full_pipe(frontend):
    """The guardian sends it, and on a busy machine it may get no time while the code floods on."""
    guardian_pid = int(frontend.run(u"import os; print(os.getppid())")[1])
    frontend.execute(u"while True: print('x' * 100)")
    frontend.wait_for_state(u"output")
    os.kill(guardian_pid, signal.SIGSTOP)
    try:
        interrupt = frontend.request("interrupt")
        for _ in range(50):  # the broker has it, and whatever it lets out now is soon written
            frontend.call("look")
    finally:
        os.kill(guardian_pid, signal.SIGCONT)
    frontend.wait_for_state(u"idle")
    assert interrupt.result(LIMIT)[u"delivered"] is True
    assert frontend.wait_for(u"finished")[u"error"][u"type"] == u"KeyboardInterrupt"


def test_one_that_does_not_read_and_vanishes_holds_nobody_up(frontend, broker):
    stalled = broker.attach(u"stalled", window=1 << 16)
    number = frontend.execute(u"for i in range(10000): print('%099d' % i)")
    assert frontend.wait_for_state(u"output")[u"evidence"][u"held_by"] == [u"stalled"]
    stalled.context.close(0)
    frontend.wait_for(u"finished", execution=number)
    assert [int(line) for line in frontend.output(u"stdout").split()] == list(range(10000))
