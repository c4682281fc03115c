"""The arguments of one decorator: keywords with known values, checked by the decorator's model."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from pydantic import ValidationError

from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.evaluate.literals import NO_SCOPE, Scope, UnresolvedError, evaluate
from flowc_compiler.frontend.decorators.arguments import REPEATABLE
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

    def read_use(self, name: str, model: type[Arguments], item: ast.expr, found: list[DecoratorUse]) -> None:
        """Add a decorator to those that were found before; FC405 where it is there already and must not be."""
        if name not in REPEATABLE and any(use.name == name for use in found):
            self._sink.error("FC405", f"`@{name}` is given twice", self._view.span(item), help="keep one of them")
        elif (arguments := self.read(name, model, item)) is not None:
            found.append(DecoratorUse(name, arguments, self._view.span(item)))

    def read(self, name: str, model: type[Model], item: ast.expr) -> Model | None:
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
        try:
            return model.model_validate(values)
        except ValidationError as error:
            self._report_values(name, nodes, error, item)
            return None

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
            self._report_expression(f"`{key}` of `@{name}`" if key else f"what `@{name}` unpacks", error)
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
            "FC402", f"`python` of `@{name}` is not known, and is recorded as it is written: `{text}`",
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

    def _report_expression(self, what: str, error: UnresolvedError) -> None:
        if not error.reported:
            self._sink.error(
                "FC402", f"{what} is not known{error.because}", self._view.span(error.node),
                help=error.help or "write the value itself: flowc reads the file and does not run it",
            )  # fmt: skip

    def _report_values(self, name: str, nodes: Nodes, error: ValidationError, item: ast.expr) -> None:
        for problem in error.errors():
            key = str(problem["loc"][0]) if problem["loc"] else ""
            where = nodes.get(key, item)
            message = str(problem["msg"]).removeprefix("Value error, ")
            self._sink.error(
                "FC404", f"`{key}` of `@{name}`: {message}" if key else f"`@{name}`: {message}",
                self._view.span(where), help=f"see `@{name}` in docs/decorators.md",
            )  # fmt: skip


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
