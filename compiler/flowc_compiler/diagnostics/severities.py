"""Which diagnostics are reported, and as what: by comments in the files, and by `[tool.flowc.check]`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from flowc_compiler.diagnostics.codes import CODES, IGNORABLE_ERRORS, suggest_code
from flowc_compiler.diagnostics.diagnostic import Diagnostic, Severity
from flowc_compiler.diagnostics.fix import Fix
from flowc_compiler.diagnostics.ignore_comments import IgnoreComment, IgnoreComments
from flowc_compiler.source import SourceFile


@dataclass(frozen=True)
class Severities:
    """Codes, and prefixes of codes such as `FC3`. The longest one that fits a code counts; of equals, `ignore`."""

    select: tuple[str, ...] = ("",)
    """What is reported."""
    ignore: tuple[str, ...] = ()
    """What is not."""
    error: tuple[str, ...] = ()
    """The warnings that are errors."""

    def of(self, item: Diagnostic) -> Severity | None:
        """As what a diagnostic is reported that may be ignored; `None` where it is."""
        if _longest(self.ignore, item.code) >= _longest(self.select, item.code):
            return None
        return "error" if item.code.startswith(self.error) else item.severity


def _longest(prefixes: tuple[str, ...], code: str) -> int:
    return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=-1)


ALL = Severities()
"""Everything is reported as it is."""


@dataclass
class Reported:
    """What is reported of what was collected."""

    diagnostics: list[Diagnostic] = field(default_factory=list["Diagnostic"])
    used: set[tuple[IgnoreComment, str]] = field(default_factory=set[tuple[IgnoreComment, str]])
    """Comments, with codes of theirs that ignored something."""
    refused: set[tuple[IgnoreComment, str]] = field(default_factory=set[tuple[IgnoreComment, str]])
    """The same for errors that cannot be ignored."""
    unlisted: dict[IgnoreComment, dict[str, None]] = field(default_factory=dict[IgnoreComment, dict[str, None]])
    """The codes that are reported in the lines of a comment without codes."""


_WHY = "there would be no output, or a wrong one"


def reported(
    items: Collection[Diagnostic], sources: Mapping[str, SourceFile], severities: Severities, *, needed: bool
) -> Reported:
    """What is reported: the one place through which all diagnostics pass.

    With `needed`, no error is ignored: there is no flow without what they are about. Adds FC121 for comments that flowc
    cannot use, and for errors whose very code is to be ignored and cannot be.
    """
    result = Reported()
    for item in items:
        certain = item.severity == "error" and (needed or item.code not in IGNORABLE_ERRORS)
        severity = _severity(item, sources, severities, result, certain=certain)
        if severity is not None:
            result.diagnostics.append(item if severity == item.severity else replace(item, severity=severity))
    errors = {item.code for item in items if item.severity == "error"}
    for code in sorted((errors if needed else errors - IGNORABLE_ERRORS).intersection(severities.ignore)):
        message = f"{code} cannot be ignored by [tool.flowc.check] or --ignore: {_WHY}"
        refused = Diagnostic("FC121", "warning", message, None, help="correct what it is about, and remove the code")
        result.diagnostics += [refused] if severities.of(refused) is not None else []
    for source in sources.values():
        for comment in IgnoreComments.of(source):
            result.diagnostics += (item for item in _unusable(comment, result) if severities.of(item) is not None)
    return result


def _severity(
    item: Diagnostic, sources: Mapping[str, SourceFile], severities: Severities, result: Reported, *, certain: bool
) -> Severity | None:
    source = sources.get(item.span.file) if item.span is not None else None
    comments = IgnoreComments.of(source).covering(item.span) if source is not None and item.span is not None else ()
    found: Severity | None = "error" if certain else severities.of(item)
    for comment in comments:
        if not comment.listed:
            if found is not None and not certain:
                result.unlisted.setdefault(comment, {})[item.code] = None
        elif item.code in comment.codes and certain:
            result.refused.add((comment, item.code))
        elif item.code in comment.codes:
            result.used.add((comment, item.code))
            return None
    return found


def _unusable(comment: IgnoreComment, found: Reported) -> list[Diagnostic]:
    """FC121 for a comment without codes, for unknown codes, and for errors that cannot be ignored."""

    def report(message: str, help_text: str, fix: Fix | None) -> Diagnostic:
        return Diagnostic("FC121", "warning", message, comment.span, help=help_text, fix=fix)

    if not comment.listed:
        codes = ", ".join(comment.codes or found.unlisted.get(comment, ()))
        shown = f"write `# flowc: ignore[{codes or 'FC319'}]`, with the codes that are meant"
        fix = Fix("ignore", "", codes) if codes else None
        return [report("the comment names no code in brackets, and ignores nothing", shown, fix)]
    items: list[Diagnostic] = []
    for code in comment.codes:
        if code not in CODES:
            meant = code.upper() if code.upper() in CODES else None
            help_text = f"write `{meant}`" if meant else suggest_code(code) or "`flowc explain` lists all codes"
            fix = Fix("ignore", code, meant) if meant else None
            items.append(report(f"there is no diagnostic `{code}`", help_text, fix))
        elif (comment, code) in found.refused:
            message = f"this {code} cannot be ignored: {_WHY}"
            items.append(report(message, "correct what it is about, and remove the comment", Fix("ignore", code, "")))
    return items


def unused(source: SourceFile, found: Reported, *, complete: bool) -> list[Diagnostic]:
    """FC120 for codes that a file's comments name and that nothing in their lines has.

    What only targets report is left out, and with it, unless all was checked, what is reported of a flow's files.
    """
    late = ("FC412", "FC5") if complete else ("FC412", "FC5", "FC6")
    items: list[Diagnostic] = []
    for comment in IgnoreComments.of(source):
        for code in comment.codes if comment.listed and UNUSED not in comment.codes else ():
            if code in CODES and (comment, code) not in found.used | found.refused and not code.startswith(late):
                message = f"the comment ignores {code}, which is not reported here"
                help_text = "remove it, or move it to the line of the diagnostic"
                fix = Fix("ignore", code, "")
                items.append(Diagnostic(UNUSED, "warning", message, comment.span, help=help_text, fix=fix))
    return items


UNUSED = "FC120"
"""A comment that has it too is never reported as unused."""
