"""Configurations of a run: the YAML file of `config_path=`, and what `steps=` and `parameters=` say.

As in ZenML, a file's settings override the other arguments of its call, and what they say of a step by the name of its
invocation overrides what the step says itself, outside of the pipeline's body.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.evaluate.literals import NO_SCOPE, UnresolvedError, evaluate, path_from_here, path_value
from flowc_compiler.evaluate.values import SettingsObject
from flowc_compiler.filesystem import expand_user, is_file, read_file
from flowc_compiler.frontend.decorators.argument_reader import report_unresolved
from flowc_compiler.frontend.parameters.config_languages import PARSERS, ParseError
from flowc_compiler.frontend.pipelines.settings.layer_reader import SettingsLayer
from flowc_compiler.frontend.pipelines.settings.settings_tree import texts
from flowc_compiler.source import SourceFile, Span
from flowc_compiler.syntax.import_root import is_readable, outside_help
from flowc_compiler.syntax.modules import ModuleView

_HOOKS = {
    "cleanup_hook_source": "on_cleanup",
    "end_hook_source": "on_end",
    "failure_hook_source": "on_failure",
    "init_hook_kwargs": "on_init_kwargs",
    "init_hook_source": "on_init",
    "start_hook_source": "on_start",
    "success_hook_source": "on_success",
}
"""What a file calls an argument of `@pipeline` and `@step`."""
_KEYS = frozenset(
    {
        *_HOOKS, "build", "cache_policy", "enable_artifact_metadata", "enable_artifact_visualization", "enable_cache",
        "enable_heartbeat", "enable_pipeline_logs", "enable_step_logs", "environment", "execution_mode", "extra",
        "model", "parameters", "retry", "run_name", "schedule", "secrets", "settings", "steps", "substitutions", "tags",
    }
)  # fmt: skip
"""The keys of ZenML's PipelineRunConfiguration. ZenML does not look at others."""
_VARIABLE = re.compile(r"\$\{[A-Za-z_]\w*\}")
Given = Mapping[str, tuple[object, ast.expr]]
"""Values of arguments with the places that they stand at."""


class GivenValue(NamedTuple):
    """A value of a parameter, and where it stands."""

    value: object
    span: Span


@dataclass
class RunConfiguration:
    """What the layers of a pipeline say of its parameters, and of its steps by name."""

    parameters: dict[str, GivenValue] = field(default_factory=dict[str, GivenValue])
    steps: dict[str, list[SettingsLayer]] = field(default_factory=dict[str, list[SettingsLayer]])
    """Layers by the name of a step, the strongest last."""
    used: set[str] = field(default_factory=set[str])
    """The names of steps that were called."""

    def layers_of(self, step: str, own: Sequence[SettingsLayer]) -> tuple[SettingsLayer, ...]:
        """The layers of a step: what the run says is weaker only than what the pipeline's body does."""
        said = self.steps.get(step, [])
        self.used.add(step)
        outside = [layer for layer in own if not layer.in_body]
        return (*outside, *said, *(layer for layer in own if layer.in_body))

    def parameters_of(self, step: str, sink: DiagnosticSink) -> dict[str, GivenValue]:
        """The values of a step's parameters."""
        found: dict[str, GivenValue] = {}
        for layer in self.steps.get(step, ()):
            for name, value, node in _entries("parameters", layer.given.get("parameters"), layer, sink):
                found[name] = GivenValue(plain_value(value), layer.view.span(node))
        return found

    def report_unused(self, sink: DiagnosticSink, names: Sequence[str]) -> None:
        """Collect FC410 for settings of steps that are not called, as ZenML warns of it."""
        for name, layers in self.steps.items():
            if name not in self.used:
                help_text, _ = suggest(name, names, f"the steps are {', '.join(names[:20])}")
                span = _span(layers[-1])
                sink.warning("FC410", f"`steps` configures `{name}`, and no step is called that", span, help=help_text)


def with_files(layers: Sequence[SettingsLayer], folder: Path, sink: DiagnosticSink) -> tuple[SettingsLayer, ...]:
    """Layers of a pipeline, after each that names a file the layer that the file is.

    ZenML applies a file last, when it compiles, so that its entries override the arguments of the call.
    """
    found: list[SettingsLayer] = []
    for layer in layers:
        files: list[SettingsLayer] = []
        named = argument_values(layer, frozenset({"config_path"}), sink)
        for _, node, value in named if layer.kind in {"configure", "with_options"} else ():
            file = file_layer(value, layer.view.span(node), folder, sink) if value is not None else None
            if file is not None:
                files.append(file)
        found += [layer, *files]
    return tuple(found)


def body_order(layers: Sequence[SettingsLayer]) -> list[SettingsLayer]:
    """Layers as the body of a pipeline sees them, which runs before its file is applied last."""
    found: list[SettingsLayer] = []
    for layer in layers:
        found.insert(len(found) - 1 if layer.kind == "config_path" else len(found), layer)
    return found


