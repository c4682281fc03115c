"""Turns a file of Metaflow's or ZenML's users into one of flowc's: imports, names that differ, and better forms.

What flowc has no name of its own for stays as it is, since flowc serves it under its old name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import libcst as cst
from libcst.metadata import MetadataWrapper, Scope, ScopeProvider

from flowc.protocol import metaflow_names, zenml_names
from flowc_compiler.rewrite.betterforms import better_forms
from flowc_compiler.rewrite.files import parse_bytes, to_bytes
from flowc_compiler.rewrite.imports import alias, bound_name, dotted, import_from, module_of
from flowc_compiler.rewrite.replace import Replacements, parents_in, replace

MODULES = {**metaflow_names.MODULES, **zenml_names.MODULES}
_PUBLIC = {"cards", "client", "errors"}
"""The modules of flowc that users import from."""
_OF_FLOWC = frozenset(metaflow_names.SERVED) - {"exception"} | frozenset(zenml_names.PIPELINES)
"""What `flowc` itself serves."""
_NOT_BY_STAR = {"JSONTypeClass", "cards", "client", "exception"}
"""What `from metaflow import *` binds and `from flowc import *` does not."""

_BY_STAR_TOO = {*zenml_names.PIPELINES, *metaflow_names.OWN}
"""What `from flowc import *` binds and `from metaflow import *` does not."""


class Name(NamedTuple):
    """A name of flowc's."""

    module: str
    name: str


@dataclass
class Migration:
    """The content of a migrated file, and what has been done and left, for people."""

    content: bytes
    changes: list[str] = field(default_factory=list[str])
    left: list[str] = field(default_factory=list[str])


def migrate(content: bytes, name: str) -> Migration:
    """Migrate one file; `name` is for messages. Raises RewriteError when libcst cannot read it."""
    result = Migration(content)
    module = parse_bytes(content, name)
    if b"metaflow" not in content and b"zenml" not in content:
        return result
    forms = better_forms(module)
    result.changes += forms.changes
    migrator = _Migrator(forms.module, result, forms.renamed)
    migrator.plan()
    result.content = to_bytes(replace(migrator.wrapper, migrator.replacements), content)
    return result


def flowc_name(module: str, name: str) -> Name | None:
    """Where flowc has a name of a module of Metaflow's or ZenML's, for users to import; `None` for nowhere."""
    if name not in MODULES.get(module, {}):
        return None
    if name in _OF_FLOWC:
        return Name("flowc", name)
    if (module, name) == ("metaflow", "exception"):
        return Name("flowc", "errors")
    place, _, real = MODULES[module][name].partition(":")
    return Name(f"flowc.{place}", real or name) if place in _PUBLIC and not real.startswith("_") else None


def _flowc_module(module: str) -> str:
    """The module of flowc's that stands for one of Metaflow's or ZenML's."""
    found = {flowc_name(module, name) for name in MODULES[module]}
    modules = {item.module for item in found if item is not None}
    return modules.pop() if len(modules) == 1 else "flowc"


