"""Quick fixes: the edits of `flowc check --fix`, each for its diagnostic or all of a document."""

from __future__ import annotations

import difflib
import io
import tokenize
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lsprotocol import types

from flowc_cli.lsp.documents import Encoding, to_units
from flowc_compiler.diagnostics import Diagnostic
from flowc_compiler.diagnostics.codes import IGNORABLE_ERRORS
from flowc_compiler.diagnostics.ignore_comments import IgnoreComments
from flowc_compiler.source import SourceFile, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_cli.lsp.diagnostic_feed import Shown
    from flowc_compiler.diagnostics import Fix
    from flowc_compiler.source import SourceFile, Span

FIX_ALL = "source.fixAll.flowc"
KINDS = [types.CodeActionKind.QuickFix, FIX_ALL]
"""The kinds of code actions."""
Fixes = Sequence[tuple["Fix", "Span"]]


def code_actions(
    uri: str, text: str, shown: Sequence[Shown], params: types.CodeActionParams, encoding: Encoding
) -> list[types.CodeAction]:
    """The actions for the diagnostics at a range of a document that has this text, and for all of them together.

    What a diagnostic says of an older text proposes nothing.
    """
    only = params.context.only
    current = [item for item in shown if item.source is not None and item.source.text == text]
    found: list[types.CodeAction] = []
    for item in current if _wanted(types.CodeActionKind.QuickFix, only) else ():
        if _touches(item.sent.range, params.range):
            found += _quick_fixes(uri, item, encoding)
    fixes = [(item.item.fix, item.item.span) for item in current if item.item.fix and item.item.span]
    if fixes and only and _wanted(FIX_ALL, only) and current[0].source is not None:
        edits = fix_edits(current[0].source, fixes, encoding)
        found += [_action("Fix all that flowc is sure of", FIX_ALL, uri, edits)] if edits else []
    return found


def _wanted(kind: str, only: Sequence[types.CodeActionKind | str] | None) -> bool:
    """Whether an editor asks for actions of a kind: it may name a wider one."""
    return only is None or any(kind == item or kind.startswith(f"{item}.") for item in only)


def _touches(first: types.Range, second: types.Range) -> bool:
    return first.start <= second.end and second.start <= first.end


def _quick_fixes(uri: str, shown: Shown, encoding: Encoding) -> Iterator[types.CodeAction]:
    item, source = shown.item, shown.source
    if item.fix is not None and item.span is not None and source is not None:
        edits = fix_edits(source, [(item.fix, item.span)], encoding)
        if edits:
            action = _action(_title(item.fix), types.CodeActionKind.QuickFix, uri, edits)
            action.diagnostics, action.is_preferred = [shown.sent], True
            yield action
    lines = lines_with_ignore(item, source) if source is not None else None
    if source is not None and lines is not None:
        edits = text_edits(source.lines, lines, encoding)
        action = _action(f"Ignore {item.code} on this line", types.CodeActionKind.QuickFix, uri, edits)
        action.diagnostics = [shown.sent]
        yield action


def _action(title: str, kind: str, uri: str, edits: list[types.TextEdit]) -> types.CodeAction:
    return types.CodeAction(title, kind=kind, edit=types.WorkspaceEdit(changes={uri: edits}))


def _title(fix: Fix) -> str:
    match fix.kind:
        case "rename" | "artifact" | "replace":
            return f"Change `{fix.old}` to `{fix.new}`"
        case "import":
            return f"Import `{fix.new}`"
        case "parameter":
            return f"Add the parameter `{fix.new}` to `{fix.old}`"
        case "next":
            return f"Lead from `{fix.old}` to `{fix.new}`"
        case "insert":
            return f"Write `{fix.new}` in `{fix.old}`"
        case "ignore":
            return f"Ignore {fix.new} here" if fix.new else f"Remove {fix.old} from the comment"


