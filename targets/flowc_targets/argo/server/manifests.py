"""What a submission sends: the Workflow of an emitted file, and by kubectl the ConfigMaps that it reads, if any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flowc_targets.base.json_parts import as_map
from flowc_targets.kubernetes.kubectl import create_config_maps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowc_targets.argo.server.argo_server import Json
    from flowc_targets.base.target import EmittedFile


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

        Argo Server has no API for them.
        """
        configs = [item for item in self.documents if item.get("kind") == "ConfigMap"]
        way_out = "say code=workflow, or apply the ConfigMap that `flowc compile` prints and submit with --from"
        create_config_maps(configs, namespace, "Argo Server", way_out)


def read_manifest(files: Sequence[EmittedFile]) -> Manifest:
    """The objects in the text of emitted files."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = [item for file in files for item in cast("list[object]", list(yaml.load_all(file.text, Loader=loader)))]
    return Manifest(tuple(as_map(item) for item in found if item))