class _Migrator:
    """Plans the replacements of one file."""

    def __init__(self, module: cst.Module, result: Migration, renamed: dict[str, str]) -> None:
        self.wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
        self.replacements = Replacements()
        self._result = result
        self._renamed = renamed
        self._scopes = self.wrapper.resolve(ScopeProvider)
        self._parents = parents_in(self.wrapper.module)
        self._names = {node.value for node in self._parents if isinstance(node, cst.Name) and not self._is_part(node)}

    def _is_part(self, node: cst.Name) -> bool:
        """Whether a name is that of an attribute or a keyword argument, and stands for no variable."""
        parent = self._parents[node]
        return (isinstance(parent, cst.Attribute) and parent.attr is node) or (
            isinstance(parent, cst.Arg) and parent.keyword is node
        )

    def plan(self) -> None:
        """Plan every import, and what it binds."""
        groups: dict[tuple[Scope, str], list[tuple[cst.Import, cst.ImportAlias]]] = defaultdict(list)
        for node in self._parents:
            if isinstance(node, cst.ImportFrom) and module_of(node) in MODULES:
                self._import_from(node, cast("str", module_of(node)))
            elif isinstance(node, cst.Import):
                for item in node.names:
                    if item.evaluated_name in MODULES:
                        bound = item.evaluated_alias or item.evaluated_name.partition(".")[0]
                        groups[self._scope(node), bound].append((node, item))
        for (scope, bound), items in groups.items():
            self._import(scope, bound, items)

    def _scope(self, node: cst.CSTNode) -> Scope:
        scope = self._scopes[node]
        assert scope is not None
        return scope

    def _import_from(self, node: cst.ImportFrom, module: str) -> None:
        if isinstance(node.names, cst.ImportStar):
            self._star(node, module)
            return
        moved: dict[str, list[cst.ImportAlias]] = defaultdict(list)
        left: list[cst.ImportAlias] = []
        for item in node.names:
            found, bound = flowc_name(module, item.evaluated_name), bound_name(item)
            if (now := self._renamed.get(item.evaluated_name)) is not None:
                found, bound = Name("flowc", now), now
            if found is None:
                left.append(item)
                continue
            if bound == item.evaluated_name != found.name and self._rename(node, bound, found.name):
                bound = found.name
            new = alias(found.name, bound).with_changes(comma=item.comma)
            moved[found.module].append(item if item.evaluated_name == found.name else new)
        if left:
            names = ", ".join(item.evaluated_name for item in left)
            self._result.left.append(f"from {module} import {names}")
        if not moved:
            return
        self._result.changes.append(f"from {module} import -> from {', '.join(moved)} import")
        if len(moved) == 1 and not left:
            ((target, aliases),) = moved.items()
            self.replacements.set_fields(node, module=dotted(target), names=aliases)
            return
        parts = [*moved.items(), *([(module, left)] if left else [])]
        self.replacements.split(
            node, [import_from(target, [_names(item) for item in items]) for target, items in parts]
        )

    def _rename(self, node: cst.ImportFrom, old: str, new: str) -> bool:
        """Rename all uses of an imported name, where that is safe."""
        assignments = list(self._scope(node)[old])
        if len(assignments) != 1 or new in self._names:
            return False
        uses = [access.node for access in assignments[0].references]
        if not all(isinstance(use, cst.Name) for use in uses):  # in the text of an annotation
            return False
        for use in uses:
            self.replacements.set_fields(use, value=new)
        self._result.changes.append(f"{old} -> {new}")
        return True

    def _star(self, node: cst.ImportFrom, module: str) -> None:
        if module != "metaflow" or self._names & _NOT_BY_STAR:
            self._result.left.append(f"from {module} import *")
        elif self._names & _BY_STAR_TOO:  # names that it is not to bind
            used = sorted(self._names & set(metaflow_names.SERVED))
            self.replacements.set_fields(node, module=dotted("flowc"), names=[alias(name, name) for name in used])
            self._result.changes.append(f"from metaflow import * -> from flowc import {', '.join(used)}")
        else:
            self.replacements.set_fields(node, module=dotted("flowc"))
            self._result.changes.append("from metaflow import * -> from flowc import *")

    def _import(self, scope: Scope, bound: str, items: Sequence[tuple[cst.Import, cst.ImportAlias]]) -> None:
        """Imports of modules that bind one name, and the attributes that are used of it: all change, or none."""
        asname = items[0][1].evaluated_alias
        root = items[0][1].evaluated_name if asname else bound
        new_root = _flowc_module(root)
        uses: list[tuple[cst.CSTNode, cst.Attribute]] = []
        needed: set[str] = set()
        safe = len(scope[bound]) == len(items) and (
            asname is not None or "flowc" not in self._names or bound == "flowc"
        )
        for assignment in scope[bound]:
            for access in assignment.references:
                found = self._attribute(access.node, root)
                if found is None or not f"{found[1].module}.".startswith(f"{new_root}."):
                    safe = False
                    continue
                node, name = found
                needed.add(name.module)
                rest = f"{name.module.removeprefix(new_root)}.{name.name}".strip(".")
                uses.append((node, cast("cst.Attribute", dotted(f"{asname or new_root}.{rest}"))))
        if not safe:
            self._result.left.append(f"import {root}")
            return
        self._result.changes.append(f"import {root} -> import {new_root}")
        for node, new in uses:
            self.replacements.set_fields(node, value=new.value, attr=new.attr)
        modules = [_flowc_module(item.evaluated_name) for _, item in items]
        needed -= {"flowc", *modules}
        for number, (node, item) in enumerate(items):
            changed = cst.ImportAlias(dotted(modules[number]), asname=item.asname)
            more = [cst.ImportAlias(dotted(name)) for name in sorted(needed)] if number == len(items) - 1 else []
            self.replacements.extend_import(node, item, [changed, *more])

    def _attribute(self, node: cst.CSTNode, module: str) -> tuple[cst.CSTNode, Name] | None:
        """The attribute that is used of a module, through modules in it, and flowc's name for it."""
        while isinstance(parent := self._parents[node], cst.Attribute) and parent.value is node:
            name = parent.attr.value
            if f"{module}.{name}" not in MODULES:
                found = flowc_name(module, name)
                return (parent, found) if found is not None else None
            module, node = f"{module}.{name}", parent
        return None


def _names(item: cst.ImportAlias) -> tuple[str, str]:
    return item.evaluated_name, bound_name(item)
