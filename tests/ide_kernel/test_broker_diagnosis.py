"""What the evidence says, as tables: every combination of facts, silence by a clock moved by hand, and when a state is told."""
from __future__ import absolute_import, division, print_function

import itertools

import pytest

from ide_kernel import vocabulary as names
from ide_kernel.broker import diagnosis, dumps, exits
from ide_kernel.broker.board import Board
from ide_kernel.broker.loop import Timer
from ide_kernel.broker.silence import (COMPUTES, CONTENDED, CROWD, KEPT, PROOF_LOOKS, PROOF_SILENCE, SILENT, UNKNOWN, WAITS,
                                       WINDOW, Silence)
from ide_kernel.broker.system import Facts

DIED = exits.exit_record(3, None, None, u"")


# -- the table ----------------------------------------------------------------------------------------------------

def expected(e):
    """The state, said in another way than by the table."""
    if e.exit:
        return names.DEAD
    if e.step:
        return names.TERMINATING
    if e.stopped:
        return names.SUSPENDED
    if e.leaving:
        return names.TERMINATING
    if not e.ready:
        return names.STARTING
    if not e.linked:
        return names.DETACHED
    if e.gil in (COMPUTES, UNKNOWN):
        return names.EXTENSION
    if e.execution and e.held_by:
        return names.OUTPUT
    if e.gil == WAITS:
        return names.STUCK
    if e.debugger:
        return names.DEBUGGING
    if e.input:
        return names.INPUT
    return names.BUSY if e.execution else names.IDLE


FACTS = dict(
    exit=[None, DIED], step=[None, u"asked to end"], stopped=[None, u"frozen"], leaving=[False, True], ready=[False, True],
    linked=[True, False], gil=[None, COMPUTES, WAITS, UNKNOWN], execution=[None, 4], held_by=[(), (u"ide",)],
    debugger=[None, u"a.py line 3"], input=[None, 9], silence=[0.05, 900.0], interrupted=[None, 3.0])


def test_every_combination_of_evidence_has_its_state():
    seen = set()
    keys = sorted(FACTS)
    for values in itertools.product(*(FACTS[key] for key in keys)):
        evidence = diagnosis.Evidence(**dict(zip(keys, values)))
        state, words = diagnosis.diagnose(evidence)
        assert state == expected(evidence) and words
        seen.add(state)
    assert seen == set(names.STATES) - set([names.LOST])


def test_only_what_was_reaped_is_dead():
    rows = [conditions for state, conditions, _ in diagnosis.TABLE if state == names.DEAD]
    assert rows == [("reaped",)]
    assert diagnosis.diagnose(diagnosis.Evidence(ready=True, silence=1e6, linked=False))[0] != names.DEAD


def test_every_row_can_be_reached_and_every_condition_is_used():
    used = set(name for _, conditions, _ in diagnosis.TABLE for name in conditions)
    assert used == set(diagnosis.CONDITIONS)
    for number, (_, conditions, _) in enumerate(diagnosis.TABLE):
        assert not [other for _, other, _ in diagnosis.TABLE[:number] if set(other) <= set(conditions)]


def words(**facts):
    return diagnosis.diagnose(diagnosis.Evidence(ready=True, execution=3, **facts))[1]


def test_the_words():
    assert words(gil=COMPUTES, silence=12.3, position=u"train.py line 88") == u"in C code for 12 s, called from train.py line 88"
    assert words(gil=WAITS, silence=0.4) == u"in C code that waits and holds the interpreter, for 0.4 s"
    assert u"does not tell" in words(gil=UNKNOWN, silence=1.0)
    assert u"interrupted 3 s ago" in words(interrupted=3.0) and u"kill" in words(interrupted=3.0, gil=COMPUTES)
    assert words(step=u"asked to end", following=u"SIGINT", left=8.0) == u"asked to end; SIGINT follows in 8 s"
    assert words(step=u"asked to end", following=u"SIGINT", left=9.9997).endswith(u" in 10 s")
    assert words(step=u"asked to end", following=u"SIGINT", left=0.25).endswith(u" in 0.2 s")
    assert words(debugger=u"a.py line 3") == u"the debugger waits for a command, at a.py line 3"
    assert u"ide-1" in words(held_by=[u"ide-1"])
    assert [diagnosis.duration(each) for each in (0.31, 59, 119, 120, 7300)] == [u"0.3 s", u"59 s", u"119 s", u"2 min", u"2 h"]


