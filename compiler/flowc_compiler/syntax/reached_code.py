"""What each step can reach of the flow's own code, as one digest: it changes when, and only when, any of that does.

Every function, class and statement of the local modules is a node, and what it names are its edges. A module's
statements that do more than bind a name count for every step that has the module imported. Where code may reach what it
does not name, all counts. The digests are those of the strongly connected components, so that the work is linear.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flowc_compiler.syntax.code_units import FunctionNode, ModuleUnits, Unit
from flowc_compiler.syntax.import_root import located
from flowc_compiler.syntax.local_code import LocalCode
from flowc_compiler.syntax.parsing import parse_text

_HARMLESS_DECORATORS = frozenset(
    {
        "abstractmethod", "cache", "cached_property", "classmethod", "contextmanager", "dataclass", "final",
        "lru_cache", "overload", "override", "property", "runtime_checkable", "staticmethod", "total_ordering",
        "unique", "wraps",
    }
)  # fmt: skip
"""Decorators of Python's own that tell nobody of what they decorate."""
_DEEPEST = 50
_SHORT = 12


@dataclass(eq=False)
class _Node:
    """A node of the graph: a part of a module, or something that stands for several."""

    name: str
    own: str = ""
    order: str = ""
    edges: list[_Node] = field(default_factory=list["_Node"])
    digest: str = ""


@dataclass(frozen=True)
class ReachedCode:
    """The code that steps can reach."""

    digests: Mapping[str, str]
    """By step."""
    units: Mapping[str, list[object]]
    """By the name of a part: its own digest, the names of what it names, and where its place counts, what is before."""


