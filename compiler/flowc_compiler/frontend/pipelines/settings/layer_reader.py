"""Layers to one tree of arguments: values are evaluated, unread arguments are reported, and layers add up."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeVar, cast

from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.diagnostics.pages import page_to_read
from flowc_compiler.evaluate.literals import Scope, UnresolvedError, evaluate, plain_or
from flowc_compiler.evaluate.recorded_values import OF_A_RUN
from flowc_compiler.evaluate.values import Undetermined, Unresolved
from flowc_compiler.frontend.decorators.argument_reader import report_unresolved, validated
from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments
from flowc_compiler.frontend.pipelines.settings.settings_tree import (
    Leaf,
    Tree,
    canonical,
    merged,
    span_of,
    texts,
    values,
)
from flowc_compiler.frontend.pipelines.settings.unsupported_settings import Unread
from flowc_compiler.source import Span
from flowc_compiler.syntax.modules import FunctionNode, ModuleView
from flowc_compiler.syntax.served_imports import callee, dotted

Model = TypeVar("Model", bound=Arguments)
_APPENDED = frozenset({"secrets"})
"""Lists that layers add to, as in ZenML."""
_REPLACED = frozenset({"model"})
"""Objects of which a layer says all or nothing."""
_OF_OPTIONS = frozenset({"config_path", "parameters", "step_configurations", "steps"})
"""Arguments that `.with_options` has, and `@pipeline` has not."""
Kind = Literal["step", "pipeline", "with_options", "configure", "config_path", "steps"]


@dataclass(frozen=True, eq=False)
class SettingsLayer:
    """`@step(...)`, `@pipeline(...)`, or a call of `.with_options(...)` or `.configure(...)` of either.

    The layers of a step are, the weakest first: those of the pipeline that calls it, the step's own decorators, and
    calls of `configure` and `with_options` in their order.
    """

    kind: Kind
    of: Literal["step", "pipeline"]
    """Whether it configures a step or a pipeline."""
    arguments: tuple[ast.expr | ast.keyword, ...]
    """None for a decorator without parentheses."""
    view: ModuleView
    """The file that it stands in."""
    scope: Scope
    """What names stand for there. Calls of classes for settings have values in any scope."""
    function: FunctionNode | None = None
    """The function under a decorator, whose other decorators count as well."""
    given: Mapping[str, tuple[object, ast.expr]] = field(default_factory=dict[str, tuple[object, ast.expr]])
    """Arguments whose values are known otherwise, of a file or of `steps=`, and the place of each."""
    node: ast.expr | None = None
    """The place of a layer of `steps=`."""
    in_body: bool = False
    """Whether it was said in the body of the pipeline."""


class LayerArguments(NamedTuple):
    """The requested arguments, and the place of each as a whole."""

    tree: Tree
    spans: dict[str, Span]


def read_layer(layer: SettingsLayer, read: Iterable[str], unread: Unread, sink: DiagnosticSink) -> LayerArguments:
    """The arguments `read` of one layer. Others are FC403, FC410 or FC411, and unknown values FC402."""
    found = LayerArguments({}, {})
    wanted, scope = frozenset(read), layer.scope
    for name, node, known in _arguments(layer, scope, sink):
        span = layer.view.span(node)
        if name in wanted:
            item = _value(name, node, known, layer, scope, sink)
            if item is not None:
                found.tree[name], found.spans[name] = item, span
        elif name in unread.idle or name in unread.refused:
            if not _asks_for_nothing(node, known, scope):
                report_unread(name, f"`{title(layer)}`", span, unread, sink)
        elif name not in unread.silent or (layer.kind == "pipeline" and name in _OF_OPTIONS):
            takes = ", ".join(sorted(wanted - {"env"}))
            if layer.kind == "steps":
                message = f"`{name}` of a step's configuration does nothing"
                sink.warning("FC410", message, span, help=f"ZenML ignores it, too: it takes parameters, {takes}")
                continue
            span = layer.view.span(layer.view.source.keyword_name(node, name))
            help_text = suggest(name, wanted, f"it takes {takes}").help
            sink.error("FC403", f"`{title(layer)}` has no argument `{name}`", span, help=help_text)
    return found


def add_up(layers: Iterable[tuple[SettingsLayer, LayerArguments]]) -> LayerArguments:
    """What layers say together, the strongest last. With `merge=False` a layer replaces the dicts of weaker ones."""
    total: Tree = {}
    spans: dict[str, Span] = {}
    for layer, (tree, own) in layers:
        spans |= own
        if flag(layer, "merge") is False:
            total = {**total, **tree}
            continue
        total = {name: item for name, item in total.items() if name not in _REPLACED or name not in tree}
        both = _APPENDED & tree.keys() & total.keys()
        total = merged(total, {**tree, **{name: _appended(total[name], tree[name]) for name in both}})
    return LayerArguments(total, spans)


def checked(
    model: type[Model], tree: Tree | Leaf, owner: str, sink: DiagnosticSink, unread: Unread | None = None
) -> Model | None:
    """The fields of settings, `owner` in messages. Collects FC403 and FC404, and FC410 and FC411 for `unread` ones."""
    if isinstance(tree, Leaf):
        if tree.value is not None and tree.value != {}:
            sink.error("FC404", f"{owner} is not a settings object", tree.span, help=f"see {page_to_read('zenml')}")
        return model()
    given: Tree = {}
    unknown = set[str]()
    for name, item in tree.items():
        span = span_of(item)
        if name in model.model_fields:
            what = f"`{name}` of {owner}"
            if not _report_unresolved(item, what, sink):
                given[name] = item
            else:
                unknown.add(name)
        elif span is None or (unread is not None and name in unread.silent):
            continue
        elif unread is not None and (name in unread.idle or name in unread.refused):
            if values(item):
                report_unread(name, owner, span, unread, sink)
        elif unread is not None:  # ZenML's class: it takes any argument
            known = [*model.model_fields, *unread.idle, *unread.refused]
            way_out = suggest(name, known, f"remove it: {owner} takes {', '.join(model.model_fields)}").help
            message = f"`{name}` of {owner} does nothing here, nor in ZenML, which has no such argument"
            sink.warning("FC410", message, span, help=way_out)
        else:
            takes = ", ".join(model.model_fields)
            sink.error("FC403", f"{owner} has no argument `{name}`", span, help=f"it takes {takes}")
    if any(model.model_fields[name].is_required() for name in unknown):
        return None
    return validated(model, values(given), owner, lambda path: span_of(given, path), "zenml", sink)


def _report_unresolved(item: Tree | Leaf, what: str, sink: DiagnosticSink) -> bool:
    """Collect FC402 for the unknown values in a tree; returns whether there are any."""
    if not isinstance(item, Leaf):
        found = [_report_unresolved(inner, f"`{name}` in {what}", sink) for name, inner in item.items()]
        return any(found)
    unresolved = [value for value in _parts(item.value) if isinstance(value, Undetermined)]
    for value in unresolved:
        reason, way_out = (value.reason, value.help) if isinstance(value, Unresolved) else (OF_A_RUN, "")
        because = f": {reason}" if reason else ""
        sink.error(
            "FC402", f"{what} is not known{because}", item.span,
            help=(reason and way_out) or "write the value itself: flowc reads the file and does not run it",
        )  # fmt: skip
    return bool(unresolved)


def _parts(value: object) -> Iterator[object]:
    yield value
    inner = list(texts(value).values()) or (cast("list[object]", value) if isinstance(value, list) else [])
    for item in inner:
        yield from _parts(item)


def report_unread(name: str, owner: str, span: Span, unread: Unread, sink: DiagnosticSink) -> None:
    """Collect FC410 or FC411 for an argument that is not read."""
    if name in unread.idle:
        sink.warning("FC410", f"`{name}` of {owner} does nothing here", span, help=unread.idle[name])
        return
    message = f"flowc cannot express `{name}` of {owner}"
    sink.error("FC411", message, span, help=unread.refused[name])


def title(layer: SettingsLayer) -> str:
    """What a layer is, as messages call it."""
    if layer.kind == "config_path":
        return layer.view.source.name
    return f"@{layer.kind}" if layer.kind in {"step", "pipeline"} else f".{layer.kind}".replace(".steps", "steps")


_Argument = tuple[str, ast.expr, tuple[object] | None]
"""A name, its expression, and its value where that came out of `**mapping`."""


def _arguments(layer: SettingsLayer, scope: Scope, sink: DiagnosticSink) -> Iterator[_Argument]:
    for arg in layer.arguments:
        if not isinstance(arg, ast.keyword):
            message = f"`{title(layer)}` takes keyword arguments only"
            sink.error("FC403", message, layer.view.span(arg), help="name the argument")
        elif arg.arg is not None:
            yield arg.arg, arg.value, None
        else:
            yield from _unpacked(arg.value, layer, scope, sink)
    yield from ((name, node, (value,)) for name, (value, node) in layer.given.items())


def _unpacked(node: ast.expr, layer: SettingsLayer, scope: Scope, sink: DiagnosticSink) -> Iterator[_Argument]:
    """The arguments that come out of a mapping, an UnresolvedError in place of each unknown value."""
    try:
        entries = scope.entries(node)
    except UnresolvedError as error:
        report_unresolved("the unpacked value", error, layer.view.span(node), sink)
        return
    if entries is None:
        message = f"the value that `{title(layer)}` unpacks is not a dict"
        sink.error("FC404", message, layer.view.span(node), help="write the arguments out")
        return
    for name, item in entries.items():
        yield name, node, (item,)


def _value(
    name: str,
    node: ast.expr,
    known: tuple[object] | None,
    layer: SettingsLayer,
    scope: Scope,
    sink: DiagnosticSink,
) -> Tree | Leaf | None:
    """The value of an argument; of a hook, its name. `None` is an argument that is not given, as in ZenML."""
    span = layer.view.span(node)
    hook = _hook_name(node, layer.view) if name.startswith("on_") and known is None else None
    if name.startswith("on_") and (isinstance(node, ast.Lambda) or dotted(callee(node))[-1:] == ("partial",)):
        message = f"`{name}` of `{title(layer)}` has no name, and a task finds a hook by its name"
        sink.error("FC404", message, span, help="write it as a function at the top level of the file, and name that")
        return None
    if known is None and hook is None:
        what, of_variables = f"`{name}` of `{title(layer)}`", name in {"environment", "env"}
        known = _evaluated(what, node, layer, scope, sink, is_environment=of_variables)
    if known is not None and isinstance(known[0], UnresolvedError):
        report_unresolved(f"`{name}` of `{title(layer)}`", known[0], span, sink)
        return None
    found = known or (hook and (hook,))
    return None if found is None or found[0] is None else canonical(name, found[0], span, sink)


def _hook_name(node: ast.expr, view: ModuleView) -> str | None:
    """What a task finds a function by: its name in the file, or a dotted name to import; `None` for anything else."""
    if isinstance(node, ast.Name):
        return node.id if node.id in view.imports or node.id in view.functions else None
    return ".".join(view.imported_path(node)) or None


def _evaluated(
    what: str,
    node: ast.expr,
    layer: SettingsLayer,
    scope: Scope,
    sink: DiagnosticSink,
    *,
    is_environment: bool = False,
) -> tuple[object] | None:
    try:
        return (plain_or(node, scope.environment) if is_environment else evaluate(node, scope),)
    except UnresolvedError as error:
        part = error.node if error.node in set(ast.walk(node)) else node
        report_unresolved(what, error, layer.view.span(part), sink)
        return None


def _asks_for_nothing(node: ast.expr, known: tuple[object] | None, scope: Scope) -> bool:
    """Whether an argument that is not read is None, False or empty."""
    try:
        return not (known[0] if known is not None else evaluate(node, scope))
    except UnresolvedError:
        return False


def flag(layer: SettingsLayer, name: str) -> object:
    """The value of an argument of a layer; `None` where it has none that is known."""
    for arg in layer.arguments:
        if isinstance(arg, ast.keyword) and arg.arg == name:
            try:
                return evaluate(arg.value, layer.scope)
            except UnresolvedError:
                return None
    return None


def _appended(weak: Tree | Leaf, strong: Tree | Leaf) -> Tree | Leaf:
    if not (isinstance(weak, Leaf) and isinstance(strong, Leaf)):
        return strong
    both: list[object] = []
    for item in (weak.value, strong.value):
        both += cast("list[object]", item) if isinstance(item, list) else [item]
    return Leaf(list(dict.fromkeys(both)), strong.span)
