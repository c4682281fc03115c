"""Running a manifest to its end: the controller's `operate` (operator.go) around the nodes."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from flowc.protocol.encodings import SENT, plain_text
from flowc_targets.simulate.manifest import read_manifest, with_parameters
from flowc_targets.simulate.manifest_checks import checked_spec
from flowc_targets.simulate.problems import HeldError, NodeError
from flowc_targets.simulate.simulated_cluster import SimulatedCluster
from flowc_targets.simulate.simulated_pods import PodMaker
from flowc_targets.simulate.workflow_nodes import FAILED, Call
from flowc_targets.simulate.workflow_run import Run

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from flowc_targets.simulate.manifest import Manifest
    from flowc_targets.simulate.node_report import Progress
    from flowc_targets.simulate.workflow_nodes import Node, Nodes
    from flowc_targets.simulate.workflow_spec import Spec


@dataclass(frozen=True)
class SimulateOptions:
    """How a manifest is run."""

    root: str | None = None
    """The artifact store, instead of the manifest's."""
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    """Values for `spec.arguments`, as `argo submit -p` gives them."""
    python: str = sys.executable
    """The interpreter that replaces a container's `python3`."""
    max_workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    fork: bool = True
    """Whether tasks may begin in a forked Python that has the code imported."""
    backoff: float = 1.0
    """By how much the waits between attempts are multiplied."""
    timeout_grace: float | None = None
    """Seconds by which a pod may outlive its `@timeout`, instead of what the manifest was compiled with."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables of all pods, over what the manifest says."""
    uid: str | None = None
    name: str | None = None
    keep: Path | None = None
    """A folder in which the pods' folders stay, with their logs."""


@dataclass(frozen=True)
class SimulationResult:
    """How a run has ended."""

    phase: Literal["Succeeded", "Failed", "Error"]
    message: str
    nodes: Nodes
    spec: Spec
    title: str
    seconds: float


def prepare_manifest(text: str, options: SimulateOptions) -> tuple[Manifest, Spec]:
    """A manifest that has been read and checked, with the values for its arguments. Raises ManifestError."""
    manifest = read_manifest(text)
    manifest = _with_values(manifest, options.parameters)
    uid = options.uid or str(uuid.uuid4())
    metadata = manifest.metadata
    name = options.name or metadata.get("name") or f"{metadata.get('generateName', 'workflow-')}{uid[:5]}"
    if manifest.kind == "WorkflowTemplate" and options.name is None:
        name = f"{name}-{uid[:5]}"
    elif manifest.kind == "CronWorkflow" and options.name is None:
        name = f"{name}-{int(time.time())}"
    return manifest, checked_spec(manifest, name, uid)


def simulate(manifest: Manifest, spec: Spec, options: SimulateOptions, progress: Progress) -> SimulationResult:
    """Run a manifest to its end. Raises ManifestError where a value turns out to be an expression."""
    with _folder(options.keep) as folder:
        maker = PodMaker(manifest, folder, options)
        cluster = SimulatedCluster(maker, options, folder, progress)
        run = Run(spec, cluster, backoff=options.backoff)
        cluster.run = run
        try:
            return _operate(run, cluster, manifest.title, progress)
        finally:
            cluster.close()


def _operate(run: Run, cluster: SimulatedCluster, title: str, progress: Progress) -> SimulationResult:
    spec = run.spec
    deadline = spec.raw.get("activeDeadlineSeconds")
    if deadline is not None:
        cluster.later(run.started + deadline, run.expire)
    main = _executed(run, cluster, progress, Call(spec.name, spec.entrypoint, spec.arguments, None, 1))
    phase: Literal["Succeeded", "Failed", "Error"] = main.phase if main.phase in FAILED else "Succeeded"  # type: ignore[assignment]
    run.values["workflow.status"] = phase
    run.values["workflow.duration"] = f"{time.time() - run.started:.6f}"
    message = main.message
    if spec.on_exit is not None:
        call = Call(f"{spec.name}.onExit", spec.on_exit, {}, None, 1, on_exit=True)
        handler = _executed(run, cluster, progress, call)
        if phase == "Succeeded" and handler.phase in FAILED:
            phase, message = handler.phase, handler.message  # type: ignore[assignment]
    return SimulationResult(phase, message, run.nodes, spec, title, time.time() - run.started)


def _executed(run: Run, cluster: SimulatedCluster, progress: Progress, call: Call) -> Node:
    """The node of a call, fulfilled."""
    try:
        node = run.execute(call)
    except NodeError:
        node = run.nodes.by_id[run.nodes.id_of(call.name)]
    except HeldError:
        raise AssertionError("nothing runs that could hold the first template") from None
    run.settle()
    while not node.fulfilled:
        if not cluster.busy:
            waiting = [one.name for one in run.nodes.by_id.values() if not one.fulfilled]
            run.mark(node, "Error", f"nothing can go on; not done: {', '.join(waiting[:10])}")
            break
        cluster.turn()
        run.settle()
        progress.tick(cluster.waiting)
    return node


def _with_values(manifest: Manifest, parameters: Mapping[str, str]) -> Manifest:
    """A manifest with values for its arguments, and a note on each unknown one, which Argo silently accepts."""
    if not parameters:
        return manifest
    declared = [item["name"] for item in manifest.spec.get("arguments", {}).get("parameters", [])]
    known = f"it has {', '.join(declared)}" if declared else "it has none"
    notes = [f"the manifest has no argument {name!r}, {known}" for name in parameters if name not in declared]
    spec = with_parameters(manifest.spec, {name: _sent(name, value, manifest) for name, value in parameters.items()})
    return replace(manifest, spec=spec, notes=(*manifest.notes, *notes))


def _sent(name: str, value: str, manifest: Manifest) -> str:
    """A value as an argument: in base64 if the shim reads it and would take it for an encoding."""
    plain = plain_text(value)
    by_shim = plain != value and f"{SENT}{{{{=sprig.b64enc(workflow.parameters['{name}'])" in json.dumps(manifest.spec)
    return plain if by_shim else value


@contextmanager
def _folder(keep: Path | None) -> Generator[Path]:
    if keep is not None:
        folder = keep.absolute() / f"pods-{uuid.uuid4().hex[:8]}"
        folder.mkdir(parents=True)
        yield folder
        return
    folder = Path(tempfile.mkdtemp(prefix="flowc-simulate-")).resolve()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
