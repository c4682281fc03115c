"""Functions of a test as bytes, for the processes of tasks, which do not import the test: code, and what it uses."""

from __future__ import annotations

import marshal
import os
import pickle
import site
import sys
import sysconfig
from types import CodeType, FunctionType, ModuleType
from typing import Any, Dict, Iterator, List, Tuple

from flowc.testing.tested_flow import UsageError

Sent = Tuple[str, Any]
"""`module` and a name, `function` and a number, or `value` and a pickle."""


class SentFunctions:
    """Encodes functions. `injection_hooks` decodes them."""

    def __init__(self) -> None:
        self.functions: List[Dict[str, Any]] = []
        self.own: Dict[str, str] = {}
        """The modules that define the functions, and the packages that these are in, with their files."""
        self._numbers: Dict[int, int] = {}

    def encoded(self, what: str, value: Any) -> Sent:
        """A value as `injection_hooks` reads it. Raises UsageError for one that cannot be sent; `what` names it."""
        if isinstance(value, ModuleType):
            return "module", value.__name__
        if isinstance(value, FunctionType) and not is_installed(value.__module__):
            return "function", self._function(what, value)
        try:
            return "value", pickle.dumps(value)
        except Exception as error:
            raise UsageError(
                f"{what} is a {type(value).__name__}, which cannot be sent to the processes of tasks "
                f"({type(error).__name__}: {error}); define it at the top of a module"
            ) from None

    def _function(self, what: str, function: FunctionType) -> int:
        number = self._numbers.get(id(function))
        if number is not None:
            return number
        number = self._numbers[id(function)] = len(self.functions)
        self._add_own(function.__module__)
        entry: Dict[str, Any] = {
            "code": marshal.dumps(function.__code__),
            "name": function.__name__,
            "qualname": function.__qualname__,
            "module": function.__module__,
        }
        self.functions.append(entry)
        what = f"{what}: {function.__name__}"
        used = {name: function.__globals__[name] for name in _names(function.__code__) if name in function.__globals__}
        cells = zip(function.__code__.co_freevars, function.__closure__ or ())
        entry["globals"] = {name: self.encoded(f"{what} uses {name}, which", value) for name, value in used.items()}
        entry["closure"] = [self.encoded(f"{what} uses {name}, which", cell.cell_contents) for name, cell in cells]
        entry["defaults"] = self.encoded(f"{what} has a default, which", function.__defaults__)
        entry["kwdefaults"] = self.encoded(f"{what} has a default, which", function.__kwdefaults__)
        return number

    def _add_own(self, module: str) -> None:
        parts = module.split(".")
        for length in range(1, len(parts) + 1):
            name = ".".join(parts[:length])
            file = getattr(sys.modules.get(name), "__file__", None)
            if name != "__main__" and file is not None:
                self.own[name] = os.path.abspath(file)


def _names(code: CodeType) -> Iterator[str]:
    """The global names that code may use, that of inner functions included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def local_modules() -> Dict[str, str]:
    """The modules of this process that are not installed, with their files."""
    found: Dict[str, str] = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.endswith(".py") and name != "__main__" and not is_installed(name):
            found[name] = os.path.abspath(file)
    return found


def own_modules() -> Dict[str, str]:
    """The modules of `flowc.testing`, which containers do not have, and tests import."""
    return {name: str(module.__file__) for name, module in sys.modules.items() if name.startswith("flowc.testing")}


def is_installed(module: str) -> bool:
    """Whether a module comes with Python, or is installed: every process can import it."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if not isinstance(file, str):
        return module != "__main__"
    places = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), *site.getsitepackages()]
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return os.path.abspath(file).startswith(tuple(f"{os.path.abspath(place)}{os.sep}" for place in [*places, own]))
