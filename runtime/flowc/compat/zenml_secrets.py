"""`Client().get_secret(name)` in a step that has that Secret: `@step(secrets=["name"])`.

Its keys are variables of the task, so that a value is found by its key. Which keys there are, only Kubernetes knows.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from flowc.current import running
from flowc.errors import FlowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator

    _Texts = Mapping[str, str]
else:
    _Texts = Mapping


class SecretResponse:
    """A secret of the running step."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.secret_values = SecretValues(name)

    def __repr__(self) -> str:
        return f"<the Secret {self.name!r}>"


class SecretValues(_Texts):
    """The values of a secret by their keys, which are variables of the task."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getitem__(self, key: str) -> str:
        if key not in os.environ:
            raise KeyError(f"the Secret {self._name!r} has given the task no variable {key!r}")
        return os.environ[key]

    def __iter__(self) -> Iterator[str]:
        raise self._unknown()

    def __len__(self) -> int:
        raise self._unknown()

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<values of the Secret {self._name!r}>"

    def _unknown(self) -> FlowError:
        return FlowError(f"a task does not know which keys the Secret {self._name!r} has: read them by their names")


def find_secret(name_id_or_prefix: Any, *args: Any, **options: Any) -> SecretResponse:
    """`Client().get_secret`. Raises KeyError, as ZenML does for a secret that its store does not have."""
    del args, options
    name = str(name_id_or_prefix)
    state = running.state
    secrets = state.step.secrets if state is not None else None
    for source in secrets["sources"] if secrets is not None else ():
        if source["type"] == "kubernetes" and source["id"] == name:
            return SecretResponse(name)
    raise KeyError(f"there is no secret {name!r} of this step, and flowc has no store of secrets")
