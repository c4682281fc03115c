"""Snapshots of the objects for Argo Workflows, from files or from a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, cast

from flowc_cli.diffing.snapshot import Facts, Snapshot, facts_of, read_code, with_shared_pods
from flowc_compiler.ir.manifest_schema import CODE_VOLUME
from flowc_targets.base.json_parts import as_map, as_maps
from flowc_targets.kubernetes.labels import FLOW, RELEASE

Json = dict[str, Any]
KINDS = ("CronWorkflow", "WorkflowTemplate", "Workflow")
_OF_SHIM = frozenset({"name", "inputs", "outputs", "container.args", "container.command"})
_OWN_LABELS = ("app.kubernetes.io/managed-by", "flowc/", "workflows.argoproj.io/")
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def snapshot_of(objects: Iterable[Json], flow: str) -> Snapshot | None:
    """The snapshot of a flow's objects, of which there may be others; `None` where there are none."""
    items = list(objects)
    main = next((item for kind in KINDS for item in items if item.get("kind") == kind), None)
    if main is None:
        return None
    spec = workflow_spec(main)
    maps = {str(as_map(item.get("metadata")).get("name")): item for item in items if item.get("kind") == "ConfigMap"}
    texts, unread = _texts(spec, maps)
    steps, files = read_code(texts) if texts else ({}, {})
    pods = with_shared_pods(dict(_pods(spec)), texts)
    return Snapshot(flow, steps or {name: {} for name in pods}, pods, _deployment(main, spec, items), files, unread)


def workflow_spec(item: Json) -> Json:
    """The spec of the Workflows that an object makes."""
    spec = as_map(item.get("spec"))
    return as_map(spec.get("workflowSpec")) if item.get("kind") == "CronWorkflow" else spec


def is_of(item: Json, flow: str) -> bool:
    """Whether an object is of a flow."""
    labels = as_map(as_map(item.get("metadata")).get("labels"))
    return labels.get(FLOW) == flow and RELEASE not in labels


def package_maps_of(spec: Json) -> Iterator[tuple[str, dict[str, str]]]:
    """The ConfigMaps that pods see, each with its keys and their paths."""
    for volume in as_maps(spec.get("volumes")):
        if volume.get("name") == CODE_VOLUME:
            for source in as_maps(as_map(volume.get("projected")).get("sources")):
                config = as_map(source.get("configMap"))
                items = {str(item["key"]): str(item["path"]) for item in as_maps(config.get("items"))}
                yield str(config.get("name")), items


def _texts(spec: Json, maps: Mapping[str, Json]) -> tuple[dict[str, str], str]:
    """The files of the code by their paths, and why there are none."""
    for name, items in package_maps_of(spec):
        config = maps.get(name)
        if config is None or RELEASE in as_map(as_map(config.get("metadata")).get("labels")):
            continue
        data = {**as_map(config.get("binaryData")), **as_map(config.get("data"))}
        return {path: str(data[key]) for key, path in items.items() if key in data}, ""
    names = ", ".join(name for name, _ in package_maps_of(spec)) or "in the Workflow, or in the store"
    return {}, f"the code of the other version cannot be read: it is {names}"


def _pods(spec: Json) -> Iterator[tuple[str, Facts]]:
    """How each step runs: the template of its pod, without what the shim is called with."""
    templates = {str(item.get("name")): item for item in as_maps(spec.get("templates"))}
    used: dict[str, list[str]] = {}
    for template in templates.values():
        for task in as_maps(as_map(template.get("dag")).get("tasks")):
            parameters = as_maps(as_map(task.get("arguments")).get("parameters"))
            steps = [str(item.get("value")) for item in parameters if item.get("name") == "step"]
            used.setdefault(str(task.get("template")), []).extend(steps)
    for name, template in templates.items():
        container = as_map(template.get("container"))
        if not container:
            continue
        args = [str(item) for item in cast("list[object]", container.get("args") or [])]
        literal = [after for item, after in pairwise(args) if item in {"--step", "--group"} and "{{" not in after]
        facts = {key: value for key, value in facts_of(template) if not _is_of_shim(key, value)}
        facts["python"] = next(iter(container.get("command") or ()), "")
        for step in literal or used.get(name, []):
            yield step, facts


def _is_of_shim(key: str, value: str) -> bool:
    if key.startswith(("inputs.", "outputs.")) or key in _OF_SHIM or value in {"{}", "[]", '""', "null", ""}:
        return True
    return key.startswith(f"container.volumeMounts.{CODE_VOLUME}.")


def _deployment(main: Json, spec: Json, items: list[Json]) -> Facts:
    """What an object says beside its templates, and of which kinds the others are."""
    meta = as_map(main.get("metadata"))
    labels = {key: value for key, value in as_map(meta.get("labels")).items() if not key.startswith(_OWN_LABELS)}
    annotations = {key: value for key, value in as_map(meta.get("annotations")).items() if key != _APPLIED}
    volumes = [item for item in as_maps(spec.get("volumes")) if item.get("name") != CODE_VOLUME]
    rest = {key: value for key, value in spec.items() if key not in {"templates", "volumes", "workflowMetadata"}}
    rest |= {"volumes": volumes} if volumes else {}
    own = {
        key: value
        for key, value in as_map(main.get("spec")).items()
        if key not in {"workflowSpec", "workflowMetadata", *spec}
    }
    metadata = {"labels": labels, "annotations": annotations}
    whole: Json = {"kind": main.get("kind"), **{key: value for key, value in metadata.items() if value}, **own, **rest}
    if main.get("kind") != "Workflow":
        whole["name"] = meta.get("name")
    whole |= {"namespace": meta["namespace"]} if meta.get("namespace") else {}
    runtime = next((name for name, keys in package_maps_of(spec) if "flowc.pyz" in keys), None)
    whole |= {"runtime": runtime} if runtime is not None else {}
    others = sorted(str(item.get("kind")) for item in items if item.get("kind") not in {*KINDS, "ConfigMap"})
    whole |= {"beside it": ", ".join(others)} if others else {}
    return {key: value for key, value in facts_of(whole) if value not in {"{}", "[]", "null", ""} or "value" in key}
