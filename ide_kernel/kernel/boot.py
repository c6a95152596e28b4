"""The second half of the boot text: makes the kernel, then removes every trace of how it got here."""
from __future__ import absolute_import, division, print_function

import os
import sys

from . import app, sources
from .depth import depth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List

_HERE = os.path.dirname(os.path.abspath(__file__))
_ABOVE_BOTTOM = 2  # this function's frame and its caller's
_alone = []  # type: List[Any]  # what load_alone has made; 2.7 empties a module that nobody holds


def boot(frame, path, modules):
    # type: (Any, List[str], Dict[str, Any]) -> Callable[[], None]
    """Start the kernel.

    Args:
        frame: the bottom frame of ``__main__``.
        path: what ``sys.path`` has to be again.
        modules: what was in ``sys.modules`` before us.

    Returns:
        what the boot text calls to run the user's code.
    """
    here = depth()
    bottom = None if here is None else here - _ABOVE_BOTTOM
    kernel = app.prepare(sys.argv[2:], frame, bottom, path[:1] == [""], load_alone)
    _restore(kernel, path, modules)
    kernel.start()
    return kernel.run


def load_alone(name):
    # type: (str) -> Any
    """Load a module of this package that imports no other of ours, past ``sys.modules``."""
    filename = os.path.join(_HERE, name + ".py")
    module = type(sys)(name)  # with a dot in it, 2.7 would look for the package above
    module.__file__ = filename
    machinery = sys.modules.get("_frozen_importlib_external")
    if machinery is not None:
        code = machinery.SourceFileLoader(module.__name__, filename).get_code(module.__name__)  # cached on disk
    else:
        with open(filename) as stream:
            code = compile(stream.read(), filename, "exec", 0, True)
    exec(code, module.__dict__)
    _alone.append(module)
    return module


def _restore(kernel, path, modules):
    # type: (Any, List[str], Dict[str, Any]) -> None
    """Let ``sys`` look as in a Python that was started without us.

    The modules themselves live on with the kernel: 2.7 empties a module that nobody holds.
    """
    kernel.modules = {}
    for name in list(sys.modules):
        if name not in modules:
            kernel.modules[name] = sys.modules.pop(name)
    for entry in list(sys.path_importer_cache):
        if entry not in path and (entry == _ROOT or entry.startswith(_PACKAGES)):
            del sys.path_importer_cache[entry]
    sys.path[:] = path
    sys.argv[:] = [""]
    if hasattr(sys, "orig_argv"):
        del sys.orig_argv[1:]
    sources.forget_boot()


#: What the import system has cached of our places.
_ROOT = os.path.dirname(os.path.dirname(_HERE))
#: Not all of _ROOT: an environment of the user's may lie there, too.
_PACKAGES = tuple(os.path.join(_ROOT, name) for name in ("ide_kernel", "yotonlike"))