def fix_edits(source: SourceFile, fixes: Fixes, encoding: Encoding) -> list[types.TextEdit]:
    """The edits of a text that fixes make; none where they do not fit it."""
    from flowc_compiler.rewrite import RewriteError
    from flowc_compiler.rewrite.fixes import apply_fixes

    try:
        declared, _ = tokenize.detect_encoding(io.BytesIO(source.text.encode()).readline)
        after = apply_fixes(source.text.encode(declared), fixes, source.name).decode(declared)
    except (RewriteError, SyntaxError, UnicodeError):
        return []
    return text_edits(source.lines, after.split("\n"), encoding)


def text_edits(before: Sequence[str], after: Sequence[str], encoding: Encoding) -> list[types.TextEdit]:
    """The edits that make lines into others; within a line that is replaced, what is the same stays."""
    edits: list[types.TextEdit] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for operation, first, last, new_first, new_last in matcher.get_opcodes():
        if operation == "equal":
            continue
        old, new = before[first:last], after[new_first:new_last]
        if len(old) == len(new) == 1:
            edits.append(_line_edit(first, old[0], new[0], encoding))
        elif last < len(before):
            edits.append(_edit(first, 0, last, 0, "".join(f"{line}\n" for line in new)))
        else:  # the last line has no end
            end = to_units(before[-1], len(before[-1]), encoding)
            head = to_units(before[first - 1], len(before[first - 1]), encoding) if first else 0
            text = ("\n" if first and new else "") + "\n".join(new)
            edits.append(_edit(max(first - 1, 0), head, len(before) - 1, end, text))
    return edits


def _line_edit(line: int, old: str, new: str, encoding: Encoding) -> types.TextEdit:
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    units = [to_units(old, column, encoding) for column in (start, len(old) - end)]
    return _edit(line, units[0], line, units[1], new[start : len(new) - end])


def _edit(line: int, column: int, end_line: int, end_column: int, text: str) -> types.TextEdit:
    found = types.Range(types.Position(line, column), types.Position(end_line, end_column))
    return types.TextEdit(found, text)


class _Written(NamedTuple):
    """Lines with a comment, and where the diagnostic is in them."""

    lines: list[str]
    span: Span


def lines_with_ignore(item: Diagnostic, source: SourceFile) -> list[str] | None:
    """The lines of a file with a comment that ignores a diagnostic of it; `None` where it cannot be ignored."""
    if item.span is None or (item.severity == "error" and item.code not in IGNORABLE_ERRORS):
        return None
    for written in _ways(item.code, item.span, source):
        comments = IgnoreComments(SourceFile(source.path, "\n".join(written.lines), source.name))
        if any(comment.listed and item.code in comment.codes for comment in comments.covering(written.span)):
            return written.lines
    return None


def _ways(code: str, span: Span, source: SourceFile) -> Iterator[_Written]:
    """A code more in a comment that is there, a comment at the end of the line, or one on a line of its own above."""
    comments = list(IgnoreComments.of(source))
    for line in dict.fromkeys((span.line, span.end_line)):
        lines = list(source.lines)
        text = lines[line - 1]
        if text.endswith("\\"):
            continue
        there = next((comment for comment in comments if comment.listed and comment.span.line == line), None)
        if there is not None:
            listed = ", ".join(dict.fromkeys((*there.codes, code)))
            head, tail = text[: there.span.column - 1], text[there.span.end_column - 1 :]
            lines[line - 1] = f"{head}# flowc: ignore[{listed}]{tail}"
        else:
            lines[line - 1] = f"{text.rstrip()}  # flowc: ignore[{code}]"
        yield _Written(lines, span)
    text = source.lines[span.line - 1]
    indent = text[: len(text) - len(text.lstrip())]
    lines = [*source.lines[: span.line - 1], f"{indent}# flowc: ignore[{code}]", *source.lines[span.line - 1 :]]
    yield _Written(lines, Span(span.file, span.line + 1, span.column, span.end_line + 1, span.end_column))
