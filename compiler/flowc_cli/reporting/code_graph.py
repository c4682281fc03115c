"""The graph of a run: of the code that it left in the store, which is compiled again; else what the run says itself."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from flowc.client import Run
from flowc.errors import CorruptArtifact
from flowc.store.documents import CODE_RECORD
from flowc_cli.drawing.graph_document import GraphDocument, GraphEdge, GraphNode, NodeKind
from flowc_cli.reporting.run_view import CodeView

if TYPE_CHECKING:
    from flowc_compiler.driver import Compilation

T = TypeVar("T")
_KINDS: Mapping[str, NodeKind] = {
    "split-static": "branch",
    "split-foreach": "foreach",
    "split-parallel": "parallel",
    "split-switch": "switch",
    "join": "join",
}
_LONGEST_NAME = 400


def stored_code(run: Run) -> CodeView | None:
    """The code that a run has left; `None` for one of an earlier release, and where the record is damaged."""
    try:
        record = run.layout.read_json(f"{run.pathspec}/{CODE_RECORD}")
    except CorruptArtifact:
        return None
    if record is None:
        return None
    files = {str(name): text for name, text in record["files"].items() if isinstance(text, str)}
    others = {str(name): size for name, size in record.get("others", {}).items() if isinstance(size, int)}
    return CodeView(file=record["file"], files=files, others=others)


def run_graph(run: Run, code: CodeView | None) -> GraphDocument:
    """The graph. Compiling executes nothing of the code, and reads neither this machine's files nor its variables."""
    found = _compiled(run, code) if code is not None else None
    return found if found is not None else _recorded(run)


def compile_stored(run: Run, code: CodeView, use: Callable[[Compilation, str], T]) -> T | None:
    """What `use` makes of the compiled code of a run, and of the folder that its files are in while it does.

    `None` where the code cannot be compiled alone, or gives steps other than the run's.
    """
    from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
    from flowc_compiler.driver import compile_file

    if code.file not in code.files:
        return None
    with tempfile.TemporaryDirectory(prefix="flowc-report-") as folder:
        for name, text in code.files.items():
            if _is_plain(name):
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        try:
            found = compile_file(
                Path(folder, code.file), DiagnosticSink(), flow_name=run.layout.flow, variables=frozenset[str]
            )
        except (FlowcError, OSError):
            return None
        steps = run.graph.get("steps")
        if steps and not {step.name for step in found.flow.steps} <= set(steps):
            return None
        return use(found, folder)


def _compiled(run: Run, code: CodeView) -> GraphDocument | None:
    """The graph of the code."""
    from flowc_cli.drawing.document_builder import graph_document

    def draw(found: Compilation, folder: str) -> GraphDocument:
        document = graph_document(found.flow)
        prefix = f"{folder}{os.sep}"
        nodes = tuple(node.model_copy(update={"file": node.file.removeprefix(prefix)}) for node in document.nodes)
        return document.model_copy(update={"nodes": nodes, "file": code.file})

    return compile_stored(run, code, draw)


def _is_plain(name: str) -> bool:
    """Whether a name leads nowhere but below a folder."""
    parts = PurePosixPath(name).parts
    return 0 < len(name) < _LONGEST_NAME and "\0" not in name and not name.startswith("/") and ".." not in parts


def _recorded(run: Run) -> GraphDocument:
    """The graph that the run's start task wrote down: names, kinds and edges. Without it, steps without edges."""
    steps: Mapping[str, Any] = run.graph.get("steps") or {name: {"type": "", "next": []} for name in run.step_names()}
    names = _in_order(steps)
    nodes = [
        GraphNode(id=name, kind=_KINDS.get(steps[name]["type"], "linear"), virtual=bool(steps[name].get("virtual")))
        for name in names
    ]
    edges = [
        GraphEdge(source=name, target=target, loop=target == name)
        for name in names
        for target in steps[name]["next"]
        if target in steps
    ]
    start, end = str(run.graph.get("start", "start")), str(run.graph.get("end", "end"))
    return GraphDocument(
        flow=run.layout.flow, file="", frontend="class", start=start, end=end, nodes=tuple(nodes), edges=tuple(edges)
    )


def _in_order(steps: Mapping[str, Any]) -> list[str]:
    """Names of steps so that each comes after those that lead to it."""
    waiting = dict.fromkeys(steps, 0)
    for name, step in steps.items():
        for target in step["next"]:
            if target != name and target in waiting:
                waiting[target] += 1
    found = [name for name, count in waiting.items() if not count]
    for name in _growing(found):
        for target in steps[name]["next"]:
            if target != name and target in waiting:
                waiting[target] -= 1
                if not waiting[target]:
                    found.append(target)
    return [*found, *(name for name in steps if name not in set(found))]


def _growing(items: list[str]) -> Iterator[str]:
    """The items of a list, those that are added meanwhile, too."""
    place = 0
    while place < len(items):
        yield items[place]
        place += 1