def test_evidence_knows_its_names():
    with pytest.raises(TypeError):
        diagnosis.Evidence(mood="good")


# -- how long a state must last -----------------------------------------------------------------------------------

def test_every_pair_of_states_has_a_hold_and_every_hold_a_reason():
    for told, state in itertools.product((None,) + names.STATES, names.STATES):
        seconds = diagnosis.hold(told, state)
        assert 0.0 <= seconds <= 0.5
        if state in (names.INPUT, names.DEAD, names.IDLE):
            assert seconds == 0.0
    assert all(reason for _, _, _, reason in diagnosis.HOLDS)
    assert diagnosis.hold(names.BUSY, names.TERMINATING, asked=True) == 0.0 < diagnosis.hold(names.BUSY, names.TERMINATING)


def test_a_state_is_told_when_it_has_lasted():
    board = diagnosis.Announcements()
    assert board.see(names.IDLE, 0.0) and board.deadline is None
    assert not board.see(names.BUSY, 1.0) and board.deadline == 1.010
    assert board.see(names.IDLE, 1.005) and board.deadline is None  # over too soon: nobody heard of it
    assert not board.see(names.BUSY, 2.0)
    assert not board.see(names.BUSY, 2.005)
    assert board.see(names.BUSY, 2.010) and board.told == names.BUSY


def test_a_heartbeat_between_two_calls_does_not_flicker():
    board = diagnosis.Announcements()
    assert board.see(names.EXTENSION, 0.0)
    for beat in range(1, 20):
        assert not board.see(names.BUSY, beat * 0.5)
        assert board.see(names.EXTENSION, beat * 0.5 + SILENT)  # which is what was told
    assert not board.see(names.BUSY, 20.0) and board.see(names.BUSY, 20.4)
    assert board.see(names.IDLE, 20.5)


def test_what_we_were_late_ourselves_does_not_count():
    board = diagnosis.Announcements()
    board.see(names.IDLE, 0.0)
    board.see(names.DETACHED, 1.0)
    board.excuse(10.0)
    assert not board.see(names.DETACHED, 11.1) and board.see(names.DETACHED, 11.2)


class Timers(object):
    """A loop whose time is moved by hand."""

    def __init__(self):
        self.time = 0.0

    def now(self):
        return self.time

    def call_at(self, when, callback):
        return Timer(when, callback)


def test_words_are_of_the_state_that_was_told():
    """Who asks why an interrupt had no effect reads what the icon shows, also while we were late and must look anew."""
    loop, told, facts = Timers(), [], {"ready": True, "execution": 1, "gil": COMPUTES, "silence": 2.0}
    board = Board(loop, lambda: diagnosis.Evidence(**facts), lambda: 1, told.append)
    board.changed()
    facts.update(silence=3.0)
    assert board.describe() == u"extension: in C code for 3 s" and len(told) == 1
    facts.update(gil=None)
    board.changed()
    assert board.describe() == u"extension: in C code for 2 s" and len(told) == 1
    loop.time = 0.4
    board.changed()
    assert board.describe() == u"busy: runs execution 1" == u"%s: %s" % (told[1][u"state"], told[1][u"detail"])


# -- silence ------------------------------------------------------------------------------------------------------

MAIN, IO, OTHER = 100, 101, 102
STEP = 1.0 / 64  # a time that adds up exactly


class Process(object):
    """Threads that use processor time, looked at by a clock moved by hand."""

    def __init__(self, **facts):
        self.now = 50.0
        self.times = {MAIN: 7.0, IO: 1.0, OTHER: 0.0}
        self.facts = facts
        self.io = self.main = u"S"
        self.ran, self.run_times = 1.0, {MAIN: 3.0, IO: 1.0, OTHER: 0.0}
        self.silence = Silence(self.now)
        self.silence.thread = IO

    def run(self, seconds, *shares):
        """Let time pass; each share is a pair of a thread and the part of the time that it computes."""
        for _ in range(int(round(seconds / STEP))):
            self.now += STEP
            for thread, share in shares:
                self.times[thread] += share * STEP
                self.run_times[thread] += share * STEP * self.ran
            self.silence.look(self.now, Facts(u"R", dict(self.times), {IO: self.io, MAIN: self.main},
                                               ran=dict(self.run_times), **self.facts))
        return self.silence.verdict(self.now)


