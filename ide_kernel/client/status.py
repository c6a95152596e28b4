# -*- coding: utf-8 -*-
"""What a frontend shows of a kernel's state: the status itself, and for each state an icon that can be read without colour."""
from __future__ import absolute_import, division, print_function

from .. import vocabulary as names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional


class Exit(object):
    """How the kernel's process ended.

    Attributes:
        code (int | None): its exit status, where it ended by itself.
        signal (int | None): the number of the signal that ended it.
        name (str | None): that signal's name, such as ``"SIGSEGV"``.
        reason (str): in words, with what else is known (what the signal usually means, out of memory, ...).
        traceback (str): what Python's ``faulthandler`` wrote of a crash in C code: the stacks of all threads; or ``""``.
        output (str): the last lines that it wrote.
    """

    def __init__(self, code=None, signal=None, name=None, reason=u"", traceback=u"", output=u""):
        # type: (Optional[int], Optional[int], Optional[Any], Any, Any, Any) -> None
        self.code = code
        self.signal = signal
        self.name = name
        self.reason = reason
        self.traceback = traceback
        self.output = output

    @classmethod
    def from_message(cls, message):
        # type: (Optional[Dict[Any, Any]]) -> Optional[Exit]
        """The exit that a message describes, or None for None."""
        if message is None:
            return None
        return cls(message.get(u"code"), message.get(u"signal"), message.get(u"name"), message.get(u"reason") or u"",
                   message.get(u"traceback") or u"", message.get(u"output") or u"")

    @property
    def status(self):
        # type: () -> int
        """What a shell would have as ``$?``: the code, or 128 + the signal's number."""
        if self.signal:
            return 128 + self.signal
        return self.code or 0

    def __str__(self):
        # type: () -> str
        if self.signal:
            number = "signal %d" % self.signal
            text = "killed by %s (%s)" % (self.name, number) if self.name else "killed by %s" % number
        elif self.code is None:
            text = "ended"
        else:
            text = "ended with exit status %d" % self.code
        reason = str(self.reason)
        return "%s: %s" % (text, reason) if reason and reason not in text else text

    def __repr__(self):
        # type: () -> str
        return "<Exit code=%r signal=%r name=%r>" % (self.code, self.signal, self.name)


class Status(object):
    """The state of a kernel at one moment.

    Attributes:
        state (str): a key of `ICONS`.
        since (float): when it began, in seconds since the epoch.
        detail (str): more in words, or ``""``.
        evidence (dict): what the state was concluded from.
        exit (Exit | None): how the process ended, when dead.
        generation (int): 1 for the first kernel of this broker, one more after each restart.
        execution (int | None): the id of the execution that runs.
    """

    def __init__(self, state, since=0.0, detail=u"", evidence=None, exit=None, generation=0, execution=None):
        # type: (Any, float, Any, Any, Optional[Exit], int, Optional[int]) -> None
        self.state = state
        self.since = since
        self.detail = detail
        self.evidence = evidence or {}
        self.exit = exit
        self.generation = generation
        self.execution = execution

    @classmethod
    def from_message(cls, message):
        # type: (Dict[Any, Any]) -> Status
        """The status in a message of the broker; a state that this client does not know counts as it is named."""
        return cls(message.get(u"state", names.LOST), message.get(u"since", 0.0), message.get(u"detail") or u"",
                   message.get(u"evidence"), Exit.from_message(message.get(u"exit")),
                   message.get(u"generation") or 0, message.get(u"execution"))

    @property
    def gist(self):
        # type: () -> Any
        """What makes it another status for whoever shows it."""
        return self.state, self.detail, self.generation, self.execution

    @property
    def icon(self):
        # type: () -> Icon
        """The icon of this state."""
        return ICONS[self.state if self.state in ICONS else names.LOST]

    def as_dict(self):
        # type: () -> Dict[str, Any]
        """Plain values only, as for JSON."""
        found = dict(vars(self))
        found["exit"] = dict(vars(self.exit)) if self.exit else None
        found["words"] = self.icon.words
        return found

    def __str__(self):
        # type: () -> str
        words = self.icon.words
        more = [str(part) for part in (self.exit, self.detail) if part]
        return "%s: %s" % (self.state, more[0] if more else words)

    def __repr__(self):
        # type: () -> str
        return "<Status %s generation=%s>" % (self.state, self.generation)


