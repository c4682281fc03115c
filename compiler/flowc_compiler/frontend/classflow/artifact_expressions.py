"""What the expressions of a step do with artifacts, but for calls."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from flowc_compiler.frontend.classflow.artifact_state import ArtifactState
from flowc_compiler.frontend.classflow.flow_methods import PROPERTIES
from flowc_compiler.ir.artifact_effects import InputRead, Merge


class ArtifactExpressionReader(ArtifactState):
    """Reads attributes, names, comprehensions, and functions within the function."""

    _inside_of = ""

    def _known(self, test: ast.expr) -> bool | None:
        """Whether a condition always or never holds, by literals and by constants of the module that it binds once."""
        view = self._view
        return truth(test, {} if view.has_globals else view.values)

    def _if_expression(self, node: ast.IfExp) -> None:
        known = self._known(node.test)
        self._visit(node.test)
        self._ways([self._way([node.body], known is False), self._way([node.orelse], known is True)])

    def _bool(self, node: ast.BoolOp) -> None:
        self._visit(node.values[0])
        is_dead = False
        with self._perhaps():
            for before, value in pairwise(node.values):
                is_dead = is_dead or self._known(before) is isinstance(node.op, ast.Or)
                self._way([value], is_dead)()

    def _way(self, nodes: Sequence[ast.AST], is_dead: bool) -> Callable[[], None]:
        """One way; of one that is never gone, only what it sets counts, since somebody may change the constant."""

        def run() -> None:
            self._guards += is_dead
            for node in nodes:
                self._visit(node)
            self._guards -= is_dead

        return run

    def _named(self, node: ast.NamedExpr) -> None:
        self._visit(node.value)
        self._inputs.bind(node.target, node.value)

    def _name(self, node: ast.Name) -> None:
        if node.id == self._self and self._self:
            self._escape("`self` is passed on", node)
        elif isinstance(node.ctx, ast.Load):
            self._passed_on.add(node.id)

    def _attribute_use(self, node: ast.Attribute) -> None:
        name = self._attribute(node)
        if name is None:
            self._other_attribute(node)
        elif isinstance(node.ctx, ast.Store):
            self._set(name, node)
        elif name in {"__dict__", "__setattr__"}:
            self._methods.silent |= name == "__dict__"
            self._escape(f"`{self._self}.{name}` is used", node)
        elif name in self._methods.methods:
            self._method_use(name, node)
        elif name == "merge_artifacts":
            self._may_merge(node)
        elif name not in self._methods.attributes:
            self._get(name, node)

    def _may_merge(self, node: ast.AST) -> None:
        """A use of `merge_artifacts` that is no call: whoever gets it may merge anything."""
        self._found.merges.append(Merge(self._place(node), None, None, frozenset(), whole=False))

    def _other_attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Store):
            match node.value:
                case ast.Name(id="cls") | ast.Attribute(attr="__class__") | ast.Call(func=ast.Name(id="type")):
                    self._methods.guarded.add(node.attr)
                case ast.Name(id=name) if self._methods.named_class(name) is not None:
                    self._methods.guarded.add(node.attr)
                case _:
                    pass
        arm = self._inputs.item(node.value)
        if arm is not None and not node.attr.startswith("_") and node.attr not in self._methods.attributes:
            if not isinstance(node.ctx, ast.Load):
                self._methods.guarded.add(node.attr)
            else:
                self._get_from_input(node.attr, arm, node)
        if self._inputs.is_inputs(node.value):
            self._input_arm(node)
            return
        self._visit(node.value)

    def _get_from_input(self, name: str, arm: str, node: ast.AST) -> None:
        if name not in self._methods.attributes and not (self._guards or self._dead or self._inside):
            self._found.inputs.append(InputRead(name, self._place(node), arm))

    def _input_arm(self, node: ast.Attribute) -> None:
        """Note `inputs.name`."""
        if self._inputs.is_whole(node.value) and not (self._guards or self._dead or self._inside):
            place = self._place(node)
            if not self._found.arms or self._found.arms[-1][1].node is not node:
                self._found.arms.append((node.attr, place))

    def _method_use(self, name: str, node: ast.AST) -> None:
        """A method that is named without a call: a property runs, another one may be called by anybody."""
        method = self._methods.methods[name]
        if method.decorators & PROPERTIES:
            self._apply(self._methods.of(method), node)
        else:
            self._may_run(self._methods.of(method), node)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        before, outer = self._inputs.copy(), self._inside_of
        self._visit(node.generators[0].iter)
        is_lazy = isinstance(node, ast.GeneratorExp) and node not in self._consumed
        self._inside += is_lazy
        self._inside_of = "" if is_lazy else outer
        with self._perhaps():
            for number, generator in enumerate(node.generators):
                if number:
                    self._visit(generator.iter)
                self._inputs.bind_item(generator.target, generator.iter)
                self._visit_target(generator.target)
                for test in generator.ifs:
                    self._visit(test)
            for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
                self._visit(part)
        self._inside -= is_lazy
        self._inputs.bound, self._inside_of = before, outer

    def _lambda(self, node: ast.Lambda) -> None:
        self._nested(node.args, [node.body], "")

    def _nested(self, arguments: ast.arguments | None, body: Sequence[ast.AST], name: str) -> None:
        """A function or class within the function: it runs later, as often as it is called, or never."""
        own: set[str] = set()
        if arguments is not None:
            for default in (*arguments.defaults, *filter(None, arguments.kw_defaults)):
                self._visit(default)
            every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
            own = {item.arg for item in every if item is not None}
        if self._self in own:
            return
        before, outer = self._inputs.copy(), self._inside_of
        for argument in own:
            self._inputs.bound.pop(argument, None)
        self._inside_of = name if name and not (self._inside and not outer) else ""
        self._inside += 1
        with self._perhaps():
            for item in body:
                self._visit(item)
        self._inside -= 1
        self._inside_of = outer
        self._inputs.bound = before


def truth(test: ast.expr, values: Mapping[str, ast.expr]) -> bool | None:
    """Whether a condition always or never holds; `None` where that is not known. `values` has names bound once."""
    match test:
        case ast.Constant(value=value):
            return bool(value)
        case ast.Name(id=name) if isinstance(values.get(name), ast.Constant):
            return truth(values[name], {})
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            known = truth(operand, values)
            return None if known is None else not known
        case ast.BoolOp(op=op, values=parts):
            found = {truth(part, values) for part in parts}
            ends = isinstance(op, ast.Or)
            return ends if ends in found else None if None in found else not ends
        case ast.Compare(left=ast.Constant(value=left), ops=[ast.Eq()], comparators=[ast.Constant(value=right)]):
            return bool(left == right)
        case _:
            return None
