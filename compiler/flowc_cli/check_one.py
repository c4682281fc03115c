"""`flowc check` of one file, and of standard input: how it is shown, and fixed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowc_cli.checking import Checked, CheckOptions, check_file
from flowc_cli.output import INPUT_ERROR, Form, note_unused, report, write_content, write_error
from flowc_compiler.diagnostics import Diagnostic
from flowc_compiler.filesystem import held_in_memory
from flowc_compiler.source import Span

STDIN = "-"
"""Stands for standard input."""


@dataclass(frozen=True)
class CheckOutput:
    """What is done with what a check finds."""

    form: Form = "text"
    fix: bool = False
    diff: bool = False
    verbose: bool = False


def is_named(place: Path) -> bool:
    """Whether an argument names a file, there or not, and neither a folder nor a glob."""
    from glob import has_magic

    return not place.is_dir() and (place.exists() or not has_magic(str(place)))


def check_one(file: Path, options: CheckOptions, show: CheckOutput) -> int:
    """Check a file that the command line names. Returns the exit code."""
    checked = check_file(file, options)
    if show.diff:
        return preview(checked.sink.diagnostics)
    if show.fix and any(item.fix is not None for item in checked.sink.diagnostics):
        from flowc_compiler.rewrite.fixes import apply_and_check

        checked = Checked(*apply_and_check(checked.sink, lambda: check_file(file, options)[:2], sys.stderr))
    return _show(file, checked, show)


def check_input(name: Path | None, options: CheckOptions, show: CheckOutput) -> int:
    """Check standard input as the file `name`. With `fix` its text is printed with its fixes. Returns the exit code."""
    file = name or Path(STDIN)
    content = sys.stdin.buffer.read()
    with held_in_memory({file: content}):
        checked = check_file(file, options)
        if show.diff:
            return preview(checked.sink.diagnostics)
        if not show.fix:
            return _show(file, checked, show)
        if show.form != "text":
            note_unused("--format", "with --fix and `-`, which print the text", "leave one of them out")
        content = _fixed(file, content, checked.sink.diagnostics)
    with held_in_memory({file: content}):
        checked = check_file(file, options)
        code = _show(file, checked, CheckOutput(verbose=show.verbose))
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
    return code


def preview(diagnostics: Sequence[Diagnostic]) -> int:
    """Print the edits that diagnostics propose, as a unified diff. Returns the exit code."""
    from flowc_compiler.rewrite import RewriteError, diff
    from flowc_compiler.rewrite.fixes import plan_fixes

    try:
        write_content(diff(plan_fixes(diagnostics)))
    except (RewriteError, OSError) as error:
        write_error(f"flowc check: {error}\n")
    return INPUT_ERROR if any(item.severity == "error" for item in diagnostics) else 0


def write_notes(notes: Iterable[tuple[str, Span]]) -> None:
    """Print what an analysis could not know, and where."""
    for message, span in sorted(notes, key=lambda note: (note[1].file, note[1].line)):
        write_error(f"{span.file}:{span.line}: {message}\n")


def _fixed(file: Path, content: bytes, diagnostics: Sequence[Diagnostic]) -> bytes:
    """The content of standard input with the fixes that are for it: no file is written."""
    from flowc_compiler.rewrite import RewriteError
    from flowc_compiler.rewrite.fixes import plan_fixes

    own = [item for item in diagnostics if item.span is not None and Path(item.span.file) == file]
    try:
        return next((edit.after for edit in plan_fixes(own)), content)
    except (RewriteError, OSError) as error:
        write_error(f"flowc check: nothing is fixed: {error}\n")
        return content


def _show(file: Path, checked: Checked, show: CheckOutput) -> int:
    """Print all diagnostics. Returns the exit code."""
    sink = checked.sink
    report(sink.diagnostics, sink.sources, show.form, file.as_posix())
    for flow in (item.flow for item in checked.compilations if not sink.failed and show.form == "text"):
        steps = sum(not step.virtual for step in flow.steps)
        write_error(f"{flow.file}: flow {flow.name}, {steps} step{'s' * (steps != 1)}, no errors\n")
    if show.verbose:
        write_notes(sink.notes)
    return INPUT_ERROR if sink.failed else 0
