"""Tables of the documentation that say of every name of another framework what comes of it, written from that."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import Compilation
from flowc_targets.base.target import emit_checked, load_target
from tests.support import compiled, write_files

TARGETS: dict[str, dict[str, str]] = {
    "argo": {"kind": "template", "namespace": "flows", "event_source": "all", "event_name": "metaflow"},
    "airflow": {},
}
"""What is asked for: on Argo a template, which needs no values of parameters; or a CronWorkflow, with a schedule."""
_LINK = r"\[FC\d{3}\]\(diagnostics/FC\d{3}\.md\)"
_CELL = re.compile(rf"works|(compiles|{_LINK})(, {_LINK})*|---|compiles and runs here|on Argo|on Airflow")


class TableRow(Protocol):
    """One line: its name, what kind of place its code stands in, and the whole file."""

    @property
    def name(self) -> str:
        """As the page has it."""
        ...

    @property
    def place(self) -> str:
        """Where its code belongs."""
        ...

    @property
    def source(self) -> str:
        """The file."""
        ...


def compile_row(row: TableRow, folder: Path) -> tuple[Compilation | None, DiagnosticSink]:
    """The compilation of a row's file, `None` where it is refused, and its diagnostics."""
    configuration = "parameters: {n: 3}\nsteps: {combine: {retry: {max_retries: 2}}}\n"
    write_files(folder, {"data.txt": "text", "data.json": '{"n": 2}', "config.yaml": configuration})
    sink = DiagnosticSink()
    try:
        return compiled(folder, row.source, sink, name="row_flow.py"), sink
    except FlowcError:
        return None, sink


def cells_of(row: TableRow, folder: Path, *, within_steps: frozenset[str]) -> list[str]:
    """A row's cells: what the compiler says of its code, and what it and each target say.

    Targets do not look into what stands in the places `within_steps`.
    """
    compilation, said = compile_row(row, folder)
    cells = [_cell(said)] * (1 + len(TARGETS))
    if compilation is None or row.place in within_steps:
        return cells
    for number, (name, given) in enumerate(TARGETS.items(), start=1):
        target, sink = load_target(name), DiagnosticSink()
        cron = {"kind": "cron"} if name == "argo" and compilation.flow.specs.schedule is not None else {}
        options = target.options_model.model_validate({"root": "s3://bucket/prefix", **given, **cron})
        emit_checked(target, compilation.flow, compilation.source, options, sink)
        cells[number] = _cell(said, sink)
    return cells


def _cell(*sinks: DiagnosticSink) -> str:
    codes = sorted({item.code for sink in sinks for item in sink.diagnostics})
    links = [f"[{code}](diagnostics/{code}.md)" for code in codes]
    if any(sink.failed for sink in sinks):
        return ", ".join(links)
    return ", ".join(["compiles", *links]) if links else "works"


def filled_in(
    text: str, framework: str, tables: Mapping[str, Sequence[TableRow]], folder: Path, within_steps: frozenset[str]
) -> str:
    """The text of a page with its tables as they have to be; each stands under a heading of its name."""
    head = f"| in {framework} | compiles and runs here | on Argo | on Airflow |\n| --- | --- | --- | --- |\n"
    for title, rows in tables.items():
        lines = [f"| {' | '.join([row.name, *cells_of(row, folder, within_steps=within_steps)])} |\n" for row in rows]
        table = head + "".join(lines)
        start = rf"(^### {re.escape(title)}\n.*?)^\| in {framework} "
        pattern = re.compile(rf"{start}.*?(?=^$|\Z)", re.MULTILINE | re.DOTALL)
        assert pattern.search(text), f"the page has no table {title}"
        text = pattern.sub(lambda match, table=table: match[1] + table, text, count=1)  # type: ignore[misc]
    return text


def lines_of_tables(page: str) -> list[str]:
    """All lines of the tables."""
    return [line for line in page[page.index("## Every name") :].splitlines() if line.startswith("| ")]


def odd_cells(page: str) -> list[str]:
    """Cells that say anything but what they may."""
    cells = [part.strip() for line in lines_of_tables(page) for part in line.strip("| ").split(" | ")[1:]]
    return [text for text in cells if not _CELL.fullmatch(text)]
