"""What names in the user's file mean: the table of its imports of `flowc`, `metaflow` and `zenml`."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.syntax.locate import Locator
from flowc_compiler.syntax.served_imports import MODULES, OF_FLOWC, ROOTS, check_imports


class Names:
    """The meaning of names at a module's top level, by its import statements."""

    def __init__(self, module: cst.Module, locator: Locator, sink: DiagnosticSink) -> None:
        self._modules: dict[str, str] = {}
        self._names: dict[str, str] = {}
        for statement in module.body:
            self._statement(statement)
        check_imports(locator.source, sink)

    def resolve(self, node: cst.BaseExpression) -> str | None:
        """The served or known name that an expression stands for, such as `step` for `mf.step`; else `None`."""
        if isinstance(node, cst.Name):
            return self._names.get(node.value)
        if isinstance(node, cst.Attribute) and (parts := dotted(node.value)) and parts[0] in self._modules:
            home = ".".join((self._modules[parts[0]], *parts[1:]))
            return node.attr.value if len(parts) == 1 or home in MODULES else None
        return None

    def _statement(self, statement: cst.BaseStatement | cst.BaseSmallStatement) -> None:
        match statement:
            case cst.SimpleStatementLine():
                for small in statement.body:
                    self._statement(small)
            case cst.Import():
                self._import(statement)
            case cst.ImportFrom(module=cst.Name() | cst.Attribute() as module) if not statement.relative:
                self._import_from(statement, ".".join(dotted(module)))
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=alias))], value=value):
                meaning = self.resolve(value) if isinstance(value, cst.Name | cst.Attribute) else None
                if meaning is not None:
                    self._names[alias] = meaning
            case cst.Try() | cst.If():
                self._either(statement)
            case _:
                pass

    def _either(self, statement: cst.Try | cst.If) -> None:
        """Ways that exclude each other: what the first one binds stands, the others add to it."""
        for number, body in enumerate(_ways(statement)):
            names, modules = dict(self._names), dict(self._modules)
            for inner in body.body:
                self._statement(inner)
            if number:
                self._names.update(names)
                self._modules.update(modules)

    def _import(self, statement: cst.Import) -> None:
        for alias in statement.names:
            name = ".".join(dotted(alias.name))
            root = name.partition(".")[0]
            if root not in ROOTS:
                continue
            if alias.evaluated_alias is None:
                self._modules[root] = root
            elif name in ROOTS or name in MODULES:
                self._modules[alias.evaluated_alias] = name

    def _import_from(self, statement: cst.ImportFrom, module: str) -> None:
        if module.partition(".")[0] not in ROOTS:
            return
        if isinstance(statement.names, cst.ImportStar):
            self._names.update({name: name for name in MODULES.get(module, OF_FLOWC)})
            return
        for alias in statement.names:
            name = alias.evaluated_name
            if module in MODULES or module.startswith("flowc"):
                self._names[alias.evaluated_alias or name] = name


def _ways(statement: cst.Try | cst.If) -> Iterator[cst.BaseSuite]:
    yield statement.body
    if isinstance(statement, cst.Try):
        yield from (handler.body for handler in statement.handlers)
        if statement.finalbody is not None:
            yield statement.finalbody.body
    if isinstance(statement.orelse, cst.If):
        yield from _ways(statement.orelse)
    elif statement.orelse is not None:
        yield statement.orelse.body


def dotted(node: cst.BaseExpression) -> tuple[str, ...]:
    """The parts of `a.b.c`; none for any other expression."""
    match node:
        case cst.Name(value=name):
            return (name,)
        case cst.Attribute(value=value, attr=cst.Name(value=name)):
            head = dotted(value)
            return (*head, name) if head else ()
        case _:
            return ()
