"""The flows of a file by its syntax tree: where steps, parameters and calls stand, whether or not the flow compiles.

It is read with the front ends' own readers of classes and decorators, from the tree that was checked.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.classflow.flow_classes import ClassTable, Member, assigned, not_overridden
from flowc_compiler.frontend.shape import shape_of
from flowc_compiler.source import SourceFile, Span
from flowc_compiler.syntax.modules import FunctionNode, LocalModules, ModuleView
from flowc_compiler.syntax.served_imports import callee
from flowc_compiler.syntax.source_reading import parse

_DECLARATIONS = frozenset({"Parameter", "IncludeFile", "Config"})


class StepFunction(NamedTuple):
    """A function with `@step`, and the file that it stands in."""

    view: ModuleView
    function: FunctionNode

    @property
    def name_span(self) -> Span:
        """Where its name is."""
        return self.view.name_span(self.function)

    @property
    def self_name(self) -> str:
        """Its first parameter."""
        return next((item.arg for item in self.function.args.args), "")

    @property
    def inputs_name(self) -> str:
        """Its second parameter, which a join has."""
        return next((item.arg for item in self.function.args.args[1:2]), "")


class Declared(NamedTuple):
    """A parameter or a config of a class flow."""

    name: str
    kind: str
    view: ModuleView
    statement: ast.stmt


class NameUse(NamedTuple):
    """A place that names a step or an attribute of a flow."""

    span: Span
    sets: bool = False
    """Whether it defines a step or sets an artifact."""


@dataclass(frozen=True)
class IndexedFlow:
    """A class with steps, or a pipeline."""

    name: str
    view: ModuleView
    node: ast.ClassDef | FunctionNode
    members: tuple[Member, ...]
    """Of a class: its statements and those of its bases. A pipeline has none."""
    functions: dict[str, StepFunction]
    """The functions with `@step`, by the names that the flow knows them by."""

    @property
    def is_pipeline(self) -> bool:
        """Whether it is a function."""
        return not isinstance(self.node, ast.ClassDef)

    @property
    def name_span(self) -> Span:
        """Where its name is."""
        return self.view.name_span(self.node)

    @cached_property
    def declared(self) -> tuple[Declared, ...]:
        """The parameters and configs of a class."""
        found: list[Declared] = []
        for view, statement, _ in self.members:
            match assigned(statement):
                case (name, ast.Call(func=called)) if (kind := view.names.resolve(called)) in _DECLARATIONS:
                    found.append(Declared(name, kind or "", view, statement))
                case _:
                    pass
        return tuple(found)

    @cached_property
    def uses(self) -> Mapping[str, tuple[NameUse, ...]]:
        """By its name, every place that names a step or, in a class, an attribute: where it is set, read or called."""
        found: dict[str, dict[NameUse, None]] = {}
        for name, item in self.functions.items():
            found.setdefault(name, {})[NameUse(item.name_span, sets=True)] = None
        for one in self.declared:
            start = one.view.span(one.statement)
            span = Span(start.file, start.line, start.column, start.line, start.column + len(one.name))
            found.setdefault(one.name, {})[NameUse(span, sets=True)] = None
        for name, use in self._names_in_file() if self.is_pipeline else self._names_in_class():
            found.setdefault(name, {})[use] = None
        return {name: tuple(uses) for name, uses in found.items()}

    def _names_in_class(self) -> Iterator[tuple[str, NameUse]]:
        """`self.name` in the methods, and `inputs.step` in the joins."""
        for view, statement, _ in self.members:
            if not isinstance(statement, FunctionNode):
                continue
            own = next((item.arg for item in statement.args.args), "")
            inputs = self.functions[statement.name].inputs_name if statement.name in self.functions else ""
            for node in ast.walk(statement):
                match node:
                    case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner == own:
                        yield name, NameUse(attribute_span(view, node), isinstance(node.ctx, ast.Store))
                    case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner == inputs and inputs:
                        yield name, NameUse(attribute_span(view, node))
                    case _:
                        pass

    def _names_in_file(self) -> Iterator[tuple[str, NameUse]]:
        """The steps that a file names, and those in `after=["load"]`."""
        for node in ast.walk(self.view.tree):
            match node:
                case ast.Name(id=name) if name in self.functions:
                    yield name, NameUse(self.view.span(node))
                case ast.keyword(arg="after", value=value):
                    for part in ast.walk(value):
                        if isinstance(part, ast.Constant) and part.value in self.functions:
                            yield str(part.value), NameUse(self.view.span(part))
                case _:
                    pass


def attribute_span(view: ModuleView, node: ast.Attribute) -> Span:
    """Where the name of an attribute is."""
    whole = view.span(node)
    start = whole.end_column - len(node.attr)
    return Span(whole.file, whole.end_line, start, whole.end_line, whole.end_column)


@dataclass(frozen=True)
class FlowIndex:
    """The flows of one file, in its order."""

    view: ModuleView
    flows: tuple[IndexedFlow, ...]
    step_functions: dict[str, StepFunction]
    """The functions with `@step` at the top level, and imported ones."""

    @classmethod
    def of(cls, source: SourceFile) -> FlowIndex | None:
        """The flows of a file; `None` where it cannot be parsed."""
        sink = DiagnosticSink()
        tree = parse(source, sink)
        if tree is None:
            return None
        view = ModuleView(source, tree, sink)
        table = ClassTable(view, sink)
        functions = _step_functions(view, table.modules)
        flows = [_class_flow(view, node, table) for node in table.flows().values()]
        for name, node in shape_of(source, tree).pipelines.items():
            flows.append(IndexedFlow(name, view, node, (), functions))
        return cls(view, tuple(sorted(flows, key=lambda flow: flow.node.lineno)), functions)

    def flow_at(self, line: int) -> IndexedFlow | None:
        """The flow whose text has a line, from 1."""
        return next((flow for flow in self.flows if flow.node.lineno <= line <= (flow.node.end_lineno or 0)), None)

    def named(self, name: str) -> IndexedFlow | None:
        """The flow of that name."""
        return next((flow for flow in self.flows if flow.name == name), None)


def _class_flow(view: ModuleView, node: ast.ClassDef, table: ClassTable) -> IndexedFlow:
    members = not_overridden(table.members(node))
    steps = {
        item.statement.name: StepFunction(item.view, item.statement)
        for item in members
        if isinstance(item.statement, FunctionNode) and _is_step(item.view, item.statement)
    }
    return IndexedFlow(node.name, view, node, tuple(members), steps)


def _step_functions(view: ModuleView, modules: LocalModules) -> dict[str, StepFunction]:
    """The functions with `@step` that a file defines at its top level, or imports from local files."""
    functions = (item for item in view.tree.body if isinstance(item, FunctionNode))
    found = {item.name: StepFunction(view, item) for item in functions if _is_step(view, item)}
    for name in view.imports:
        origin = modules.origin(view, ast.Name(id=name, ctx=ast.Load()))
        function = origin[0].single_functions.get(origin[1]) if origin is not None else None
        if origin is not None and function is not None and _is_step(origin[0], function):
            found[name] = StepFunction(origin[0], function)
    return found


def _is_step(view: ModuleView, function: FunctionNode) -> bool:
    return any(view.names.resolve(callee(item)) == "step" for item in function.decorator_list)
