"""What names in the user's file mean: the table of its imports of `flowc`, `metaflow` and `zenml`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flowc_compiler.syntax.served_imports import MODULES, OF_FLOWC, ROOTS


class Names:
    """The meaning of names at a module's top level, by its import statements."""

    def __init__(self, tree: ast.Module) -> None:
        self._modules: dict[str, str] = {}
        self._names: dict[str, str] = {}
        for statement in tree.body:
            self._statement(statement)

    def resolve(self, node: ast.expr) -> str | None:
        """The served or known name that an expression stands for, such as `step` for `mf.step`; else `None`."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id)
        if isinstance(node, ast.Attribute) and (parts := dotted(node.value)) and parts[0] in self._modules:
            module = ".".join((self._modules[parts[0]], *parts[1:]))
            return node.attr if len(parts) == 1 or module in MODULES else None
        return None

    def _statement(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Import(names=aliases):
                for alias in aliases:
                    self._import(alias)
            case ast.ImportFrom(module=str(module), level=0):
                self._import_from(statement, module)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name() | ast.Attribute() as value):
                if (meaning := self.resolve(value)) is not None:
                    self._names[name] = meaning
            case ast.Try() | ast.If():
                self._either(statement)
            case _:
                pass

    def _either(self, statement: ast.Try | ast.If) -> None:
        """Ways that exclude each other: what the first one binds stands, the others add to it."""
        for number, body in enumerate(_ways(statement)):
            names, modules = dict(self._names), dict(self._modules)
            for inner in body:
                self._statement(inner)
            if number:
                self._names.update(names)
                self._modules.update(modules)

    def _import(self, alias: ast.alias) -> None:
        root = alias.name.partition(".")[0]
        if root in ROOTS and alias.asname is None:
            self._modules[root] = root
        elif alias.asname is not None and (alias.name in ROOTS or alias.name in MODULES):
            self._modules[alias.asname] = alias.name

    def _import_from(self, statement: ast.ImportFrom, module: str) -> None:
        if module.partition(".")[0] not in ROOTS:
            return
        for alias in statement.names:
            if alias.name == "*":
                self._names.update({name: name for name in MODULES.get(module, OF_FLOWC)})
            elif module in MODULES or module.startswith("flowc"):
                self._names[alias.asname or alias.name] = alias.name


def _ways(statement: ast.Try | ast.If) -> Iterator[list[ast.stmt]]:
    """The bodies of a statement, those of its `elif`s included; a `finally` and an `else` may add to the others."""
    while True:
        yield statement.body
        if isinstance(statement, ast.Try):
            yield from (handler.body for handler in statement.handlers)
            yield statement.finalbody
        match statement.orelse:
            case [ast.If() as inner] if isinstance(statement, ast.If):
                statement = inner
            case orelse:
                yield orelse
                return


def dotted(node: ast.expr | None) -> tuple[str, ...]:
    """The parts of `a.b.c`; none for any other expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else ()
