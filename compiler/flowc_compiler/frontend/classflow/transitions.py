"""`self.next(...)`: what follows a step."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.evaluate.literals import NO_SCOPE, LazyScope, Scope, UnresolvedError, evaluate
from flowc_compiler.ir import SwitchCase
from flowc_compiler.source import Span
from flowc_compiler.syntax.modules import FunctionNode, ModuleView
from flowc_compiler.syntax.tree_walk import walk_scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_compiler.evaluate.known_values import FileScope

_ONCE = "call it once, as the last statement of the step and outside of any block"
_CHOOSE = (
    'to choose the next step, set an artifact and end the step with `{0}.next({{"x": {0}.a, "y": {0}.b}},'
    ' condition="name_of_the_artifact")`'
)


@dataclass(frozen=True)
class Transition:
    """One `self.next`: its span, its targets with the nodes that name them, and what its keyword says."""

    span: Span
    targets: dict[str, ast.expr]
    foreach: str | None = None
    condition: str | None = None
    cases: tuple[SwitchCase, ...] = ()
    parallel: bool = False
    """Whether `num_parallel=` is given."""
    num_parallel: int | None = None
    """Its value where that is a literal."""


@dataclass
class _Arguments:
    """The arguments of one call while they are read."""

    targets: list[tuple[str, ast.expr]] = field(default_factory=list[tuple[str, ast.expr]])
    cases: list[SwitchCase] | None = None
    foreach: str | None = None
    condition: str | None = None
    parallel: bool = False
    num_parallel: int | None = None
    understood: bool = True
    scope: Scope = NO_SCOPE
    """What names stand for in the step."""


class TransitionReader:
    """Reads the transition of one step after the other."""

    def __init__(self, view: ModuleView, sink: DiagnosticSink, scope: LazyScope[FileScope] | None = None) -> None:
        self._view = view
        self._sink = sink
        self._scope = scope

    def read(self, function: FunctionNode, self_name: str) -> Transition | Literal["none"] | None:
        """The transition at the end of a step's body, or "none"; `None`, with FC203 or FC211 collected, for a wrong
        one.
        """
        call = _tail_call(function, self_name)
        strays: list[ast.Call] = []
        if self._view.code(function).count("next") > (call is not None):
            strays = [item for item in find_calls(function) if item is not call and _is_next(item, self_name)]
        found = None if call is None else self._transition(function, self_name, call)
        returned = _returned_calls(function) if strays and found is not None else set[ast.expr | None]()
        wrong = [item for item in strays if item not in returned or not self._repeats(function, self_name, item, found)]
        for stray in wrong:
            choices = [item for item in ast.walk(function) if isinstance(item, ast.If | ast.Match)]
            chooses = any(stray in find_calls(item) for item in choices)
            self._sink.error(
                "FC211", f"`{self_name}.next` of step `{function.name}` is not its last statement",
                self._view.span(stray), help=_CHOOSE.format(self_name) if chooses else _ONCE,
            )  # fmt: skip
        if call is None:
            return None if strays else "none"
        return found

    def _repeats(self, function: FunctionNode, self_name: str, call: ast.Call, last: Transition | None) -> bool:
        """Whether a call that the step ends with on some path says the same as the last one: Metaflow runs that."""
        found = TransitionReader(self._view, DiagnosticSink(), self._scope)._transition(function, self_name, call)
        if found is None or last is None:
            return False
        same = replace(found, span=last.span, targets=last.targets) == last
        return same and [*found.targets] == [*last.targets]

    def _inside(self, function: FunctionNode, self_name: str) -> Scope:
        """What expressions in a step stand for."""
        scope = self._scope
        return NO_SCOPE if scope is None else LazyScope(lambda: scope.made.inside(function, self_name))

    def _transition(self, function: FunctionNode, self_name: str, call: ast.Call) -> Transition | None:
        span = self._view.span(call)
        found = _Arguments(scope=self._inside(function, self_name))
        for arg in call.args:
            if isinstance(arg, ast.Starred):
                self._refuse_argument("`*`", arg.value, found)
            else:
                self._positional(arg, self_name, found)
        for keyword in call.keywords:
            self._keyword(keyword, self_name, found)
        if not found.understood:
            return None
        problem = _shape_problem(found)
        if problem:
            self._sink.error("FC203", problem[0], span, help=problem[1])
            return None
        return Transition(
            span,
            dict(found.targets),
            found.foreach,
            found.condition,
            tuple(found.cases or ()),
            found.parallel,
            found.num_parallel,
        )

    def _positional(self, value: ast.expr, self_name: str, found: _Arguments) -> None:
        if target := _self_attribute(value, self_name):
            found.targets.append((target, value))
        elif isinstance(value, ast.Dict):
            found.cases = found.cases or []
            for key, step in zip(value.keys, value.values, strict=True):
                self._case(key, step, self_name, found)
        else:
            self._refuse(found, "not a step of this flow", value, _way_to_name(value, self_name))

    def _case(self, key: ast.expr | None, step: ast.expr, self_name: str, found: _Arguments) -> None:
        """One `value: self.step` of a switch."""
        target = _self_attribute(step, self_name)
        if key is None or target is None:
            help_text = f"write each case as `value: {self_name}.some_step`"
            self._refuse(found, "a case of a switch leads to one step", step, help_text)
            return
        try:
            value = evaluate(key, found.scope)
        except UnresolvedError as error:
            found.understood = False
            if not error.reported:
                help_text = error.help or "write the value itself; flowc reads the file and does not run it"
                self._refuse(found, f"the value of a case is not a literal{error.because}", error.node, help_text)
            return
        assert found.cases is not None
        if not isinstance(value, (str, int, float)):
            self._refuse(found, "the value of a case is a string, a number or a bool", key, "use one of these")
        elif any(case.value == value for case in found.cases):
            self._refuse(found, f"two cases have the value {value!r}", key, "keep one of them")
        else:
            found.cases.append(SwitchCase(value=value, target=target))
            found.targets.append((target, step))

    def _keyword(self, arg: ast.keyword, self_name: str, found: _Arguments) -> None:
        keyword = arg.arg or ""
        text = _text(arg.value, found.scope) if keyword in {"foreach", "condition"} else None
        if keyword == "foreach" and text is not None:
            found.foreach = text
        elif keyword == "condition" and text is not None:
            found.condition = text
        elif keyword == "num_parallel":
            found.parallel = True
            self._num_parallel(arg.value, found)
        elif keyword in {"foreach", "condition"}:
            what, name = ("list", "items") if keyword == "foreach" else ("value", "choice")
            help_text = f"store the {what} first, `{self_name}.{name} = ...`, and pass `{keyword}='{name}'`"
            if (artifact := _self_attribute(arg.value, self_name)) is not None:
                help_text = f"pass the artifact's name: `{keyword}='{artifact}'`"
            message = f"`{keyword}=` takes the name of an artifact as a literal string"
            self._refuse(found, message, arg.value, help_text)
        else:
            node = self._view.source.keyword_name(arg.value, arg.arg)
            self._refuse_argument(f"argument `{keyword}`" if keyword else "`**`", node, found, keyword)

    def _refuse_argument(self, shown: str, node: ast.AST, found: _Arguments, keyword: str = "") -> None:
        otherwise = "it takes steps, and one of `foreach`, `condition` and `num_parallel`"
        help_text = suggest(keyword, ("foreach", "condition", "num_parallel"), otherwise).help
        self._refuse(found, f"`self.next` takes no {shown}", node, help_text)

    def _num_parallel(self, node: ast.expr, found: _Arguments) -> None:
        """The literal width of a gang; an expression is evaluated by the step when it runs."""
        try:
            value = evaluate(node, found.scope)
        except UnresolvedError:
            return
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            found.understood = False
            self._sink.error(
                "FC216", "`num_parallel=` is not a whole number of at least 1", self._view.span(node),
                help="say how many members run at the same time",
            )  # fmt: skip
        else:
            found.num_parallel = value

    def _refuse(self, found: _Arguments, message: str, node: ast.AST, help_text: str) -> None:
        found.understood = False
        self._sink.error("FC203", message, self._view.span(node), help=help_text)


def _way_to_name(value: ast.expr, self_name: str) -> str:
    """How to write what was given as a step."""
    match value:
        case ast.Name(id=name):
            return f"name steps as attributes: `{self_name}.{name}`"
        case ast.IfExp(body=one, orelse=other):
            first, second = (_self_attribute(item, self_name) or "some_step" for item in (one, other))
            cases = f"{{True: {self_name}.{first}, False: {self_name}.{second}}}"
            return (
                f"a switch chooses by an artifact: `{self_name}.choice = ...`, and "
                f"`{self_name}.next({cases}, condition='choice')`"
            )
        case _:
            return f"name steps as attributes: `{self_name}.next({self_name}.some_step)`"


def _text(node: ast.expr, scope: Scope) -> str | None:
    """The value of a string, or of a constant that is one; `None` for anything else."""
    try:
        value = evaluate(node, scope)
    except UnresolvedError:
        return None
    return value if isinstance(value, str) else None


def _shape_problem(found: _Arguments) -> tuple[str, str] | None:
    """What is wrong with the arguments taken together, and the way out."""
    targets = [name for name, _ in found.targets]
    keywords = [
        name
        for name, given in (
            ("foreach", found.foreach is not None),
            ("condition", found.condition is not None),
            ("num_parallel", found.parallel),
        )
        if given
    ]
    if len(keywords) > 1:
        return f"`{keywords[0]}=` and `{keywords[1]}=` cannot be combined", "use two steps, one after the other"
    if found.condition is not None or found.cases is not None:
        return _switch_problem(found, targets)
    if not targets:
        return "`self.next` names no step", "pass the step that follows: `self.next(self.some_step)`"
    if keywords and len(targets) > 1:
        what = "a foreach" if found.foreach is not None else "`num_parallel`"
        return f"{what} leads to one step", "branch inside of the step that it leads to instead"
    if found.foreach is not None and not found.foreach.isidentifier():
        return _no_artifact("foreach", found.foreach, "items")
    if len(set(targets)) < len(targets):
        twice = next(name for name in targets if targets.count(name) > 1)
        return f"step `{twice}` is named twice", "use a foreach to run one step several times"
    return None


def _switch_problem(found: _Arguments, targets: list[str]) -> tuple[str, str] | None:
    if found.condition is None:
        return "a dict of steps needs a condition", "pass `condition='artifact'`, whose value chooses the step"
    if found.cases is None or len(found.cases) < len(targets):
        help_text = "write `self.next({'a': self.x, 'b': self.y}, condition='choice')`"
        return "a switch takes one dict of values to steps", help_text
    if len(found.cases) < 2:
        return "a switch has at least two cases", "pass the step without a dict"
    if not found.condition.isidentifier():
        return _no_artifact("condition", found.condition, "choice")
    return None


def _no_artifact(keyword: str, value: str, example: str) -> tuple[str, str]:
    return f"`{keyword}={value!r}` does not name an artifact", f"pass the attribute's name: `{keyword}='{example}'`"


def _returned_calls(function: FunctionNode) -> set[ast.expr | None]:
    """What stands in a statement with a `return` behind it in its block, or is returned."""
    found: set[ast.expr | None] = set()
    for block in _blocks(function):
        returns = False
        for statement in reversed(block):
            returns = returns or isinstance(statement, ast.Return)
            if returns and isinstance(statement, ast.Expr | ast.Return):
                found.add(statement.value)
    return found


def _blocks(function: FunctionNode) -> Iterator[list[ast.stmt]]:
    """The lists of statements of a function, without those of functions and classes in it."""
    yield function.body
    for node in walk_scope(function.body):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            yield from (getattr(node, name, []) for name in ("body", "orelse", "finalbody"))


def _tail_call(function: FunctionNode, self_name: str) -> ast.Call | None:
    """The call of `self.next` that ends a function's body."""
    last = function.body[-1]
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) and _is_next(last.value, self_name):
        return last.value
    return None


def _is_next(call: ast.Call, self_name: str) -> bool:
    return _self_attribute(call.func, self_name) == "next"


def _self_attribute(node: ast.expr, self_name: str) -> str | None:
    """The attribute's name for `self.name`, else `None`."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == self_name:
        return node.attr
    return None


def find_calls(statement: ast.stmt) -> list[ast.Call]:
    """Every call in a statement, in the order of the file."""
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return sorted(calls, key=lambda call: (call.lineno, call.col_offset))
