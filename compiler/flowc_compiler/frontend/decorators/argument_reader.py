"""The literal arguments of decorators: read, looked up in their models, and checked."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from pydantic import ValidationError

from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.diagnostics.pages import page_to_read
from flowc_compiler.diagnostics.validation_messages import value_problem
from flowc_compiler.evaluate.literals import NO_SCOPE, Scope, UnresolvedError, evaluate, plain_or
from flowc_compiler.frontend.decorators.arguments import ARGUMENTS, FLOW_ARGUMENTS, PROBLEMS, REPEATABLE
from flowc_compiler.frontend.decorators.user_decorator_checks import check_own
from flowc_compiler.frontend.decorators.user_decorators import Owner, applied_names, is_applying
from flowc_compiler.frontend.shape import is_pipeline
from flowc_compiler.source import Span
from flowc_compiler.syntax.modules import LocalModules, ModuleView
from flowc_compiler.syntax.served_imports import callee, dotted

if TYPE_CHECKING:
    from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments
    from flowc_compiler.ir.manifest_schema import SchemaProblem

_MOST_IMPORTS = 50
"""How many imports are followed from file to file."""

Nodes = dict[str, ast.expr]
Model = TypeVar("Model", bound="Arguments")


class ArgumentReader:
    """Reads decorators of one file. What is wrong is collected as FC402, FC403 or FC404."""

    def __init__(
        self,
        view: ModuleView,
        sink: DiagnosticSink,
        scope: Scope = NO_SCOPE,
        modules: LocalModules | None = None,
    ) -> None:
        self.view = view
        self.scope = scope
        self._sink = sink
        self._modules = modules
        self.in_class = False
        """Whether the steps are methods of a flow."""

    def evaluated(self, decorator: str, key: str | None, node: ast.expr) -> object:
        """The value of an argument of a decorator, of `**values` for no key. Raises UnresolvedError."""
        if (decorator, key) == ("environment", "vars"):
            return plain_or(node, self.scope.environment)
        if (decorator, key) == ("call_flow", "flow"):
            return self._flow_class(node)
        return self._exceptions(node) if (decorator, key) == ("retry", "never") else evaluate(node, self.scope)

    def _exceptions(self, node: ast.expr) -> object:
        """Exception classes, each by the name that the file has for it: a task looks it up there."""
        match node:
            case ast.List(elts=items) | ast.Tuple(elts=items) if not any(isinstance(i, ast.Starred) for i in items):
                return [self._exceptions(item) for item in items]
            case ast.Name() | ast.Attribute() if (parts := dotted(node)) and self._may_be_class(parts):
                return ".".join(parts)
            case _:
                return evaluate(node, self.scope)

    def _may_be_class(self, parts: Sequence[str]) -> bool:
        root, bound = parts[0], self.view.bindings
        return root in self.view.imports or root in self.view.classes or (root not in bound and hasattr(builtins, root))

    def _flow_class(self, node: ast.expr) -> object:
        """The flow that an expression names; its text where that is neither a class nor a pipeline of a local file."""
        from flowc_compiler.frontend.decorators.arguments.call_arguments import flow_reference

        found = self._modules.find(self.view, node) if self._modules is not None else None
        place = (found.view, found.node.name) if found is not None else self._pipeline(node)
        if place is None or self._modules is None:
            return self.view.code(node)
        return flow_reference(place[1], place[0], self._modules)

    def _pipeline(self, node: ast.expr) -> tuple[ModuleView, str] | None:
        """The file and the name of a function with `@pipeline`."""
        view, name = self.view, node.id if isinstance(node, ast.Name) else ""
        for _ in range(_MOST_IMPORTS):
            if name in view.single_functions:
                return (view, name) if is_pipeline(view.single_functions[name], view.names) else None
            found = self._modules.origin(view, node) if self._modules is not None else None
            if found is None:
                break
            view, name = found
            node = ast.Name(name)
        return None

    def read_all(self, items: Iterable[ast.expr], of: Owner, found: list[DecoratorUse], skipped: str = "") -> bool:
        """Add decorators to those that were `found` before. What is not understood is collected as FC401 to FC408.

        Returns whether each of them is one of Metaflow's, or the user's own; any other one may be a gang's.
        """
        known = True
        models = ARGUMENTS if of == "step" else FLOW_ARGUMENTS
        for item in (part for written in items for part in self._applied(written, of)):
            name, span = self.view.names.resolve(callee(item)), self.view.span(item)
            if name == skipped:
                continue
            if name is None or name not in models:
                owner: Owner = "function" if of == "step" and not self.in_class else of
                known = check_own(item, name, self.view, owner, self._modules, self._sink, self.scope) and known
            elif name not in REPEATABLE and any(use.name == name for use in found):
                self._sink.error("FC405", f"`@{name}` is given twice", span, help="keep one of them")
            elif (arguments := self._read(name, models[name], item)) is not None:
                found.append(DecoratorUse(name, arguments, span))
        return known

    def _applied(self, item: ast.expr, of: Owner) -> Sequence[ast.expr]:
        """The decorators of the runtime that one of the user's applies; the item itself where it may be no such one."""
        if of == "pipeline" or not is_applying(item, self.view, self._modules):
            return (item,)
        found = self.scope.applied(item)
        return (item,) if found is None or found.reason else found.items

    def steps_of(self, item: ast.expr) -> Sequence[ast.expr] | None:
        """The decorators that one of the user's applies, where `@step` is among them; else the item itself.

        `None`, with FC401 collected, where that is not known.
        """
        if not is_applying(item, self.view, self._modules):
            return (item,)
        if "step" not in applied_names(item, self.view, self._modules):
            return (item,)
        found = self.scope.applied(item)
        if found is not None and any(self.view.names.resolve(callee(part)) == "step" for part in found.items):
            # Where it has a wrapper around the step, that is code of the user's own: so is what stands for it here.
            wrapper = ast.copy_location(ast.parse("lambda function: function", mode="eval").body, item)
            return (*found.items, wrapper)
        if found is None or found.reason:
            check_own(item, None, self.view, "step", self._modules, self._sink, self.scope)
            return None
        return (item,)

    def _read(self, name: str, model: type[Arguments], item: ast.expr) -> Arguments | None:
        """The arguments of `@name` and of `@name(...)`; `None` when something is wrong with them."""
        values: dict[str, Any] = {}
        nodes: Nodes = {}
        ok = True
        for given, node in arguments_of(item):
            by_place = given == "" and model.POSITIONAL is not None and model.POSITIONAL not in values
            keyword = model.POSITIONAL if by_place else given
            found = self._values(name, model, keyword, node)
            ok = ok and found is not None
            for key, value in (found or {}).items():
                ok = self._check_argument(name, model, key, node) and ok
                values[key], nodes[key] = value, node
        arguments = validated(
            model, values, f"`@{name}`", lambda path: self.view.span(_written_at(path, nodes, item)),
            "decorators", self._sink, complete=ok,
        )  # fmt: skip
        return arguments if ok else None

    def _values(self, name: str, model: type[Arguments], key: str | None, node: ast.expr) -> dict[str, object] | None:
        """The value of one argument, by its name; of `**values`, each of them."""
        if key == "":
            self._sink.error(
                "FC403", f"`@{name}` takes keyword arguments only", self.view.span(node),
                help=f"it takes {', '.join(model.model_fields) or 'none'}",
            )  # fmt: skip
            return None
        if key is not None and not self._check_argument(name, model, key, node):
            return None
        try:
            value = self.evaluated(name, key, node)
        except UnresolvedError as error:
            if key == "python" and "packages" in model.model_fields and not (error.reported or error.wrong):
                return {key: self._as_written(name, node)}
            what = f"`{key}` of `@{name}`" if key else f"what `@{name}` unpacks"
            report_unresolved(what, error, self.view.span(error.node), self._sink)
            return None
        if key is not None:
            return {key: value}
        if isinstance(value, dict):
            return {str(name): item for name, item in cast("dict[object, object]", value).items()}
        span = self.view.span(node)
        self._sink.error(
            "FC404", f"the value that `@{name}` unpacks is not a dict", span, help="write the arguments out"
        )
        return None

    def _as_written(self, name: str, node: ast.expr) -> str:
        """The text of a Python version that is computed: flowc installs none, so that it is recorded and no more."""
        text = self.view.code(node)
        self._sink.warning(
            "FC402", f"`python` of `@{name}` is not known, and is recorded as text: `{text}`",
            self.view.span(node), help="write the version itself; a step runs on the Python of its image",
        )  # fmt: skip
        return text

    def _check_argument(self, name: str, model: type[Arguments], key: str, node: ast.expr) -> bool:
        if key in model.model_fields:
            return True
        span = self.view.span(self.view.source.keyword_name(node, key))
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
    page: str,
    sink: DiagnosticSink,
    *,
    complete: bool = True,
) -> Model | None:
    """The model of arguments; FC404 for each problem, at the span of its path, and `None` where there is one.

    The help is the `page` of the documentation that describes them, such as `decorators`.

    A path goes into the argument where a validator has raised all of its problems, in `PROBLEMS` of the context.
    Without `complete` arguments are left out that are reported already, and only values are wrong.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = error.errors()
        within = {problem["loc"][0] for problem in problems if len(problem["loc"]) > 1}
        for problem in problems:
            path = tuple(problem["loc"])
            if problem["type"] == "too_short" and path[:1] and path[0] in within:
                continue  # what is wrong in it was not counted
            if not complete and (not path or problem["type"] == "missing"):
                continue
            key = f"`{path[0]}` of " if path else ""
            inner: Sequence[SchemaProblem] = problem.get("ctx", {}).get(PROBLEMS, ())
            for item in inner:
                sink.error("FC404", f"{key}{owner}: {item.text()}", span_of((*path, *item.path)), help=item.help)
            if not inner:
                field = model.model_fields.get(str(path[0])) if path else None
                message = value_problem(problem, field, "a dict, such as {'name': 'value'}").message
                sink.error("FC404", f"{key}{owner}: {message}", span_of(path), help=f"see {page_to_read(page)}")
        return None


def _written_at(path: tuple[object, ...], nodes: Nodes, item: ast.expr) -> ast.expr:
    """The node at a path of an argument's name, then keys and indices, as far as these are written out there."""
    node = nodes.get(str(path[0]), item) if path else item
    for part in path[1:]:
        inner: ast.expr | None = None
        if isinstance(node, ast.Dict):
            keys: list[object] = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
            found = keys.index(part) if part in keys else None
            key = node.keys[found] if found is not None else None
            inner = key if part == path[-1] else node.values[found] if found is not None else None
        elif isinstance(node, ast.List | ast.Tuple) and isinstance(part, int) and part < len(node.elts):
            inner = node.elts[part]
        if inner is None:
            return node
        node = inner
    return node


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