def run_configuration(layers: Sequence[SettingsLayer], sink: DiagnosticSink) -> RunConfiguration:
    """What the layers of a pipeline say of its steps and parameters, the strongest layer last."""
    found = RunConfiguration()
    for layer in body_order(layers):
        given = {name: (value, node) for name, node, value in argument_values(layer, _OF_RUNS, sink)}
        steps = given.get("step_configurations") or given.get("steps")
        if "step_configurations" in given and "steps" in given:
            message = "`steps` does nothing beside `step_configurations`"
            sink.warning("FC410", message, layer.view.span(given["steps"][1]), help="keep one of them")
        for name, value, node in _entries("steps", steps, layer, sink):
            found.steps.setdefault(name, []).append(_step_layer(name, value, node, layer, sink))
        for name, value, node in _entries("parameters", given.get("parameters"), layer, sink):
            found.parameters[name] = GivenValue(plain_value(value), layer.view.span(node))
    return found


_OF_RUNS = frozenset({"parameters", "step_configurations", "steps"})


def argument_values(
    layer: SettingsLayer, wanted: frozenset[str], sink: DiagnosticSink
) -> Iterator[tuple[str, ast.expr, object]]:
    """Some arguments of a layer, with their values. Collects FC402 for those that are not known."""
    for arg in layer.arguments:
        if isinstance(arg, ast.keyword) and (arg.arg in wanted or arg.arg is None):
            if arg.arg is None:
                yield from _unpacked_values(layer, arg.value, wanted, sink)
                continue
            try:
                is_path = arg.arg == "config_path"
                value = (
                    path_value(arg.value, layer.scope, layer.view.source)
                    if is_path
                    else evaluate(arg.value, layer.scope)
                )
            except UnresolvedError as error:
                report_unresolved(f"`{arg.arg}`", error, layer.view.span(arg.value), sink)
                continue
            yield arg.arg, arg.value, value
    yield from ((name, node, value) for name, (value, node) in layer.given.items() if name in wanted)


def _unpacked_values(
    layer: SettingsLayer, node: ast.expr, wanted: frozenset[str], sink: DiagnosticSink
) -> Iterator[tuple[str, ast.expr, object]]:
    """The wanted ones of the arguments that come out of a mapping."""
    with suppress(UnresolvedError):  # which the reader of settings reports
        for name, item in (layer.scope.entries(node) or {}).items():
            if name in wanted and isinstance(item, UnresolvedError):
                report_unresolved(f"`{name}`", item, layer.view.span(node), sink)
            elif name in wanted:
                yield name, node, path_from_here(item, layer.view.source) if name == "config_path" else item


class _Entry(NamedTuple):
    name: str
    value: object
    node: ast.expr


def _entries(
    what: str, given: tuple[object, ast.expr] | None, layer: SettingsLayer, sink: DiagnosticSink
) -> Iterator[_Entry]:
    """The entries of a mapping, each with its place."""
    if given is None or given[0] is None:
        return
    value, node = given
    if isinstance(value, SettingsObject):
        yield from (_Entry(name, item, value.nodes[name]) for name, item in value.fields.items())
    elif isinstance(value, dict):
        yield from (_Entry(name, item, node) for name, item in texts(cast("object", value)).items())
    else:
        sink.error("FC404", f"`{what}` is not a mapping", layer.view.span(node), help="write names and values")


def _step_layer(name: str, value: object, node: ast.expr, layer: SettingsLayer, sink: DiagnosticSink) -> SettingsLayer:
    given = {_HOOKS.get(entry.name, entry.name): (entry.value, entry.node) for entry in _entries(
        f"steps.{name}", (value, node), layer, sink
    )}  # fmt: skip
    return SettingsLayer(
        kind="steps", of="step", arguments=(), view=layer.view, scope=layer.scope, given=given, node=node
    )


def _span(layer: SettingsLayer) -> Span | None:
    return layer.view.span(layer.node) if layer.node is not None else None


def plain_value(value: object) -> object:
    """A value in which the mappings of a file are dicts."""
    if isinstance(value, SettingsObject) and not value.kind:
        return {name: plain_value(item) for name, item in value.fields.items()}
    if isinstance(value, list):
        return [plain_value(item) for item in cast("list[object]", value)]
    return value


