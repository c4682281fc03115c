"""Creating objects with the kubectl on the PATH: those that an engine's own server has no API for."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

from flowc_targets.base.engine import EngineError
from flowc_targets.base.json_parts import as_map

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KUBECTL_SECONDS = 60
"""How long kubectl may take for an object."""


def create_config_maps(
    configs: Sequence[Mapping[str, object]], namespace: str | None, whose: str, way_out: str
) -> None:
    """Create the ConfigMaps with the code of a run that is submitted, unless they are there. Raises EngineError FC611.

    They are immutable, and named by their content: one that is there is the same. `whose` is the server that cannot.
    """
    if not configs:
        return
    kubectl = shutil.which("kubectl")
    names = ", ".join(dict.fromkeys(str(as_map(item.get("metadata")).get("name")) for item in configs))
    if kubectl is None:
        message = f"the code is in the ConfigMap {names}, which {whose} cannot create, and there is no kubectl"
        raise EngineError.refused(message, way_out)
    for item in configs:
        problem = _create(kubectl, item, namespace)
        if problem is not None:
            raise EngineError.refused(f"kubectl cannot create the ConfigMap {names}: {problem}", way_out)


def _create(kubectl: str, config: Mapping[str, object], namespace: str | None) -> str | None:
    """What kubectl says against an object; `None` when it is there."""
    command = [kubectl, *(["--namespace", namespace] if namespace is not None else []), "create", "-f", "-"]
    try:
        result = subprocess.run(
            command, input=json.dumps(config), capture_output=True, text=True, check=False, timeout=KUBECTL_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = result.stderr.strip()
    return None if result.returncode == 0 or "AlreadyExists" in said else said
