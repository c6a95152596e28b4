"""The connection file: where a broker listens, and the secret that lets one in.

Whoever can read it can run code as the user. So it is readable by its owner alone (0600), lies in a directory that only
the owner may enter (0700), and is believed only when it belongs to the user who reads it. Anything else that runs as the
same user can read it too: that is no boundary.
"""
from __future__ import absolute_import, division, print_function

import binascii
import errno
import json
import os
import re
import stat
import time

from .errors import NoConnection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Tuple

VERSION = 1
_OURS = re.compile(r"(?:kernel|socket)-([0-9]{1,9})-[0-9a-f]+(?:\.json(?:\.[0-9]+\.partial)?)?$")
MAX_SIZE = 65536  # ours take 200 bytes; what is longer is something else


class Connection(object):
    """What a connection file says.

    Attributes:
        address (text): where the broker listens.
        key (bytes): the secret; it is in no repr.
        broker_pid (int): the broker, for display and to tell a file that was left behind; never a pid to signal.
        python (text): the kernel's interpreter.
        created (float): seconds since the epoch.
        path (str | None): of the file.
    """

    def __init__(self, address, key, broker_pid, python, created, path=None):
        # type: (Any, bytes, int, Any, float, Any) -> None
        self.address = address
        self.key = key
        self.broker_pid = broker_pid
        self.python = python
        self.created = created
        self.path = path

    def __repr__(self):
        # type: () -> str
        return "<Connection %s broker_pid=%d>" % (self.address, self.broker_pid)


def directory():
    # type: () -> Any
    """Where this user's connection files lie. It need not exist yet."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.path.isabs(runtime) and os.path.isdir(runtime):
        return os.path.join(runtime, "ide-kernel")
    temporary = os.environ.get("TMPDIR", "")  # the module tempfile would say no more here, and takes 8 ms to load
    if not os.path.isabs(temporary) or not os.path.isdir(temporary):
        temporary = "/tmp"
    return os.path.join(temporary, "ide-kernel-%d" % os.getuid())


def make_directory():
    # type: () -> Any
    """Make the directory, or check the one that is there.

    Raises:
        NoConnection: it belongs to somebody else, others may enter it, or it cannot be made.
    """
    path = directory()
    try:
        os.mkdir(path, 0o700)
    except EnvironmentError as error:
        if error.errno != errno.EEXIST:
            raise NoConnection("cannot make the directory for connection files: %s" % error)
    problem = _directory_problem(path)
    if problem:
        raise NoConnection("%s will not do for connection files: %s; remove it, or set XDG_RUNTIME_DIR" % (path, problem))
    return path


def _directory_problem(path):
    # type: (Any) -> Any
    found = os.lstat(path)  # a symbolic link of somebody else's would lead anywhere
    if not stat.S_ISDIR(found.st_mode):
        return "it is not a directory"
    if found.st_uid != os.getuid():
        return "it belongs to another user"
    if found.st_mode & 0o077:
        return "others may enter it"
    return None


def write(connection, path=None):
    # type: (Connection, Any) -> Any
    """Write a connection file that no one else can read at any moment.

    Args:
        connection: what to write; its ``path`` is set.
        path: where; None for a new name in `directory`. An old file of our own is replaced.

    Returns:
        str: the absolute path.

    Raises:
        NoConnection: the file cannot be written.
    """
    if path is None:
        random = binascii.hexlify(os.urandom(4)).decode("ascii")
        path = os.path.join(make_directory(), "kernel-%d-%s.json" % (connection.broker_pid, random))
    path = os.path.abspath(path)
    record = {"version": VERSION, "address": connection.address, "key": binascii.hexlify(connection.key).decode("ascii"),
              "broker_pid": connection.broker_pid, "python": connection.python, "created": connection.created}
    data = (json.dumps(record, indent=1, sort_keys=True) + "\n").encode("utf-8")
    partial = "%s.%d.partial" % (path, os.getpid())
    try:
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            os.write(fd, data)
        finally:
            os.close(fd)
        os.rename(partial, path)  # nobody reads half a file
    except EnvironmentError as error:
        raise NoConnection("cannot write the connection file %s: %s" % (path, error.strerror or error))
    connection.path = path
    return path


def remove(path):
    # type: (Any) -> None
    """Remove a connection file; one that is gone is no error."""
    try:
        os.unlink(path)
    except EnvironmentError as error:
        if error.errno != errno.ENOENT:
            raise


def read(path):
    # type: (Any) -> Connection
    """Read a connection file.

    Raises:
        NoConnection: it is not there, not ours alone, or no connection file.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO of that name must not hold us up
        try:
            found = os.fstat(fd)
            data = os.read(fd, MAX_SIZE)
        finally:
            os.close(fd)
    except EnvironmentError as error:
        raise NoConnection("cannot read the connection file %s: %s" % (path, error.strerror or error))
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise NoConnection("the connection file %s is not for this user alone: whoever wrote it could be anybody" % path)
    return _parse(data, path)


def _parse(data, path):
    # type: (bytes, Any) -> Connection
    try:
        record = json.loads(data.decode("utf-8"))
        version = record["version"]
        record["address"].encode("ascii"), record["python"].encode("utf-8", "replace")
        connection = Connection(record["address"], binascii.unhexlify(record["key"].encode("ascii")),
                                int(record["broker_pid"]), record["python"], float(record["created"]), path)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NoConnection("%s is no connection file" % path)
    if version != VERSION:
        raise NoConnection("the connection file %s has version %r, this program knows version %d" % (path, version, VERSION))
    return connection


def find_all():
    # type: () -> List[Connection]
    """This user's connections whose brokers seem to live, newest first. Unreadable files and dead brokers' are passed over."""
    path = directory()
    try:
        names = [] if _directory_problem(path) else os.listdir(path)
    except EnvironmentError:
        names = []
    found = []
    for name in names:
        if name.startswith("kernel-") and name.endswith(".json"):
            try:
                connection = read(os.path.join(path, name))
            except NoConnection:
                continue
            if _lives(connection.broker_pid):
                found.append(connection)
    return sorted(found, key=lambda connection: connection.created, reverse=True)


def sweep():
    # type: () -> None
    """Remove what brokers left behind that were killed."""
    path = directory()
    if not os.path.isdir(path) or _directory_problem(path):
        return
    for name in os.listdir(path):
        found = _OURS.match(name)
        if found and not _lives(int(found.group(1))):
            remove(os.path.join(path, name))


def newest():
    # type: () -> Connection
    """The newest connection of this user.

    Raises:
        NoConnection: there is none.
    """
    found = find_all()
    if not found:
        raise NoConnection("no kernel of yours is running: start one, or name its connection file")
    return found[0]


def new_address():
    # type: () -> Tuple[Any, Any]
    """A name for a socket of this user: (path, address). A path too long for a Unix socket gives a loopback address.

    Raises:
        NoConnection: there is no directory for it.
    """
    path = os.path.join(make_directory(), "socket-%d-%s" % (os.getpid(), binascii.hexlify(os.urandom(4)).decode("ascii")))
    if len(os.fsencode(path) if hasattr(os, "fsencode") else path) > 100:  # sun_path holds 104 bytes on macOS
        return None, u"tcp://127.0.0.1:0"
    return path, u"unix://" + path


def now():
    # type: () -> float
    """The time to write as ``created``."""
    return time.time()


def _lives(pid):
    # type: (int) -> bool
    """Whether a process with that pid exists; it may be another one by now, which the handshake will show."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)  # signal 0 only asks
    except EnvironmentError as error:
        return error.errno == errno.EPERM
    return True
