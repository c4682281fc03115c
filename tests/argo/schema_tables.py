"""Writes the tables of fields that patches are checked by, from what the engines' own clients and CRDs list.

`python -m tests.argo.schema_tables` writes them: it needs the client of Kubernetes, in the environment of
`tests/airflow/setup`, the client of Argo, and Argo's full CRDs.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import yaml

from flowc_compiler.ir import manifest_schema
from flowc_targets.argo import patches
from tests.argo.test_schema import CRDS
from tests.conftest import REPOSITORY

Table = dict[str, dict[str, str]]
CLIENTS = sorted(REPOSITORY.glob("tests/airflow/env-*/lib/python*/site-packages/kubernetes/client/models"))
"""Where the client of Kubernetes has its models."""
PLAIN = {
    "str": "string", "int": "integer", "float": "number", "bool": "boolean", "object": "any", "datetime": "string",
    "date": "string", "none_type": "any", "dict": "any",
}  # fmt: skip
ENUMS = {
    "imagePullPolicy": "Always|IfNotPresent|Never",
    "restartPolicy": "Always|OnFailure|Never",
    "protocol": "TCP|UDP|SCTP",
    "effect": "NoSchedule|PreferNoSchedule|NoExecute",
    "dnsPolicy": "ClusterFirst|ClusterFirstWithHostNet|Default|None",
    "preemptionPolicy": "Never|PreemptLowerPriority",
    "fsGroupChangePolicy": "Always|OnRootMismatch",
}
"""Fields of one meaning everywhere, whose values neither lists, and a pod would be refused for."""
SIMPLE: set[str] = set()
"""Types that stand for a plain value, as far as they have been met."""
QUANTITIES = {"limits", "requests", "overhead", "sizeLimit", "divisor"}
EITHER = {"port", "targetPort", "maxSurge", "maxUnavailable", "limit", "factor", "count", "start", "end", "fixed"}
"""Fields that take numbers and texts."""


def kubernetes_table() -> Table:
    """The types of a pod's spec and metadata, by their names in Kubernetes."""
    return _closed(["PodSpec", "ObjectMeta"], _of_kubernetes)


def argo_table(below: Table) -> Table:
    """The types of a Workflow, without those of Kubernetes, which are `below`."""
    found = _closed(["WorkflowSpec", "Template"], _of_argo)
    table = {
        name: {key: _without_simple(kind) for key, kind in fields.items()}
        for name, fields in found.items()
        if name not in below and name not in SIMPLE
    }
    _complete(table, "WorkflowSpec", _crd_spec(), set())
    return dict(sorted(table.items()))


def _without_simple(kind: str) -> str:
    """A type, in which aliases of plain values are these."""
    return (
        re.sub(r"\b[A-Z]\w+", lambda match: "any" if match[0] in SIMPLE else match[0], kind)
        if "|" not in kind
        else kind
    )


def _closed(names: list[str], fields_of: Any) -> Table:
    """The fields of types and of those that they name."""
    table: Table = {}
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in table:
            table[name] = fields_of(name)
            pending += [
                part for text in table[name].values() for part in re.findall(r"\b[A-Z]\w+", text) if "|" not in text
            ]
    return dict(sorted(table.items()))


