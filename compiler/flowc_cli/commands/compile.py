"""`flowc compile`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowc_cli import shared_options as shared
from flowc_cli.command_settings import GIVEN
from flowc_cli.engine_connection import ServerCheck, exit_code
from flowc_cli.engine_files import EngineFiles
from flowc_cli.flow_options import FlowOptions
from flowc_cli.option_groups import EngineGroup, NoticeGroup, ObjectGroup, with_groups
from flowc_cli.output import Form, report, write, write_content, write_error
from flowc_cli.own_files import file_differences, report_own_files
from flowc_cli.target_options import upload_stored
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import Compilation
from flowc_targets.base.target import EmittedFile, StoredFile

if TYPE_CHECKING:
    from flowc_cli.batch.flow_evidence import Candidates

app = shared.command_app()
_PUSH_HELP = "leave it out, or compile with --code store or --runtime store"


@app.command("compile")
@with_groups
def compile_(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="the Python file with the flow; with -o FOLDER also several, and folders",
            show_default=False,
        ),
    ],
    chosen: EngineGroup,
    notices: NoticeGroup,
    objects: ObjectGroup,
    output: shared.Output = None,
    push: Annotated[
        bool, typer.Option("--push", help="upload to the root what the output reads from there, such as --code store")
    ] = False,
    resume: shared.Resumed = None,
    check_server: Annotated[
        bool, typer.Option("--check-server", help="also have the engine's server check it; nothing is started")
    ] = False,
    server: shared.Server = None,
    check: Annotated[
        bool, typer.Option("--check", help="write nothing, and fail where the files of -o are not what it would write")
    ] = False,
    kustomize: Annotated[
        bool, typer.Option("--kustomize", help="also write the kustomization.yaml of the folder of -o")
    ] = False,
) -> None:
    """Compile a flow to the files of an engine.

    With -o FOLDER, all flows of several files and folders.
    """
    asks = check_server or (server is not None and "server" not in GIVEN.get())  # settings alone send no token
    checked_by = ServerCheck(server, chosen.namespace) if asks else None
    files_of = chosen.files(notices, **asdict(objects), origin_run=resume)
    job = CompileJob(files_of, None if output == "-" else output, chosen.format, checked_by, kustomize=kustomize)
    raise typer.Exit(job.run(files, only_check=check, push=push))


@dataclass(frozen=True)
class CompileJob:
    """What a command line says of compiling, whatever the files."""

    engine: EngineFiles
    output: str | None
    form: Form
    checked_by: ServerCheck | None
    kustomize: bool = False
    """Whether the folder gets a list of its files."""
    compiled: list[Compilation] = field(default_factory=list[Compilation])
    """The flows so far."""
    stored: dict[StoredFile, str] = field(default_factory=dict[StoredFile, str])
    """What they read from the root, and that."""

    def run(self, files: Sequence[Path], *, only_check: bool, push: bool) -> int:
        """Write the files of the target, unless there is an error, or the server refuses them. Returns the exit code.

        With `only_check` nothing is written, and the code is 1 where a file is not what would be. With `push` what the
        files read from the root is uploaded before.
        """
        sink = DiagnosticSink()
        differences: list[str] = []
        several = len(files) > 1 or any(file.is_dir() for file in files)
        texts: dict[Path, str] = {}
        try:
            emitted = () if several else self._emitted_or_several(files[0], sink)
            if emitted is None or several:
                texts = self._several(files, sink)
                self._push(sink, push=push, only_check=only_check)
            else:
                self._push(sink, push=push, only_check=only_check)
                if self.output is None and not sink.failed and not only_check:
                    _print(emitted, sink)
                elif not sink.failed:
                    output = self._folder_or_file(sink)
                    if len(emitted) > 1 and output != os.devnull and _takes_one(output):
                        _report_several(emitted, output, sink)
                    texts = _paths(emitted, output)
            report_own_files(texts, self.compiled, sink)
            if self.kustomize and not sink.failed:
                from flowc_cli.kustomization import kustomization

                texts |= kustomization(texts, self.output or "", sink)
            if texts and not sink.failed:
                if only_check:
                    differences = list(file_differences(texts))
                    if any(file.is_dir() for file in files):
                        _note_leftovers(texts)
                else:
                    _write(texts, self.output or "", sink)
        except FlowcError:
            pass
        report(sink.diagnostics, sink.sources, self.form if sink.failed or self.output is not None else "text")
        write("".join(f"{line}\n" for line in differences))
        return exit_code(sink) or int(bool(differences))

    def _emit(self, file: Path, options: FlowOptions, sink: DiagnosticSink) -> tuple[EmittedFile, ...]:
        found = replace(self.engine, options=options).compile(file, sink)
        self.compiled.append(found.compilation)
        emitted = found.emit(sink)
        self.stored.update({item: found.options.root or "" for file in emitted for item in file.stored})
        if self.checked_by is not None and not sink.failed:
            self.checked_by.check(self.engine.target, emitted, sink)
        return emitted

    def _emitted_or_several(self, file: Path, sink: DiagnosticSink) -> tuple[EmittedFile, ...] | None:
        """The files of the flow of a file; `None` where it has several, and -o names a folder, which takes them all."""
        own = sink.nested()
        try:
            return self._emit(file, self.engine.options, own)
        except FlowcError:
            several = any(item.code == "FC103" for item in own.diagnostics)
            output = Path(self.output or "-.yaml")
            if several and not self.engine.options.parameters.assignments and (output.is_dir() or not output.suffix):
                own = sink.nested()
                return None
            raise
        finally:
            sink.extend(own)

    def _push(self, sink: DiagnosticSink, *, push: bool, only_check: bool) -> None:
        """Upload what the output reads from the root, where the command line says so; else FC508 for code."""
        if push and not self.stored and not sink.failed:
            sink.warning("FC506", "--push has no effect: the output has all that it needs", None, help=_PUSH_HELP)
        if push and not only_check:
            upload_stored(self.stored, sink)
        for item in () if push or only_check or sink.failed else self.stored:
            if "/code/" in item.key:
                message = f"pods read the code from {item.key} in the root, and this command does not upload it"
                sink.warning("FC508", message, None, help="`--push` uploads what is not there yet")

    def _several(self, files: Sequence[Path], sink: DiagnosticSink) -> dict[Path, str]:
        """The files to write for all flows of several files and folders, by path. Collects FC603 for one path twice."""
        output = self._folder_or_file(sink)
        if Path(output).is_file() or (Path(output).suffix and not Path(output).is_dir()):
            sink.error("FC603", f"several flows do not fit into {output}", None, help="name a folder with -o")
        texts: dict[Path, str] = {}
        sources: dict[Path, str] = {}
        for path, name, emitted in self._flows_in(files, sink):
            source = f"flow {name} of {path}" if name else str(path)
            for place, text in _paths(emitted, f"{output}/").items():
                if texts.setdefault(place, text) != text:
                    message = f"{sources[place]} and {source} would both be {place}"
                    sink.error("FC603", message, None, help="compile one of them into a folder of its own")
                sources.setdefault(place, source)
        return texts

    def _flows_in(
        self, files: Sequence[Path], sink: DiagnosticSink
    ) -> Iterator[tuple[Path, str, tuple[EmittedFile, ...]]]:
        """The flows of files and folders with their output, in order. Collects FC104 for a place without any.

        What has no flows of its own is skipped as in `flowc check`.
        """
        from flowc_cli.batch.check_inputs import FileFinder
        from flowc_cli.batch.flow_evidence import Candidates
        from flowc_compiler.driver import flow_names

        found = FileFinder(sink).find(files)
        candidates, wanted, count = Candidates(found), self.engine.options.flow_name, 0
        for number in candidates.wanted:
            path, named = found[number]
            names = [name for name in flow_names(path) if wanted in {None, name}]
            if named and not names:
                if path.exists():
                    sink.error("FC104", f"{path} has no flow", None, help="leave it out, or name its folder")
                else:
                    sink.error("FC104", f"there is no file {path}", None, help="check the path")
                continue
            own = sink.nested()
            emitted = [(path, name, self._emitted(path, name, own)) for name in names or [wanted or ""]]
            if own.failed and _kind(candidates, number, path, self.engine.options) != "flow":
                continue
            sink.extend(own)
            yield from emitted
            count += len(emitted)
        if not count and not sink.failed:
            sink.error("FC104", "there is no flow to compile", None, help="name files with flows, or their folder")

    def _emitted(self, path: Path, name: str, sink: DiagnosticSink) -> tuple[EmittedFile, ...]:
        """The files of one flow, of the one in the file without a name; none where it has errors."""
        own = sink.nested()
        try:
            return self._emit(path, replace(self.engine.options, flow_name=name or None), own)
        except FlowcError:
            return ()
        finally:
            sink.extend(own)

    def _folder_or_file(self, sink: DiagnosticSink) -> str:
        """Where the output goes. Raises FlowcError where the command line does not say."""
        if self.output is None:
            sink.error("FC603", "there is nowhere to write to", None, help="name a folder with -o")
            sink.raise_if_failed()
        return self.output or ""


def _note_leftovers(texts: Mapping[Path, str]) -> None:
    """Name manifests whose flows may be gone: another command may write into the same folder, so that they stay."""
    from flowc_cli.kustomization import leftovers

    for path in leftovers(texts):
        write_error(f"note: {path} is flowc's, and of none of these flows: delete it if its flow is gone\n")


def _kind(candidates: Candidates, number: int, path: Path, options: FlowOptions) -> str:
    """What a file with errors is, by a check of it."""
    from flowc_cli.batch.check_batch import report_of
    from flowc_cli.checking import CheckOptions

    report, _ = report_of(path, CheckOptions(options))
    return candidates.kind(number, report, options.flow_name)


def _print(files: tuple[EmittedFile, ...], sink: DiagnosticSink) -> None:
    if len(files) > 1:
        _report_several(files, "standard output", sink)
    else:
        write_content("".join(file.text for file in files))


def _report_several(files: tuple[EmittedFile, ...], output: str, sink: DiagnosticSink) -> None:
    names = " and ".join(file.name for file in files)
    message = f"the output is {len(files)} files ({names}), and {output} takes one"
    sink.error("FC603", message, None, help="name a folder, or the first of them, with -o")


def _write(texts: Mapping[Path, str], output: str, sink: DiagnosticSink) -> None:
    from flowc_compiler.rewrite import write_texts

    try:
        # The first file is written last, because it may name the others.
        write_texts(dict(reversed([*texts.items()])))
    except OSError as error:
        message = f"{output} cannot be written: {error.strerror or error}"
        sink.error("FC603", message, None, help="choose another path with -o")


def _takes_one(output: str) -> bool:
    from flowc_compiler.rewrite import is_stream

    return is_stream(Path(output))


def _paths(files: Sequence[EmittedFile], output: str) -> dict[Path, str]:
    """The texts by where they go: into a folder, or the first to that path and the others beside it, named alike."""
    path = Path(output)
    if output == os.devnull:
        return {path: "".join(file.text for file in files)}
    if path.is_dir() or output.endswith("/") or (len(files) > 1 and not path.suffix):
        return {path / part.name: part.text for file in files for part in file.apart or (file,)}
    first, *others = files
    stem = Path(first.name).stem
    return {path: first.text, **{path.with_name(file.name.replace(stem, path.stem, 1)): file.text for file in others}}
