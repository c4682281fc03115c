"""`flowc rm`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowc.client import Flow, Run
from flowc.client.namespaces import chosen_store
from flowc.errors import FlowError, NotFound
from flowc.store.run_layout import flow_names, is_partial
from flowc_cli import shared_options as shared
from flowc_cli.lenient_layout import DAMAGED, known_status
from flowc_cli.output import write
from flowc_cli.run_importing import is_import_over
from flowc_cli.stored_runs import WrongNameError, find_run, owners_of, report_failure
from flowc_cli.sweeping import remove_run, runs_in_use

app = shared.command_app()


@app.command("rm")
def rm(
    runs: Annotated[
        list[str], typer.Argument(help="Flow/run-id; the id alone where one flow has it", show_default=False)
    ],
    root: shared.Root = None,
    force: Annotated[
        bool, typer.Option("--force", help="also a run that is under way, or that such a run resumes")
    ] = False,
) -> None:
    """Remove runs from the store. Their values stay until `flowc gc`."""
    try:
        found = [_named(text, root) for text in runs]
        if not force:
            _refuse_used(found)
        for run in found:
            remove_run(run.layout)
            write(f"removed {run.pathspec}\n")
    except FlowError as error:
        named = isinstance(error, NotFound) and not isinstance(error, WrongNameError)
        help_text = "name it as Flow/run-id, and its store with --root" if named else None
        raise typer.Exit(report_failure(error, help_text)) from None


def _named(text: str, root: str | None) -> Run:
    """The one run of a text: a flow alone would be its latest. Raises NotFound."""
    store = chosen_store(root)
    names = flow_names(store) if "/" not in text else []
    owners = owners_of(store, text, names) if names else []
    text = f"{owners[0]}/{text}" if len(owners) == 1 else text
    if text in names:
        way_out = f"name its runs as {text}/run-id; `flowc gc {text} --keep N` removes all but the latest"
        raise WrongNameError(f"{text} is a flow, not a run", way_out)
    if text.count("/") > 1:
        raise WrongNameError(f"{text} is a part of a run", f"name the run: {'/'.join(text.split('/')[:2])}")
    try:
        return find_run(text, root, lenient=True)[0]
    except NotFound:
        flow, _, name = text.partition("/")
        if not name:
            raise
        partial = Run.of(Flow.of(store, flow, trusted=False), name)
        if not is_partial(partial.layout.store.children(partial.layout.prefix)):
            raise
        return partial


def _refuse_used(runs: list[Run]) -> None:
    for run in runs:
        if not run.exists():
            if not is_import_over(run.layout):
                raise FlowError(f"run {run.pathspec} is being imported; stop that first, or give --force")
            continue
        used = runs_in_use(run.layout.store, list(run.parent or ()))
        if run.id in used:
            states = {"running": "is under way", DAMAGED: "is too damaged to say whether it is under way"}
            what = states.get(known_status(Run.of(run.parent, run.id)), "is resumed by a run that is under way")
            raise FlowError(f"run {run.pathspec} {what}; stop that first, or give --force")
