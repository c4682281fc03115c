"""`flowc compile`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from flowc_cli import shared_options as shared
from flowc_cli.engine_connection import ServerCheck, exit_code
from flowc_cli.flow_options import FlowOptions, flow_options
from flowc_cli.metaflow_variables import check_variables
from flowc_cli.output import Form, report, write_content
from flowc_cli.target_options import build_options, emit_files, find_target
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_targets.base.target import EmittedFile

app = shared.command_app()


@app.command("compile")
def compile_(
    file: shared.File,
    target: shared.Engine = "argo",
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", help="file or folder to write to, instead of standard output, which is also -"),
    ] = None,
    param: shared.Params = None,
    root: shared.Root = None,
    image: shared.Image = None,
    images: shared.Images = None,
    namespace: Annotated[str | None, typer.Option("-n", "--namespace", help="Kubernetes namespace")] = None,
    service_account: shared.ServiceAccount = None,
    env: shared.Env = None,
    env_from_secret: shared.EnvFromSecret = None,
    include: shared.Include = None,
    kind: Annotated[str | None, typer.Option(help="what to emit, such as `template` for argo")] = None,
    argo_version: Annotated[str | None, typer.Option(help="argo: the oldest version that has to accept it")] = None,
    operator: shared.Operator = None,
    code: Annotated[
        str | None, typer.Option(help="where the code is: `file` (airflow), `workflow` (argo) or `configmap`")
    ] = None,
    resume: Annotated[
        str | None, typer.Option(help="argo: continue this run, argo-UID; argo-UID/STEP runs STEP again")
    ] = None,
    settings: shared.Settings = None,
    check_server: Annotated[
        bool, typer.Option("--check-server", help="also have the engine's server check it; nothing is started")
    ] = False,
    server: shared.Server = None,
    format: shared.Format = "text",
    flow: shared.FlowName = None,
    with_: shared.With = None,
    config: shared.Configs = None,
    config_value: shared.ConfigValues = None,
    branch: shared.Branch = None,
    production: shared.Production = False,
) -> None:
    """Compile a flow to the files of an engine."""
    given = shared.given_options(
        root=root,
        image=image,
        images=images,
        namespace=namespace,
        service_account=service_account,
        kind=kind,
        argo_version=argo_version,
        operator=operator,
        code=code,
        origin_run=resume,
        env=env,
        env_from_secrets=env_from_secret,
        include=include,
    )
    options = flow_options(flow, with_, config, config_value, branch, production, param, include=include)
    checked_by = ServerCheck(server, namespace) if check_server or server is not None else None
    raise typer.Exit(_compile(file, target, output, given, settings or [], options, format, checked_by))


def _compile(
    file: Path,
    target: str,
    output: str | None,
    given: Mapping[str, object],
    settings: Sequence[str],
    options: FlowOptions,
    form: Form,
    checked_by: ServerCheck | None,
) -> int:
    """Write the files of a target, unless there is an error, or the server refuses them. Returns the exit code."""
    sink = DiagnosticSink()
    output = None if output == "-" else output
    try:
        compilation = options.compile_with_values(file, sink)
        check_variables(compilation.source, "compile", os.environ, sink)
        flow, source = compilation.flow, compilation.source
        engine = find_target(target, sink)
        chosen = build_options(engine.options_model, target, source.path, given, settings, sink) if engine else None
        files = emit_files(engine, flow, source, chosen, sink) if engine and chosen else ()
        if checked_by is not None and not sink.failed:
            checked_by.check(target, files, sink)
        if not sink.failed:
            _write(files, output, sink)
    except FlowcError:
        pass
    report(sink.diagnostics, sink.sources, form if sink.failed or output is not None else "text")
    return exit_code(sink)


def _write(files: tuple[EmittedFile, ...], output: str | None, sink: DiagnosticSink) -> None:
    if len(files) > 1 and (output is None or (output != os.devnull and _takes_one(output))):
        names = " and ".join(file.name for file in files)
        message = f"the output is {len(files)} files ({names}), and {output or 'standard output'} takes one"
        sink.error("FC603", message, None, help="name a folder, or the first of them, with -o")
    elif output is None:
        write_content("".join(file.text for file in files))
    else:
        from flowc_compiler.rewrite import write_texts

        try:
            # The first file is written last, because it may name the others.
            paths = _paths(files, output)
            write_texts(dict(reversed([(path, file.text) for path, file in zip(paths, files, strict=True)])))
        except OSError as error:
            message = f"{output} cannot be written: {error.strerror or error}"
            sink.error("FC603", message, None, help="choose another path with -o")


def _takes_one(output: str) -> bool:
    from flowc_compiler.rewrite import is_stream

    return is_stream(Path(output))


def _paths(files: tuple[EmittedFile, ...], output: str) -> list[Path]:
    """Where each file goes: into a folder, or the first to that path and the others beside it, named alike."""
    path = Path(output)
    if output == os.devnull:
        return [path] * len(files)
    if path.is_dir() or output.endswith("/") or (len(files) > 1 and not path.suffix):
        return [path / file.name for file in files]
    stem = Path(next(iter(files)).name).stem
    return [path, *(path.with_name(file.name.replace(stem, path.stem, 1)) for file in files[1:])]
