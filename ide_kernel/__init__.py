"""A Python kernel for IDEs: it runs the user's code in any interpreter and says at every moment how it is.

``start()`` gives a kernel of its own, ``attach()`` another frontend on a running one. The public names are loaded when they
are first used: kernel and broker import this package too, and must stay as small as plain Python.
"""
from __future__ import absolute_import, division, print_function

import sys

__version__ = "0.1.0"

#: Where each public name lives.
_HOMES = {
    "start": ".client.session", "attach": ".client.session", "Kernel": ".client.session",
    "ICONS": ".client.status", "Icon": ".client.status", "Status": ".client.status", "Exit": ".client.status",
    "Execution": ".client.execution", "Result": ".client.execution", "ErrorInfo": ".client.execution",
    "Where": ".client.stacks",
    "Output": ".client.news", "Gap": ".client.news", "InputRequest": ".client.news",
    "KernelError": ".errors", "StartError": ".errors", "InterpreterNotFound": ".errors", "BrokerFailed": ".errors",
    "StartTimeout": ".errors", "NoConnection": ".errors", "KernelDied": ".errors", "BrokerLost": ".errors",
    "Cancelled": ".errors", "ResultLost": ".errors", "RequestFailed": ".errors",
}
__all__ = sorted(_HOMES)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List

    from .client.execution import ErrorInfo as ErrorInfo, Execution as Execution, Result as Result
    from .client.news import Gap as Gap, InputRequest as InputRequest, Output as Output
    from .client.stacks import Where as Where
    from .client.session import Kernel as Kernel, attach as attach, start as start
    from .client.status import ICONS as ICONS, Exit as Exit, Icon as Icon, Status as Status
    from .errors import (BrokerFailed as BrokerFailed, BrokerLost as BrokerLost, Cancelled as Cancelled,
                         InterpreterNotFound as InterpreterNotFound, KernelDied as KernelDied,
                         KernelError as KernelError, NoConnection as NoConnection, RequestFailed as RequestFailed,
                         ResultLost as ResultLost, StartError as StartError, StartTimeout as StartTimeout)


class _LazyModule(type(sys)):  # type: ignore[misc]
    """This module, with public names that are imported at their first use (2.7 and 3.6 know no module ``__getattr__``)."""

    def __getattr__(self, name):
        # type: (str) -> Any
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError("module %r has no attribute %r" % (self.__name__, name))
        value = getattr(__import__(self.__name__ + home, None, None, [name]), name)
        setattr(self, name, value)
        return value

    def __dir__(self):
        # type: () -> List[str]
        return sorted(set(self.__dict__) | set(__all__))


def _become_lazy():
    # type: () -> None
    plain = sys.modules[__name__]
    lazy = _LazyModule(__name__, __doc__)
    lazy.__dict__.update(plain.__dict__)
    lazy.__dict__["_plain"] = plain  # 2.7 empties a module's globals when nobody holds it
    sys.modules[__name__] = lazy


_become_lazy()