def _of_kubernetes(name: str) -> dict[str, str]:
    squeezed = name.lower()
    paths = {path.stem.replace("_", ""): path for path in CLIENTS[-1].glob("*.py")}
    path = paths.get(f"v1{squeezed}") or paths[squeezed]
    text = path.read_text()
    maps = {
        target.id: ast.literal_eval(node.value)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    required = set(re.findall(r"Invalid value for `(\w+)`, must not be `None`", text))
    types, keys = maps["openapi_types"], maps["attribute_map"]
    return {keys[field]: _typed(keys[field], _plain(kind)) + "!" * (field in required) for field, kind in types.items()}


def _plain(kind: str) -> str:
    if match := re.fullmatch(r"list\[(.+)\]", kind):
        return f"[{_plain(match[1])}]"
    if match := re.fullmatch(r"dict[\[(]str, (.+)[\])]", kind):
        return f"{{{_plain(match[1])}}}"
    return PLAIN.get(kind) or kind.removeprefix("V1")


def _typed(key: str, kind: str) -> str:
    if key in ENUMS and kind == "string":
        return ENUMS[key]
    if key in QUANTITIES:
        return kind.replace("string", "quantity")
    return "int-or-string" if key in EITHER and kind in {"any", "string", "IntOrString"} else kind


def _of_argo(name: str) -> dict[str, str]:
    folder = Path(importlib.import_module("argo_workflows").__file__ or "").parent / "model"
    paths = {path.stem.replace("_", ""): path.stem for path in folder.glob("*.py")}
    own = paths.get(f"ioargoprojworkflowv1alpha1{name.lower()}") or paths.get(name.lower())
    if own is None:
        return {}
    module = importlib.import_module(f"argo_workflows.model.{own}")
    model: Any = next(item for key, item in vars(module).items() if key.lower().endswith(own.replace("_", "")))
    types: dict[str, Any] = model.openapi_types
    if not model.attribute_map:
        SIMPLE.add(name)
        return {}
    required = set(re.findall(r"def _from_openapi_data\(cls, (.*?)\*args", Path(module.__file__ or "").read_text()))
    needed = {word.strip() for text in required for word in text.split(",") if word.strip()}
    return {
        model.attribute_map[field]: _typed(model.attribute_map[field], _argo_kind(kind[0])) + "!" * (field in needed)
        for field, kind in types.items()
    }


def _argo_kind(kind: Any) -> str:
    if isinstance(kind, list):
        return f"[{_argo_kind(next(iter(cast('Iterable[Any]', kind))))}]"
    if isinstance(kind, dict):
        inner: Any = next(iter(cast("dict[str, Any]", kind).values()))
        return f"{{{_argo_kind(inner[0] if isinstance(inner, tuple) else inner)}}}"
    name: str = kind.__name__
    return PLAIN.get(name) or name.removeprefix("IoArgoprojWorkflowV1alpha1")


def _crd_spec() -> dict[str, Any]:
    """What Argo's CRD has as the spec of a Workflow."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    tree = yaml.load((CRDS / "argoproj.io_workflows.yaml").read_text(), loader)
    found: dict[str, Any] = tree["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found


def _complete(table: Table, name: str, schema: dict[str, Any], seen: set[str]) -> None:
    """Add what a newer Argo has to a type, and the types in it: fields, enums, and what takes numbers and texts."""
    seen.add(name)
    for key, of in schema.get("properties", {}).items():
        known = table[name].get(key)
        needed = "!" if (known or "").endswith("!") else ""
        if known is None or "enum" in of or of.get("x-kubernetes-int-or-string") or _is_any(of):
            table[name][key] = _of_schema(of) + needed
            continue
        inner: Any = of.get("items", of.get("additionalProperties", of))
        kind = known.strip("[]{}!")
        if kind in table and kind not in seen and isinstance(inner, dict):
            _complete(table, kind, cast("dict[str, Any]", inner), seen)


def _is_any(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "object" and not {"properties", "additionalProperties"} & schema.keys()


def _of_schema(schema: dict[str, Any]) -> str:
    """A type of a field that only the CRD has, without the fields in it."""
    if schema.get("x-kubernetes-int-or-string"):
        return "int-or-string"
    if "enum" in schema:
        return "|".join(item for item in schema["enum"] if item)
    kind: str = schema.get("type", "any")
    if kind == "array":
        return f"[{_of_schema(schema['items'])}]"
    return "any" if kind == "object" else kind


def text_of(table: Table) -> str:
    """A table as JSON, a type a line."""
    lines = (f"{json.dumps(name)}: {json.dumps(fields)}" for name, fields in table.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def tables() -> Iterator[tuple[Path, str]]:
    """The files and their texts."""
    below = kubernetes_table()
    yield manifest_schema.TABLE, text_of(below)
    yield patches.TABLE, text_of(argo_table(below))


if __name__ == "__main__":
    for path, text in tables():
        path.write_text(text)
        sys.stdout.write(f"{path}: {len(text)} bytes\n")
