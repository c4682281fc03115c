"""`flowc check` of several files: which ones, with which processes and cache, and how the result is shown."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from flowc_cli.batch.check_batch import BatchResult, Outcome, Permissions, check_files, default_jobs
from flowc_cli.batch.check_cache import CheckCache, cache_folder, settings_digest
from flowc_cli.batch.check_inputs import FileFinder
from flowc_cli.check_one import CheckOutput, preview, write_notes
from flowc_cli.checking import CheckOptions, check_file
from flowc_cli.command_settings import problems_reported, report_problems
from flowc_cli.output import INPUT_ERROR, NO_FILE, report_files, write_error
from flowc_compiler.diagnostics import Diagnostic, DiagnosticSink
from flowc_compiler.diagnostics.render import counted, summary
from flowc_compiler.evaluate.literals import ENV_AT_COMPILE
from flowc_compiler.filesystem import Seen
from flowc_compiler.source import SourceFile

INTERNAL_ERROR = 70
"""The exit code for a fault of flowc."""


@dataclass(frozen=True)
class CheckRun:
    """A check of several files, which may be repeated."""

    places: tuple[Path, ...]
    """Files, folders and globs."""
    options: CheckOptions
    show: CheckOutput
    jobs: int | None = None
    cached: bool = True
    only_flows: bool = False
    seen: list[Seen] = field(default_factory=list[Seen], compare=False)
    """What the last check saw."""

    def check(self) -> int:
        """Check all files, fix them where that is wanted, and print what there is. Returns the exit code."""
        sink = DiagnosticSink()
        result = self._result(sink)
        diagnostics = [*sink.diagnostics, *(item for found in _by_file(result.outcomes).values() for item in found)]
        if self.show.diff:
            return preview(diagnostics)
        fixable = [item for item in result.outcomes if any(found.fix is not None for found in item.report.diagnostics)]
        if self.show.fix and fixable:
            for outcome in fixable:
                self._fix(outcome.file)
            sink = DiagnosticSink()
            result = self._result(sink)
        return self._print(result, sink)

    def _result(self, sink: DiagnosticSink) -> BatchResult:
        files = FileFinder(sink).find(self.places, only_flows=self.only_flows)
        options = replace(self.options, flow=replace(self.options.flow, note_unread=False))
        folder = cache_folder() if self.cached and len(files) > 1 else None
        settings = (options, Permissions.given())
        cache = CheckCache(folder, settings_digest(settings)) if folder is not None else None
        report_problems(sink)
        with problems_reported():
            result = check_files(files, options, self.jobs or default_jobs(), cache)
        self.seen[:] = result.seen
        try:
            if cache is not None:
                cache.save()
        except OSError as error:
            if self.show.verbose:
                write_error(f"flowc check: the cache cannot be written: {error.filename}: {error.strerror}\n")
        self._note_unread(result.outcomes, sink)
        wanted = options.flow.flow_name
        if wanted is not None and not result.outcomes:
            message = f"there is no flow `{wanted}` in these files"
            sink.error("FC102", message, None, help="correct the name, or the files")
        return result

    def _note_unread(self, outcomes: Sequence[Outcome], sink: DiagnosticSink) -> None:
        """Collect FC506 for variables of `--env-at-compile` that no file reads."""
        read = {name for item in outcomes for name in item.report.variables}
        for name in sorted(ENV_AT_COMPILE.get()() - read):
            message = f"--env-at-compile {name} has no effect: compiling these files reads no such variable"
            sink.warning("FC506", message, None, help="leave it out; `--env` gives a variable to the tasks")

    def _fix(self, file: Path) -> None:
        """Make the edits that a file's diagnostics propose, unless the fixes of another one have made them."""
        from flowc_compiler.rewrite.fixes import apply_and_check

        sink = check_file(file, self.options).sink
        if any(item.fix is not None for item in sink.diagnostics):
            apply_and_check(sink, lambda: check_file(file, self.options)[:2], sys.stderr)

    def _print(self, result: BatchResult, sink: DiagnosticSink) -> int:
        by_file = _by_file(result.outcomes)
        if sink.diagnostics:
            by_file = {NO_FILE: list(sink.diagnostics), **by_file}
        sources: dict[str, SourceFile] = {}
        for outcome in result.outcomes if self.show.form in {"text", "sarif"} else ():
            sources.update(outcome.report.read_sources() if outcome.report.sources else {})
        report_files(by_file, sources, self.show.form)
        if self.show.verbose:
            write_notes(dict.fromkeys(note for outcome in result.outcomes for note in outcome.report.notes))
        if self.show.form in {"text", "concise"}:
            write_error(self._summary(result, [item for found in by_file.values() for item in found]))
        faults = [(str(item.file), item.report.failure) for item in result.outcomes if item.report.failure]
        for file, failure in faults:
            write_error(f"flowc check: internal error in {file}: {failure}; `flowc check {file}` says more\n")
        failed = sink.failed or any(item.report.failed for item in result.outcomes)
        return INTERNAL_ERROR if faults else INPUT_ERROR if failed else 0

    def _summary(self, result: BatchResult, diagnostics: Sequence[Diagnostic]) -> str:
        """The last lines: what there is in how many files, what can be fixed, and for -v what was skipped."""
        total = len(result.outcomes)
        within = sum(bool(item.report.diagnostics) for item in result.outcomes)
        found = summary(diagnostics)
        files = counted(total, "file")
        share = files if within == total == 1 else f"{within} of {files}"
        within_files = f"{found} in {share}" if total else found
        lines = [within_files if found else f"no errors in {files}"]
        fixable = sum(item.fix is not None for item in diagnostics)
        if fixable:
            lines.append(f"{fixable} can be fixed with --fix")
        if self.show.verbose:
            lines += _details(result)
        return ("\n" if diagnostics and self.show.form == "text" else "") + "\n".join(lines) + "\n"


def _details(result: BatchResult) -> list[str]:
    lines = [f"{counted(result.skipped, 'file')} without flows skipped"]
    if result.bases:
        lines.append(f"{counted(len(result.bases), 'file')} with base classes only skipped: {', '.join(result.bases)}")
    if result.cached:
        lines.append(f"{counted(result.cached, 'file')} unchanged since the last check")
    return lines


def _by_file(outcomes: Iterable[Outcome]) -> dict[str, list[Diagnostic]]:
    """Files to what was found there, each diagnostic once: several flows may share a module that has one."""
    known: set[Diagnostic] = set()
    by_file: dict[str, list[Diagnostic]] = {}
    for outcome in outcomes:
        own = [item for item in outcome.report.diagnostics if item not in known]
        known.update(own)
        by_file[outcome.file.as_posix()] = own
    return by_file
