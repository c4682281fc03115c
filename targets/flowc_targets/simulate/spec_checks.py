"""What Argo's controller would refuse of a Workflow before it starts a pod."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from flowc_targets.simulate.expression_parser import DependsError
from flowc_targets.simulate.problems import ManifestError, NodeError
from flowc_targets.simulate.simulated_locks import missing_limits
from flowc_targets.simulate.simulated_pods import known_field
from flowc_targets.simulate.substitution import encoded_parameter, is_attempt_choice, tags, to_json
from flowc_targets.simulate.workflow_spec import OTHERS, Spec, Task, Template, make_spec, seconds, topological

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_targets.simulate.manifest import Manifest


SCHEDULED_TAG = "{{workflow.scheduledTime}}"
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
    for key in OTHERS & template.raw.keys():
        yield f"{path}.{key}: the simulator starts none; --without-sidecars leaves them out"
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
