"""The modules that a task's `import metaflow` and `import zenml` get: the names that flowc serves, and no other.

A name is looked up in flowc when it is first used, so that a task pays for what its flow uses.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List


unserved: Dict[str, List[str]] = {}
"""What the files of this process's flow import and is not served: names by their module, as the plan has them."""


def served_spec(name: str) -> ModuleSpec | None:
    """The spec of a module that is served, or that the flow imports; `None` for another one of metaflow or zenml."""
    modules = _names(name).MODULES
    package = any(other.startswith(f"{name}.") for other in (*modules, *unserved)) or _may_be_idle(name)
    if name not in modules and name not in unserved and not package:
        return None
    loader: Any = _Loader()
    return ModuleSpec(name, loader, origin=__file__, is_package=package)


def find(module: str, name: str) -> Any:
    """What a served name stands for. Raises KeyError when it is not served."""
    place = _served(module)[name]
    if place in ("deployment", "notebooks"):
        return find_command(module, name)
    if not place:
        return import_module(f"{module}.{name}")
    if place.startswith("="):
        return place[1:]
    home, separator, other = place.partition(":")
    found = import_module(f"flowc.{home}")
    return found if separator and not other else getattr(found, other or name)


@lru_cache(None)
def find_command(module: str, name: str) -> Any:
    """What one of `metaflow_names.COMMANDS` stands for; a placeholder where `flowc` isn't installed."""
    from flowc.protocol.metaflow_names import COMMANDS

    home = f"flowc.{COMMANDS[name]}"
    try:
        return getattr(import_module(home), name)
    except ModuleNotFoundError as error:
        if error.name != home:
            raise
        from flowc.compat.placeholders import placeholder

        why = "starts the `flowc` command, which is not here: take an image with flowc, and --runtime image"
        return placeholder(module, name, why)


def _names(module: str) -> Any:
    """The tables of the package that a module is of."""
    return import_module(f"flowc.protocol.{module.partition('.')[0]}_names")


def _may_be_idle(name: str) -> bool:
    """Whether a module is one of an integration's materializers or flavors, or the integration's own."""
    from flowc.protocol.zenml_names import is_idle

    return is_idle(name, None) or is_idle(f"{name}.flavors", None)


def _served(module: str) -> Dict[str, str]:
    served: Dict[str, str] = _names(module).MODULES.get(module, {})
    return served


class _Loader:
    """Makes the modules."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty module."""
        return _ServedModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Say what is in it; the names come when they are used."""
        module.__file__ = __file__  # where Python says that it looked, when a name is not served
        name = module.__name__
        vars(module)["__all__"] = sorted(item for item, place in _served(name).items() if place)
        if "." not in name:
            from flowc._version import __version__

            vars(module)["__version__"] = f"{_names(name).VERSION}+flowc.{__version__}"


class _ServedModule(ModuleType):
    """Looks a name up when it is first used; the error for any other name lists what flowc serves."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        from flowc.protocol.zenml_names import is_idle

        module = self.__name__
        served = _served(module)
        if name in served:
            value = find(module, name)
        elif f"{module}.{name}" in _names(module).MODULES:
            value = import_module(f"{module}.{name}")
        elif is_idle(module, name):
            from flowc.compat.zenml_settings import idle_class

            value = idle_class(module, name)
        elif name in unserved.get(module, ()):
            from flowc.compat.placeholders import placeholder

            value = placeholder(module, name)
        else:
            known = f"; it serves {', '.join(sorted(served))}" if served else ""
            raise AttributeError(f"flowc does not serve {module}.{name}{known}")
        vars(self)[name] = value
        return value

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *_served(self.__name__)})
