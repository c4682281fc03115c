"""Running a manifest to its end: the controller's `operate` (operator.go) around the nodes.

Before, what Argo's validation rejects, after workflow/validate/validate.go (names, references, cycles, arguments that
are missing, tags that nothing answers), and what the simulator cannot do.
"""

from __future__ import annotations

import json
import os
import re
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
from flowc_targets.simulate.expression_parser import DependsError
from flowc_targets.simulate.manifest import read_manifest, with_parameters
from flowc_targets.simulate.problems import HeldError, ManifestError, NodeError
from flowc_targets.simulate.simulated_cluster import SimulatedCluster
from flowc_targets.simulate.simulated_locks import missing_limits
from flowc_targets.simulate.simulated_pods import PodMaker, known_field
from flowc_targets.simulate.substitution import (
    SCHEDULED_ANNOTATION,
    encoded_parameter,
    is_attempt_choice,
    tags,
    to_json,
)
from flowc_targets.simulate.workflow_nodes import FAILED, Call
from flowc_targets.simulate.workflow_run import Run
from flowc_targets.simulate.workflow_spec import Spec, Task, Template, make_spec, seconds, topological

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

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
    elif scheduled and _SCHEDULED_TAG not in json.dumps(manifest.spec):
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


_SCHEDULED_TAG = "{{workflow.scheduledTime}}"
_NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
_GLOBAL = re.compile(
    r"workflow\.(name|namespace|uid|mainEntrypoint|serviceAccountName|creationTimestamp|scheduledTime|status|failures|duration"
    r"|labels\..+|annotations\..+)|retries|lastRetry\..+|pod\.name|node\.name|tasks\.name"
)
_TASK_TAG = re.compile(r"tasks\.([^.]+)\.(?:outputs\.parameters\.(.+)|(status))")


def checked_spec(manifest: Manifest, name: str, uid: str) -> Spec:
    """The spec of a manifest. Raises ManifestError with all of its problems."""
    try:
        spec = make_spec(manifest, name, uid)
    except DependsError as error:
        raise ManifestError(f"spec.templates: {error}") from None
    problems = [*_spec_problems(spec, manifest)]
    for number, template in enumerate(spec.templates.values()):
        problems += _template_problems(spec, template, f"spec.templates[{number}]", manifest)
    if problems:
        raise ManifestError(*problems)
    for template in spec.templates.values():
        template.link()
    problems = [problem for template in spec.templates.values() for problem in _tag_problems(spec, template)]
    if problems:
        raise ManifestError(*problems)
    return spec


def _spec_problems(spec: Spec, manifest: Manifest) -> Iterator[str]:
    names = [item["name"] for item in spec.raw.get("templates", [])]
    yield from (f"spec.templates: there are two templates {name!r}" for name in set(names) if names.count(name) > 1)
    for key, name in (("entrypoint", spec.entrypoint), ("onExit", spec.on_exit)):
        if name is not None and name not in spec.templates:
            yield f"spec.{key}: there is no template {name!r}"
    for item in spec.raw.get("arguments", {}).get("parameters", []):
        if "value" not in item:
            yield f"spec.arguments.{item['name']}.value: is required; give -p {item['name']}=VALUE"
    yield from _volume_problems(spec.raw.get("volumes", []), "spec", manifest)
    yield from missing_limits(spec.raw, "spec", manifest)


def _volume_problems(volumes: list[dict[str, Any]], path: str, manifest: Manifest) -> Iterator[str]:
    for number, volume in enumerate(volumes):
        name = volume.get("configMap", {}).get("name")
        if name is not None and name not in manifest.config_maps:
            yield f"{path}.volumes[{number}].configMap.name: there is no ConfigMap {name!r} in the manifest"
        for at, source in enumerate(volume.get("projected", {}).get("sources", ())):
            where = f"{path}.volumes[{number}].projected.sources[{at}].configMap"
            yield from _projection_problems(source.get("configMap"), where, manifest)


