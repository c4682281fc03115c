"""Which files of a folder have flows: which may, by a look at their texts, since parsing takes a hundred times as long,
and which do, by what a check of them found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from flowc_cli.batch.check_inputs import Found
from flowc_cli.batch.file_report import FileReport
from flowc_compiler.filesystem import read_file

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


_WEAK = frozenset({"FC102", "FC114"})
"""What is found in a file that has no flow, and imports flowc, Metaflow or ZenML for something else."""


class Candidates:
    """Files, of which those are `wanted`, by their numbers, that may have a flow or are named."""

    def __init__(self, files: Sequence[Found]) -> None:
        self._files = files
        self._evidence = [_evidence(item.path) for item in files]
        may = may_have_flows(self._evidence)
        self.wanted = [number for number, item in enumerate(files) if item.named or may[number]]
        self._built_on: dict[str, int] = {}
        for name in (name for item in self._evidence for name in item.bases):
            self._built_on[name] = self._built_on.get(name, 0) + 1

    def kind(self, number: int, report: FileReport, flow_name: str | None) -> Literal["flow", "base", "none"]:
        """Whether a file has flows, by its report, base classes only, or no flow, or not the one of that name."""
        if self._files[number].named:
            return "flow"
        evidence = self._evidence[number]
        if not _has_flow(report, evidence, flow_name):
            return "none"
        return "base" if _is_base(report, evidence, self._built_on) else "flow"


def _evidence(path: Path) -> Evidence:
    try:
        return evidence_in(read_file(path) if path.is_file() else b"")
    except OSError:  # which is reported where the file is read
        return UNREADABLE


def _has_flow(report: FileReport, evidence: Evidence, wanted: str | None) -> bool:
    """Whether a file of a folder is reported: one that certainly has no flow, or not the wanted one, is not."""
    if report.flows or report.failure:
        return True
    if report.names:
        return wanted is None or wanted in report.names
    codes = {item.code for item in report.diagnostics if item.severity == "error"}
    return evidence.imports and bool(codes) and codes.isdisjoint(_WEAK)


def _is_base(report: FileReport, evidence: Evidence, built_on: dict[str, int]) -> bool:
    """Whether the flows of a file with errors are base classes only, which another file completes.

    Nothing in the file starts one, and either another file has a class with that base, or start or end is missing.
    """
    if not report.failed or not report.names or not evidence.called.isdisjoint(report.names):
        return False
    own = [name for name in report.names if name in evidence.classes]
    elsewhere = all(built_on.get(name, 0) > (name in evidence.bases) for name in own)
    return bool(own) and (elsewhere or any(item.code == "FC206" for item in report.diagnostics))
