"""The types of artifacts in a flow: what each step makes of those that it gets."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import cached_property

from flowc_compiler.frontend.classflow.flow_methods import FlowMethods
from flowc_compiler.frontend.classflow.step_types import StepReader
from flowc_compiler.frontend.types.annotations import TypeReader
from flowc_compiler.frontend.types.evident_types import local_class_lacks
from flowc_compiler.ir.artifact_effects import Place, StepTypes, TypeProblem
from flowc_compiler.ir.type_model import Evident, LocalClass, Type
from flowc_compiler.syntax.modules import LocalModules


class FlowTypes:
    """The types of what the steps of a flow set."""

    def __init__(self, methods: FlowMethods, modules: LocalModules) -> None:
        self._methods = methods
        self._types = TypeReader(modules)

    def read(self, step: str, before: Mapping[str, Evident]) -> StepTypes:
        """What a step sets, and what fails in it, by what it has when it begins.

        `before` has artifacts and parameters by name, `input`, and as `arm.name` what an input of a join has.
        """
        method = self._methods.methods.get(step)
        effects = self._methods.of(method) if method is not None else None
        if method is None or effects is None or effects.opaque or effects.havoc:
            return StepTypes({}, ())
        reader = StepReader(self._methods, self._types, method, before)
        found, unclear = reader.read(effects)
        if unclear:  # what is set in ways that are not followed may have any type wherever it is read
            reader = StepReader(self._methods, self._types, method, before, unclear)
            found, _ = reader.read(effects)
        problems = [TypeProblem(Place(method.view.source, item.node), *item[1:]) for item in reader.problems]
        return StepTypes(found, tuple(problems))

    def may_be_changed(self, name: str) -> bool:
        """Whether some code may change what is in a list or dict that is an artifact."""
        return name in self._changed

    @cached_property
    def _changed(self) -> frozenset[str]:
        """Attributes that are used for more than to look at them: passed on, or with a method that may change them."""
        found: set[str] = set()
        for method in self._methods.read_methods:
            looked_at: set[ast.AST] = set()
            for node in ast.walk(method.function):
                looked_at.update(_unchanged_parts(node))
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and node not in looked_at:
                    found.add(node.attr)
        return frozenset(found)

    def has_no_items(self, of: Type) -> bool:
        """Whether objects of a class of the flow's files certainly cannot be iterated over."""
        found = self._types.class_definition(of) if isinstance(of, LocalClass) else None
        return found is not None and local_class_lacks(found[1], {"__iter__", "__getitem__", "__getattr__"})


def _unchanged_parts(node: ast.AST) -> Sequence[ast.AST]:
    """The parts of an expression or statement that leave a list as it is."""
    match node:
        case ast.Call(func=ast.Name(id="len" | "print" | "sum" | "min" | "max" | "sorted" | "str"), args=args):
            return args
        case ast.Call(func=called):
            return [called]
        case ast.For(iter=value) | ast.comprehension(iter=value) | ast.FormattedValue(value=value):
            return [value]
        case ast.Subscript(value=value, ctx=ast.Load()):
            return [value]
        case ast.Compare(left=left, comparators=others):
            return [left, *others]
        case _:
            return []