def _projection_problems(source: dict[str, Any] | None, path: str, manifest: Manifest) -> Iterator[str]:
    if source is None:
        return
    found = manifest.config_maps.get(source["name"])
    if found is None:
        yield f"{path}.name: there is no ConfigMap {source['name']!r} in the manifest"
        return
    for number, item in enumerate(source.get("items", ())):
        if item["key"] not in found.data and item["key"] not in found.binary:
            yield f"{path}.items[{number}].key: ConfigMap {source['name']!r} has no {item['key']!r}"


def _template_problems(spec: Spec, template: Template, path: str, manifest: Manifest) -> Iterator[str]:
    if not _NAME.fullmatch(template.name):
        yield f"{path}.name: {template.name!r} is not a valid name"
    kinds = [kind for kind in ("dag", "container", "suspend") if kind in template.raw]
    if len(kinds) != 1:
        yield f"{path}: must be one of dag, container and suspend, and is {' and '.join(kinds) or 'none of them'}"
        return
    if "initContainers" in template.raw:
        yield f"{path}.initContainers: the simulator runs those of steps with @container only"
    yield from _volume_problems(template.raw.get("volumes", []), path, manifest)
    yield from missing_limits(template.raw, path, manifest)
    if template.kind != "container" and "synchronization" in template.raw:
        yield f"{path}.synchronization: the simulator takes the locks of pods, and of the whole Workflow"
    yield from _durations(template, path)
    if template.kind == "container":
        yield from _container_problems(spec, template, path, manifest)
    for output in template.outputs:
        has_path = template.kind == "container"
        if (output.parameter is None) == (template.kind == "dag") or (output.path is None) == has_path:
            yield f"{path}.outputs.parameters.{output.name}: a DAG's is a `parameter`, a container's a `path`"
    if len(template.raw.get("dag", {}).get("tasks", [])) != len(template.tasks):
        yield f"{path}.dag.tasks: two of them have the same name"
    for number, task in enumerate(template.tasks.values()):
        yield from _task_problems(spec, template, task, f"{path}.dag.tasks[{number}]")
    known = all(name in template.tasks for task in template.tasks.values() for name in task.depends.names)
    if known and len(topological(template.tasks)) != len(template.tasks):
        yield f"{path}.dag.tasks: they depend on each other in a circle"


def _durations(template: Template, path: str) -> Iterator[str]:
    backoff: dict[str, Any] = template.retry.get("backoff", {}) if template.retry else {}
    durations: list[tuple[str, Any]] = [
        (f"retryStrategy.backoff.{key}", backoff[key]) for key in ("duration", "cap", "maxDuration") if key in backoff
    ]
    if "duration" in template.raw.get("suspend", {}):
        durations.append(("suspend.duration", template.raw["suspend"]["duration"]))
    elif template.kind == "suspend" and not template.outputs:
        yield f"{path}.suspend.duration: is missing"
    for key, value in durations:
        try:
            if "{{" not in str(value):
                seconds(value)
        except ValueError as error:
            yield f"{path}.{key}: {error}"
    if backoff and "duration" not in backoff:
        yield f"{path}.retryStrategy.backoff.duration: is missing"


def _container_problems(spec: Spec, template: Template, path: str, manifest: Manifest) -> Iterator[str]:
    container = template.raw["container"]
    volumes = {item["name"] for item in (*spec.raw.get("volumes", []), *template.raw.get("volumes", []))}
    for number, mount in enumerate(container.get("volumeMounts", [])):
        if mount["name"] not in volumes:
            yield f"{path}.container.volumeMounts[{number}].name: there is no volume {mount['name']!r}"
    for number, item in enumerate(container.get("env", [])):
        problem = _env_problem(item, manifest)
        if problem:
            yield f"{path}.container.env[{number}].{problem}"
    for number, item in enumerate(container.get("envFrom", [])):
        name = item.get("configMapRef", {}).get("name")
        if name is not None and name not in manifest.config_maps:
            yield f"{path}.container.envFrom[{number}].configMapRef.name: no ConfigMap {name!r} is in the manifest"


