"""Turns a file of Metaflow's or ZenML's users into one of flowc's: imports, names that differ, and better forms.

What flowc has no name of its own for stays as it is, since flowc serves it under its old name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import libcst as cst
from libcst.metadata import MetadataWrapper, QualifiedName, QualifiedNameProvider, Scope, ScopeProvider

from flowc.protocol import metaflow_names, zenml_names
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


_RETRY = {"max_retries": "limit", "delay": "backoff", "backoff": "factor"}
_RESOURCES = {"cpu_count": "cpu", "memory": "memory", "gpu_count": "gpu"}
_CONFIGURES = {"step", "pipeline", "with_options", "configure"}
"""What takes `settings=` and `resources=`."""


class BetterForms(NamedTuple):
    """The file with better forms, and what has changed, for people."""

    module: cst.Module
    changes: list[str]
    renamed: dict[str, str]
    """Imported names that all uses have changed from, and what they have changed to."""


def better_forms(module: cst.Module) -> BetterForms:
    """ZenML's `StepRetryConfig` and `ResourceSettings` become `Retry` and `Resources`, `libraries=` of Metaflow's
    `@conda` and `@conda_base` becomes `packages=`.

    Of one kind all change or none, since an argument counts more than a setting.
    """
    changes: list[str] = []
    renamed: dict[str, str] = {}
    kinds = {"libraries": _Planner.conda, "StepRetryConfig(": _Planner.retries, "ResourceSettings(": _Planner.resources}
    text = module.code
    for word, kind in kinds.items():
        if word not in text:  # metadata takes a while
            continue
        planner = _Planner(module)
        found = kind(planner)
        changed = replace(planner.wrapper, planner.replacements) if found else module
        if not any(f"{name}(" in changed.code for name in planner.renamed):  # one call was in another one
            module = changed
            changes += found
            renamed.update(planner.renamed)
    return BetterForms(module, changes, renamed)


class _Planner:
    def __init__(self, module: cst.Module) -> None:
        self.wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
        self.replacements = Replacements()
        self.renamed: dict[str, str] = {}
        self._parents = parents_in(self.wrapper.module)
        names: Mapping[cst.CSTNode, Any] = self.wrapper.resolve(QualifiedNameProvider)
        self._taken = {node.value for node in self._parents if isinstance(node, cst.Name)}
        self._uses: dict[str, list[cst.CSTNode]] = {}
        """Name of `metaflow` or `zenml` to where it is used."""
        for node in self._parents:
            if isinstance(node, cst.Name | cst.Attribute) and not self._in_import(node):
                known = names.get(node, ())
                found: Any = known() if callable(known) else known  # libcst computes them when they are needed
                for item in cast("set[QualifiedName]", found):
                    if item.name.startswith(("metaflow.", "zenml.")):
                        self._uses.setdefault(item.name.rpartition(".")[2], []).append(node)

    def conda(self) -> list[str]:
        """`@conda(libraries=...)`."""
        changes: list[str] = []
        for name in ("conda", "conda_base"):
            for call in self._calls(name) or ():
                found = {arg.keyword.value: arg.keyword for arg in call.args if arg.keyword is not None}
                if "libraries" in found and "packages" not in found:
                    self.replacements.set_fields(found["libraries"], value="packages")
                    changes.append(f"@{name}(libraries=...) -> @{name}(packages=...)")
        return changes

    def retries(self) -> list[str]:
        """`StepRetryConfig(max_retries=3, delay=10, backoff=2)`."""
        calls = self._calls_by_name("StepRetryConfig")
        if not calls or "Retry" in self._taken or not all(_has_only(call, _RETRY) for call in calls):
            return []
        for call in calls:
            args = _renamed(call, _RETRY)
            if not any(arg.keyword is not None and arg.keyword.value == "limit" for arg in args):
                args.insert(0, _argument("limit", cst.Integer("1")))  # ZenML's default
            self.replacements.set_fields(call, func=cst.Name("Retry"), args=args)
        self.renamed["StepRetryConfig"] = "Retry"
        return ["StepRetryConfig(max_retries=, delay=, backoff=) -> Retry(limit=, backoff=, factor=)"]

    def resources(self) -> list[str]:
        """`settings={"resources": ResourceSettings(cpu_count=4, memory="16GiB", gpu_count=1)}`."""
        calls = self._calls_by_name("ResourceSettings")
        if not calls or "Resources" in self._taken or not all(_is_plain(call) for call in calls):
            return []
        places = [self._settings(call) for call in calls]
        if any(place is None for place in places):
            return []
        for call, place in zip(calls, places, strict=True):
            assert place is not None
            outer, settings, element = place
            new = call.with_changes(func=cst.Name("Resources"), args=_renamed(call, _RESOURCES))
            others = [item for item in settings.elements if item is not element]
            args: list[cst.Arg] = []
            for arg in outer.args:
                if arg.value is not settings:
                    args.append(arg)
                    continue
                args.append(_argument("resources", new).with_changes(comma=arg.comma))
                if others:
                    others[-1] = others[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
                    args[-1] = args[-1].with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")))
                    args.append(arg.with_changes(value=settings.with_changes(elements=others)))
            self.replacements.set_fields(outer, args=args)
        self.renamed["ResourceSettings"] = "Resources"
        return ['settings={"resources": ResourceSettings(...)} -> resources=Resources(...)']

    def _calls(self, name: str) -> list[cst.Call] | None:
        """The calls of a name; `None` where it is used in another way, too."""
        uses = self._uses.get(name, [])
        whole = [use for use in uses if self._parents[use] not in uses]
        calls = [call for use in whole if isinstance(call := self._parents[use], cst.Call) and call.func is use]
        return calls if len(calls) == len(whole) else None

    def _calls_by_name(self, name: str) -> list[cst.Call] | None:
        """The calls of an imported name, where it is used by that name only."""
        calls = self._calls(name)
        by_name = all(isinstance(call.func, cst.Name) and call.func.value == name for call in calls or ())
        return calls if by_name else None

    def _settings(self, call: cst.Call) -> tuple[cst.Call, cst.Dict, cst.DictElement] | None:
        """The call that is configured, the dict of its settings, and the entry `resources` in it that is this one."""
        element = self._parents[call]
        if not isinstance(element, cst.DictElement) or _text(element.key) != "resources":
            return None
        settings = self._parents[element]
        arg = self._parents[settings]
        outer = self._parents[arg]
        if not (isinstance(settings, cst.Dict) and isinstance(arg, cst.Arg) and isinstance(outer, cst.Call)):
            return None
        keywords = {item.keyword.value for item in outer.args if item.keyword is not None}
        func = outer.func.attr if isinstance(outer.func, cst.Attribute) else outer.func
        named = isinstance(func, cst.Name) and func.value in _CONFIGURES
        is_settings = arg.keyword is not None and arg.keyword.value == "settings"
        return (outer, settings, element) if named and is_settings and "resources" not in keywords else None

    def _in_import(self, node: cst.CSTNode) -> bool:
        parent = self._parents[node]
        while isinstance(parent, cst.Attribute):
            parent = self._parents[parent]
        return isinstance(parent, cst.ImportAlias | cst.ImportFrom)


def _has_only(call: cst.Call, names: dict[str, str]) -> bool:
    return all(arg.keyword is not None and arg.keyword.value in names for arg in call.args)


def _is_plain(call: cst.Call) -> bool:
    """Whether what `ResourceSettings` is given means the same to `Resources`."""
    for arg in call.args:
        if arg.keyword is None or arg.keyword.value not in _RESOURCES:
            return False
        if arg.keyword.value == "memory" and not re.fullmatch(r"\d+[KMGTP]i?B", _text(arg.value) or ""):
            return False
        if arg.keyword.value == "gpu_count" and not (isinstance(arg.value, cst.Integer) and arg.value.value != "0"):
            return False
    return True


def _renamed(call: cst.Call, names: dict[str, str]) -> list[cst.Arg]:
    args: list[cst.Arg] = []
    for arg in call.args:
        assert arg.keyword is not None
        args.append(arg.with_changes(keyword=arg.keyword.with_changes(value=names[arg.keyword.value])))
    return args


def _argument(name: str, value: cst.BaseExpression) -> cst.Arg:
    tight = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    return cst.Arg(value, keyword=cst.Name(name), equal=tight)


def _text(node: cst.BaseExpression) -> str | None:
    """The text of a plain string."""
    value = node.evaluated_value if isinstance(node, cst.SimpleString) else None
    return value if isinstance(value, str) else None
