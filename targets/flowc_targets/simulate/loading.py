"""YAML as kubectl reads it: 1.1 with a bare `y` or `n` as a boolean and `0o17` as a number, and no key twice."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import yaml

from flowc_targets.simulate.problems import ManifestError

_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_BOOLEAN, _OCTAL = "!kubectl/bool", "!kubectl/octal"


def load(text: str) -> list[Any]:
    """All documents of a text. Raises ManifestError."""
    try:
        return [item for item in yaml.load_all(text, _loader()) if item is not None]
    except yaml.YAMLError as error:
        raise ManifestError(f"this is not YAML: {error}") from None


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    pairs = [
        (loader.construct_object(key, deep=True), loader.construct_object(value, deep=True))
        for key, value in node.value
    ]
    keys = [str(key) for key, _ in pairs]
    twice = next((key for key in keys if keys.count(key) > 1), None) if len(set(keys)) < len(keys) else None
    if twice is not None:
        raise ManifestError(f"line {node.start_mark.line + 1}: the key {twice!r} is there twice")
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
