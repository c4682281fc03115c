"""`flowc prune`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from flowc_cli import shared_options as shared
from flowc_cli.engine_connection import fail, project_namespace
from flowc_cli.output import write
from flowc_compiler.diagnostics.render import counted
from flowc_targets.base.engine import EngineError
from flowc_targets.kubernetes.prune import Pruned, PruneResult, find_unused, remove

app = shared.command_app()


@app.command("prune")
def prune(
    namespace: shared.Namespace = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="remove nothing")] = False,
    older_than: Annotated[str, typer.Option(metavar="TIME", help=shared.OLDER_HELP)] = "1h",
    json_: shared.Json = False,
) -> None:
    """Remove ConfigMaps of flowc's that nothing needs any more."""
    age = shared.parse_time(older_than, "--older-than")
    try:
        namespace = namespace or project_namespace("argo")
        result = find_unused(namespace, age, datetime.now(UTC))
        if not dry_run:
            remove([item.name for item in result.unused], namespace)
    except EngineError as error:
        raise typer.Exit(fail(error)) from None
    write(_as_json(result, dry_run=dry_run) if json_ else _as_text(result, dry_run=dry_run))


def _as_json(result: PruneResult, *, dry_run: bool) -> str:
    kept = [{"name": item.name, "what": item.what, "why": item.kept} for item in result.found if item.kept is not None]
    removed = [{"name": item.name, "what": item.what, "bytes": item.size} for item in result.unused]
    whole = {"dry_run": dry_run, "removed": removed, "kept": kept, "notes": list(result.notes)}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _as_text(result: PruneResult, *, dry_run: bool) -> str:
    verb = "would remove" if dry_run else "removed"
    wide = max((len(item.name) for item in result.found), default=0)
    size = sum(item.size for item in result.unused)
    unused = len(result.unused)
    return "".join(
        [
            *(f"{note}\n" for note in result.notes),
            *(
                _line(item, verb, wide)
                for item in sorted(result.found, key=lambda item: (item.kept is None, item.name))
            ),
            f"{counted(len(result.found), 'ConfigMap')} of flowc's: {verb} {unused} ({size:,} bytes), ",
            f"{'would keep' if dry_run else 'kept'} {len(result.found) - unused}\n",
        ]
    )


def _line(item: Pruned, verb: str, wide: int) -> str:
    shown = "kept" if item.kept is not None else verb
    return f"{shown:<{len(verb)}}  {item.name:<{wide}}  {item.what}" + (f": {item.kept}\n" if item.kept else "\n")
