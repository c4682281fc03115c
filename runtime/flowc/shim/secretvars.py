"""`@secrets`: variables from secrets, set before the step's code runs.

`inline` secrets stand in the plan. The variables of Kubernetes Secrets are in the pod's environment already. Secrets of
cloud managers are not fetched: an engine has to bring them.
"""

from __future__ import annotations

import os

from flowc.errors import FlowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List


class SecretError(FlowError):
    """A secret cannot be had, or would replace a variable that is there."""


def inject(sources: List[Dict[str, Any]], allow_override: bool) -> None:
    """Set the variables of all sources, or of none. Raises SecretError."""
    variables: Dict[str, str] = {}
    for source in sources:
        for name, value in _variables(source).items():
            if name in variables:
                raise SecretError(f"two secrets set the variable {name!r}: rename one of them")
            if name in os.environ and not allow_override:
                raise SecretError(
                    f"the secret {_title(source)} sets the variable {name!r}, which is there already: rename one, or "
                    "say allow_override=True"
                )
            variables[name] = value
    os.environ.update(variables)


def _variables(source: Dict[str, Any]) -> Dict[str, str]:
    if source["type"] == "inline":
        variables: Dict[str, str] = source["options"].get("env_vars", {})
        return variables
    if source["type"] == "kubernetes":
        return {}
    raise SecretError(
        f"the secret {_title(source)} cannot be fetched: flowc has no client of {source['type']}; sync it into a "
        "Kubernetes Secret and name that (type 'kubernetes'), or fetch it in the step with the manager's own client"
    )


def _title(source: Dict[str, Any]) -> str:
    return f"{source['id'] or 'inline'} ({source['type']})"
