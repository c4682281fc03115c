"""Running a manifest to its end: the controller's `operate` (operator.go) around the nodes.

Before, what Argo's validation rejects, after workflow/validate/validate.go (names, references, cycles, arguments that
are missing, tags that nothing answers), and what the simulator cannot do.
"""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from flowc.protocol import env_names
from flowc.protocol.encodings import SENT, plain_text
from flowc_compiler.diagnostics import suggest
from flowc_targets.base.scratch import scratch_folder
from flowc_targets.simulate.answers import check_answers
from flowc_targets.simulate.manifest import read_manifest, with_parameters
from flowc_targets.simulate.problems import HeldError, ManifestError, NodeError
from flowc_targets.simulate.simulated_cluster import SimulatedCluster
from flowc_targets.simulate.simulated_pods import PodMaker
from flowc_targets.simulate.spec_checks import SCHEDULED_TAG, checked_spec
from flowc_targets.simulate.substitution import SCHEDULED_ANNOTATION
from flowc_targets.simulate.workflow_nodes import FAILED, Call
from flowc_targets.simulate.workflow_run import Run
from flowc_targets.simulate.workflow_spec import Spec, without_others

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from flowc_targets.simulate.manifest import Manifest
    from flowc_targets.simulate.node_report import Progress
    from flowc_targets.simulate.workflow_nodes import Node, Nodes


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
    scheduled: str = ""
    """The time that the run is scheduled for, in ISO 8601; the present minute of a CronWorkflow by default."""
    uid: str | None = None
    name: str | None = None
    approvals: Mapping[str, str] = field(default_factory=dict[str, str])
    """What is chosen for steps with `@approval`, by step; else `flowc approve` answers."""
    keep: Path | None = None
    """A folder in which the pods' folders stay, with their logs."""
    sidecars: bool = True
    """Whether containers beside those of steps count, so that a manifest with some is refused."""


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
    manifest = manifest if options.sidecars else _without_sidecars(manifest)
    manifest = _with_time(_with_values(manifest, options.parameters), options.scheduled)
    uid = options.uid or str(uuid.uuid4())
    metadata = manifest.metadata
    name = options.name or metadata.get("name") or f"{metadata.get('generateName', 'workflow-')}{uid[:5]}"
    if manifest.kind == "WorkflowTemplate" and options.name is None:
        name = f"{name}-{uid[:5]}"
    elif manifest.kind == "CronWorkflow" and options.name is None:
        name = f"{name}-{int(time.time())}"
    spec = checked_spec(manifest, name, uid)
    check_answers(spec, options.approvals)
    return manifest, spec


def simulate(manifest: Manifest, spec: Spec, options: SimulateOptions, progress: Progress) -> SimulationResult:
    """Run a manifest to its end. Raises ManifestError where a value turns out to be an expression."""
    with _folder(options.keep) as folder:
        maker = PodMaker(manifest, folder, options)
        cluster = SimulatedCluster(maker, options, folder, progress)
        run = Run(spec, cluster, backoff=options.backoff)
        cluster.run = run
        try:
            if cluster.locks.hold_run(spec.raw, spec.name, options.root or _root_of(spec)):
                while not cluster.locks.run_goes_on() and not cluster.locks.error:
                    time.sleep(_LOCK_SECONDS)
                run.started = time.time()
            return _operate(run, cluster, manifest.title, progress)
        finally:
            cluster.close()


_LOCK_SECONDS = 0.1
"""Between two looks whether a Workflow has got its locks."""


def _root_of(spec: Spec) -> str | None:
    """The root that the pods of a manifest have."""
    containers: list[dict[str, Any]] = [template.raw.get("container", {}) for template in spec.templates.values()]
    variables = (item for container in containers for item in container.get("env", ()))
    return next((str(item["value"]) for item in variables if item["name"] == env_names.ROOT and "value" in item), None)


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
        progress.tick(cluster.waiting, cluster.resting)
    return node


def _without_sidecars(manifest: Manifest) -> Manifest:
    """A manifest without sidecars and init containers, with a note that names the templates that have some."""
    templates = [without_others(item) for item in manifest.spec.get("templates", [])]
    changed = [
        new["name"] for new, old in zip(templates, manifest.spec.get("templates", []), strict=True) if new != old
    ]
    if not changed:
        return manifest
    note = f"sidecars and init containers are left out: {', '.join(changed)} without"
    return replace(manifest, spec={**manifest.spec, "templates": templates}, notes=(*manifest.notes, note))


def _with_values(manifest: Manifest, parameters: Mapping[str, str]) -> Manifest:
    """A manifest with values for its arguments.

    Raises ManifestError for one that nothing reads: Argo accepts it in silence, and the run would not be the one meant.
    """
    if not parameters:
        return manifest
    declared = [item["name"] for item in manifest.spec.get("arguments", {}).get("parameters", [])]
    known = f"it has {', '.join(declared)}" if declared else "it has none"
    text = json.dumps(manifest.spec)
    unknown = [name for name in parameters if name not in declared and f"workflow.parameters.{name}" not in text]
    if unknown:
        problems = [f"the manifest has no argument {name!r}" for name in unknown]
        raise ManifestError(*problems, code="FC302", help=suggest(unknown[0], declared, known).help)
    spec = with_parameters(manifest.spec, {name: _sent(name, value, manifest) for name, value in parameters.items()})
    return replace(manifest, spec=spec)


def _with_time(manifest: Manifest, scheduled: str) -> Manifest:
    """A manifest with the annotation by which Argo knows the time. Raises ManifestError where nothing reads it."""
    if manifest.kind == "CronWorkflow" and not scheduled:
        scheduled = time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime())
    elif scheduled and SCHEDULED_TAG not in json.dumps(manifest.spec):
        problem = "nothing in the manifest reads the time that its run is scheduled for"
        raise ManifestError(problem, code="FC506", help="leave out --scheduled-time, or put @schedule above the flow")
    if not scheduled:
        return manifest
    annotations = {**manifest.metadata.get("annotations", {}), SCHEDULED_ANNOTATION: scheduled}
    return replace(manifest, metadata={**manifest.metadata, "annotations": annotations})


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
    with scratch_folder("flowc-simulate-") as folder:
        yield folder
