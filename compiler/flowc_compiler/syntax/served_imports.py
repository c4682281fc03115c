"""What a file takes from `metaflow`, `zenml` and `flowc`, wherever it does: FC106 for each name that is not served.

The shim answers these imports when a task runs, so that a name it does not have would fail there. Most files use served
names only, which a text search finds out; the trees of the others are searched.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from flowc.protocol import metaflow_names, zenml_names
from flowc_compiler.diagnostics import DiagnosticSink, Fix, suggest
from flowc_compiler.source import SourceFile
from flowc_compiler.syntax.import_root import is_type_checking
from flowc_compiler.syntax.refused_names import METAFLOW_REFUSED, refusal_of_zenml

_FROM = re.compile(r"\bfrom[ \t]+((?:metaflow|zenml|flowc)[\w.]*)[ \t]+import[ \t]*(\([^)]*\)|(?:[^\n\\]|\\\n)*)")
_IMPORT = re.compile(r"^[ \t]*import[ \t]+.*\b(?:metaflow|zenml|flowc)\b", re.MULTILINE)
ROOTS = frozenset({"flowc", "metaflow", "zenml"})
"""The packages whose names the shim provides."""

MODULES: dict[str, frozenset[str]] = {
    module: frozenset(names) for module, names in (metaflow_names.MODULES | zenml_names.MODULES).items()
}
"""The modules of Metaflow and ZenML that are served, and the names of each."""

OF_FLOWC = MODULES["metaflow"] - {"exception"} | {"errors", *metaflow_names.OWN, *zenml_names.PIPELINES}
"""What `flowc` itself serves: the names of Metaflow, its own, and those of pipelines."""
_OF_OTHERS = ROOTS - {"flowc"}
_FORGIVING = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


def check_imports(source: SourceFile, sink: DiagnosticSink, tree: ast.Module) -> None:
    """Collect FC106 for names that are not served, but for imports that never run or whose failure is expected."""
    if not _suspicious(source.text):
        return
    for node, module, name in _Uses(tree):
        message, help_text, fix = _explain(module, name)
        sink.error("FC106", message, source.node_span(node), help=help_text, fix=fix)


def is_served(module: str, name: str | None) -> bool:
    """Whether a module, or a name of it, is there when a task runs."""
    if module.partition(".")[0] == "flowc":
        return _flowc_serves(module, name)
    if module not in MODULES:
        return False
    return name is None or name == "*" or name.startswith("__") or name in MODULES[module]


def _flowc_serves(module: str, name: str | None) -> bool:
    """`flowc` serves what `metaflow` does, except for its modules; its own modules are what they are."""
    if module != "flowc" or name is None:
        return True
    return name == "*" or name.startswith("__") or name in OF_FLOWC


def _suspicious(text: str) -> bool:
    """Whether some import may be of a name that is not served. Modules that are used by attribute count as such."""
    if _IMPORT.search(text):
        return True
    for match in _FROM.finditer(text):
        names = match[2].strip(" \t()\\").replace("\\\n", " ")
        if "#" in names or any(not is_served(match[1], item.split()[0]) for item in names.split(",") if item.split()):
            return True
    return False


def _explain(module: str, name: str | None) -> tuple[str, str, Fix | None]:
    """Message, help line and fix for a name, or a whole module, that is not served."""
    message = f"flowc does not serve `{name}` of {module}"
    if name is None or (module not in MODULES and module != "flowc"):
        root = module.partition(".")[0]
        others = ", ".join(sorted(item for item in MODULES if item.startswith(f"{root}.") and MODULES[item]))
        said = f"it serves {root}, {others}"
        return (
            f"flowc does not serve the module {module}",
            METAFLOW_REFUSED.get(module) or refusal_of_zenml(module) or said,
            None,
        )
    if module.partition(".")[0] == "zenml" and (why := refusal_of_zenml(module, name)):
        return message, why, None
    if name in METAFLOW_REFUSED and module in {"metaflow", "flowc", "metaflow.cards"}:
        return message, METAFLOW_REFUSED[name], None
    if name in metaflow_names.OWN:
        return message, f"it is flowc's own: write `from flowc import {name}`", None
    served = MODULES.get(module, OF_FLOWC)
    help_text, fix = suggest(name, served, f"it serves {', '.join(sorted(served))}")
    return message, help_text, fix


class _Uses:
    """The imports and attributes of a file that are not served, in the order of the file."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._bound: dict[str, str] = {}
        """Names that stand for a served package somewhere in the file."""

    def __iter__(self) -> Iterator[tuple[ast.AST, str, str | None]]:
        nodes = list(_walk(self._tree))
        for node in nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    root = alias.name.partition(".")[0]
                    if alias.name in ROOTS:
                        self._bound[alias.asname or alias.name] = alias.name
                    elif root in _OF_OTHERS and alias.asname is None:
                        self._bound[root] = root
        for node in nodes:
            yield from self._of(node)

    def _of(self, node: ast.AST) -> Iterator[tuple[ast.AST, str, str | None]]:
        match node:
            case ast.Import(names=names):
                for alias in names:
                    if alias.name.partition(".")[0] in _OF_OTHERS and not is_served(alias.name, None):
                        yield alias, alias.name, None
            case ast.ImportFrom(module=str(module), names=names, level=0) if _ours(module):
                if not is_served(module, None):
                    yield node, module, None
                    return
                for alias in names:
                    if not is_served(module, alias.name) and f"{module}.{alias.name}" not in MODULES:
                        yield alias, module, alias.name
            case ast.Attribute(value=value, attr=attr) if (owner := self._module(value)) is not None:
                if not is_served(owner, attr) and not is_served(f"{owner}.{attr}", None):
                    yield node, owner, attr
            case _:
                pass

    def _module(self, node: ast.expr) -> str | None:
        """The served module that an expression stands for, such as `metaflow.cards` for `mf.cards`."""
        if isinstance(node, ast.Name):
            return self._bound.get(node.id)
        if isinstance(node, ast.Attribute) and (above := self._module(node.value)) is not None:
            return name if (name := f"{above}.{node.attr}") in MODULES else None
        return None


def _ours(module: str) -> bool:
    return module.partition(".")[0] in ROOTS


def _walk(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes in the file's order, but not those that run for type checkers only, or that may fail."""
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, ast.If) and is_type_checking(node.test):
            children: list[ast.AST] = [*node.orelse]
        elif isinstance(node, ast.Try) and any(_forgives(handler) for handler in node.handlers):
            children = [*node.handlers, *node.orelse, *node.finalbody]
        else:
            children = list(ast.iter_child_nodes(node))
        pending.extend(reversed(children))


def _forgives(handler: ast.ExceptHandler) -> bool:
    """Whether a handler is for an import that fails."""
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(kind, ast.Name) and kind.id in _FORGIVING for kind in kinds)