def test_too_early_to_tell():
    assert Process().run(SILENT - STEP, (MAIN, 1.0)) is None
    assert Silence(0.0).verdict(100.0) is None  # without a look nothing is known


@pytest.mark.parametrize("shares, verdict", [
    ([(MAIN, 1.0)], COMPUTES), ([(OTHER, 0.9)], COMPUTES), ([(MAIN, 0.3)], COMPUTES),
    ([], WAITS), ([(IO, 0.09)], WAITS), ([(MAIN, 0.01), (IO, 1.0)], WAITS),
    ([(MAIN, 0.5), (OTHER, 0.5)], None)])
def test_processor_time_tells_computing_from_waiting(shares, verdict):
    assert Process().run(SILENT + WINDOW, *shares) == verdict


def test_of_one_that_is_ready_and_hardly_runs_nothing_is_said():
    process = Process()
    process.main = u"R"  # on a processor that stands still
    assert process.run(SILENT + WINDOW) is None and process.run(10.0) is None
    assert not process.silence.is_proven(process.now)
    process.main = u"S"
    process.run(STEP)
    process.main = u"R"
    assert process.run(WINDOW / 2) == WAITS  # it slept within the window
    assert process.run(WINDOW) is None
    assert process.run(WINDOW, (MAIN, 1.0)) == COMPUTES
    process = Process()
    process.ran = 0.01  # of its time: for the rest it is kept waiting
    assert process.run(1.0, (MAIN, 1.0)) is None and not process.silence.is_proven(process.now)
    process.ran = 1.0
    assert process.run(2 * KEPT, (MAIN, 1.0)) == COMPUTES and process.silence.is_proven(process.now)
    process = Process()
    process.io = u"R"
    assert process.run(SILENT + WINDOW) == WAITS  # who asks for the GIL does not count


def test_a_crowd_that_shares_the_interpreter_needs_a_long_silence():
    process = Process()
    assert process.run(CROWD - STEP, (MAIN, 0.5), (OTHER, 0.5)) is None
    assert process.run(2 * STEP, (MAIN, 0.5), (OTHER, 0.5)) == COMPUTES


def test_who_only_asks_for_the_interpreter_makes_it_take_longer():
    process = Process()
    assert process.run(CONTENDED - STEP, (MAIN, 1.0), (OTHER, 0.005)) is None
    assert process.run(2 * STEP, (MAIN, 1.0), (OTHER, 0.005)) == COMPUTES
    assert Process().run(SILENT + WINDOW, (OTHER, 0.005)) == WAITS  # one that asks is no two


def test_who_sleeps_until_the_interpreter_is_free_and_wakes_is_offered_it():
    """2.7: Python gives the GIL up again and again, and on a busy machine takes it back before the I/O thread runs."""
    process = Process()
    process.silence.asks = False
    assert process.run(10.0, (MAIN, 1.0), (IO, 0.001)) is None
    assert process.run(WINDOW + STEP, (MAIN, 1.0)) == COMPUTES
    process.silence.asks = True
    assert process.run(WINDOW + STEP, (MAIN, 1.0), (IO, 0.001)) == COMPUTES


def test_a_heartbeat_ends_it():
    process = Process()
    process.run(5.0, (MAIN, 1.0))
    process.silence.heard(process.now)
    assert process.silence.verdict(process.now) is None and not process.silence.is_proven(process.now)
    assert process.run(0.2, (MAIN, 1.0)) is None


def test_from_computing_to_waiting():
    process = Process()
    assert process.run(2.0, (MAIN, 1.0)) == COMPUTES
    assert process.run(WINDOW + STEP) == WAITS
    assert process.run(WINDOW + STEP, (MAIN, 1.0)) == COMPUTES


