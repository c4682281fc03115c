"""`@secrets`: variables of the task from secrets. Values are in no message, no manifest and no log of flowc's."""

from __future__ import annotations

import os
import re

from flowc.errors import FlowError
from flowc.secret_managers import MODULES, SecretError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

_SHORTEST = 4
"""The fewest characters of a value that is left out of texts: of shorter ones, texts are full."""
_values: List[str] = []
"""The values that this process has had, the longest first."""
_VARIABLE = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")


def inject(step: str, sources: List[Dict[str, Any]], allow_override: bool) -> None:
    """Set the variables of all sources, or of none. Raises SecretError, with the step and the source."""
    variables: Dict[str, str] = {}
    for source in sources:
        title = f"step {step!r}: the secret {source['id'] or 'inline'} ({source['type']})"
        for name, value in _variables(source, title).items():
            _check(name, value, title)
            if name in variables:
                raise SecretError(f"{title}: two secrets set the variable {name!r}: rename one of them")
            if name in os.environ and not allow_override:
                raise SecretError(
                    f"{title} sets the variable {name!r}, which is there already: rename one, or say "
                    "allow_override=True"
                )
            variables[name] = value
    os.environ.update(variables)
    found = {part for value in variables.values() for part in (value, *value.splitlines()) if len(part) >= _SHORTEST}
    _values[:] = sorted(found.union(_values), key=len, reverse=True)


def hide(text: str) -> str:
    """A text without the values of secrets that this process has had."""
    for value in _values:
        text = text.replace(value, "***")
    return text


def _variables(source: Dict[str, Any], title: str) -> Dict[str, str]:
    if source["type"] == "kubernetes":
        return {}
    if source["type"] == "inline":
        variables: Dict[str, str] = source["options"].get("env_vars", {})
        return variables
    import importlib

    module: Any = importlib.import_module(f"flowc.secret_managers.{MODULES[source['type']]}")
    try:
        found: Dict[str, str] = module.fetch(source["id"], source["options"], source["role"])
        return found
    except FlowError as error:
        problem = str(error)
    except (KeyError, TypeError, AttributeError):
        problem = "a server's answer has another form than its documentation says"
    # Not within `except`: the first error's frames have keys and tokens.
    raise SecretError(f"{title} cannot be fetched: {problem}")


def _check(name: str, value: str, title: str) -> None:
    """Raise SecretError for a name or a value that no variable can have, or that Metaflow refuses."""
    if not _VARIABLE.fullmatch(name):
        raise SecretError(f"{title}: {name!r} is not the name of a variable")
    if name.startswith(("METAFLOW_", "FLOWC_")):
        raise SecretError(f"{title}: {name!r} begins with METAFLOW_ or FLOWC_, which secrets may not")
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
        raise SecretError(f"{title}: the value of {name!r} has a character that no variable can have")