class Icon(object):
    """One state as a picture and as words.

    Attributes:
        state (str): the state.
        glyph (str): one character.
        ascii (str): one ASCII character, for terminals that have no more.
        colour (str): ``"#rrggbb"``; never the only difference between two states.
        ansi (int): the nearest of a terminal's basic colours, as an SGR number.
        words (str): what it means, in a few words.
        svg (str): a picture of 16 x 16 for any toolkit.
    """

    def __init__(self, state, glyph, ascii, colour, ansi, words, shape):
        # type: (Any, Any, Any, Any, int, Any, Any) -> None
        self.state = state
        self.glyph = glyph
        self.ascii = ascii
        self.colour = colour
        self.ansi = ansi
        self.words = words
        self.svg = (
            u'<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16"><title>%s</title>'
            u'<g fill="none" stroke="%s" stroke-width="2" stroke-linecap="round">%s</g></svg>'
            % (words, colour, shape.replace(u"FILL", u'fill="%s"' % colour)))

    def __repr__(self):
        # type: () -> str
        return "<Icon %s>" % self.state


_RING = u'<circle cx="8" cy="8" r="6"/>'
_GREY, _GREEN, _BLUE, _ORANGE, _RED, _VIOLET = u"#6e7781", u"#1a7f37", u"#0969da", u"#bc4c00", u"#cf222e", u"#8250df"

#: state -> its icon. The shapes differ too, for eyes and printers that see no colour.
ICONS = dict((icon.state, icon) for icon in (
    Icon(names.STARTING, u"\u25cc", u".", _GREY, 90, u"starting up",
         u'<circle cx="8" cy="8" r="6" stroke-dasharray="1 4"/>'),
    Icon(names.IDLE, u"\u25cb", u"o", _GREEN, 32, u"ready for input", _RING),
    Icon(names.BUSY, u"\u25cf", u"*", _BLUE, 34, u"running code", u'<circle cx="8" cy="8" r="6" FILL/>'),
    Icon(names.INPUT, u"?", u"?", _ORANGE, 33, u"waiting for a line from you",
         u'<path d="M5 6a3 3 0 1 1 4 3q-1 .5-1 2M8 14v0"/>'),
    Icon(names.OUTPUT, u"\u2261", u"=", _ORANGE, 33, u"waiting for a slow reader of its output",
         u'<path d="M2 4h12M2 8h12M2 12h12"/>'),
    Icon(names.DEBUGGING, u"\u25c6", u"d", _VIOLET, 35, u"stopped in the debugger", u'<path d="M8 2l6 6-6 6-6-6z" FILL/>'),
    Icon(names.EXTENSION, u"\u25a3", u"#", _BLUE, 34, u"running C code that holds the interpreter",
         u'<path d="M2 2h12v12H2z"/><path d="M6 6h4v4H6z" FILL/>'),
    Icon(names.STUCK, u"!", u"!", _RED, 31, u"stuck in C code that waits and holds the interpreter",
         u'<path d="M8 2v8M8 14v0"/>'),
    Icon(names.SUSPENDED, u"\u2016", u"z", _ORANGE, 33, u"stopped by the operating system", u'<path d="M5 3v10M11 3v10"/>'),
    Icon(names.TERMINATING, u"\u25fc", u"x", _ORANGE, 33, u"being ended", u'<path d="M3 3h10v10H3z" FILL/>'),
    Icon(names.DETACHED, u"\u2298", u"~", _ORANGE, 33, u"alive, but cut off from its broker",
         u'<circle cx="8" cy="8" r="6"/><path d="M4 12l8-8"/>'),
    Icon(names.DEAD, u"\u2716", u"X", _RED, 31, u"dead", u'<path d="M3 3l10 10M13 3L3 13"/>'),
    Icon(names.LOST, u"\u2026", u"-", _GREY, 90, u"unknown: its broker cannot be reached",
         u'<path d="M3 8v0M8 8v0M13 8v0"/>'),
))
