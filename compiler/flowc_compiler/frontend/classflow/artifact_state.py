"""What is known of artifacts at one place of a function, while `ArtifactReader` walks over its body."""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar, cast

from flowc_compiler.frontend.classflow.flow_methods import FlowMethods, Method
from flowc_compiler.frontend.classflow.input_names import InputNames
from flowc_compiler.ir.artifact_effects import ArtifactRead, Place, StepEffects, Use
from flowc_compiler.syntax.modules import bindings

_LEAF = frozenset({ast.Constant, ast.Load, ast.Store, ast.Del, ast.alias, ast.Pass, ast.Global, ast.Nonlocal, ast.arg})


class ArtifactState:
    """The function, what was found in it up to here, and what stands around the place."""

    handlers: ClassVar[dict[type[ast.AST], Callable[[Any, Any], None]]] = {}
    """What reads each kind of node; of all others the parts are read."""

    def __init__(self, methods: FlowMethods, method: Method, parameter: str, inputs: str = "") -> None:
        self._methods = methods
        self._method = method
        self._view = method.view
        self._self = parameter
        self._inputs = InputNames(inputs)
        self._found = StepEffects()
        self._log: list[str] = []
        """What was set, in the order of the walk."""
        self._may_skip: int = 0
        """How many conditions stand around the place."""
        self._returned = False
        """Whether the function may have ended before the place."""
        self._dead = False
        """Whether the place is never reached."""
        self._guards: int = 0
        """How many blocks stand around the place that catch a missing attribute."""
        self._inside: int = 0
        """How many functions stand around the place, within the function that is read."""
        self._inside_of = ""
        """The function that is read within the function; empty for one that is called in a way that is not known."""
        self._late: list[tuple[str, ArtifactRead]] = []
        """What functions within it read, by their names."""
        self._caught = False
        self._passed_on = set[str]()
        """Names that are used for more than a call."""
        self._calls: dict[str, set[str]] = {}
        """What the function, and those within it by their names, call by a plain name."""
        self._consumed = set[ast.AST]()
        """Generators whose items are taken where they stand."""
        self._went_on: bool = False
        """Whether `self.next` was called before the place."""
        self._given_inputs = set[int]()
        """The effects of functions that got the inputs, by their identity."""
        self._loops: int = 0
        self._tries: int = 0
        self._ever = set[str]()
        """All that is set anywhere in the function."""

    @property
    def _sure(self) -> bool:
        return not (self._may_skip or self._returned or self._inside)

    def _has(self, name: str) -> bool:
        return name in self._found.sets or self._found.havoc

    def _place(self, node: ast.AST) -> Place:
        return Place(self._view.source, node)

    def _set(self, name: str, node: ast.AST, value: ast.expr | None = None) -> None:
        found = self._found
        if name in self._methods.methods:  # a property that runs when it is set
            self._may_run(self._methods.of(self._methods.methods[name]), node)
        if name.startswith("__"):
            self._escape(f"`{self._self}.{name}` is set", node)
        if name in self._methods.protected and not self._guards and not self._inside:
            found.writes.setdefault(name, self._place(node))
        self._add(name)
        found.stores[name] += 1
        found.values[name] = value if self._sure and not self._is_unclear(value) else None

    def _is_unclear(self, value: ast.expr | None) -> bool:
        """Whether a value is an attribute, but for `self.input` and `self.index`, or the result of a function that is
        perhaps no builtin, though it is named like one.
        """
        if isinstance(value, ast.Attribute):
            name = self._attribute(value)
            return name not in {"input", "index"} or name in self._methods.bound
        if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Name):
            return False
        return value.func.id in self._bindings or not self._view.is_builtin(value.func.id)

    @cached_property
    def _bindings(self) -> dict[str, list[ast.AST]]:
        return bindings(self._method.function)

    def _add(self, name: str) -> None:
        self._ever.add(name)
        if name not in self._found.sets:
            self._found.sets.add(name)
            self._log.append(name)
        self._found.deletes.discard(name)

    def _delete(self, name: str) -> None:
        found = self._found
        found.values[name] = None
        found.stores[name] += 1
        if not self._sure:
            self._add(name)  # perhaps it is deleted: nothing is certain
            return
        found.sets.discard(name)
        found.deletes.add(name)

    def _get(self, name: str, node: ast.AST, how: Use = "self") -> None:
        if how in {"self", "call"}:
            self._found.uses.add(name)
        if self._guards or self._has(name) or self._dead:
            return
        deleted = name in self._found.deletes
        inputs = self._inputs.whole if name == "inputs" else ""
        read = ArtifactRead(name, self._place(node), how, len(self._found.merges), deleted, inputs)
        self._record(read, sure=self._sure)

    def _record(self, read: ArtifactRead, *, sure: bool) -> None:
        if self._inside:
            self._late.append((self._inside_of, read))
            return
        if read.deleted:
            self._found.after_delete.setdefault(read.name, read)
            return
        self._found.reads.setdefault(read.name, read)
        if sure:
            self._found.sure.setdefault(read.name, read)

    def _escape(self, reason: str, node: ast.AST) -> None:
        if not self._found.havoc:
            self._methods.note(reason, self._place(node))
        self._found.havoc = True

    @contextmanager
    def _perhaps(self) -> Generator[None, None, None]:
        self._may_skip += 1
        yield
        self._may_skip -= 1

    def _ways(self, ways: Iterable[Callable[[], None]]) -> None:
        """Ways of which one is taken: each starts with what was set before all of them."""
        found = self._found
        dead, names, went_on = self._dead, self._inputs.copy(), self._went_on
        added: list[str] = []
        ends: list[bool] = []
        have_gone: list[bool] = []
        after = names
        for way in ways:
            mark = len(self._log)
            self._dead, self._inputs.bound, self._went_on = dead, dict(names), went_on
            with self._perhaps():
                way()
            if not self._dead or self._loops or self._tries:
                added += self._log[mark:]
            found.sets.difference_update(self._log[mark:])
            after = {key: value for key, value in after.items() if self._inputs.bound.get(key) == value}
            ends.append(self._dead)
            have_gone.append(self._went_on or self._dead)
        self._log += added
        found.sets.update(added)
        self._inputs.bound = after
        self._dead = dead or all(ends)
        self._went_on = went_on or all(have_gone)

    def _visit(self, node: ast.AST) -> None:
        handler = self.handlers.get(type(node))
        if handler is not None:
            handler(self, node)
            return
        for name in node._fields:  # as `ast.iter_child_nodes`, which takes three times as long
            value: object = getattr(node, name, None)
            children: list[object] = cast("list[object]", value) if type(value) is list else [value]
            for child in children:
                if isinstance(child, ast.AST) and type(child) not in _LEAF:
                    self._visit(child)

    def _attribute(self, node: ast.AST) -> str | None:
        """The name of an attribute of the flow."""
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner == self._self:
                return name
            case _:
                return None

    def _apply(self, effects: StepEffects | None, node: ast.AST) -> None:
        """Do what a function does that is called here."""
        if effects is None or effects.opaque:
            self._escape("functions call each other" if effects is None else "a function is not followed", node)
            return
        found = self._found
        sure = self._sure
        for name, read in effects.reads.items():
            if not (self._guards or self._has(name) or self._dead):
                deleted = read.deleted or name in found.deletes
                moved = read._replace(deleted=deleted, merges=len(found.merges) + read.merges)
                self._record(moved, sure=sure and name in effects.sure)
        if not (self._guards or self._inside or self._dead):
            found.after_delete = {**effects.after_delete, **found.after_delete}
        for name, place in effects.writes.items() if not (self._guards or self._inside) else ():
            found.writes.setdefault(name, place)
        for name in effects.deletes:
            self._delete(name)
        for name in effects.sets:
            self._add(name)
            found.stores[name] += 1
            found.values[name] = effects.values.get(name) if sure else None
        found.merges += [merge._replace(whole=False) for merge in effects.merges]
        found.uses |= effects.uses
        found.havoc |= effects.havoc

    def _may_run(self, effects: StepEffects | None, node: ast.AST) -> None:
        """A function that somebody may call: nothing that it reads is certain."""
        self._guards += 1
        with self._perhaps():
            self._apply(effects, node)
        self._guards -= 1

    def _apply_method(self, method: Method, node: ast.AST, parameter: str | None = None) -> None:
        if self._methods.follows(method):
            self._apply(self._methods.of(method, parameter), node)
        else:
            self._escape(f"`{method.function.name}` is a function that is not followed", node)

    def _end(self, *, leaves: bool) -> None:
        """The place behind is not reached from here."""
        if self._inside:
            return
        self._returned |= leaves and self._may_skip > 0
        self._dead = True

    def _visit_target(self, target: ast.expr) -> None:
        if isinstance(target, ast.Name):
            if target.id == self._self:
                self._escape("`self` is bound to something else", target)
            return
        self._visit(target)
