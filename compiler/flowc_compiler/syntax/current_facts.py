"""Facts that files take from `current` and no task has: FC106 for each, as for names that are not served.

It is an error in code that certainly runs, such as a step's body, and a warning elsewhere. Nothing is reported that the
file itself provides for: in a `try`, by the fact's name as a text (`hasattr(current, "x")`), or where it sets facts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flowc.protocol.metaflow_names import FACTS
from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.source import SourceFile
from flowc_compiler.syntax.served_imports import ROOTS, Names, callee
from flowc_compiler.syntax.tree_walk import children, walk
from flowc_compiler.syntax.unserved_names import Place, placed_nodes

_ALONE = frozenset({"get"})
"""What `current` has beside facts."""
_WAYS_OUT = {
    "huggingface_hub": "download the model in the step with the library's own client",
    "model": "store the model as an artifact: `self.model = ...`",
}
"""What to do instead of facts that Metaflow or a known extension has."""
_OF_DECORATORS = {
    "approval": ("approval",),
    "checkpoint": ("checkpoint",),
    "is_parallel": ("parallel", "pytorch_parallel", "torchrun", "torchrun_parallel", "metaflow_ray", "ray_parallel"),
    "ray_storage_path": ("metaflow_ray", "ray_parallel"),
    "torch": ("torchrun", "torchrun_parallel"),
}
"""Facts that only the steps with one of these decorators have."""


class _Use(NamedTuple):
    node: ast.Attribute
    fact: str
    part: str
    """What is taken of the fact; empty for the fact itself."""
    place: Place


def check_current(source: SourceFile, sink: DiagnosticSink, tree: ast.Module) -> None:
    """Collect FC106 for facts of `current` that no task has."""
    if "current" not in source.text:
        return
    for use in _uses(tree):
        if use.fact in FACTS and not use.part:
            message = f"`current.{use.fact}` is only there in steps with `@{_OF_DECORATORS[use.fact][0]}`"
            help_text = "add that to the step, or remove this"
            sink.warning("FC106", message, source.node_span(use.node), help=help_text)
            continue
        shown = f"current.{use.fact}" + (f".{use.part}" if use.part else "")
        known = sorted(FACTS[use.fact]) if use.part else sorted((*FACTS, *_ALONE))
        help_text, fix = suggest(use.part or use.fact, known, f"it has {', '.join(known)}", 0.75)
        help_text = help_text if use.part else _WAYS_OUT.get(use.fact, help_text)
        message, span = f"flowc does not serve `{shown}`: no task has it", source.node_span(use.node)
        if use.place.certain:
            sink.error("FC106", message, span, help=help_text, fix=None if use.fact in _WAYS_OUT else fix)
        else:
            sink.warning("FC106", message, span, help=help_text)


def check_failed_items(source: SourceFile, sink: DiagnosticSink, tree: ast.Module) -> None:
    """Warn (FC106) of each `current.failed_items` in the file of a flow that has no foreach whose items may fail."""
    if "failed_items" not in source.text or "min_success" in source.text:
        return
    names, aliases = Names(tree), _Aliases(tree)
    for node, place in placed_nodes(tree):
        if not isinstance(node, ast.Attribute) or node.attr != "failed_items":
            continue
        if _fact(node.value, names, aliases, place.scope) == "":
            message = "`current.failed_items` is always empty: no foreach of the flow has `min_success`"
            help_text = "put `@foreach_options(min_success=0.9)` on the step whose items may fail, or remove this"
            sink.warning("FC106", message, source.node_span(node), help=help_text)


def _uses(tree: ast.Module) -> Iterator[_Use]:
    """The facts that are taken and that no task has."""
    nodes = placed_nodes(tree)
    names, mentioned = Names(tree), _mentioned(tree)
    aliases, expected = _Aliases(tree), _expected(tree)
    for node, place in nodes:
        if not isinstance(node, ast.Attribute) or place.forgiven or node.attr.startswith("_") or node in expected:
            continue
        fact = _fact(node.value, names, aliases, place.scope)
        if fact == "":
            unknown = node.attr not in FACTS and node.attr not in _ALONE
            if node.attr not in mentioned and (unknown or _lacks(node.attr, place, names)):
                yield _Use(node, node.attr, "", place)
        elif fact is not None and FACTS.get(fact) and node.attr not in FACTS[fact]:
            yield _Use(node, fact, node.attr, place)


def _lacks(fact: str, place: Place, names: Names) -> bool:
    """Whether the place is in a step without the decorator that a fact comes with."""
    if fact not in _OF_DECORATORS or place.scope is None:
        return False
    found = list(map(callee, place.scope.decorator_list))
    given = [names.resolve(item) for item in found]
    return "step" in given and not set(given) & {None, *_OF_DECORATORS[fact]}


def _expected(tree: ast.Module) -> frozenset[ast.AST]:
    """The nodes in a `try` for an AttributeError."""
    found: set[ast.AST] = set()
    for node in walk(tree):
        if not isinstance(node, ast.Try):
            continue
        caught = (item for handler in node.handlers if handler.type is not None for item in walk(handler.type))
        if any(isinstance(item, ast.Name) and item.id == "AttributeError" for item in caught):
            found.update(inner for statement in node.body for inner in walk(statement))
    return frozenset(found)


def _fact(node: ast.expr, names: Names, aliases: _Aliases, scope: ast.AST | None) -> str | None:
    """The fact that an expression is, empty for `current` itself; `None` for anything else."""
    if isinstance(node, ast.Name):
        return "" if aliases.stands(node.id, scope) else None
    if not isinstance(node, ast.Attribute):
        return None
    if names.resolve(node) == "current":
        return ""
    return node.attr if _fact(node.value, names, aliases, scope) == "" else None


class _Aliases:
    """The names that stand for `current` in a file: imports bind them, and in the same function nothing else."""

    def __init__(self, tree: ast.Module) -> None:
        self._imported: set[str] = set()
        self._others: dict[ast.AST | None, set[str]] = {None: set()}
        """What else binds names, by the outermost function that this stands in."""
        pending: list[tuple[ast.AST, ast.AST | None]] = [(tree, None)]
        while pending:
            node, scope = pending.pop()
            self._bind(node, scope)
            if scope is None and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                scope = node
            pending.extend((child, scope) for child in children(node))

    def stands(self, name: str, scope: ast.AST | None) -> bool:
        """Whether a name in a function is `current`."""
        return name in self._imported and not any(name in self._others.get(at, ()) for at in (None, scope))

    def _bind(self, node: ast.AST, scope: ast.AST | None) -> None:
        others = self._others.setdefault(scope, set())
        match node:
            case ast.ImportFrom(module=str(module), names=names, level=0) if module.partition(".")[0] in ROOTS:
                for alias in names:
                    (self._imported if alias.name == "current" else others).add(alias.asname or alias.name)
                if any(alias.name == "*" for alias in names):
                    self._imported.add("current")
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                others.update(alias.asname or alias.name.partition(".")[0] for alias in names)
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                others.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                others.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                others.add(name)
            case _:
                pass


def _mentioned(tree: ast.Module) -> frozenset[str]:
    """Names that the file has as texts, and those of attributes that it sets: it looks for such facts itself."""
    found: set[str] = set()
    for node in walk(tree):
        match node:
            case ast.Constant(value=str(text)) if text.isidentifier():
                found.add(text)
            case ast.Attribute(attr=name, ctx=ast.Store() | ast.Del()):
                found.add(name)
            case _:
                pass
    return frozenset(found)
