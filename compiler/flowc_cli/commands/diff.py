"""`flowc diff`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from flowc_cli import shared_options as shared
from flowc_cli.diffing import other_version
from flowc_cli.diffing.snapshot import Snapshot
from flowc_cli.diffing.snapshot_diff import as_data, as_words, changes_between
from flowc_cli.engine_connection import add_error, exit_code
from flowc_cli.engine_files import EngineFiles
from flowc_cli.option_groups import EngineGroup, ObjectGroup, with_groups
from flowc_cli.output import report, write
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.ir import Flow
from flowc_targets.base.engine import EngineError
from flowc_targets.base.target import TargetOptions

app = shared.command_app()
_ROOT = "s3://bucket/prefix"
"""Stands in for the artifact store where two sources are compared."""
KINDS = {"Workflow": "workflow", "WorkflowTemplate": "template", "CronWorkflow": "cron"}
"""The option `kind` of Argo for the kinds of objects."""


@app.command("diff")
@with_groups
def diff(
    file: shared.File,
    chosen: EngineGroup,
    objects: ObjectGroup,
    against: Annotated[
        str,
        typer.Option(
            "--against", metavar="REF|PATH|cluster", help="a commit, a folder of `compile -o`, or what is deployed"
        ),
    ] = "HEAD",
    as_json: shared.Json = False,
) -> None:
    """Print what changed in a flow since a commit, a compile or a deployment.

    The exit code is 0 where nothing changed, 1 where something did, and 2 if the input is wrong.
    """
    job = _Comparison(chosen.files(**asdict(objects)))
    sink = DiagnosticSink()
    changed = False
    try:
        text, changed = job.compare(file, against, sink, as_json=as_json)
        sink.raise_if_failed()
        report(sink.diagnostics, sink.sources)
        write(text)
    except FlowcError as error:
        found = sink.diagnostics if sink.failed else (*sink.diagnostics, *error.diagnostics)
        report(found, sink.sources, chosen.format)
        raise typer.Exit(exit_code(sink) or 2) from None
    except EngineError as error:
        add_error(error, sink)
        report(sink.diagnostics, sink.sources, chosen.format)
        raise typer.Exit(exit_code(sink)) from None
    raise typer.Exit(int(changed))


@dataclass(frozen=True)
class _Comparison:
    """How both versions are compiled."""

    engine: EngineFiles

    def compare(self, file: Path, against: str, sink: DiagnosticSink, *, as_json: bool) -> tuple[str, bool]:
        """What changed, as text, and whether anything did. Raises FlowcError and EngineError."""
        place = Path(against)
        from_source = against != other_version.CLUSTER and not other_version.is_compiled(place)
        flow, options = self._options(file, sink, needs_root=not from_source)
        if from_source:
            after = self._snapshot(file, sink, needs_root=False)
            before = self._at_commit(file, against, flow.name, sink)
        else:
            before = self._written(place, against, flow, options)
            kind = KINDS.get(before.deployment.get("kind", "")) if before is not None else None
            after = self._snapshot(file, sink, kind=kind if not self._has_kind(options) else None)
        changes = changes_between(before or Snapshot(flow.name), after)
        unread = before.unread if before is not None else ""
        if as_json:
            whole = {
                "flow": flow.name, "against": against, "same": not changes and not unread, "new": before is None,
                "unread": unread or None, "changes": as_data(changes),
            }  # fmt: skip
            return json.dumps(whole, indent=2, ensure_ascii=False) + "\n", bool(changes or unread)
        new = f"{flow.name} is not in {against}: all of it is new\n" if before is None else ""
        words = as_words(changes, len(after.steps), unread)
        return new + (words or f"{flow.name} is the same as in {against}\n"), bool(changes or unread)

    def _options(self, file: Path, sink: DiagnosticSink, *, needs_root: bool) -> tuple[Flow, TargetOptions]:
        found = self.engine.compile(file, sink)
        sink.raise_if_failed()
        options = found.options if needs_root else _with_root(found.options)
        return found.compilation.flow, options.for_flow(found.compilation.flow)

    def _snapshot(
        self, file: Path, sink: DiagnosticSink, *, needs_root: bool = True, kind: str | None = None
    ) -> Snapshot:
        given = {**self.engine.given, **({"kind": kind} if kind is not None else {})}
        found = replace(self.engine, given=given).compile(file, sink)
        files = found.emit(sink, found.options if needs_root else _with_root(found.options))
        sink.raise_if_failed()
        name, target = found.compilation.flow.name, self.engine.target
        snapshot = other_version.of_emitted(files, name, target)
        if snapshot is None:
            message = f"what target {target} writes cannot be compared"
            raise FlowcError.of("FC501", message, help="compare for argo or airflow")
        return snapshot

    def _at_commit(self, file: Path, commit: str, name: str, sink: DiagnosticSink) -> Snapshot | None:
        """The version of a commit; its warnings are of no interest now."""
        with other_version.checked_out(file, commit) as old:
            if old is None:
                return None
            options = replace(self.engine.options, flow_name=self.engine.options.flow_name or name)
            inner = DiagnosticSink()
            try:
                return _Comparison(replace(self.engine, options=options))._snapshot(old, inner, needs_root=False)
            except FlowcError as error:
                first = next(item for item in error.diagnostics if item.severity == "error")
                if first.code == "FC102":  # it has other flows only
                    return None
                message = f"{file} does not compile as `{commit}` has it: {first.message} ({first.code})"
                sink.error("FC505", message, None, help="compare with another commit")
                sink.raise_if_failed()
                raise

    def _written(self, place: Path, against: str, flow: Flow, options: TargetOptions) -> Snapshot | None:
        from flowc_targets.kubernetes.labels import DEPLOYMENT, FLOW, run_labels

        labels = run_labels(flow)
        if against != other_version.CLUSTER:
            return other_version.of_folder(place, flow.name, labels[FLOW], self.engine.target)
        if self.engine.target != "argo":
            message = f"target {self.engine.target} deploys files, and no objects of a cluster"
            raise FlowcError.of("FC501", message, help="compare with the folder of its files")
        kind = {value: name for name, value in KINDS.items()}[options.kind] if self._has_kind(options) else None  # type: ignore[attr-defined]
        wanted = {key: value for key, value in labels.items() if key in {FLOW, DEPLOYMENT}}
        return other_version.of_cluster(flow.name, wanted, kind, options.namespace)

    @staticmethod
    def _has_kind(options: TargetOptions) -> bool:
        return "kind" in options.model_fields_set


def _with_root(options: TargetOptions) -> TargetOptions:
    return options if options.root is not None else options.model_copy(update={"root": _ROOT})
