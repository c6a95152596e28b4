# -*- coding: utf-8 -*-
"""What the terminal shows, and when: with a clock moved by hand and all writes recorded."""
from __future__ import absolute_import, division, print_function

import pytest

from ide_kernel import Gap, Output
from ide_kernel.frontends import screen as module
from ide_kernel.frontends.screen import GATHERED, PARTIAL, REFRESH, Screen, unfinished, width


class Terminal(object):
    """A screen, and what was written to it."""

    def __init__(self, monkeypatch, encoding="utf-8", fancy=True):
        self.now = 100.0
        self.writes = []
        monkeypatch.setattr(module, "write_all", lambda fd, data: self.writes.append((fd, data)))
        self.screen = Screen(1, 2, encoding, fancy, lambda: self.now)
        monkeypatch.setattr(module, "columns", lambda fd: 20)

    def prints(self, data, stream=u"stdout"):
        self.screen.output(Output(stream, data, data.decode("utf-8", "replace")))
        return self

    def shows(self, *expected):
        """What was written since the last look, to whichever descriptor."""
        written, self.writes[:] = [data for _, data in self.writes], []
        assert written == list(expected)
        return self

    def turn(self, seconds=REFRESH):
        self.now += seconds
        return self.screen.refresh()


@pytest.fixture
def terminal(monkeypatch):
    return Terminal(monkeypatch)


def test_the_first_bytes_at_once_and_a_flood_in_pieces(terminal):
    terminal.prints(b"a\n")
    assert terminal.screen.refresh() is None
    terminal.shows(b"a\n")
    for number in range(50):
        terminal.prints(b"%d\n" % number)
        wait = terminal.turn(0.0001)
        assert 0 < wait < REFRESH
    terminal.shows()
    assert terminal.turn(wait + 0.0001) is None
    terminal.shows(b"".join(b"%d\n" % number for number in range(50)))
    assert terminal.turn() is None
    terminal.shows()


def test_much_does_not_wait(terminal):
    terminal.prints(b"x")
    terminal.screen.refresh()
    terminal.shows(b"x").prints(b"y" * GATHERED).shows(b"y" * GATHERED)


def test_streams_keep_their_order_and_descriptors(terminal):
    terminal.prints(b"1").prints(b"2", u"stderr").prints(b"3", u"stderr").prints(b"4")
    terminal.screen.flush()
    assert terminal.writes == [(1, b"1"), (2, b"23"), (1, b"4")]


def test_what_is_said_stands_behind_what_was_printed(terminal):
    terminal.prints(b"x")
    terminal.screen.notice(u"now")
    terminal.shows(b"x", b"\n\x1b[2mnow\x1b[0m\n")


def test_a_gap_is_said(terminal):
    terminal.prints(b"x\n")
    terminal.screen.output(Gap(12345, 67, u"too slow"))
    terminal.shows(b"x\n", b"\x1b[2m[12,345 bytes of output, 67 lines, are missing here: too slow]\x1b[0m\n")


def test_all_kinds_of_bytes_pass(terminal):
    data = b"\r 50%\x08\x08\x1b[31mred\x1b[0m\x07\x00\xff\xc3"
    terminal.prints(data)
    terminal.screen.flush()
    terminal.shows(data)


def test_a_terminal_that_speaks_another_language(monkeypatch):
    terminal = Terminal(monkeypatch, "latin-1")
    terminal.prints(u"h\xe9\u20ac".encode("utf-8"))
    terminal.screen.flush()
    terminal.shows(b"h\xe9?")


# -- above a prompt -------------------------------------------------------------------------------------------------

@pytest.fixture
def prompted(terminal):
    terminal.screen.begin_prompt(lambda: (u"\001\x1b[32m\002o\001\x1b[0m\002 >>> ", u"ab"))
    terminal.writes[:] = []
    return terminal


PROMPT = b"\x1b[32mo\x1b[0m >>> ab"


def test_lines_go_above_the_prompt(prompted):
    prompted.prints(b"one\ntwo\n").turn()
    prompted.shows(b"\r\x1b[Jone\r\ntwo\r\n", PROMPT)
    prompted.prints(b"three\n").turn()
    prompted.shows(b"\r\x1b[Jthree\r\n", PROMPT)


