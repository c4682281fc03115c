"""What a function does with the artifacts of the flow that it gets, in one walk over its body.

The walk knows two kinds of places: those that certainly run if the function succeeds, and those that may not. What is
set anywhere counts as set from there on, but not in the other ways of an `if`. So what counts as read is certainly
something that the function itself has not set.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Sequence

from flowc_compiler.frontend.classflow.artifact_calls import ArtifactCallReader
from flowc_compiler.ir.artifact_effects import StepEffects
from flowc_compiler.syntax.served_imports import callee, dotted

_SWALLOWING = ("suppress", "raises", "catch", "ignore", "expect", "assert", "swallow", "handle", "safe", "guard", "try")

_MISSES_NOTHING = frozenset(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException) and not issubclass(AttributeError, value)
) - {"AttributeError"}


class ArtifactReader(ArtifactCallReader):
    """Reads one function."""

    def read(self) -> StepEffects:
        """The effects of the function."""
        found = self._found
        if not self._methods.follows(self._method):
            found.havoc = found.opaque = True
        elif self._self or self._inputs.name:
            self._block(self._method.function.body)
            found.sets = self._ever - found.deletes
            called = self._called_within()
            for function, read in self._late:
                trusted = function in called and function not in self._passed_on and not self._caught
                if trusted and not self._has(read.name):
                    found.reads.setdefault(read.name, read)
        return found

    def _called_within(self) -> set[str]:
        """The names that the function calls, itself or by functions within it."""
        found = set[str]()
        pending = list(self._calls.get("", ()))
        while pending:
            name = pending.pop()
            if name not in found:
                found.add(name)
                pending += self._calls.get(name, ())
        return found

    def _block(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            self._visit(statement)

    def _if(self, node: ast.If) -> None:
        known = _truth(node.test)
        self._visit(node.test)
        if known is not None:
            self._block(node.body if known else node.orelse)
            return
        returns, known = len(self._found.returns), self._known(node.test)
        self._ways([self._way(node.body, known is False), self._way(node.orelse, known is True)])
        if len(self._found.returns) > returns and _asks_for_gang(node.test):
            del self._found.returns[returns:]  # as a member of a gang may return early

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        self._consumed.add(node.iter)
        self._visit(node.iter)

        def body() -> None:
            self._inputs.bind_item(node.target, node.iter)
            self._visit_target(node.target)
            self._block(node.body)

        self._loop(body)
        self._ways([lambda: self._block(node.orelse), lambda: None])

    def _while(self, node: ast.While) -> None:
        def body() -> None:
            self._visit(node.test)
            self._way(node.body, self._known(node.test) is False)()

        if not any(isinstance(item, ast.NamedExpr) for item in ast.walk(node.test)):
            self._visit(node.test)
        self._loop(body)
        self._ways([lambda: self._block(node.orelse), lambda: None])

    def _loop(self, body: Callable[[], None]) -> None:
        """A body that runs any number of times: what it sets may be there when it reads it."""
        found = self._found
        reads, sure, mark, merges = set(found.reads), set(found.sure), len(self._log), len(found.merges)
        late = len(self._late)
        dead = self._dead
        self._loops += 1
        self._ways([body])
        self._loops -= 1
        self._dead = dead
        if len(self._log) > mark or found.havoc or len(found.merges) > merges:
            added = set(self._log[mark:])
            every = found.havoc or len(found.merges) > merges
            for kept, before in ((found.reads, reads), (found.sure, sure)):
                for name in [name for name in kept if name not in before and (every or name in added)]:
                    del kept[name]
            self._late[late:] = [item for item in self._late[late:] if not (every or item[1].name in added)]
        if len(found.merges) > merges:
            found.havoc = True

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        guarded = any(_catches_missing(handler) for handler in node.handlers)
        dead = self._dead
        self._tries += 1
        self._guards += guarded
        self._caught |= guarded
        self._may_skip += bool(node.handlers)
        self._block(node.body)
        self._guards -= guarded
        if not self._dead:
            self._block(node.orelse)
        self._may_skip -= bool(node.handlers)
        ended = self._dead
        if node.handlers:
            self._dead = dead
            ends: list[bool] = []

            def way(handler: ast.ExceptHandler) -> Callable[[], None]:
                def run() -> None:
                    self._block(handler.body)
                    ends.append(self._dead)

                return run

            self._ways([way(handler) for handler in node.handlers])
            ended = ended and all(ends)
        self._tries -= 1
        self._dead = dead
        self._block(node.finalbody)
        self._dead = self._dead or ended

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        swallows = any(may_swallow(item.context_expr, self._view.classes) for item in node.items)
        for item in node.items:
            self._visit(item.context_expr)
            if item.optional_vars is not None:
                self._inputs.forget(item.optional_vars)
                self._visit_target(item.optional_vars)
        dead = self._dead
        self._caught |= swallows
        self._tries += swallows
        self._guards += swallows
        self._may_skip += swallows
        self._block(node.body)
        self._may_skip -= swallows
        self._guards -= swallows
        self._tries -= swallows
        self._dead = dead if swallows else self._dead

    def _match(self, node: ast.Match) -> None:
        self._visit(node.subject)

        def way(case: ast.match_case) -> Callable[[], None]:
            def run() -> None:
                self._visit(case.pattern)
                if case.guard is not None:
                    self._visit(case.guard)
                self._block(case.body)

            return run

        self._ways([*map(way, node.cases), lambda: None])

    def _return(self, node: ast.Return) -> None:
        if node.value is not None:
            self._visit(node.value)
        if self._inside:
            return
        if not (self._dead or self._guards or self._went_on):
            self._found.returns.append(self._place(node))
        self._end(leaves=True)

    def _yield(self, node: ast.Yield | ast.YieldFrom) -> None:
        """A generator: its body runs later, or never."""
        if not self._inside:
            self._found.opaque = self._found.havoc = True
        if node.value is not None:
            self._visit(node.value)

    def _raise(self, node: ast.Raise | ast.Break | ast.Continue) -> None:
        for child in ast.iter_child_nodes(node):
            self._visit(child)
        self._end(leaves=False)

    def _assign(self, node: ast.Assign) -> None:
        self._visit(node.value)
        for target in node.targets:
            self._store(target, node.value)
        if len(node.targets) > 1:  # several names for one list
            self._found.uses.update(filter(None, map(self._attribute, node.targets)))

    def _annotated(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._visit(node.value)
            self._store(node.target, node.value)

    def _augmented(self, node: ast.AugAssign) -> None:
        if (name := self._attribute(node.target)) is not None:
            self._get(name, node.target)
        self._visit(node.value)
        self._store(node.target, None)

    def _store(self, target: ast.expr, value: ast.expr | None) -> None:
        """Assign to a target; to the parts of a tuple, those of the value where it is one."""
        name = self._attribute(target)
        if name is not None:
            self._set(name, target, value)
        elif isinstance(target, ast.Tuple | ast.List):
            parts = (
                value.elts if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts) else None
            )
            starred = any(isinstance(item, ast.Starred) for item in (*target.elts, *(parts or ())))
            if parts is None and value is not None:
                self._inputs.bind(target, value)
            for number, item in enumerate(target.elts):
                if parts is None and isinstance(item, ast.Name):
                    self._visit_target(item)
                else:
                    self._store(item, parts[number] if parts is not None and not starred else None)
        else:
            if isinstance(target, ast.Name) and value is not None:
                self._inputs.bind(target, value)
            else:
                self._inputs.forget(target)
            self._visit_target(target)

    def _del(self, node: ast.Delete) -> None:
        for target in node.targets:
            name = self._attribute(target)
            if name is not None:
                if name in self._methods.protected and not self._guards and not self._inside:
                    self._found.writes.setdefault(name, self._place(target))
                self._get(name, target)
                self._delete(name)
            else:
                self._visit(target)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for item in node.decorator_list:
            self._visit(item)
        plain = isinstance(node, ast.FunctionDef) and not node.decorator_list
        self._nested(node.args, node.body, node.name if plain else "")

    def _class(self, node: ast.ClassDef) -> None:
        for item in (*node.decorator_list, *node.bases):
            self._visit(item)
        self._nested(None, node.body, "")


def _truth(test: ast.expr) -> bool | None:
    """Whether a condition always or never holds; `None` for all others."""
    match test:
        case ast.Constant(value=value):
            return bool(value)
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return False
        case _:
            return None


def _asks_for_gang(test: ast.expr) -> bool:
    """Whether a condition depends on the step's place in a gang, as `current.parallel.node_index` has it."""
    named = (item for item in ast.walk(test) if isinstance(item, ast.Attribute))
    return any("parallel" in item.attr or item.attr == "node_index" for item in named)


