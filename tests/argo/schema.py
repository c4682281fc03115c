"""A strict reader of JSON schemas: unknown fields, wrong types and values outside of an enum are problems.

Knows the words that Argo's schemas and CRDs are written in, and raises UnknownWordError at any other, so that a rule is
never passed over.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Tree = Any
Schema = dict[str, Any]

_IGNORED = frozenset(
    {
        "$comment", "$id", "$schema", "default", "definitions", "description", "discriminator", "example",
        "fields-to-discriminateBy", "nullable", "title", "x-kubernetes-group-version-kind",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type", "x-kubernetes-map-type", "x-kubernetes-patch-merge-key",
        "x-kubernetes-patch-strategy", "x-kubernetes-unions", "x-kubernetes-validations",
    }
)  # fmt: skip
"""Words that say nothing of what a value may be, or (list-map-keys, validations) what only the API server checks."""
_KNOWN = _IGNORED | {
    "$ref", "additionalProperties", "anyOf", "const", "enum", "format", "items", "maxItems", "maxLength", "maximum",
    "minItems", "minLength", "minimum", "oneOf", "pattern", "properties", "required", "type",
    "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields",
}  # fmt: skip
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list,
}  # fmt: skip
ANYTHING = frozenset(
    {
        "github.com.argoproj.argo_events.pkg.apis.events.v1alpha1.Amount",  # as below
        "github.com.argoproj.argo_events.pkg.apis.events.v1alpha1.Int64OrString",  # either
        "github.com.argoproj.argo_events.pkg.apis.events.v1alpha1.K8SResource",  # an object of any kind
        "io.argoproj.workflow.v1alpha1.Amount",  # a number, which the schema lists as such
        "io.argoproj.workflow.v1alpha1.Item",  # any value of JSON
        "io.argoproj.workflow.v1alpha1.Plugin",
        "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1",
    }
)
"""Definitions that list no fields and mean any."""
INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"


class UnknownWordError(Exception):
    """The schema has a word that is not understood here."""


class Checker:
    """Checks values against one schema; `root` holds the definitions that references name."""

    def __init__(self, root: Schema) -> None:
        self._root = root

    def problems(self, value: Tree, schema: Schema, path: str = "") -> Iterator[str]:
        """All that is wrong with a value, each with its path. Raises UnknownWordError."""
        if unknown := set(schema) - _KNOWN:
            raise UnknownWordError(f"{path}: {sorted(unknown)}")
        if "$ref" in schema:
            yield from self._referenced(value, schema["$ref"], path)
            return
        if schema.get("x-kubernetes-int-or-string"):
            if isinstance(value, bool) or not isinstance(value, int | str):
                yield f"{path}: {value!r} is neither a number nor a string"
        elif "type" in schema and not _is(value, schema["type"]):
            yield f"{path}: {value!r} is no {schema['type']}"
            return
        for word in ("anyOf", "oneOf"):
            if word in schema and all(list(self.problems(value, each, path)) for each in schema[word]):
                yield f"{path}: {value!r} is none of {word}"
        yield from _limits(value, schema, path)
        if isinstance(value, dict):
            yield from self._object(value, schema, path)  # pyright: ignore[reportUnknownArgumentType]
        if isinstance(value, list) and "items" in schema:
            for number, item in enumerate(value):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
                yield from self.problems(item, schema["items"], f"{path}[{number}]")

    def _referenced(self, value: Tree, reference: str, path: str) -> Iterator[str]:
        name = reference.removeprefix("#/definitions/")
        if name == INT_OR_STRING:
            yield from self.problems(value, {"x-kubernetes-int-or-string": True}, path)
        elif name not in ANYTHING:
            yield from self.problems(value, self._root["definitions"][name], path)

    def _object(self, value: dict[str, Tree], schema: Schema, path: str) -> Iterator[str]:
        properties: dict[str, Schema] = schema.get("properties", {})
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{path}: {name} is missing"
        others = schema.get("additionalProperties")
        for name, item in value.items():
            inner = f"{path}.{name}"
            if name in properties:
                yield from self.problems(item, properties[name], inner)
            elif isinstance(others, dict):
                yield from self.problems(item, others, inner)  # pyright: ignore[reportUnknownArgumentType]
            elif not (others or schema.get("x-kubernetes-preserve-unknown-fields") or "anyOf" in schema):
                yield f"{inner}: unknown field"


def _is(value: Tree, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])


def _limits(value: Tree, schema: Schema, path: str) -> Iterator[str]:
    if "const" in schema and value != schema["const"]:
        yield f"{path}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {schema['enum']}"
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{path}: {value!r} is out of bounds"
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{path}: {value!r} does not match {schema['pattern']}"
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            yield f"{path}: {value[:40]!r} has {len(value)} characters"
    if isinstance(value, list):
        length = len(value)  # pyright: ignore[reportUnknownArgumentType]
        if not schema.get("minItems", 0) <= length <= schema.get("maxItems", length):
            yield f"{path}: {length} items"