class CodeGraph:
    """The graph of a flow's local code."""

    def __init__(self, code: LocalCode, steps: Iterable[str], flow_class: str | None) -> None:
        """`flow_class` is the class of a class flow; `steps` are its methods, or the functions of a pipeline."""
        self._code = code
        self._steps = frozenset(steps)
        self._flow_class = flow_class
        file = located(code.source.path)
        trees = {file: parse_text(code.source.text), **code.trees}
        texts = (code.source.text, *code.texts.values())
        docs = any("__doc__" in text or "getdoc" in text for text in texts)
        classes = _class_chain(flow_class, trees) if flow_class is not None else frozenset[str]()
        self._modules: dict[Path, ModuleUnits] = {}
        for path, tree in trees.items():
            name = code.root.module if path == file else code.names.get(path) or path.stem
            is_flow = path == file
            self._modules[path] = ModuleUnits(
                name, tree, docs=docs, main=is_flow and flow_class is not None, steps=self._steps, flow_classes=classes
            )
        self._file = file
        self._nodes: dict[Unit, _Node] = {}
        self._units: dict[_Node, Unit] = {}
        self._homes: dict[Unit, tuple[Path, ModuleUnits]] = {}
        self._keeping: dict[Unit, bool] = {}
        self._everything = _Node("all local code")
        self._executed = {path: _Node(f"{module.name}: statements") for path, module in self._modules.items()}
        self._whole = {path: _Node(f"{module.name}: all") for path, module in self._modules.items()}
        self._build()

    def reached(self, functions: Mapping[str, Sequence[tuple[str, Path | None]]], extra: str = "") -> ReachedCode:
        """The digests of steps: of each its name, or its functions with their files. `extra` counts for all."""
        roots: dict[str, _Node] = {}
        for step, named in functions.items():
            targets = [node for name, path in named for node in list(self._targets(name, path)) or [self._everything]]
            roots[step] = _Node(step, extra, edges=[self._executed[self._file], *targets])
        _condense([*roots.values()])
        listed = [*self._nodes.values(), self._everything, *self._executed.values(), *self._whole.values()]
        units: dict[str, list[object]] = {
            node.name: [node.own[:_SHORT], [edge.name for edge in node.edges], *filter(None, [node.order])]
            for node in (*listed, *roots.values())
        }
        return ReachedCode({step: node.digest for step, node in roots.items()}, units)

    def _targets(self, name: str, path: Path | None) -> Iterator[_Node]:
        if self._flow_class is not None and name:
            for module in self._modules.values():
                yield from (self._nodes[unit] for unit in (*module.heads.values(), *module.always))
                yield from (self._nodes[unit] for unit in module.members.get(name, ()))
            return
        yield from self._named(path or self._file, name.partition(".")[0], 0)

    def _build(self) -> None:
        names: Counter[str] = Counter()
        for path, module in self._modules.items():
            for unit in module.units:
                self._homes[unit] = path, module
                names[unit.name] += 1
                name = unit.name if names[unit.name] == 1 else f"{unit.name} ({names[unit.name]})"
                self._nodes[unit] = node = _Node(name, unit.digest, unit.order)
                self._units[node] = unit
        self._everything.edges += self._nodes.values()
        for path, module in self._modules.items():
            self._whole[path].edges += [self._executed[path], *(self._nodes[unit] for unit in module.units)]
            for unit in module.units:
                self._link(path, unit)
                acts = unit.effect and not self._is_local_import(path, unit.node)
                if acts or self._is_registered(path, module, unit):
                    self._executed[path].edges.append(self._nodes[unit])
            for statement, _ in module.imports:
                self._executed[path].edges += self._executions(path, statement)
        for path, module in self._modules.items():
            self._link_subclasses(path, module)

    def _link(self, path: Path, unit: Unit) -> None:
        """The edges of a part."""
        refs, node = unit.refs, self._nodes[unit]
        if refs.escapes:
            node.edges.append(self._everything)
        local: dict[str, ast.Import | ast.ImportFrom] = {}
        for statement in refs.imports:
            if unit.node is not statement:
                local.update(dict.fromkeys(_bound(statement), statement))
                node.edges += self._executions(path, statement)
        found: dict[_Node, None] = {}
        for name in sorted(refs.names):
            found.update(dict.fromkeys(self._of_name(path, name, None, local)))
        for base, attribute in sorted(refs.based):
            found.update(dict.fromkeys(self._of_name(path, base, attribute, local)))
        for other in self._modules.values() if self._flow_class is not None else ():
            for name in sorted(refs.attributes & other.members.keys()):
                found.update(dict.fromkeys(self._nodes[item] for item in other.members[name]))
        found.pop(node, None)
        node.edges += found

    def _of_name(
        self, path: Path, name: str, attribute: str | None, local: Mapping[str, ast.Import | ast.ImportFrom]
    ) -> Iterator[_Node]:
        """The nodes that a name, or an attribute of it, stands for."""
        if name in local:
            yield from self._imported(path, local[name], name, attribute, 0)
        if attribute is not None and any(name in _bound(item) for item, _ in self._modules[path].imports):
            yield from self._named(path, name, 0, attribute)
        else:
            yield from self._named(path, name, 0)

    def _named(self, path: Path, name: str, depth: int, attribute: str | None = None) -> Iterator[_Node]:
        """The parts that bind a name at the top level of a module, and what is behind its imports."""
        module = self._modules[path]
        for unit in module.bindings.get(name, ()):
            yield self._nodes[unit]
        for statement, _ in module.imports:
            if name in _bound(statement):
                yield from self._imported(path, statement, name, attribute, depth)
            elif _is_star(statement):
                for target in self._files(path, statement, None):
                    if depth < _DEEPEST and (name in self._modules[target].bindings or self._modules[target].imports):
                        yield from self._named(target, name, depth + 1)

    def _imported(
        self, path: Path, statement: ast.Import | ast.ImportFrom, name: str, attribute: str | None, depth: int
    ) -> Iterator[_Node]:
        """What a name stands for that a statement imports."""
        for alias in statement.names:
            if name not in _bound_by(statement, alias):
                continue
            if isinstance(statement, ast.Import):
                parts = tuple(alias.name.split("."))
                target = self._module(path, 0, parts if alias.asname else parts[:1])
                if alias.asname is None and len(parts) > 1:  # `a.b.c` is used through `a`: which of them is unknown
                    for length in range(1, len(parts) + 1):
                        inner = self._module(path, 0, parts[:length])
                        yield from [self._whole[inner]] if inner is not None else []
                elif target is not None:
                    yield from self._in_module(target, attribute, depth)
                continue
            parts = tuple(statement.module.split(".")) if statement.module else ()
            inner = self._module(path, statement.level, (*parts, alias.name))
            if inner is not None:
                yield from self._in_module(inner, attribute, depth)
            target = self._module(path, statement.level, parts) if parts or statement.level else None
            if target is not None and depth < _DEEPEST:
                found = list(self._named(target, alias.name, depth + 1))
                yield from found or ([self._whole[target]] if inner is None else [])

    def _in_module(self, path: Path, attribute: str | None, depth: int) -> Iterator[_Node]:
        """An attribute of a module; all of it where that is not known."""
        found = list(self._named(path, attribute, depth + 1)) if attribute is not None and depth < _DEEPEST else []
        yield from found or [self._whole[path]]

    def _executions(self, path: Path, statement: ast.Import | ast.ImportFrom) -> Iterator[_Node]:
        """The modules that an import executes."""
        for alias in statement.names:
            for target in self._files(path, statement, alias):
                yield self._executed[target]

    def _files(self, path: Path, statement: ast.Import | ast.ImportFrom, alias: ast.alias | None) -> Iterator[Path]:
        """The local modules that an import names, with the packages around them."""
        level = statement.level if isinstance(statement, ast.ImportFrom) else 0
        if isinstance(statement, ast.Import):
            assert alias is not None
            parts = tuple(alias.name.split("."))
        else:
            parts = tuple(statement.module.split(".")) if statement.module else ()
            parts = (*parts, alias.name) if alias is not None and alias.name != "*" else parts
        for length in range(0 if level else 1, len(parts) + 1):
            target = self._module(path, level, parts[:length])
            if target is not None:
                yield target

    def _module(self, path: Path, level: int, parts: tuple[str, ...]) -> Path | None:
        found = self._code.module_path(path, level, parts) if parts or level else None
        return found if found in self._modules else None

    def _is_registered(self, path: Path, module: ModuleUnits, unit: Unit) -> bool:
        """Whether a decorator may tell others of what it decorates, so that they reach it without a name."""
        node = unit.node
        if not isinstance(node, FunctionNode | ast.ClassDef) or node.name in module.heads:
            return False
        if isinstance(node, ast.ClassDef) and self._tells_a_base(path, module, node):
            return True
        return not all(self._is_harmless(path, module, item) for item in node.decorator_list)

    def _tells_a_base(self, path: Path, module: ModuleUnits, node: ast.ClassDef) -> bool:
        """Whether a class has a local metaclass, or a local base with `__init_subclass__`: they may note it."""
        seen: set[ast.ClassDef] = set()
        pending = [(path, module, node)]
        while pending:
            place, at, each = pending.pop()
            if each in seen:
                continue
            seen.add(each)
            if any(item.arg == "metaclass" and not self._is_foreign(at, item.value) for item in each.keywords):
                return True
            if each is not node and any(
                isinstance(item, FunctionNode) and item.name == "__init_subclass__" for item in each.body
            ):
                return True
            for base in each.bases:
                for target in self._classes(place, base):
                    found = self._units.get(target)
                    if found is not None and isinstance(found.node, ast.ClassDef):
                        pending.append((*self._homes[found], found.node))
        return False

    def _is_foreign(self, module: ModuleUnits, node: ast.expr) -> bool:
        """Whether an expression begins with a name of Python's own modules, or of flowc's."""
        return isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node).partition(".")[0] in module.harmless

    def _is_harmless(self, path: Path, module: ModuleUnits, decorator: ast.expr) -> bool:
        """Whether it is flowc's or Python's own, or a local function that uses no variable of any module."""
        node = decorator.func if isinstance(decorator, ast.Call) else decorator
        if module.is_served(node):
            return True
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name in _HARMLESS_DECORATORS:
            return True
        if not isinstance(node, ast.Name):
            return False
        found = [self._units.get(item) for item in self._named(path, node.id, 0)]
        units = [unit for unit in found if unit is None or not isinstance(unit.node, ast.Import | ast.ImportFrom)]
        return bool(units) and all(
            unit is not None and isinstance(unit.node, FunctionNode) and self._keeps_nothing(unit) for unit in units
        )

    def _keeps_nothing(self, unit: Unit) -> bool:
        """Whether a function, and those that it names, name nothing in which they could note something.

        That is a variable of a module, the data of a class, or an attribute of a function.
        """
        if unit not in self._keeping:
            seen = {unit}
            pending = [unit]
            while pending and not self._keeping.get(unit):
                refs = pending.pop().refs
                based = {base for base, _ in refs.based}
                for module in self._modules.values():
                    for name in (refs.names | based) & module.bindings.keys():
                        named = module.bindings[name]
                        functions = [item for item in named if isinstance(item.node, FunctionNode)]
                        if any(map(_has_data, named)) or (functions and name in based):
                            self._keeping[unit] = True
                        pending += [item for item in functions if item not in seen]
                        seen.update(functions)
                if refs.escapes:
                    self._keeping[unit] = True
            self._keeping.setdefault(unit, False)
        return not self._keeping[unit]

    def _link_subclasses(self, path: Path, module: ModuleUnits) -> None:
        """Whoever reaches a class may reach those that derive from it."""
        for unit in module.units:
            node = unit.node
            if not isinstance(node, ast.ClassDef) or node.name in module.heads:
                continue
            for base in node.bases:
                for target in self._classes(path, base):
                    if target is not self._nodes[unit]:
                        target.edges.append(self._nodes[unit])

    def _classes(self, path: Path, base: ast.expr) -> list[_Node]:
        """What the base of a class stands for."""
        match base:
            case ast.Name(id=name):
                return list(self._of_name(path, name, None, {}))
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                return list(self._of_name(path, name, attribute, {}))
            case _:
                return []

    def _is_local_import(self, path: Path, node: ast.AST | None) -> bool:
        """Whether all that a statement imports is local: what that does when it is executed counts by itself."""
        return isinstance(node, ast.Import | ast.ImportFrom) and all(
            any(self._files(path, node, alias)) for alias in node.names
        )


