"""The types of what a step sets, by its own statements, and operations in it that certainly fail.

The statements are followed in order. Where ways meet, a name has the type that all of them give it, or one of several;
what a loop assigns, or a `try` that may have ended early, is not known. `artifact_reader` counts every assignment to an
attribute of the flow, in methods and functions within the step too: an attribute that is set in a way that is not
followed here has no type.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial, reduce
from typing import Any, ClassVar

from flowc_compiler.frontend.classflow.artifact_calls import LEAVES
from flowc_compiler.frontend.classflow.artifact_reader import may_swallow
from flowc_compiler.frontend.classflow.flow_methods import FLOWSPEC, PROPERTIES, FlowMethods, Method
from flowc_compiler.frontend.types.annotations import TypeReader
from flowc_compiler.frontend.types.call_types import CallTypeReader
from flowc_compiler.frontend.types.evident_types import FUNCTION, exactly, merged
from flowc_compiler.frontend.types.evident_types import operation_result as result_of
from flowc_compiler.ir.artifact_effects import StepEffects
from flowc_compiler.ir.type_model import (
    NEVER,
    NONE,
    NOTHING,
    UNKNOWN,
    Evident,
    Instance,
    LiteralType,
    TupleType,
    Type,
    type_of_value,
)
from flowc_compiler.syntax.modules import FunctionNode, Imported, ModuleView, bind_imports
from flowc_compiler.syntax.served_imports import dotted

_INPUTS = Instance("flowc.Inputs", foreign=True)
_IN_PLACE = {"list", "set", "dict"}
"""Classes whose objects an augmented assignment changes."""


class StepReader(CallTypeReader):
    """Reads one step, with what it has when it begins."""

    statements: ClassVar[dict[type[ast.AST], Callable[[Any, Any], None]]] = {}

    def __init__(
        self,
        methods: FlowMethods,
        types: TypeReader,
        method: Method,
        before: Mapping[str, Evident],
        unclear: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(types, method.view)
        self._flow = methods
        self._before = before
        """Attribute to what it is: artifacts, parameters, `input`; of inputs with the arm and a dot before it."""
        self._unclear = unclear
        """Attributes that are not known."""
        self._function = method.function
        names = [item.arg for item in method.function.args.args]
        self._self = names[0] if names else ""
        for name in names[:1]:
            self._names[name] = NOTHING
        self._joins = len(names) > 1
        for name in names[1:2]:
            self._names[name] = exactly(_INPUTS)
        self._volatile = _volatile(method.view, method.function)
        self._ended: list[dict[str, Evident]] = []
        """What the names are where the step returns."""
        self._dead = False
        """Whether the place is not reached."""
        self._left = False
        """Whether the step may have returned before the place."""
        self._set: Counter[str] = Counter()
        self._looped: set[str] = set()
        """What the outermost loop around the place assigns."""

    def read(self, effects: StepEffects) -> tuple[dict[str, Evident], frozenset[str]]:
        """What the step sets, where that is known, and what it sets in ways that are not followed."""
        self._block(self._function.body)
        ends = [*self._ended, *([] if self._dead else [self._names])]
        found: dict[str, Evident] = {}
        unclear: set[str] = set()
        for name in effects.sets:
            if self._set[name] == effects.stores[name] and name not in self._unclear:
                values = [self._at(end, f".{name}") for end in ends]
                found[name] = reduce(merged, values) if values else NOTHING
            else:
                unclear.add(name)
        return found, frozenset(unclear)

    def _block(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            handler = self.statements.get(type(statement))
            if handler is not None and not self._dead:
                handler(self, statement)

    # What attributes of the flow are.

    def _attribute_of_flow(self, node: ast.Attribute) -> Evident | None:
        owner = node.value
        if isinstance(owner, ast.Name) and owner.id == self._self:
            return self._own(node.attr)
        if self._joins:
            of = self._input(owner)
            if of == _INPUTS:
                return exactly(_INPUTS if node.attr == "flows" else _input(node.attr))
            if isinstance(of, Instance) and of.name == "flowc.FlowSpec":
                (arm,) = of.args
                name = str(arm.value) if isinstance(arm, LiteralType) and arm.kind == "str" else ""
                return self._before.get(f"{name}.{node.attr}", NOTHING)
        return None

    def _input(self, node: ast.expr) -> Type:
        """What a name, or an entry or attribute of one, is, if that is an input or several."""
        match node:
            case ast.Name(id=name):
                return self._names.get(name, NOTHING).type
            case ast.Subscript(value=value, slice=key) if self._input(value) == _INPUTS:
                return _INPUTS if isinstance(key, ast.Slice) else _input("")
            case ast.Attribute(value=value, attr=arm) if self._input(value) == _INPUTS:
                return _INPUTS if arm == "flows" else _input(arm)
            case _:
                return UNKNOWN

    def subscript(self, node: ast.Subscript) -> Evident:
        """What an entry is, be it an input."""
        found = self._input(node) if self._joins else UNKNOWN
        return exactly(found) if found != UNKNOWN else super().subscript(node)

    def _own(self, name: str) -> Evident:
        if name in self._flow.methods:
            method = self._flow.methods[name]
            plain = not method.decorators & PROPERTIES and self._flow.follows(method)
            return exactly(FUNCTION) if plain else NOTHING
        if name in self._unclear or (name in FLOWSPEC and name != "input"):
            return NOTHING
        found = self._names.get(f".{name}")
        if found is not None:
            return found._replace(fresh=False)
        found = self._before.get(name, NOTHING)._replace(fresh=False)
        return self._constant_of_class(name) if found == NOTHING else found

    def _constant_of_class(self, name: str) -> Evident:
        """What a constant of the class is, where it is written out."""
        value = self._flow.constants.get(name) if name not in self._flow.guarded else None
        try:
            return exactly(type_of_value(ast.literal_eval(value))) if value is not None else NOTHING
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return NOTHING

    def _element(self, value: Evident) -> Evident:
        return exactly(_input("")) if value.type == _INPUTS else super()._element(value)

    # Statements.

    def _assign(self, node: ast.Assign) -> None:
        value = self.evaluate(node.value)
        if len(node.targets) > 1:
            value = value._replace(fresh=False)
        for target in node.targets:
            self._bind(target, value)

    def _annotated(self, node: ast.AnnAssign) -> None:
        if node.value is None:
            return
        value = self.evaluate(node.value)
        said = self._types.annotation(self._view, node.annotation)
        if said != UNKNOWN and not (value.exact and value.type != UNKNOWN and not _is_empty(value.type)):
            value = Evident(said, exact=False)
        self._bind(node.target, value)

    def _augmented(self, node: ast.AugAssign) -> None:
        target = node.target
        if isinstance(target, ast.Name | ast.Attribute):
            held = self.evaluate(_loaded(target))
            value = self.evaluate(node.value)
            self._check_operation(node, node.op, (_loaded(target), held), (node.value, value), in_place=True)
            kind = held.type.name if isinstance(held.type, Instance) else ""
            changed = Evident(Instance(kind), held.exact)
            self._bind(target, changed if kind in _IN_PLACE else result_of(held, node.op, value))
        else:
            self.evaluate(node.value)

    def _bind(self, target: ast.expr, value: Evident) -> None:
        match target:
            case ast.Name(id=name):
                self._names[name] = value._replace(fresh=False)
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner == self._self:
                self._set[name] += 1
                self._names[f".{name}"] = value
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                items = value.type.items if isinstance(value.type, TupleType) else ()
                starred = any(isinstance(part, ast.Starred) for part in parts)
                for number, part in enumerate(parts):
                    known = len(items) == len(parts) and not starred
                    self._bind(part, Evident(items[number], value.exact) if known else NOTHING)
            case ast.Starred(value=inner):
                self._bind(inner, NOTHING)
            case ast.Subscript() | ast.Attribute():
                self.evaluate(target)
            case _:
                pass

    def _if(self, node: ast.If) -> None:
        self.evaluate(node.test)
        self._ways([partial(self._block, node.body), partial(self._block, node.orelse)])

    def _ways(self, ways: Sequence[Callable[[], object]], begin: dict[str, Evident] | None = None) -> None:
        """Ways of which one is taken."""
        names = self._names if begin is None else begin
        ends: list[dict[str, Evident]] = []
        self._maybe += 1
        for way in ways:
            self._names, self._dead = dict(names), False
            way()
            if not self._dead:
                ends.append(self._names)
        self._maybe -= 1
        self._dead = not ends
        self._names = self._joined(ends) if ends else names

    def _joined(self, ends: Sequence[dict[str, Evident]]) -> dict[str, Evident]:
        first, *others = ends
        found = dict(first)
        for other in others:
            for name in found.keys() | other.keys():
                one, two = self._at(found, name), self._at(other, name)
                found[name] = one if one is two else merged(one, two)
        return found

    def _at(self, names: dict[str, Evident], name: str) -> Evident:
        """What a name stands for where a way ends: an attribute that it does not set is what it was before."""
        return names.get(name) or (self._before.get(name[1:], NOTHING) if name.startswith(".") else NOTHING)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        iterated = self.evaluate(node.iter)
        self._check_iterable(node.iter, iterated)
        item = self._element(iterated)
        self._loop(node, [node.target, *node.body], lambda: self._bind(node.target, item))

    def _while(self, node: ast.While) -> None:
        self._loop(node, [node.test, *node.body], lambda: self._guess(node.test))

    def _loop(
        self, node: ast.For | ast.AsyncFor | ast.While, parts: Sequence[ast.AST], begin: Callable[[], object]
    ) -> None:
        """A body that runs any number of times: what it assigns is not known when it begins, nor afterwards."""
        outer, dead = self._looped, self._dead
        self._looped = outer or self._assigned(parts)
        self._forget(self._looped)
        self._maybe += 1
        begin()
        self._block(node.body)
        self._maybe -= 1
        self._dead = dead
        self._forget(self._looped)
        self._looped = outer
        self._ways([partial(self._block, node.orelse), lambda: None])

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        begin = {**self._names, **dict.fromkeys(self._assigned(node.body), NOTHING)}
        ended = len(self._ended)
        self._maybe += bool(node.handlers)
        self._block(node.body)
        self._block(node.orelse)
        self._maybe -= bool(node.handlers)
        if node.handlers:
            after, dead = self._names, self._dead
            self._ways([partial(self._handler, handler) for handler in node.handlers], begin)
            ends = [names for names, left in ((after, dead), (self._names, self._dead)) if not left]
            self._dead = not ends
            self._names = self._joined(ends) if ends else begin
        if node.finalbody:
            dead, self._dead = self._dead, False
            self._block(node.finalbody)
            self._dead = self._dead or dead
            for names in self._ended[ended:]:
                names.update(dict.fromkeys(self._assigned(node.finalbody), NOTHING))

    def _handler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._names[node.name] = NOTHING
        self._block(node.body)

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        swallows = any(may_swallow(item.context_expr, self._view.classes) for item in node.items)
        for item in node.items:
            self.evaluate(item.context_expr)
            if item.optional_vars is not None:
                self._bind(item.optional_vars, NOTHING)
        dead = self._dead
        self._maybe += 1  # whatever the manager is called, it may end exceptions
        self._block(node.body)
        self._maybe -= 1
        if swallows:
            self._dead = dead
            self._forget(self._assigned(node.body))

    def _match(self, node: ast.Match) -> None:
        self.evaluate(node.subject)

        def run(case: ast.match_case) -> None:
            captured = (getattr(item, "name", None) or getattr(item, "rest", None) for item in ast.walk(case.pattern))
            self._forget({name for name in captured if isinstance(name, str)})
            self._block(case.body)

        self._ways([*(partial(run, case) for case in node.cases), lambda: None])

    def _return(self, node: ast.Return) -> None:
        if node.value is not None:
            self.evaluate(node.value)
        self._leave()

    def _leave(self) -> None:
        self._ended.append(dict(self._names))
        self._dead = True
        self._left = True

    def _raise(self, node: ast.Raise | ast.Break | ast.Continue) -> None:
        del node
        self._dead = True

    def _expression(self, node: ast.Expr) -> None:
        match node.value:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr="next")) if owner == self._self:
                return  # which names steps, and artifacts by their names
            case _:
                self.evaluate(node.value)
        if isinstance(node.value, ast.Call) and dotted(node.value.func) in LEAVES:
            self._leave()

    def _assert(self, node: ast.Assert) -> None:
        self.evaluate(node.test)

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._bind(target, NOTHING)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        found: dict[str, Imported] = {}
        bind_imports(node, found)
        self._imports.update(found)
        for name in found:
            self._names.pop(name, None)

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        plain = isinstance(node, ast.FunctionDef) and not node.decorator_list
        self._names[node.name] = exactly(FUNCTION) if plain else NOTHING

    def _assigned(self, parts: Sequence[ast.AST]) -> set[str]:
        """The names, and attributes of the flow with a dot before them, that statements may bind."""
        found: set[str] = set()
        for part in parts:
            for node in ast.walk(part):
                match node:
                    case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                        found.add(name)
                    case ast.Attribute(attr=name, ctx=ast.Store() | ast.Del()):
                        found.add(f".{name}")
                    case ast.ExceptHandler(name=str(name)) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                        found.add(name)
                    case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                        found.add(name)
                    case ast.Import() | ast.ImportFrom():
                        found.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
                    case _:
                        pass
        return found

    def _forget(self, names: set[str]) -> None:
        self._names.update(dict.fromkeys(names, NOTHING))

    def _report(self, node: ast.AST, message: str, wanted: str = "", known: tuple[str, ...] = ()) -> None:
        if not self._left:
            super()._report(node, message, wanted, known)


StepReader.statements = {
    kind: getattr(StepReader, handler)
    for handler, kinds in {
        "_assign": (ast.Assign,), "_annotated": (ast.AnnAssign,), "_augmented": (ast.AugAssign,), "_if": (ast.If,),
        "_for": (ast.For, ast.AsyncFor), "_while": (ast.While,), "_try": (ast.Try, ast.TryStar),
        "_with": (ast.With, ast.AsyncWith), "_match": (ast.Match,), "_return": (ast.Return,),
        "_raise": (ast.Raise, ast.Break, ast.Continue), "_expression": (ast.Expr,), "_assert": (ast.Assert,),
        "_delete": (ast.Delete,), "_import": (ast.Import, ast.ImportFrom),
        "_definition": (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
    }.items()
    for kind in kinds
}  # fmt: skip


def _input(arm: str) -> Instance:
    return Instance("flowc.FlowSpec", (LiteralType("str", arm),), foreign=True)


def _loaded(target: ast.Name | ast.Attribute) -> ast.expr:
    """The target of an augmented assignment, as it is read before."""
    found = ast.Name(target.id) if isinstance(target, ast.Name) else ast.Attribute(target.value, target.attr)
    return ast.copy_location(found, target)


def _is_empty(of: Type) -> bool:
    """Whether a type is of a collection without items, or `None`: its annotation says what it is for."""
    return of == NONE or (isinstance(of, Instance) and NEVER in of.args)


def _volatile(view: ModuleView, function: FunctionNode) -> set[str]:
    """Names that are bound within expressions, or by functions within the function."""
    if not _rebinds(view.source.text):
        return set()
    found: set[str] = set()
    for node in ast.walk(function):
        match node:
            case ast.NamedExpr(target=ast.Name(id=name)):
                found.add(name)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                found.update(names)
            case _:
                pass
    return found


@lru_cache(maxsize=8)  # it is the same for all functions of a file
def _rebinds(text: str) -> bool:
    return any(word in text for word in (":=", "nonlocal ", "global "))
