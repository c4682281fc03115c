"""What a submission sends: the Workflow of an emitted file, and by kubectl the ConfigMaps that it reads, if any."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flowc_targets.argo.server.parts import as_map
from flowc_targets.base.engine import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowc_targets.argo.server.calls import Json
    from flowc_targets.base.target import EmittedFile

KUBECTL_SECONDS = 60
"""How long kubectl may take for a ConfigMap."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The objects of the files that a target emitted, in their order."""

    documents: tuple[Json, ...]

    def workflow(self) -> Json:
        """The one that runs."""
        found = [item for item in self.documents if item.get("kind") == "Workflow"]
        assert len(found) == 1, "the target emitted one Workflow"
        return found[0]

    def create_configs(self, namespace: str) -> None:
        """Create the ConfigMaps with kubectl, unless they are there. Raises EngineError FC611.

        Argo Server has no API for them. They are immutable, and named by their content: one that is there is the same.
        """
        configs = [item for item in self.documents if item.get("kind") == "ConfigMap"]
        if not configs:
            return
        kubectl = shutil.which("kubectl")
        names = ", ".join(str(as_map(item.get("metadata")).get("name")) for item in configs)
        way_out = "say code=workflow, or apply the ConfigMap that `flowc compile` prints and submit with --from"
        if kubectl is None:
            message = f"the code is in the ConfigMap {names}, which Argo Server cannot create, and there is no kubectl"
            raise EngineError.refused(message, way_out)
        for item in configs:
            problem = _create(kubectl, item, namespace)
            if problem is not None:
                raise EngineError.refused(f"kubectl cannot create the ConfigMap {names}: {problem}", way_out)


def read_manifest(files: Sequence[EmittedFile]) -> Manifest:
    """The objects in the text of emitted files."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = [item for file in files for item in cast("list[object]", list(yaml.load_all(file.text, Loader=loader)))]
    return Manifest(tuple(as_map(item) for item in found if item))


def _create(kubectl: str, config: Json, namespace: str) -> str | None:
    """What kubectl says against an object; `None` when it is there."""
    command = [kubectl, "--namespace", namespace, "create", "-f", "-"]
    try:
        result = subprocess.run(
            command, input=json.dumps(config), capture_output=True, text=True, check=False, timeout=KUBECTL_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = result.stderr.strip()
    return None if result.returncode == 0 or "AlreadyExists" in said else said