def _has_data(unit: Unit) -> bool:
    """Whether a part of a module is a variable, or a class with some."""
    node = unit.node
    if isinstance(node, ast.ClassDef):
        return any(isinstance(item, ast.Assign | ast.AnnAssign) and item.value is not None for item in node.body)
    return isinstance(node, ast.Assign | ast.AnnAssign)


def _class_chain(name: str, trees: Mapping[Path, ast.Module]) -> frozenset[str]:
    """The names of the flow's class and of all local classes that it may derive from."""
    bases: dict[str, set[str]] = {}
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                last = {
                    item.attr if isinstance(item, ast.Attribute) else getattr(item, "id", "") for item in node.bases
                }
                bases.setdefault(node.name, set()).update(last)
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if alias.asname is not None:
                        bases.setdefault(alias.asname, set()).add(alias.name)
    found: set[str] = set()
    pending = [name]
    while pending:
        each = pending.pop()
        if each in bases and each not in found:
            found.add(each)
            pending += bases[each]
    return frozenset(found)


def _bound(statement: ast.Import | ast.ImportFrom) -> set[str]:
    return {name for alias in statement.names for name in _bound_by(statement, alias)}


def _bound_by(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> set[str]:
    if alias.asname is not None:
        return {alias.asname}
    return {alias.name.partition(".")[0] if isinstance(statement, ast.Import) else alias.name}


def _is_star(statement: ast.Import | ast.ImportFrom) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"


def _condense(roots: Sequence[_Node]) -> None:
    """Fill in the digest of each node that is reached: of its component, and of all components that this reaches."""
    order: dict[_Node, int] = {}
    low: dict[_Node, int] = {}
    stack: list[_Node] = []
    open_nodes: set[_Node] = set()
    for root in roots:
        pending: list[tuple[_Node, int]] = [(root, 0)] if root not in order else []
        while pending:
            node, at = pending.pop()
            if node not in order:
                order[node] = low[node] = len(order)
                stack.append(node)
                open_nodes.add(node)
            for position in range(at, len(node.edges)):
                other = node.edges[position]
                if other not in order:
                    pending += [(node, position), (other, 0)]
                    break
                if other in open_nodes:
                    low[node] = min(low[node], low[other])
            else:
                if low[node] == order[node]:
                    _close(node, stack, open_nodes)


def _close(node: _Node, stack: list[_Node], open_nodes: set[_Node]) -> None:
    """Give all nodes of a component their digest."""
    members: list[_Node] = []
    while not members or members[-1] is not node:
        members.append(stack.pop())
        open_nodes.discard(members[-1])
    inside = set(members)
    below = {edge.digest for each in members for edge in each.edges if edge not in inside} - {""}
    own = sorted(f"{each.own} {each.order}" for each in members if each.own)
    if not own and not below:
        return  # statements of a module that do nothing
    text = "\n".join([*own, "-", *sorted(below)])
    for each in members:
        each.digest = hashlib.sha256(text.encode()).hexdigest()
