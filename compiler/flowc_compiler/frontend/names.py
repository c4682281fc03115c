"""What names in the user's file mean: the import table, and what flowc serves of each module."""

from __future__ import annotations

import libcst as cst

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.locate import Locator

MODULES = ("flowc", "metaflow")
"""Modules whose names flowc understands."""

SERVED = frozenset(
    {
        "FlowSpec", "JSONType", "Parameter", "Run", "current", "environment", "kubernetes", "resources", "retry",
        "step", "timeout",
    }
)  # fmt: skip
"""Names that a flow file may import: the shim provides every one when a task runs."""

KNOWN_LATER = frozenset(
    {
        "Config", "Flow", "IncludeFile", "Step", "Task", "batch", "card", "catch", "conda", "conda_base", "exit_hook",
        "parallel", "parallel_imap_unordered", "parallel_map", "project", "pypi", "pypi_base", "schedule", "secrets",
        "trigger", "trigger_on_finish",
    }
)  # fmt: skip
"""Names of Metaflow that flowc knows and does not compile yet."""


class Names:
    """The meaning of names at a module's top level, by its import statements."""

    def __init__(self, module: cst.Module, locator: Locator, sink: DiagnosticSink) -> None:
        self._modules: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._locator = locator
        self._sink = sink
        for statement in module.body:
            self._statement(statement)

    def resolve(self, node: cst.BaseExpression) -> str | None:
        """The served or known name that an expression stands for, such as `step` for `mf.step`; else `None`."""
        if isinstance(node, cst.Name):
            return self._names.get(node.value)
        if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name) and node.value.value in self._modules:
            return node.attr.value
        return None

    def _statement(self, statement: cst.BaseStatement | cst.BaseSmallStatement) -> None:
        match statement:
            case cst.SimpleStatementLine():
                for small in statement.body:
                    self._statement(small)
            case cst.Import():
                self._import(statement)
            case cst.ImportFrom(module=cst.Name(value=module)) if module in MODULES and not statement.relative:
                self._import_from(statement, module)
            case cst.ImportFrom(module=cst.Attribute() as dotted) if not statement.relative:
                self._submodule(dotted)
            case cst.Try() | cst.If():
                for inner in statement.body.body:
                    self._statement(inner)
            case _:
                pass

    def _import(self, statement: cst.Import) -> None:
        for alias in statement.names:
            if isinstance(alias.name, cst.Name) and alias.name.value in MODULES:
                bound = alias.evaluated_alias or alias.name.value
                self._modules[bound] = alias.name.value
            elif isinstance(alias.name, cst.Attribute):
                self._submodule(alias.name)

    def _import_from(self, statement: cst.ImportFrom, module: str) -> None:
        if isinstance(statement.names, cst.ImportStar):
            self._names.update({name: name for name in SERVED | KNOWN_LATER})
            return
        for alias in statement.names:
            name = alias.evaluated_name
            self._names[alias.evaluated_alias or name] = name
            if name not in SERVED:
                yet = " yet" if name in KNOWN_LATER else ""
                self._sink.error(
                    "FC106",
                    f"flowc does not serve `{name}` of {module}{yet}",
                    self._locator.anywhere(alias),
                    help=f"it serves {', '.join(sorted(SERVED))}",
                )

    def _submodule(self, dotted: cst.Attribute) -> None:
        root: cst.BaseExpression = dotted
        while isinstance(root, cst.Attribute):
            root = root.value
        if isinstance(root, cst.Name) and root.value in MODULES:
            name = self._locator.module.code_for_node(dotted)
            self._sink.error(
                "FC106", f"flowc does not serve the module {name}", self._locator.anywhere(dotted),
                help=f"import what you need from {root.value} itself",
            )  # fmt: skip
