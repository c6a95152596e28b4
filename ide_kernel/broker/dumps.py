"""Reads what ``faulthandler`` writes: the stacks of all threads, and of which fatal error. Pure.

The text is made in a signal handler, so it is plain: ASCII, innermost frame first, at most 100 frames and 100 threads.
Whatever cannot be read in it is skipped: a process that dies of a broken memory may write anything.
"""
from __future__ import absolute_import, division, print_function

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

_THREAD = re.compile(u"^(Current thread|Thread|Stack) ?(0x[0-9a-fA-F]+)?.*\\(most recent call first\\):")
_FRAME = re.compile(u"^  File \"(.*)\", line (\\d+|\\?+) in (.*)$")
#: What is installed: the standard library, and packages.
_LIBRARY = re.compile(u"/(lib|lib64|lib_pypy|lib-python|site-packages|dist-packages)/|^<frozen ")
_FATAL = u"Fatal Python error: "
#: What stays of the report of a crash.
MOST = 16384


def threads(text, root, main=None, own=None):
    # type: (Any, Any, Any, Any) -> List[Dict[Any, Any]]
    """The threads of the last dump in a text, without frames of ours.

    Args:
        text: what was written.
        root: the directory that holds our packages, as the kernel was given it.
        main, own: idents of the main thread, and of our I/O thread, which is left out.

    Returns:
        Dicts as the question ``stacks`` gives them: ``id``, ``name``, ``frames`` with the innermost one last.
    """
    found = []  # type: List[Dict[Any, Any]]
    for line in text.splitlines():
        head, frame = _THREAD.match(line), _FRAME.match(line)
        if head:
            ident = int(head.group(2), 16) if head.group(2) else 0
            if any(thread[u"id"] == ident for thread in found):
                found = []  # a second dump begins
            found.append({u"id": ident, u"name": u"MainThread" if ident == main else u"", u"frames": []})
        elif frame and found:
            number = frame.group(2)
            found[-1][u"frames"].append({u"file": frame.group(1), u"line": int(number) if number.isdigit() else 0,
                                         u"function": frame.group(3)})
    for thread in found:
        thread[u"frames"] = _users(thread[u"frames"], root)
    return [thread for thread in found if thread[u"id"] != own and thread[u"frames"]]


def _users(frames, root):
    # type: (List[Dict[Any, Any]], Any) -> List[Dict[Any, Any]]
    """The user's frames of one thread, innermost last."""
    ours = tuple(root + place for place in (u"/ide_kernel/", u"/yotonlike/"))
    kept = []
    for frame in frames:
        if frame[u"file"] == root + u"/ide_kernel/kernel/app.py" and frame[u"function"] == u"run":
            break  # below it there is only what started the kernel
        if not frame[u"file"].startswith(ours):
            kept.append(frame)
    return kept[::-1]


def crash(text):
    # type: (Any) -> Any
    """The report of the last fatal error in a text, as it was written; empty when there is none."""
    begin = text.rfind(_FATAL)
    return text[begin:begin + MOST].strip() if begin >= 0 else u""


def innermost(threads):
    # type: (List[Dict[Any, Any]]) -> Any
    """Where the main thread is (or the first one that is anywhere), as ``FILE line NUMBER``; None for nowhere.

    The user's own line says more than the one in a library that it calls.
    """
    for thread in sorted(threads, key=lambda thread: thread[u"name"] != u"MainThread"):
        if thread[u"frames"]:
            users = [frame for frame in thread[u"frames"] if not _LIBRARY.search(frame[u"file"])]
            frame = (users or thread[u"frames"])[-1]
            return u"%s line %d" % (frame[u"file"].rpartition(u"/")[2], frame[u"line"])
    return None
