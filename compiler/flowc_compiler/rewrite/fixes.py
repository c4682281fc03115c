"""Makes the edits that diagnostics propose."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TextIO, TypeVar

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider, Scope, ScopeProvider

from flowc_compiler.diagnostics import Diagnostic, DiagnosticSink, Fix
from flowc_compiler.diagnostics.ignore_comments import CommentText, parse_comment
from flowc_compiler.filesystem import read_file
from flowc_compiler.rewrite.files import Edit, RewriteError, parse_bytes, to_bytes, write_all
from flowc_compiler.rewrite.imports import add_import, alias, module_of
from flowc_compiler.rewrite.replace import Replacements, parents_in, replace
from flowc_compiler.source import Span
from flowc_compiler.syntax.served_imports import ROOTS, is_served

Result = TypeVar("Result")
Checked = tuple[DiagnosticSink, Result]
"""The diagnostics of a file, and whatever else its check gives."""


_MOST_ROUNDS = 10
"""How often one mistake is fixed: a step and the functions that it calls may each have it, and one of them is reported.
"""


def plan_fixes(diagnostics: Sequence[Diagnostic]) -> list[Edit]:
    """The files that change. Raises RewriteError, and OSError for a file that cannot be read."""
    by_file: dict[str, list[tuple[Fix, Span]]] = {}
    for item in diagnostics:
        if item.fix is not None and item.span is not None:
            by_file.setdefault(item.span.file, []).append((item.fix, item.span))
    edits: list[Edit] = []
    for name, fixes in by_file.items():
        before = read_file(Path(name))
        edits.append(Edit(Path(name), before, apply_fixes(before, fixes, name)))
    return [edit for edit in edits if edit.before != edit.after]


def apply_fixes(content: bytes, fixes: Sequence[tuple[Fix, Span]], name: str) -> bytes:
    """The content of a file with its fixes. One that does not fit the file is left out. Raises RewriteError."""
    fixer = _Fixer(parse_bytes(content, name))
    imports: dict[str, str] = {}
    for fix, span in fixes:
        match fix.kind:
            case "rename":
                fixer.rename(fix, span)
            case "artifact":
                fixer.rename_artifact(fix, span)
            case "parameter":
                fixer.add_parameter(fix, span)
            case "next":
                fixer.add_next(fix, span)
            case "replace":
                fixer.replace(fix, span)
            case "insert":
                fixer.insert(fix)
            case "ignore":
                fixer.change_comment(fix, span)
            case "import":
                imports[fix.new] = fix.old
    module = replace(fixer.wrapper, fixer.replacements)
    for wanted, source in imports.items():
        module = add_import(module, _import_of(module, wanted) or source, wanted)
    return to_bytes(module, content)


def _import_of(module: cst.Module, name: str) -> str | None:
    """The package that a file imports from already, where it serves a name as well."""
    for line in module.body:
        for small in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            found = module_of(small) if isinstance(small, cst.ImportFrom) else None
            if found in ROOTS and is_served(found, name):
                return found
    return None


class _Fixer:
    """Plans the replacements of one file."""

    def __init__(self, module: cst.Module) -> None:
        self.wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
        self.replacements = Replacements()
        self._ranges = self.wrapper.resolve(PositionProvider)
        self._scopes = self.wrapper.resolve(ScopeProvider)
        self._parents = parents_in(self.wrapper.module)

    def rename(self, fix: Fix, span: Span) -> None:
        """The name that is in the span, or the keyword whose argument it is; with its uses where it is imported."""
        found = [node for node in self._parents if self._is_called(node, fix.old) and self._is_in(node, span)]
        if len(found) != 1:
            return
        (node,) = found
        parent = self._parents[node]
        if isinstance(parent, cst.ImportAlias) and parent.asname is None:
            self._rename_import(parent, fix)
        else:
            self._rename_node(node, fix)

    def rename_artifact(self, fix: Fix, span: Span) -> None:
        """An artifact in the span, and wherever its function has it as an attribute or a name for the same flow."""
        found = [node for node in self._parents if self._is_called(node, fix.old) and self._is_in(node, span)]
        if len(found) != 1:
            return
        flow = self._flow_of(found[0])
        for node in self._within(found[0]):
            if node is found[0] or (self._is_called(node, fix.old) and flow and self._flow_of(node) == flow):
                self._rename_node(node, fix)

    def _flow_of(self, node: cst.CSTNode) -> str:
        """The name of the flow that a name is an artifact of: `self` in `self.x`, `getattr(self, "x")` and
        `self.next(self.work, foreach="x")`.
        """
        parent = self._parents[node]
        call = self._parents[parent] if isinstance(parent, cst.Arg) else None
        owner: cst.CSTNode | None = None
        if isinstance(parent, cst.Attribute) and parent.attr is node:
            owner = parent.value
        elif isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute):
            owner = call.func.value if call.func.attr.value == "next" else None
        elif isinstance(call, cst.Call) and isinstance(call.func, cst.Name):
            owner = call.args[0].value if call.func.value == "getattr" else None
        return owner.value if isinstance(owner, cst.Name) else ""

    def _within(self, node: cst.CSTNode) -> list[cst.CSTNode]:
        """The nodes of the function or method of the file that a node is in."""
        around = node
        function: cst.CSTNode = node
        while around in self._parents:
            around = self._parents[around]
            function = around if isinstance(around, cst.FunctionDef) else function
        found, pending = list[cst.CSTNode](), [function]
        while pending:
            found.append(pending.pop())
            pending.extend(found[-1].children)
        return found

    def _rename_node(self, node: cst.CSTNode, fix: Fix) -> None:
        if isinstance(node, cst.SimpleString):
            quoted = node.raw_value.replace(fix.old, fix.new)
            self.replacements.set_fields(node, value=f"{node.prefix}{node.quote}{quoted}{node.quote}")
        else:
            self.replacements.set_fields(node, value=fix.new)

    def replace(self, fix: Fix, span: Span) -> None:
        """Another expression in the place of one, and of all in its function that are the same."""
        code = self.wrapper.module.code_for_node
        found = (node for node in self._parents if isinstance(node, cst.BaseExpression))
        there = (node for node in found if _is_at(self._ranges[node], span))
        first = next((node for node in there if code(node) == fix.old), None)
        for node in self._within(first) if first is not None else ():
            if isinstance(node, type(first)) and code(node) == fix.old:
                self.replacements.nodes[node] = cst.parse_expression(fix.new)

    def insert(self, fix: Fix) -> None:
        """One more line at the beginning of a join, with the names that its parameters have, behind its docstring."""
        found = [node for node in self._parents if isinstance(node, cst.FunctionDef) and node.name.value == fix.old]
        if len(found) != 1 or len(found[0].params.params) != 2:
            return
        (function,) = found
        flow, inputs = (item.name.value for item in function.params.params)
        names = {"self": flow, "inputs": inputs}
        text = re.sub(r"\b(?<!\.)(?:self|inputs)\b", lambda name: names[str(name[0])], fix.new)
        if isinstance(body := function.body, cst.IndentedBlock):
            self.replacements.insert(body, int(function.get_docstring() is not None), text)

    def _is_called(self, node: cst.CSTNode, name: str) -> bool:
        if isinstance(node, cst.SimpleString):
            return node.evaluated_value == name
        return isinstance(node, cst.Name) and node.value == name

    def _is_in(self, node: cst.CSTNode, span: Span) -> bool:
        parent = self._parents[node]
        if isinstance(parent, cst.Arg) and parent.keyword is node:
            return (span.line, span.column) in {_start(self._ranges[parent.value]), _start(self._ranges[node])}
        place: CodeRange = self._ranges[node]
        end = (place.end.line, place.end.column + 1)
        return (span.line, span.column) <= _start(place) and end <= (span.end_line, span.end_column)

    def _rename_import(self, item: cst.ImportAlias, fix: Fix) -> None:
        scope = self._scopes[self._parents[item]]
        assert isinstance(scope, Scope)
        assignments = list(scope[fix.old])
        uses = [access.node for assignment in assignments for access in assignment.references]
        taken = any(isinstance(node, cst.Name) and node.value == fix.new for node in self._parents)
        if taken or len(assignments) != 1 or not all(isinstance(use, cst.Name) for use in uses):
            self.replacements.set_fields(item, name=alias(fix.new, fix.old).name, asname=alias(fix.new, fix.old).asname)
            return
        for use in (item.name, *uses):
            self.replacements.set_fields(use, value=fix.new)

    def add_parameter(self, fix: Fix, span: Span) -> None:
        """One more parameter of a function."""
        function = self._function(fix.old, span)
        if function is not None:
            params = [*function.params.params]
            if params and params[-1].comma is cst.MaybeSentinel.DEFAULT:
                params[-1] = params[-1].with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")))
            new = function.params.with_changes(params=[*params, cst.Param(cst.Name(fix.new))])
            self.replacements.set_fields(function.params, params=new.params)

    def add_next(self, fix: Fix, span: Span) -> None:
        """`self.next(self.step)` at the end of a function."""
        function = self._function(fix.old, span)
        if function is None or not function.params.params:
            return
        owner = function.params.params[0].name
        call = cst.Call(cst.Attribute(owner, cst.Name("next")), [cst.Arg(cst.Attribute(owner, cst.Name(fix.new)))])
        line = cst.SimpleStatementLine([cst.Expr(call)])
        body = function.body
        if isinstance(body, cst.IndentedBlock):
            self.replacements.insert(body, len(body.body), cst.Module([line]).code)
        elif isinstance(body, cst.SimpleStatementSuite):  # `def step(self): pass`
            first = cst.SimpleStatementLine(body.body, trailing_whitespace=body.trailing_whitespace)
            self.replacements.set_fields(function, body=cst.IndentedBlock([first, line]))

    def change_comment(self, fix: Fix, span: Span) -> None:
        """Other codes in a comment that ignores some. Without any it goes, and its line if that is all of it."""
        node = self._comments.get(span.line)
        text = self.replacements.fields.get(node, {}).get("value", node.value) if node is not None else ""
        found = parse_comment(text)
        if node is not None and found is not None:
            self._set_comment(node, found.with_codes(text, _changed(found, fix)))

    @cached_property
    def _comments(self) -> dict[int, cst.Comment]:
        """Each comment, by its line."""
        return {self._ranges[node].start.line: node for node in self._parents if isinstance(node, cst.Comment)}

    def _set_comment(self, node: cst.Comment, text: str) -> None:
        parent = self._parents[node]
        if text:
            self.replacements.set_fields(node, value=text)
        elif isinstance(parent, cst.EmptyLine):
            self.replacements.removed.add(parent)
        else:
            self.replacements.set_fields(parent, comment=None, whitespace=cst.SimpleWhitespace(""))

    def _function(self, name: str, span: Span) -> cst.FunctionDef | None:
        """The function of that name in whose head the span is."""
        for node in self._parents:
            if isinstance(node, cst.FunctionDef) and node.name.value == name:
                line = self._ranges[node.name].start.line
                if span.line <= line <= span.end_line:
                    return node
        return None


def _changed(found: CommentText, fix: Fix) -> tuple[str, ...]:
    new = tuple(fix.new.split(", ")) if fix.new else ()
    if not fix.old:
        return new
    return tuple(dict.fromkeys(item for code in found.codes for item in (new if code == fix.old else (code,))))


def _is_at(place: CodeRange, span: Span) -> bool:
    end = (place.end.line, place.end.column + 1)
    return (_start(place), end) == ((span.line, span.column), (span.end_line, span.end_column))


def _start(place: CodeRange) -> tuple[int, int]:
    return place.start.line, place.start.column + 1


def apply_and_check(sink: DiagnosticSink, check: Callable[[], Checked[Result]], log: TextIO) -> Checked[Result]:
    """Make the edits that diagnostics propose, and check again: the files stay as they were if that does not help.

    The same edit is made again where a check finds the same mistake in another place. Returns the last check, or the
    first where nothing changed. What was done is written to `log`.
    """
    fixed = [item for item in sink.diagnostics if item.fix is not None]
    tried = {(item.code, item.fix) for item in fixed}
    original: dict[Path, Edit] = {}
    pending = fixed
    rounds = 0
    while True:
        rounds += 1
        try:
            edits = plan_fixes(pending)
            write_all(edits)
        except (RewriteError, OSError) as error:
            write_all([Edit(path, new, old) for path, old, new in original.values()])
            log.write(f"flowc check: nothing is fixed: {error}\n")
            return check()
        for edit in edits:
            original[edit.path] = Edit(edit.path, original.get(edit.path, edit).before, edit.after)
        after = check()
        worse = {item.code for item in after[0].diagnostics} - {item.code for item in sink.diagnostics}
        pending = [item for item in after[0].diagnostics if (item.code, item.fix) in tried]
        if not edits or not pending or "FC101" in worse or rounds == _MOST_ROUNDS:
            break
    if not original or pending or "FC101" in worse:
        write_all([Edit(path, new, old) for path, old, new in original.values()])
        log.write("flowc check: nothing is fixed: the edits do not end the diagnostics\n")
        return check()
    log.write(f"{', '.join(path.as_posix() for path in original)}: {len(fixed)} fixed\n")
    return after
