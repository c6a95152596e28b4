"""The names that kernel, broker and client share: channels, states, request kinds, and how each process is booted.

Nothing here imports anything: the kernel loads it before user code runs.
"""
from __future__ import absolute_import, division, print_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

# Channels between a frontend and the broker.
REQUESTS = u"ide-kernel.requests"  # ReqChannel at the frontend, RepChannel at the broker
EVENTS = u"ide-kernel.events"      # everything that happened, in one order: output, executions, input, end
BEAT = u"ide-kernel.beat"          # how many heartbeats of the kernel came, told once a second while they do
STATUS = u"ide-kernel.status"      # the last status, delivered at once to whoever joins

# States of a kernel: see broker/diagnosis.py.
STARTING = u"starting"
IDLE = u"idle"
BUSY = u"busy"
INPUT = u"input"
OUTPUT = u"output"
DEBUGGING = u"debugging"
EXTENSION = u"extension"
STUCK = u"stuck"
SUSPENDED = u"suspended"
TERMINATING = u"terminating"
DETACHED = u"detached"
DEAD = u"dead"
LOST = u"lost"
STATES = (STARTING, IDLE, BUSY, INPUT, OUTPUT, DEBUGGING, EXTENSION, STUCK, SUSPENDED, TERMINATING,
          DETACHED, DEAD, LOST)

# How the code of an execution is meant: see kernel/cells.py and kernel/programs.py.
CELL = u"cell"
SCRIPT = u"script"
COMMAND = u"command"
MODULE = u"module"
MODES = (CELL, SCRIPT, COMMAND, MODULE)

#: The highest number that the first line of code may have: the kernel puts that many empty lines in front of it.
MAX_LINE = 10000000

# What the kernel can be asked while it runs.
QUESTIONS = (u"complete", u"inspect", u"signature", u"is_complete", u"stacks")

# What becomes of the kernel's output when an attached frontend does not read it.
BLOCK = u"block"  # the kernel waits in ``print``
SPOOL = u"spool"  # it runs on; what is missing stays in the journal, and beyond its cap is a gap
DROP = u"drop"    # it runs on; beyond the frontend's window is a gap
WHEN_SLOW = (BLOCK, SPOOL, DROP)


def extended(message, more):
    # type: (Dict[Any, Any], Dict[Any, Any]) -> Dict[Any, Any]
    """A copy of a message with more in it. ``dict(message, name=...)`` is no way to say that: names in messages are text, and
    2.7's keywords are bytes, which no other Python takes for the same."""
    message = dict(message)
    message.update(more)
    return message


# Marks in the pipe of the kernel's output: MARK_HEAD, 16 bytes of nonce, a kind, struct MARK_TAIL, payload.
# The head starts with a control character that no terminal uses, so a search for it is rarely fooled.
MARK_HEAD = b"\x1e\x01IK"
MARK_TAIL = ">IH"  # execution id, length of the payload
NONCE_SIZE = 16
MARK_START = b"S"
MARK_START_BESIDE = b"B"  # starts while threads or children of earlier ones are there: bytes without a mark may be theirs
MARK_END = b"E"
MARK_STDERR = b"X"
MARK_STDOUT = b"O"
#: POSIX promises that a pipe takes this many bytes in one piece (512 at least; 4096 on Linux, macOS has 512).
PIPE_BUF = 4096

#: ``python -c BOOT package_root link_fd nonce_hex``: what it calls is in ide_kernel/kernel/boot.py. Nothing but the standard
#: library may be found meanwhile, so that neither the current directory nor PYTHONPATH shadows what we import, and packages
#: without contents stand in for ours, whose own ``__init__`` would load more than a kernel needs.
BOOT = u"""\
def _boot():
    import sys
    path, modules = sys.path[:], dict(sys.modules)
    home = modules['os'].__file__.rpartition('/')[0]
    sys.path[:] = [entry for entry in path if entry == home or entry.startswith(home + '/lib-dynload')]
    for name in ('yotonlike', 'yotonlike.protocol', 'ide_kernel', 'ide_kernel.kernel'):
        module = sys.modules[name] = type(sys)(name)
        module.__path__ = [sys.argv[1] + '/' + name.replace('.', '/')]
    from ide_kernel.kernel.boot import boot
    return boot(sys._getframe(1), path, modules)
_boot = _boot()
globals().pop('_boot')()
"""

#: ``python -S -E -c BROKER_BOOT package_root interpreter json_arguments``: see ide_kernel/broker/boot.py. The interpreter
#: stands by itself because the kernel is started before there is a JSON parser. ``-E`` and ``-S`` keep the user's
#: settings and site packages out of the broker; our root comes last, so that nothing beside it shadows the standard library.
BROKER_BOOT = u"""\
import sys
if sys.path and sys.path[0] == '':
    del sys.path[0]
sys.path.append(sys.argv[1])
from ide_kernel.broker import boot
boot.main(sys.argv)
"""
