"""Which steps of a flow have changed since a run, by the code that the run's store keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from flowc.store import open_store
from flowc.store.documents import CODE_RECORD
from flowc_cli.flow_options import FlowOptions
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import Compilation
from flowc_compiler.syntax.local_code import local_code
from flowc_targets.base.scratch import scratch_folder
from flowc_targets.local.options import ResumeOptions, RunOptions
from flowc_targets.local.resumption import find_layout
from flowc_targets.package.cached_steps import code_digests


def changed_steps(
    compilation: Compilation, options: FlowOptions, engine: RunOptions, resume: ResumeOptions
) -> frozenset[str] | None:
    """The steps that the run to resume had, and that have other code or another place in the flow now.

    Data files do not count. `None` where the run has no code that can be read and compiled again. Raises
    FlowcError with FC607, and StoreError.
    """
    flow = resume.flow or compilation.flow.name
    layout = find_layout(flow, open_store(engine.root), engine.root, resume.origin_run_id)
    record = layout.read_json(f"{layout.prefix}/{CODE_RECORD}")
    before = _digests(record, options) if record is not None else None
    if before is None:
        return None
    now = code_digests(compilation.flow, local_code(compilation.source))
    return frozenset(name for name, digest in now.items() if before.get(name, digest) != digest)


def _digests(record: Mapping[str, Any], options: FlowOptions) -> dict[str, str] | None:
    """What the steps of a run were made of. The code is compiled again, and never executed."""
    files = {PurePosixPath(name): str(text) for name, text in record["files"].items()}
    own = PurePosixPath(str(record["file"]))
    if own not in files or any(name.is_absolute() or ".." in name.parts for name in files):
        return None
    with scratch_folder("flowc-code-") as folder:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        try:
            sink = DiagnosticSink()
            flow_name = str(record.get("class") or "") or options.flow_name
            found = replace(options, flow_name=flow_name).compile(Path(folder / own), sink)
            return code_digests(found.flow, local_code(found.source))
        except FlowcError:
            return None
