"""Finding the flow class of a file and the members that it has, its local base classes' included."""

from __future__ import annotations

import libcst as cst

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.locate import Locator
from flowc_compiler.frontend.names import Names


class ClassTable:
    """The top-level classes of a module."""

    def __init__(self, module: cst.Module, names: Names, locator: Locator, sink: DiagnosticSink) -> None:
        self._names = names
        self._locator = locator
        self._sink = sink
        self.classes = {item.name.value: item for item in module.body if isinstance(item, cst.ClassDef)}

    def find_flow(self, wanted: str | None) -> cst.ClassDef | None:
        """The flow class: `wanted`, or the only one that no other flow builds on; else FC102 or FC103."""
        flows = {name: node for name, node in self.classes.items() if self._is_flow(name, set())}
        if wanted is not None:
            if wanted not in flows:
                self._no_flow(f"there is no flow `{wanted}` in {self._locator.source.name}", flows)
            return flows.get(wanted)
        built_on = {base for name in flows for base in self._local_bases(name)}
        leaves = {name: node for name, node in flows.items() if name not in built_on}
        if not leaves:
            self._no_flow(f"there is no flow in {self._locator.source.name}", {})
            return None
        if len(leaves) > 1:
            for node in list(leaves.values())[1:]:
                self._sink.error(
                    "FC103", f"`{node.name.value}` is another flow of this file", self._locator.anywhere(node.name),
                    help=f"name the one you mean with `--flow`: {', '.join(leaves)}",
                )  # fmt: skip
            return None
        return next(iter(leaves.values()))

    def members(self, flow: cst.ClassDef) -> list[cst.BaseStatement]:
        """The statements of a flow's body and of its local bases', those of a base first."""
        statements: list[cst.BaseStatement] = []
        for name in reversed(self._linearized(flow.name.value)):
            node = self.classes[name]
            self._check_bases(node)
            self._locator.add_class(node)
            body = node.body.body if isinstance(node.body, cst.IndentedBlock) else ()
            statements.extend(item for item in body)
        return statements

    def _linearized(self, name: str) -> list[str]:
        """The class and its local bases, nearest first, each once (where it stands last, as in Python's own order)."""
        order: list[str] = []
        pending = [name]
        while pending:
            current = pending.pop(0)
            if current in order:
                order.remove(current)
            order.append(current)
            pending = [base for base in self._local_bases(current) if base != current] + pending
            if len(order) > len(self.classes):
                break
        return order

    def _local_bases(self, name: str) -> list[str]:
        return [
            arg.value.value
            for arg in self.classes[name].bases
            if isinstance(arg.value, cst.Name) and arg.value.value in self.classes
        ]

    def _is_flow(self, name: str, seen: set[str]) -> bool:
        if name in seen:
            return False
        seen.add(name)
        direct = any(self._names.resolve(arg.value) == "FlowSpec" for arg in self.classes[name].bases)
        return direct or any(self._is_flow(base, seen) for base in self._local_bases(name))

    def _check_bases(self, node: cst.ClassDef) -> None:
        local = set(self._local_bases(node.name.value))
        for arg in [*node.bases, *node.keywords]:
            name = arg.value.value if isinstance(arg.value, cst.Name) else ""
            if self._names.resolve(arg.value) == "FlowSpec" or name in local or name == "object":
                continue
            shown = self._locator.module.code_for_node(arg.value)
            self._sink.error(
                "FC105", f"the base class `{shown}` is not in this file", self._locator.anywhere(arg.value),
                help="move the steps that it holds into this file, or the class itself",
            )  # fmt: skip

    def _no_flow(self, message: str, flows: dict[str, cst.ClassDef]) -> None:
        known = (
            f"the flows here: {', '.join(flows)}"
            if flows
            else "a flow is `class MyFlow(FlowSpec)` with `@step` methods"
        )
        self._sink.error("FC102", message, self._locator.source.line_span(1), help=known)