def _catches_missing(handler: ast.ExceptHandler) -> bool:
    """Whether a handler may catch what a missing attribute raises."""
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return not all(isinstance(kind, ast.Name) and kind.id in _MISSES_NOTHING for kind in kinds)


def may_swallow(manager: ast.expr, classes: Iterable[str]) -> bool:
    """Whether an exception may end in a `with` block: not in those of files and of libraries."""
    parts = dotted(callee(manager))
    name = parts[-1].lower() if parts else ""
    known = isinstance(manager, ast.Call) and bool(parts) and parts[-1] not in classes and parts[0] != "self"
    return not known or any(word in name for word in _SWALLOWING)


ArtifactReader.handlers = {
    kind: getattr(ArtifactReader, handler)
    for handler, kinds in {
        "_if": (ast.If,), "_if_expression": (ast.IfExp,), "_bool": (ast.BoolOp,), "_for": (ast.For, ast.AsyncFor),
        "_while": (ast.While,), "_try": (ast.Try, ast.TryStar), "_with": (ast.With, ast.AsyncWith),
        "_match": (ast.Match,), "_return": (ast.Return,), "_yield": (ast.Yield, ast.YieldFrom),
        "_raise": (ast.Raise, ast.Break, ast.Continue),
        "_assign": (ast.Assign,), "_annotated": (ast.AnnAssign,), "_named": (ast.NamedExpr,),
        "_augmented": (ast.AugAssign,), "_del": (ast.Delete,), "_name": (ast.Name,),
        "_attribute_use": (ast.Attribute,), "_lambda": (ast.Lambda,), "_class": (ast.ClassDef,), "_call": (ast.Call,),
        "_comprehension": (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp),
        "_function": (ast.FunctionDef, ast.AsyncFunctionDef),
    }.items()
    for kind in kinds
}  # fmt: skip