def _env_problem(item: dict[str, Any], manifest: Manifest) -> str:
    """What is wrong with a variable's source; empty if nothing is."""
    source = item.get("valueFrom", {})
    reference = source.get("configMapKeyRef")
    if reference is not None:
        found = manifest.config_maps.get(reference["name"])
        if found is None or reference["key"] not in found.data:
            return f"valueFrom.configMapKeyRef: no {reference['name']}/{reference['key']} is in the manifest"
    reference = source.get("secretKeyRef")
    if reference is not None and item["name"] not in os.environ and not reference.get("optional"):
        return f"valueFrom.secretKeyRef: set {item['name']} in the environment for the secret {reference['name']}"
    field = source.get("fieldRef", {}).get("fieldPath")
    if field is not None and not known_field(field):
        return f"valueFrom.fieldRef.fieldPath: the simulator does not know {field!r}"
    return ""


def _task_problems(spec: Spec, template: Template, task: Task, path: str) -> Iterator[str]:
    if not _NAME.fullmatch(task.name):
        yield f"{path}.name: {task.name!r} is not a valid name"
    for name in task.depends.names:
        if name not in template.tasks:
            yield f"{path}.depends: there is no task {name!r}"
    called = spec.templates.get(task.template)
    if called is None:
        yield f"{path}.template: there is no template {task.template!r}"
        return
    supplied = {item["name"] for item in task.raw.get("arguments", {}).get("parameters", []) if "value" in item}
    for item in called.inputs:
        if item["name"] not in supplied and "value" not in item and "default" not in item:
            yield f"{path}.arguments: {called.name} needs inputs.parameters.{item['name']}, which was not supplied"
    sequence = task.raw.get("withSequence")
    if sequence is not None and ("count" in sequence) == ("end" in sequence):
        yield f"{path}.withSequence: needs one of count and end"


def _tag_problems(spec: Spec, template: Template) -> Iterator[str]:
    """Tags that Argo's validation cannot resolve, and expressions."""
    inputs = {f"inputs.parameters.{item['name']}" for item in template.inputs}
    known = inputs | {f"workflow.parameters.{name}" for name in spec.arguments}
    known |= {f"outputs.parameters.{output.name}.path" for output in template.outputs}
    rest = {key: value for key, value in template.raw.items() if key not in {"dag", "inputs", "outputs"}}
    yield from _unresolved(rest, f"template {template.name}", known, template, None, spec)
    for task in template.tasks.values():
        own = {*known, "item"} if task.expands else known
        yield from _unresolved(task.raw, f"template {template.name}, task {task.name}", own, template, task, spec)
    if template.kind == "dag" and template.outputs:
        outputs = template.raw["outputs"]
        yield from _unresolved(outputs, f"template {template.name}, outputs", known, template, None, spec)


def _unresolved(
    raw: object, where: str, known: set[str], template: Template, task: Task | None, spec: Spec
) -> Iterator[str]:
    try:
        found = tags(to_json(raw))
    except NodeError as error:
        yield f"{where}: {error}"
        return
    for tag in dict.fromkeys(found):
        if tag.startswith("=") and (encoded_parameter(tag) in known or is_attempt_choice(tag)):
            continue
        if tag.startswith("="):
            yield f"{where}: the simulator does not evaluate expressions, as {{{{{tag}}}}} is"
        elif tag not in known and not _GLOBAL.fullmatch(tag):
            problem = _task_tag(tag, template, task, spec)
            if problem is not None:
                yield f"{where}: failed to resolve {{{{{tag}}}}}{problem}"


def _task_tag(tag: str, template: Template, task: Task | None, spec: Spec) -> str | None:
    """Why a tag is not the output of a task that comes before; `None` where it is."""
    match = _TASK_TAG.fullmatch(tag)
    if match is None or template.kind != "dag":
        return ""
    name, output, _ = match.groups()
    before = template.tasks if task is None else task.ancestors
    if name not in before:
        return f": {name} is not before it"
    if output is None:
        return None
    if template.tasks[name].expands:
        return f": {name} is a fan-out, and the simulator does not put outputs of several tasks together"
    outputs = {item.name for item in spec.templates[template.tasks[name].template].outputs}
    return None if output in outputs else f": {name} has no such output"
