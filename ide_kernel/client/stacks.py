"""Where a kernel's threads are, as a frontend gets to know it."""
from __future__ import absolute_import, division, print_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List


class Frame(object):
    """One call.

    Attributes:
        file (str), line (int), function (str): where it is; line 0 is not known.
    """

    def __init__(self, file, line, function):
        # type: (Any, int, Any) -> None
        self.file = file
        self.line = line
        self.function = function

    def __repr__(self):
        # type: () -> str
        return "<Frame %s:%d %s>" % (self.file, self.line, self.function)


class Thread(object):
    """One thread.

    Attributes:
        id (int): as ``threading.get_ident`` gives it.
        name (str): of the thread, or ``""``.
        frames (list[Frame]): its calls, the innermost one last.
    """

    def __init__(self, id, name, frames):
        # type: (int, Any, List[Frame]) -> None
        self.id = id
        self.name = name
        self.frames = frames

    def __repr__(self):
        # type: () -> str
        return "<Thread %s %r>" % (self.name, self.frames)


class Where(object):
    """The stacks of all threads. ``str()`` gives them as Python prints a traceback.

    Attributes:
        threads (list[Thread]): all of the user's threads.
        how (str): ``"live"`` (the kernel itself answered), ``"dump"`` (C code holds the interpreter; this is what called it) or
            ``"last known"`` (nobody can say now).
        age (float): seconds since it was so.
        words (str): why it is not live, or ``""``.
    """

    def __init__(self, threads, how, age, words):
        # type: (List[Thread], Any, float, Any) -> None
        self.threads = threads
        self.how = how
        self.age = age
        self.words = words

    @classmethod
    def from_message(cls, message):
        # type: (Dict[Any, Any]) -> Where
        """What the broker said."""
        threads = [Thread(thread[u"id"], thread.get(u"name") or u"", [
            Frame(frame[u"file"], frame[u"line"], frame[u"function"]) for frame in thread[u"frames"]])
            for thread in message.get(u"threads") or ()]
        return cls(threads, message.get(u"how"), message.get(u"age") or 0.0, message.get(u"words") or u"")

    def as_dict(self):
        # type: () -> Dict[str, Any]
        """Plain values only, as for JSON."""
        return {"how": self.how, "age": self.age, "words": self.words, "threads": [
            {"id": thread.id, "name": thread.name, "frames": [dict(vars(frame)) for frame in thread.frames]}
            for thread in self.threads]}

    def __str__(self):
        # type: () -> str
        lines = []  # type: List[Any]
        if self.words:
            lines.append(u"%s: %s" % (u"last known, %d s ago" % self.age if self.how == u"last known" else self.how, self.words))
        for thread in self.threads:
            lines.append(u"%s (most recent call last):" % (thread.name or u"Thread %#x" % thread.id))
            lines += [u'  File "%s", line %s, in %s' % (frame.file, frame.line or u"?", frame.function)
                      for frame in thread.frames]
            if not thread.frames:
                lines.append(u"  runs no code of yours")
        return str(u"\n".join(lines))

    def __repr__(self):
        # type: () -> str
        return "<Where %s %r>" % (self.how, self.threads)
