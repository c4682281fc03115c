"""Which files of a folder may have a flow, by a look at their texts: parsing takes a hundred times as long."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_IMPORTS = re.compile(rb"^[ \t]*(?:from|import)[ \t]+(?:flowc|metaflow|zenml)\b", re.MULTILINE)
_CLASS = re.compile(rb"^[ \t]*class[ \t]+(\w+)[ \t]*\(([^)]*)\)", re.MULTILINE)
_CALL = re.compile(rb"^[ \t]*(\w+)[ \t]*\(", re.MULTILINE)
_BASE = re.compile(rb"(\w+)\s*(?:\[[^\]]*\])?\s*(?:,|$)")


class Evidence(NamedTuple):
    """What a file's text says about flows in it."""

    imports: bool
    """It names FlowSpec, or imports flowc, Metaflow or ZenML."""
    classes: dict[str, tuple[str, ...]]
    """The classes with bases, and the last part of the name of each base."""
    called: frozenset[str]
    """Those of the classes that a statement calls, as `MyFlow()` in a main block."""
    pipelines: bool
    """It may run a pipeline that it imports."""

    @property
    def bases(self) -> set[str]:
        """The names of all base classes."""
        return {base for bases in self.classes.values() for base in bases}


UNREADABLE = Evidence(imports=True, classes={}, called=frozenset(), pipelines=False)
"""That of a file whose content is not known."""


def evidence_in(content: bytes) -> Evidence:
    """The evidence in a file's content."""
    imports = b"FlowSpec" in content or _IMPORTS.search(content) is not None
    classes: dict[str, tuple[str, ...]] = {}
    for name, bases in _CLASS.findall(content) if b"class" in content else ():
        classes[name.decode(errors="replace")] = tuple(item.decode(errors="replace") for item in _BASE.findall(bases))
    statements = {item.decode(errors="replace") for item in _CALL.findall(content)} if classes else set[str]()
    return Evidence(imports, classes, frozenset(statements & classes.keys()), b"pipeline" in content)


def may_have_flows(files: Iterable[Evidence]) -> list[bool]:
    """For each file whether it may have a flow. A class may be one by a base that another of the files has."""
    all_files = list(files)
    flows = {name for item in all_files if item.imports for name in item.classes}
    children: dict[str, set[str]] = {}
    for item in all_files:
        for name, bases in item.classes.items():
            for base in bases:
                children.setdefault(base, set()).add(name)
    pending = list(flows)
    while pending:
        for child in children.get(pending.pop(), set()) - flows:
            flows.add(child)
            pending.append(child)
    return [
        item.imports or item.pipelines or bool(item.called) or not flows.isdisjoint(item.classes) for item in all_files
    ]