def test_a_pasted_input_of_several_lines_steps_aside(terminal):
    """Twenty columns: the first line with its prompt takes two rows, the second one, and the cursor is in the fourth."""
    terminal.screen.begin_prompt(lambda: (u"\001\x1b[1m\002>>> \001\x1b[0m\002", u"if the_condition_holds:\n  x\ny"))
    terminal.prints(b"one\n").turn()
    terminal.shows(b"\x1b[3A\r\x1b[Jone\r\n", b"\x1b[1m>>> \x1b[0mif the_condition_holds:\r\n  x\r\ny")
    terminal.screen.repaint()
    terminal.shows()


def test_output_waits_while_the_prompt_is_being_drawn(terminal):
    """Nobody knows how much of it is there; what is said then waits too, in its order."""
    drawn = []
    terminal.screen.begin_prompt(lambda: drawn[0] if drawn else None)
    terminal.prints(b"one\n")
    assert terminal.turn() == REFRESH
    terminal.screen.notice(u"said")
    assert terminal.turn() == REFRESH
    terminal.shows()
    drawn.append((u">>> ", u"x"))
    assert terminal.turn() is None
    terminal.shows(b"\r\x1b[Jone\r\n\x1b[2msaid\x1b[0m\r\n", b">>> x")
    del drawn[:]
    terminal.prints(b"two\n").turn()
    terminal.screen.end_prompt(entered=True)
    terminal.shows(b"\r\x1b[K")
    assert terminal.turn() is None
    terminal.shows(b"two\n")


def test_a_flood_above_the_prompt_redraws_it_thirty_times_a_second(prompted):
    for number in range(1000):
        prompted.prints(b"%d\n" % number).turn(0.001)
    assert sum(data == PROMPT for _, data in prompted.writes) <= 1.0 / REFRESH + 1


def test_a_progress_bar_stays_in_its_line(prompted):
    prompted.prints(b"copies: ").turn()
    prompted.shows(b"\r\x1b[Jcopies: ", b"\x1b[0m\r\n" + PROMPT)
    prompted.prints(b"\r 10%").turn()
    prompted.shows(b"\x1b[1A\r\x1b[Jcopies: \r 10%", b"\x1b[0m\r\n" + PROMPT)
    prompted.prints(b"\r\x1b[31m100% done\x1b[0m").turn()
    prompted.shows(b"\x1b[1A\r\x1b[Jcopies: \r 10%\r\x1b[31m100% done\x1b[0m", b"\x1b[0m\r\n" + PROMPT)
    prompted.prints(b"\nnext\n").turn()
    prompted.shows(b"\x1b[1A\r\x1b[J\r\x1b[31m100% done\x1b[0m\r\nnext\r\n", PROMPT)


def test_a_long_unfinished_line_takes_its_rows(prompted):
    prompted.prints(b"x" * 45).turn()
    prompted.shows(b"\r\x1b[J" + b"x" * 45, b"\x1b[0m\r\n" + PROMPT)
    prompted.prints(b"y\n").turn()
    prompted.shows(b"\x1b[3A\r\x1b[J" + b"x" * 45 + b"y\r\n", PROMPT)


def test_a_plain_terminal_gets_lines_only(monkeypatch):
    terminal = Terminal(monkeypatch, fancy=False)
    terminal.screen.begin_prompt(lambda: (u">>> ", u""))
    terminal.prints(b"half").turn()
    terminal.shows(b"\nhalf", b"\r\n>>> ")


@pytest.mark.parametrize("before, data, after", [
    (u"", b"a\n", u""), (u"x", b"a\n", u""), (u"", b"a\nb", u"b"), (u"x", b"b", u"xb"),
    (u"abc", b"\rde", u"abc\rde"), (u"abc", b"\rdef", u"\rdef"), (u"\rabc", b"\rdefg", u"\rdefg"),
    (u"", b"\x1b[31mred", u"\x1b[31mred"),
    (u"", b"a\x08b", u""), (u"", b"\x1b[2Jx", u""), (u"", b"tab\t", u""),  # where the cursor is then, who knows
    (u"", b"x" * PARTIAL, u"x" * PARTIAL), (u"", b"x" * (PARTIAL + 1), u""), (u"y", b"x" * PARTIAL, u""),
])
def test_the_line_that_can_be_written_again(before, data, after):
    assert unfinished(before, data, "utf-8") == after


@pytest.mark.parametrize("text, columns", [(u"", 0), (u"abc", 3), (u"\x1b[31mabc\x1b[0m", 3), (u"abcd\rxy", 4)])
def test_the_columns_of_a_line(text, columns):
    assert width(text) == columns
