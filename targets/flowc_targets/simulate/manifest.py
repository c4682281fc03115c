"""Reading a manifest: the object to run, as a Workflow, and the ConfigMaps beside it."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from flowc_targets.simulate import manifest_fields
from flowc_targets.simulate.problems import ManifestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_targets.simulate.manifest_fields import Shape


_RUNNABLE = {
    "Workflow": manifest_fields.WORKFLOW,
    "CronWorkflow": manifest_fields.CRON_WORKFLOW,
    "WorkflowTemplate": manifest_fields.WORKFLOW,
}
"""The kinds that can be run; of several in a manifest the first of these is."""
_BESIDE = frozenset({"Sensor", "EventSource", "EventBus", "PersistentVolumeClaim", "LocalQueue", "ClusterQueue"})
"""Kinds that mean nothing to a run here. They are not looked into."""


@dataclass(frozen=True, slots=True)
class ConfigMap:
    """The contents of a ConfigMap."""

    data: dict[str, str]
    binary: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is run."""

    kind: str
    metadata: dict[str, Any]
    spec: dict[str, Any]
    config_maps: dict[str, ConfigMap]
    notes: tuple[str, ...]

    @property
    def title(self) -> str:
        """The name of the flow if the manifest has it, else of the object."""
        annotations = self.metadata.get("annotations", {})
        return str(annotations.get("workflows.argoproj.io/title") or self.metadata.get("name", ""))


def read_manifest(text: str) -> Manifest:
    """Read all documents, and check every field. Raises ManifestError."""
    documents = _documents(text)
    problems: list[str] = []
    runnable: dict[str, list[dict[str, Any]]] = {kind: [] for kind in _RUNNABLE}
    config_maps: dict[str, ConfigMap] = {}
    notes: list[str] = []
    for number, document in enumerate(documents):
        kind = document.get("kind")
        where = f"document {number + 1}"
        if kind == "ConfigMap":
            _checked(manifest_fields.CONFIG_MAP, document, "ConfigMap", problems)
            if not problems:
                config_maps[str(document["metadata"].get("name"))] = _config_map(document)
        elif kind in _RUNNABLE:
            _checked(_RUNNABLE[kind], document, kind, problems)
            runnable[kind].append(document)
        elif kind in _BESIDE:
            notes.append(f"the {kind} is not simulated")
        else:
            problems.append(f"{where}: the simulator does not know the kind {kind!r}")
    if problems:
        raise ManifestError(*problems)
    kind, document = _chosen(runnable)
    spec = document["spec"]["workflowSpec"] if kind == "CronWorkflow" else document["spec"]
    spec = _with_template(spec, runnable["WorkflowTemplate"])
    return Manifest(kind, document["metadata"], spec, config_maps, tuple(notes))


def with_parameters(spec: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """A spec with values for its arguments, as `argo submit -p` sets them: also for names that it does not have."""
    parameters = [dict(item) for item in spec.get("arguments", {}).get("parameters", [])]
    names = {item["name"] for item in parameters}
    for item in parameters:
        if item["name"] in values:
            item["value"] = values[item["name"]]
    parameters += [{"name": name, "value": value} for name, value in values.items() if name not in names]
    return {**spec, "arguments": {"parameters": parameters}}


def _documents(text: str) -> list[dict[str, Any]]:
    found = load(text)
    for number, item in enumerate(found):
        if not isinstance(item, dict):
            raise ManifestError(f"document {number + 1}: is not an object")
    return found


def _checked(shape: Shape, document: dict[str, Any], kind: str, problems: list[str]) -> None:
    wanted = "v1" if kind == "ConfigMap" else "argoproj.io/v1alpha1"
    if document.get("apiVersion") != wanted:
        problems.append(f"apiVersion: is {document.get('apiVersion')!r}, not {wanted} (kind {kind})")
    shape(document, "", problems)


def _chosen(runnable: Mapping[str, list[dict[str, Any]]]) -> tuple[str, dict[str, Any]]:
    for kind, found in runnable.items():
        if len(found) > 1:
            raise ManifestError(f"there are {len(found)} objects of kind {kind}: the simulator runs one")
        if found:
            return kind, found[0]
    raise ManifestError(f"there is nothing to run: no {', '.join(list(runnable)[:-1])} or WorkflowTemplate")


def _with_template(spec: dict[str, Any], templates: list[dict[str, Any]]) -> dict[str, Any]:
    """The spec that Argo executes where one names a WorkflowTemplate: the template's, with the spec's own fields."""
    if "workflowTemplateRef" not in spec:
        return spec
    name = spec["workflowTemplateRef"]["name"]
    found = next((item["spec"] for item in templates if item["metadata"].get("name") == name), None)
    if found is None:
        raise ManifestError(f"spec.workflowTemplateRef.name: there is no WorkflowTemplate {name!r} in the manifest")
    own = {key: value for key, value in spec.items() if key not in {"workflowTemplateRef", "arguments"}}
    values = {item["name"]: str(item["value"]) for item in spec.get("arguments", {}).get("parameters", [])}
    return with_parameters({**found, **own}, values)


def _config_map(document: dict[str, Any]) -> ConfigMap:
    binary: dict[str, bytes] = {}
    for key, value in document.get("binaryData", {}).items():
        try:
            binary[key] = base64.b64decode(value, validate=True)
        except (ValueError, binascii.Error):
            raise ManifestError(f"ConfigMap.binaryData.{key}: is not base64") from None
    return ConfigMap(dict(document.get("data", {})), binary)


_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_BOOLEAN, _OCTAL = "!kubectl/bool", "!kubectl/octal"


def load(text: str) -> list[Any]:
    """All documents of a text. Raises ManifestError."""
    try:
        return [item for item in yaml.load_all(text, _loader()) if item is not None]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        message = f"the manifest is not YAML: {where}{getattr(error, 'problem', None) or error}"
        raise ManifestError(message, code="FC104", help="`flowc compile FILE -o PATH` writes a manifest") from None


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    pairs = [
        (loader.construct_object(key, deep=True), loader.construct_object(value, deep=True))
        for key, value in node.value
    ]
    keys = [str(key) for key, _ in pairs]
    twice = next((key for key in keys if keys.count(key) > 1), None) if len(set(keys)) < len(keys) else None
    if twice is not None:
        raise ManifestError(f"line {node.start_mark.line + 1}: the key {twice!r} appears twice")
    return dict(pairs)


def _boolean(loader: Any, node: yaml.ScalarNode) -> bool:
    del loader
    return str(node.value) in "yY"


def _octal(loader: Any, node: yaml.ScalarNode) -> int:
    del loader
    return int(str(node.value), 8)


@cache
def _loader() -> Any:
    """A safe loader, by libyaml where PyYAML has it, with a table of its own."""
    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    tables = {
        "yaml_implicit_resolvers": {
            first: [pair for pair in pairs if pair[0] != _TIMESTAMP]
            for first, pairs in base.yaml_implicit_resolvers.items()
        },
        "yaml_constructors": dict(base.yaml_constructors),
    }
    loader: Any = type("KubectlLoader", (base,), tables)
    loader.add_implicit_resolver(_BOOLEAN, re.compile(r"^[yYnN]$"), list("yYnN"))
    loader.add_implicit_resolver(_OCTAL, re.compile(r"^0o[0-7]+$"), ["0"])
    loader.add_constructor(_BOOLEAN, _boolean)
    loader.add_constructor(_OCTAL, _octal)
    loader.add_constructor("tag:yaml.org,2002:map", _mapping)
    return loader
