"""`merge_artifacts`: compares hashes, loads nothing."""

from __future__ import annotations

from flowc.errors import (
    MergeArtifactsException,
    MissingInMergeArtifactsException,
    UnhandledInMergeArtifactsException,
)
from flowc.flowspec import constants, parameters, state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List

    from flowc.flowspec import FlowSpec
    from flowc.shim.task_state import TaskState
    from flowc.store.artifacts import Ref


def merge(flow: FlowSpec, state: TaskState, inputs: Iterable[Any], exclude: List[str], include: List[str]) -> None:
    """Let `flow` inherit what its inputs agree on and it has not set itself, with Metaflow's conditions."""
    if exclude and include:
        raise MergeArtifactsException("exclude and include are mutually exclusive in merge_artifacts")
    step = state.step.name
    own = {*flow.__dict__, *state.inherited, *constants(type(flow)), *parameters(type(flow))}
    merged: Dict[str, Ref] = {}
    conflicts: Dict[str, None] = {}
    for each in inputs:
        for name, ref in state_of(each).references().items():
            if name in own or name in exclude or (include and name not in include):
                continue
            if merged.setdefault(name, ref)["hash"] != ref["hash"]:
                conflicts[name] = None
    if conflicts:
        names = list(conflicts)
        raise UnhandledInMergeArtifactsException(
            f"step {step!r} cannot merge {', '.join(names)}: the inputs have different values. "
            "Set them (self.<artifact> = ...) before merge_artifacts, or exclude them.",
            names,
        )
    missing = [name for name in include if name not in merged and name not in own]
    if missing:
        raise MissingInMergeArtifactsException(
            f"step {step!r} is to merge {', '.join(missing)}, which no input has", missing
        )
    state.inherited.update(merged)
