"""Writes what docs/status.md shows of the code: the tables, and a picture of each icon.

    python3 docs/make_status.py

A test calls `pages` and compares, so nobody can forget to.
"""
from __future__ import absolute_import, division, print_function

import io
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from ide_kernel import vocabulary  # noqa: E402
from ide_kernel.broker.diagnosis import HOLDS, TABLE  # noqa: E402
from ide_kernel.client.status import ICONS  # noqa: E402


def icons():
    """The icons, one row each."""
    yield u"| | state | in words | glyph | ASCII |"
    yield u"|---|---|---|---|---|"
    for state in vocabulary.STATES:
        icon = ICONS[state]
        yield u"| ![%s](icons/%s.svg) | `%s` | %s | %s | `%s` |" % (state, state, state, icon.words, icon.glyph, icon.ascii)


def table():
    """The table of the diagnosis, from the top."""
    yield u"| state | when all of this holds, and no row above |"
    yield u"|---|---|"
    for state, conditions, _ in TABLE:
        yield u"| `%s` | %s |" % (state, u", and ".join(u"*%s*" % name for name in conditions) or u"(always)")


def holds():
    """How long a state must last."""
    yield u"| from | to | seconds | why |"
    yield u"|---|---|---|---|"
    for before, after, seconds, reason in HOLDS:
        cells = [u", ".join(u"`%s`" % name for name in names) if names else u"any" for names in (before, after)]
        yield u"| %s | %s | %g | %s |" % (cells[0], cells[1], seconds, reason)


def pages():
    """{path from the root: the text that belongs there}."""
    with io.open(os.path.join(ROOT, "docs", "status.md"), encoding="utf-8") as stream:
        page = stream.read()
    for make in (icons, table, holds):
        name = make.__name__
        page = re.sub(u"(?s)(<!-- %s -->\n).*?(<!-- end -->)" % name,
                      lambda match, make=make: match.group(1) + u"".join(line + u"\n" for line in make()) + match.group(2), page)
    found = dict(("docs/icons/%s.svg" % state, icon.svg + u"\n") for state, icon in ICONS.items())
    found["docs/status.md"] = page
    return found


if __name__ == "__main__":
    for path, text in pages().items():
        with io.open(os.path.join(ROOT, path), "w", encoding="utf-8") as stream:
            stream.write(text)