@pytest.mark.parametrize("facts, words", [
    (Facts(u"T"), u"SIGSTOP"), (Facts(u"t", tracer=u"gdb, process 5"), u"gdb"), (Facts(u"S", frozen=True), u"frozen")])
def test_what_is_not_allowed_to_run_is_not_blamed(facts, words):
    process = Process()
    process.run(0.3)
    process.silence.look(process.now + 50.0, facts)
    assert words in process.silence.stopped and process.silence.verdict(process.now + 50.0) is None
    process.now += 50.0
    assert process.run(SILENT - 2 * STEP) is None and process.silence.stopped is None  # time counts anew from there
    assert process.run(3 * STEP) == WAITS


def test_a_system_that_tells_nothing():
    silence = Silence(0.0)
    silence.look(1.0, Facts())
    assert silence.verdict(1.0) == UNKNOWN and not silence.is_proven(1.0)
    assert not Facts(frozen=False).stopped


def test_who_was_late_blames_nobody():
    process = Process()
    process.run(0.2)
    process.now += 10.0  # we were stopped, and so was the clock for us
    process.silence.excuse(10.0)
    assert process.run(STEP) is None
    assert process.run(SILENT + WINDOW) == WAITS  # but it is silent all the same
    process = Process()
    process.run(0.2)
    process.now += 0.05
    process.silence.excuse(0.05)
    assert process.run(SILENT - 0.2 - STEP) is None


def test_what_proves_that_a_dump_is_safe():
    process = Process()
    process.run(PROOF_SILENCE - STEP, (MAIN, 1.0))
    assert not process.silence.is_proven(process.now)
    process.run(STEP, (MAIN, 1.0))
    assert PROOF_LOOKS <= PROOF_SILENCE / STEP and process.silence.is_proven(process.now)


@pytest.mark.parametrize("spoil", ["two threads", "awake", "late", "stop", "unknown thread"])
def test_what_does_not(spoil):
    process = Process()
    if spoil == "unknown thread":
        process.silence.thread = None
    process.run(2.0, (MAIN, 1.0))
    if spoil == "two threads":
        process.run(0.1, (OTHER, 1.0))
    elif spoil == "awake":
        process.io = u"R"
        process.run(STEP)
    elif spoil == "late":
        process.silence.excuse(0.2)
    elif spoil == "stop":
        process.silence.look(process.now, Facts(u"T"))
        process.run(STEP)
    assert not process.silence.is_proven(process.now)


# -- dumps --------------------------------------------------------------------------------------------------------

DUMP = u'''\
Fatal Python error: Segmentation fault

Current thread 0x00000000000000aa (most recent call first):
  File "/root/ide_kernel/kernel/link.py", line 100 in _drive

Thread 0x00000000000000bb (most recent call first):
  File "/usr/lib/python3.8/threading.py", line 300 in wait
  File "/home/me/worker.py", line ?? in work
  ...

Thread 0x00000000000000cc (most recent call first):
  File "/usr/lib/python3.8/re.py", line 166 in match
  File "/home/me/train.py", line 88 in <module>
  File "/root/ide_kernel/kernel/app.py", line 113 in run
  File "<string>", line 15 in <module>
'''


def test_a_dump_without_our_frames():
    found = dumps.threads(u"noise\n" + DUMP + DUMP, u"/root", 0xcc, 0xaa)
    assert [(thread[u"id"], thread[u"name"]) for thread in found] == [(0xbb, u""), (0xcc, u"MainThread")]
    assert [(frame[u"file"], frame[u"line"], frame[u"function"]) for frame in found[1][u"frames"]] == [
        (u"/home/me/train.py", 88, u"<module>"), (u"/usr/lib/python3.8/re.py", 166, u"match")]
    assert dumps.innermost(found) == u"train.py line 88"  # the user's own line
    assert found[0][u"frames"][0][u"line"] == 0
    assert dumps.innermost([]) is None and dumps.threads(u"\x00garbage", u"/root") == []


def test_the_last_crash():
    text = dumps.crash(u"Fatal Python error: older\n" + DUMP)
    assert text.startswith(u"Fatal Python error: Segmentation fault") and u"older" not in text
    assert dumps.crash(u"nothing") == u"" and len(dumps.crash(DUMP + u"x" * 100000)) <= dumps.MOST