def file_layer(path: object, span: Span, folder: Path, sink: DiagnosticSink) -> SettingsLayer | None:
    """The layer that a configuration file is; `None`, with a diagnostic collected, where it cannot be read."""
    if not isinstance(path, str):
        sink.error("FC404", "`config_path` is not a path", span, help="write the path of a YAML file")
        return None
    source = _read(path, span, folder, sink)
    found = _parsed(source, span, sink) if source is not None else None
    if source is None or found is None:
        return None
    view = ModuleView(source, ast.Module(body=[], type_ignores=[]), sink)
    given: dict[str, tuple[object, ast.expr]] = {}
    for name, value in found.fields.items():
        node = found.nodes[name]
        if name in _KEYS:
            given[_HOOKS.get(name, name)] = (value, node)
        elif value is not None:
            help_text, _ = suggest(name, _KEYS, "ZenML does not look at it either: remove it")
            sink.warning("FC410", f"`{name}` of {source.name} does nothing", view.span(node), help=help_text)
    return SettingsLayer(kind="config_path", of="pipeline", arguments=(), view=view, scope=NO_SCOPE, given=given)


def _read(path: str, span: Span, folder: Path, sink: DiagnosticSink) -> SourceFile | None:
    """The file: relative to the current folder, as in ZenML, or else next to the flow."""
    places = [expand_user(path), folder / path]
    place = next((item for item in places if is_file(item)), None)
    if place is None:
        where = "" if Path(path).is_absolute() else " in the current folder or next to the flow"
        sink.error("FC104", f"there is no file `{path}`{where}", span, help="check the path of `config_path`")
        return None
    if not is_readable(place, folder):
        sink.error("FC104", f"the file `{path}` is not in the flow's project", span, help=outside_help(path))
        return None
    try:
        text = read_file(place).decode()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        sink.error("FC104", f"the file `{path}` cannot be read: {reason}", span, help="check it")
        return None
    cwd = Path.cwd()
    name = (place.relative_to(cwd) if place.is_relative_to(cwd) else place).as_posix()
    source = SourceFile(place, text.replace("\r\n", "\n").removeprefix("\ufeff"), name)
    sink.add_source(source)
    return source


def _parsed(source: SourceFile, span: Span, sink: DiagnosticSink) -> SettingsObject | None:
    try:
        PARSERS["yaml.safe_load"](source.text)  # checks the size of what comes out, too
    except ParseError as error:
        sink.error("FC104", f"the file `{source.name}` {error}", span, help="correct it")
        return None
    import yaml

    loader = yaml.SafeLoader(source.text)
    node = loader.get_single_node()
    if node is None:
        return SettingsObject("", {}, {}, _view(source, sink))
    if not isinstance(node, yaml.MappingNode):
        message = f"the file `{source.name}` is not a mapping"
        sink.error("FC404", message, span, help="write keys such as `parameters:`, `settings:` and `steps:`")
        return None
    found = _Reader(loader, source, _view(source, sink), sink).value(node)
    return cast("SettingsObject", found)


def _view(source: SourceFile, sink: DiagnosticSink) -> ModuleView:
    return ModuleView(source, ast.Module(body=[], type_ignores=[]), sink)


class _Reader:
    """YAML nodes as values: mappings as objects that know where each of their entries stands."""

    def __init__(self, loader: Any, source: SourceFile, view: ModuleView, sink: DiagnosticSink) -> None:
        self._loader, self._source, self._view, self._sink = loader, source, view, sink

    def value(self, node: Any) -> object:
        """The value of a node."""
        if node.id == "mapping":
            self._loader.flatten_mapping(node)
            fields: dict[str, object] = {}
            nodes: dict[str, ast.expr] = {}
            for key, item in node.value:
                name = str(self._loader.construct_object(key, deep=True))
                fields[name], nodes[name] = self.value(item), self._place(key, item)
            return SettingsObject("", fields, nodes, self._view)
        if node.id == "sequence":
            return [self.value(item) for item in node.value]
        value: object = self._loader.construct_object(node, deep=True)
        if isinstance(value, str) and (found := _VARIABLE.search(value)):
            self._sink.error(
                "FC402", f"`{found[0]}` is a variable of the environment, which flowc does not read",
                self._view.span(self._place(node, node)), help=_variable_help(found[0]),
            )  # fmt: skip
        return value

    def _place(self, key: Any, value: Any) -> ast.expr:
        """A node of a syntax tree that stands where an entry does: its key and, on the same line, its value."""
        start, end = key.start_mark, value.end_mark if value.id == "scalar" else key.end_mark
        if end.line != start.line:
            end = key.end_mark
        lines = self._source.lines
        return ast.Constant(
            value=None, lineno=start.line + 1, col_offset=_bytes(lines[int(start.line)], start.column),
            end_lineno=end.line + 1, end_col_offset=_bytes(lines[int(end.line)], end.column),
        )  # fmt: skip


_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL")


def _variable_help(reference: str) -> str:
    """What to write in place of a variable; a secret's value belongs into no file."""
    if _SECRET.search(reference.upper()):
        return "put it into a Kubernetes Secret, and name that: `secrets: [its-name]`; its keys become variables"
    return "write the value, or pass a parameter with `-p`"


def _bytes(line: str, column: int) -> int:
    """A column of characters in bytes of UTF-8, as `ast` counts."""
    return len(line[:column].encode())
