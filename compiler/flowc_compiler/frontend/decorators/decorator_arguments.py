"""The arguments of one decorator: keywords with known values, checked by the decorator's model."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from pydantic import ValidationError

from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.evaluate.literals import NO_SCOPE, Scope, UnresolvedError, evaluate
from flowc_compiler.frontend.decorators.arguments import ARGUMENTS, FLOW_ARGUMENTS, REPEATABLE
from flowc_compiler.frontend.decorators.unsupported_decorators import Owner, report_decorator
from flowc_compiler.source import Span
from flowc_compiler.syntax.modules import ModuleView

if TYPE_CHECKING:
    from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments

Nodes = dict[str, ast.expr]
Model = TypeVar("Model", bound="Arguments")


class ArgumentReader:
    """Reads decorators of one file. What is wrong is collected as FC402, FC403 or FC404."""

    def __init__(self, view: ModuleView, sink: DiagnosticSink, scope: Scope = NO_SCOPE) -> None:
        self._view = view
        self._sink = sink
        self._scope = scope

    def read_all(self, items: Iterable[ast.expr], of: Owner, found: list[DecoratorUse], skipped: str = "") -> None:
        """Add decorators to those that were `found` before. What is not understood is collected as FC401 to FC408."""
        models = ARGUMENTS if of == "step" else FLOW_ARGUMENTS
        for item in items:
            name, span = self._view.names.resolve(callee(item)), self._view.span(item)
            if name == skipped:
                continue
            if name is None or name not in models:
                report_decorator(item, name, self._view, of, self._sink)
            elif name not in REPEATABLE and any(use.name == name for use in found):
                self._sink.error("FC405", f"`@{name}` is given twice", span, help="keep one of them")
            elif (arguments := self._read(name, models[name], item)) is not None:
                found.append(DecoratorUse(name, arguments, span))

    def _read(self, name: str, model: type[Arguments], item: ast.expr) -> Arguments | None:
        """The arguments of `@name` and of `@name(...)`; `None` when something is wrong with them."""
        values: dict[str, Any] = {}
        nodes: Nodes = {}
        ok = True
        for keyword, node in arguments_of(item):
            found = self._values(name, model, keyword, node)
            ok = ok and found is not None
            for key, value in (found or {}).items():
                ok = self._check_argument(name, model, key, node) and ok
                values[key], nodes[key] = value, node
        if not ok:
            return None
        return validated(
            model, values, f"`@{name}`", lambda path: self._view.span(nodes.get(str(path[0]), item) if path else item),
            f"see `@{name}` in docs/decorators.md", self._sink,
        )  # fmt: skip

    def _values(self, name: str, model: type[Arguments], key: str | None, node: ast.expr) -> dict[str, object] | None:
        """The value of one argument, by its name; of `**values`, each of them."""
        if key == "":
            self._sink.error(
                "FC403", f"`@{name}` takes keyword arguments only", self._view.span(node),
                help=f"it takes {', '.join(model.model_fields) or 'none'}",
            )  # fmt: skip
            return None
        if key is not None and not self._check_argument(name, model, key, node):
            return None
        try:
            value = evaluate(node, self._scope)
        except UnresolvedError as error:
            if key == "python" and "packages" in model.model_fields and not (error.reported or error.wrong):
                return {key: self._as_written(name, node)}
            what = f"`{key}` of `@{name}`" if key else f"what `@{name}` unpacks"
            report_unresolved(what, error, self._view.span(error.node), self._sink)
            return None
        if key is not None:
            return {key: value}
        if isinstance(value, dict):
            return {str(name): item for name, item in cast("dict[object, object]", value).items()}
        span = self._view.span(node)
        self._sink.error(
            "FC404", f"the value that `@{name}` unpacks is not a dict", span, help="write the arguments out"
        )
        return None

    def _as_written(self, name: str, node: ast.expr) -> str:
        """The text of a Python version that is computed: flowc installs none, so that it is recorded and no more."""
        text = self._view.code(node)
        self._sink.warning(
            "FC402", f"`python` of `@{name}` is not known, and is recorded as text: `{text}`",
            self._view.span(node), help="write the version itself; a step runs on the Python of its image",
        )  # fmt: skip
        return text

    def _check_argument(self, name: str, model: type[Arguments], key: str, node: ast.expr) -> bool:
        if key in model.model_fields:
            return True
        span = self._view.span(node)
        if key in model.REFUSED:
            self._sink.error("FC411", f"flowc has no `{key}` of `@{name}` yet", span, help=model.REFUSED[key])
            return False
        otherwise = f"it takes {', '.join(model.model_fields) or 'none'}"
        help_text, fix = suggest(key, model.model_fields, otherwise)
        self._sink.error("FC403", f"`@{name}` has no argument `{key}`", span, help=help_text, fix=fix)
        return False


def report_unresolved(what: str, error: UnresolvedError, span: Span, sink: DiagnosticSink) -> None:
    """Collect FC402 for a value that is not known, unless its evaluation was reported already."""
    if not error.reported:
        sink.error(
            "FC402", f"{what} is not known{error.because}", span,
            help=error.help or "write the value itself: flowc reads the file and does not run it",
        )  # fmt: skip


def validated(
    model: type[Model],
    values: object,
    owner: str,
    span_of: Callable[[tuple[object, ...]], Span | None],
    help_text: str,
    sink: DiagnosticSink,
) -> Model | None:
    """The model of arguments; FC404 for each problem, at the span of its path, and `None` where there is one."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for problem in error.errors():
            path = tuple(problem["loc"])
            key = f"`{path[0]}` of " if path else ""
            message = str(problem["msg"]).removeprefix("Value error, ")
            sink.error("FC404", f"{key}{owner}: {message}", span_of(path), help=help_text)
        return None


def callee(item: ast.expr) -> ast.expr:
    """What a decorator names: `retry` of `@retry` and of `@retry(times=2)`."""
    return item.func if isinstance(item, ast.Call) else item


def arguments_of(item: ast.expr) -> list[tuple[str | None, ast.expr]]:
    """The arguments of a decorator, by keyword: the empty one for a positional argument, `None` for `**values`."""
    if not isinstance(item, ast.Call):
        return []
    return [*(("", arg) for arg in item.args), *((keyword.arg, keyword.value) for keyword in item.keywords)]


class DecoratorUse(NamedTuple):
    """One decorator."""

    name: str
    arguments: Arguments
    span: Span
