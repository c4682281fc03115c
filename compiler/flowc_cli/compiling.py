"""The commands that compile: check, compile, ir, graph, targets. Each returns its exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, cast

from flowc_cli.config import build_options, configuration
from flowc_cli.reading import Reading
from flowc_cli.report import INPUT_ERROR, Form, report, write_atomically
from flowc_cli.servers import ServerCheck, exit_code
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import Compilation
from flowc_compiler.ir import Flow
from flowc_compiler.source import SourceFile
from flowc_targets.base.options import TargetOptions
from flowc_targets.base.registry import UnknownTargetError, load_target, target_names
from flowc_targets.base.target import EmittedFile, Target
from flowc_targets.base.target_checks import emit_checked
from flowc_targets.package.local_modules import check_code

_CHECK_ROOT = "s3://bucket/prefix"


def check_file(file: Path, *, targets: Sequence[str], form: Form, reading: Reading) -> int:
    """`flowc check`: all diagnostics, for each target named as well."""
    sink = DiagnosticSink()
    try:
        compilation = reading.compile_with_values(file, sink)
    except FlowcError:
        compilation = None
    if compilation is not None:
        for name in targets:
            _emit(compilation, name, {"root": _CHECK_ROOT}, (), sink, keep_configured_root=True)
        if not targets:
            _check_code(compilation.source, sink)
    report(sink.diagnostics, sink.sources, form)
    if not sink.failed and form == "text" and compilation is not None:
        flow = compilation.flow
        sys.stderr.write(f"{flow.file}: flow {flow.name}, {len(flow.steps)} steps, no errors\n")
    return INPUT_ERROR if sink.failed else 0


def compile_to(
    file: Path,
    target: str,
    output: Path | None,
    given: Mapping[str, object],
    settings: Sequence[str],
    *,
    form: Form,
    reading: Reading,
    server: ServerCheck | None = None,
) -> int:
    """`flowc compile`: the files of a target, written only when there is no error, nor one of the server's."""
    sink = DiagnosticSink()
    files: tuple[EmittedFile, ...] = ()
    try:
        compilation = reading.compile_with_values(file, sink)
        files = _emit(compilation, target, given, settings, sink)
        if server is not None and not sink.failed:
            server.check(target, files, sink)
        if not sink.failed:
            _write(files, output, sink)
    except FlowcError:
        pass
    report(sink.diagnostics, sink.sources, form if sink.failed or output is not None else "text")
    return exit_code(sink)


def print_ir(file: Path | None, *, schema: bool, form: Form, reading: Reading) -> int:
    """`flowc ir`: the flow as JSON, or the schema of that JSON."""
    from flowc_compiler.ir import Flow

    if schema:
        sys.stdout.write(json.dumps(Flow.model_json_schema(), indent=2) + "\n")
        return 0
    if file is None:
        sys.stderr.write("flowc ir: name a file, or say --schema\n")
        return INPUT_ERROR
    compilation = _compiled(file, form, reading)
    if compilation is None:
        return INPUT_ERROR
    sys.stdout.write(compilation.flow.model_dump_json(indent=2) + "\n")
    return 0


def print_graph(file: Path, *, language: Literal["mermaid", "dot", "text"], reading: Reading) -> int:
    """`flowc graph`: the graph in Mermaid, DOT or words."""
    from flowc_cli.graphs import dot, mermaid
    from flowc_cli.outline import outline

    compilation = _compiled(file, "text", reading)
    if compilation is None:
        return INPUT_ERROR
    draw = {"mermaid": mermaid, "dot": dot, "text": outline}[language]
    sys.stdout.write(draw(compilation.flow))
    return 0


def print_targets() -> int:
    """`flowc targets`: one line a target."""
    for name in target_names():
        capabilities = load_target(name).capabilities
        depth = "any depth" if capabilities.max_foreach_depth is None else f"depth {capabilities.max_foreach_depth}"
        kinds = ", ".join(sorted(capabilities.step_kinds))
        sys.stdout.write(f"{name}: {kinds}; foreach nested to {depth}\n")
    return 0


def _compiled(file: Path, form: Form, reading: Reading) -> Compilation | None:
    sink = DiagnosticSink()
    try:
        return reading.compile_with_values(file, sink)
    except FlowcError:
        return None
    finally:
        report(sink.diagnostics, sink.sources, form if sink.failed else "text")


def _check_code(source: SourceFile, sink: DiagnosticSink) -> None:
    """The local modules and included files that every target would ship."""
    include: object = configuration(source.path, sink).get("include", [])
    if isinstance(include, list) and all(isinstance(item, str) for item in cast("list[object]", include)):
        check_code(source, cast("list[str]", include), sink)


def _emit(
    compilation: Compilation,
    name: str,
    given: Mapping[str, object],
    settings: Sequence[str],
    sink: DiagnosticSink,
    *,
    keep_configured_root: bool = False,
) -> tuple[EmittedFile, ...]:
    try:
        target = load_target(name)
    except UnknownTargetError as error:
        sink.error("FC504", f"there is no target `{name}`", None, help=f"targets are {', '.join(error.known)}")
        return ()
    flow, source = compilation.flow, compilation.source
    options = build_options(
        target.options_model, name, source.path, {} if keep_configured_root else given, settings, sink
    )
    if options is not None and keep_configured_root and options.root is None:
        options = options.model_copy(update=dict(given))
    if options is None:
        return ()
    return emit_files(target, flow, source, options, sink)


def emit_files(
    target: Target, flow: Flow, source: SourceFile, options: TargetOptions, sink: DiagnosticSink
) -> tuple[EmittedFile, ...]:
    """The files of a target, with the steps in the images that the option `images` has for them."""
    if options.images is not None:
        from flowc_targets.package.images.image_mapping import with_images

        flow = with_images(flow, options, target.name, sink)
    return emit_checked(target, flow, source, options, sink)


def _write(files: tuple[EmittedFile, ...], output: Path | None, sink: DiagnosticSink) -> None:
    if output is None:
        if len(files) > 1:
            names = " and ".join(file.name for file in files)
            message = f"the output is {len(files)} files ({names}), and standard output takes one"
            sink.error("FC603", message, None, help="name a folder, or the first of them, with -o")
            return
        for file in files:
            sys.stdout.write(file.text)
        return
    try:
        # What is read last is written last: the first file may name what is in the others.
        for path, file in reversed(list(zip(_paths(files, output), files, strict=True))):
            write_atomically(path, file.text)
    except OSError as error:
        sink.error("FC603", f"{output} cannot be written: {error.strerror}", None, help="choose another path with -o")


def _paths(files: tuple[EmittedFile, ...], output: Path) -> list[Path]:
    """Where each file goes: into a folder, or the first to that path and the others beside it, named alike."""
    if output.is_dir() or (len(files) > 1 and not output.suffix):
        return [output / file.name for file in files]
    stem = Path(next(iter(files)).name).stem
    return [output, *(output.with_name(file.name.replace(stem, output.stem, 1)) for file in files[1:])]
