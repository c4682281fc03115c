"""`self.next(...)`: what follows a step."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.locate import Locator
from flowc_compiler.source import Span


@dataclass(frozen=True)
class Transition:
    """One `self.next`: its span, its targets with the nodes that name them, and its foreach variable."""

    span: Span
    targets: dict[str, cst.BaseExpression]
    foreach: str | None = None


_LATER = {"condition": "a switch", "num_parallel": "a gang of parallel nodes"}


class TransitionReader:
    """Reads the transition of one step after the other."""

    def __init__(self, locator: Locator, sink: DiagnosticSink) -> None:
        self._locator = locator
        self._sink = sink

    def read(self, function: cst.FunctionDef, self_name: str, *, is_end: bool) -> Transition | None:
        """The transition at the end of a step's body; `None`, with FC202, FC203 or FC211 collected, without one."""
        call = _tail_call(function, self_name)
        calls = self._locator.text_of(function).count(".next(")
        if calls > (call is not None):
            self._report_strays(function, self_name, call)
        if call is None:
            if not is_end and not _next_calls(function, self_name):
                self._sink.error(
                    "FC202",
                    f"step `{function.name.value}` does not say what follows it",
                    self._locator.function(function),
                    help=f"end it with `{self_name}.next({self_name}.some_step)`",
                )
            return None
        return self._transition(function, self_name, call)

    def _report_strays(self, function: cst.FunctionDef, self_name: str, tail: cst.Call | None) -> None:
        for call in _next_calls(function, self_name):
            if call is not tail:
                self._sink.error(
                    "FC211",
                    f"`{self_name}.next` of step `{function.name.value}` is not its last statement",
                    self._locator.anywhere(call),
                    help="call it once, as the last statement of the step and outside of any block",
                )

    def _transition(self, function: cst.FunctionDef, self_name: str, call: cst.Call) -> Transition | None:
        span = self._locator.inside(call, function)
        targets: list[tuple[str, cst.BaseExpression]] = []
        foreach: str | None = None
        understood = True
        for arg in call.args:
            if arg.keyword is None and not arg.star and (target := _self_attribute(arg.value, self_name)):
                targets.append((target, arg.value))
            elif arg.keyword is not None and arg.keyword.value == "foreach" and isinstance(arg.value, cst.SimpleString):
                foreach = str(arg.value.evaluated_value)
            else:
                self._report_argument(arg, self_name)
                understood = False
        if not understood:
            return None
        problem = _shape_problem([name for name, _ in targets], foreach)
        if problem:
            self._sink.error("FC203", problem[0], span, help=problem[1])
            return None
        return Transition(span, dict(targets), foreach)

    def _report_argument(self, arg: cst.Arg, self_name: str) -> None:
        keyword = arg.keyword.value if arg.keyword else None
        span = self._locator.anywhere(arg.value)
        if keyword in _LATER:
            message = f"`{keyword}=` ({_LATER[keyword]}) is not supported yet"
            self._sink.error("FC203", message, span, help="write it as a branch or a foreach with `foreach='variable'`")
        elif keyword == "foreach":
            self._sink.error(
                "FC203", "`foreach=` takes the name of an artifact as a literal string", span,
                help=f"store the list first, `{self_name}.items = ...`, and pass `foreach='items'`",
            )  # fmt: skip
        elif keyword is not None:
            self._sink.error("FC203", f"`self.next` takes no argument `{keyword}`", span, help="it takes `foreach`")
        elif isinstance(arg.value, cst.Dict):
            self._sink.error("FC203", "a switch is not supported yet", span, help="write it as a branch")
        else:
            self._sink.error(
                "FC203", "not a step of this flow", span,
                help=f"name steps as attributes: `{self_name}.next({self_name}.some_step)`",
            )  # fmt: skip


def _shape_problem(targets: list[str], foreach: str | None) -> tuple[str, str] | None:
    if not targets:
        return "`self.next` names no step", "pass the step that follows: `self.next(self.some_step)`"
    if foreach is not None and len(targets) > 1:
        return "a foreach leads to one step", "branch inside of the foreach's first step instead"
    if foreach is not None and not foreach.isidentifier():
        return (
            f"`foreach={foreach!r}` does not name an artifact",
            "pass the attribute's name, such as `foreach='items'`",
        )
    if len(set(targets)) < len(targets):
        twice = next(name for name in targets if targets.count(name) > 1)
        return f"step `{twice}` is named twice", "use a foreach to run one step several times"
    return None


def _tail_call(function: cst.FunctionDef, self_name: str) -> cst.Call | None:
    """The call of `self.next` that ends a function's body."""
    statements = function.body.body
    last: cst.CSTNode | None = statements[-1] if statements else None
    if isinstance(last, cst.SimpleStatementLine):
        last = last.body[-1]
    if isinstance(last, cst.Expr) and isinstance(last.value, cst.Call) and _is_next(last.value, self_name):
        return last.value
    return None


def _is_next(call: cst.Call, self_name: str) -> bool:
    return _self_attribute(call.func, self_name) == "next"


def _self_attribute(node: cst.BaseExpression, self_name: str) -> str | None:
    """The attribute's name for `self.name`, else `None`."""
    if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name) and node.value.value == self_name:
        return node.attr.value
    return None


class _Calls(cst.CSTVisitor):
    def __init__(self) -> None:
        self.calls: list[cst.Call] = []

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802
        self.calls.append(node)


def find_calls(node: cst.CSTNode) -> list[cst.Call]:
    """Every call below a node, in the order of the file."""
    visitor = _Calls()
    node.visit(visitor)
    return visitor.calls


def _next_calls(function: cst.FunctionDef, self_name: str) -> list[cst.Call]:
    return [call for call in find_calls(function.body) if _is_next(call, self_name)]
