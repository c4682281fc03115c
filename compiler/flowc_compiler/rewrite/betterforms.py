"""Arguments that have a better form in flowc, with the same meaning."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import libcst as cst
from libcst.metadata import MetadataWrapper, QualifiedName, QualifiedNameProvider

from flowc_compiler.rewrite.replace import Replacements, parents_in, replace

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
