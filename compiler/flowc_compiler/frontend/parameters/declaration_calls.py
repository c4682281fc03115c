"""The arguments of a call, by the names that the called thing gives them."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.evaluate.literals import Scope, UnresolvedError, evaluate, path_value, plain_or
from flowc_compiler.syntax.modules import ModuleView

METAFLOW_RESERVED = frozenset(
    name
    for dashed in (
        "params", "with", "tag", "namespace", "obj", "tags", "decospecs", "run-id-file", "max-num-splits",
        "max-workers", "max-log-size", "user-namespace", "run-id", "task-id", "runner-attribute-file",
    )
    for name in (dashed, dashed.replace("-", "_"))
)  # fmt: skip
"""Names that Metaflow 2.19 refuses for parameters and configs, spelled exactly so (its `Parameter.init`)."""

RUN_OPTIONS = frozenset(
    {
        "allow-large",
        "allow-read",
        "approve",
        "branch",
        "cache",
        "container",
        "env-at-compile",
        "event",
        "flow",
        "help",
        "include",
        "log-format",
        "param",
        "payload",
        "pdb",
        "production",
        "quiet",
        "retry-wait",
        "root",
        "scheduled-time",
        "start-method",
        "timeout-grace",
    }
)
"""Options of `flowc run` that are no reserved names: `--NAME` is the option, and `-p NAME=value` the parameter.

`--profile` is not among them: it sets the parameter `profile` of a flow that has one.
"""


@dataclass(frozen=True)
class Argument:
    """One argument: its expression, or its value where it came out of `**config.entry`."""

    node: ast.expr
    known: tuple[object] | None = None

    def evaluate(self, scope: Scope) -> object:
        """Its value. Raises UnresolvedError."""
        return evaluate(self.node, scope) if self.known is None else self.known[0]

    def certain(self, scope: Scope) -> object:
        """Its value, if it is the same in a task. Raises UnresolvedError."""
        return plain_or(self.node, scope.certain) if self.known is None else self.known[0]


class CallReader:
    """Reads calls of `Parameter`, `IncludeFile` and `Config`; mistakes in them are collected as FC301."""

    def __init__(self, view: ModuleView, sink: DiagnosticSink, scope: Scope) -> None:
        self.view = view
        self.sink = sink
        self.scope = scope

    def bind(
        self, kind: str, call: ast.Call, positional: Sequence[str], keyword_only: Sequence[str] = ()
    ) -> dict[str, Argument] | None:
        """The arguments by name; `None` when one of them is not known, or there is no `name`."""
        known = (*positional, *keyword_only)
        found: dict[str, Argument] = {}
        ok = True
        for place, arg in enumerate(call.args):
            plain = positional[place] if place < len(positional) and not isinstance(arg, ast.Starred) else None
            ok = self._put(kind, plain, arg, known, found) and ok
        for item in call.keywords:
            if item.arg is None:
                ok = self._unpack(kind, item.value, known, found) and ok
            else:
                ok = self._put(kind, item.arg, item.value, known, found) and ok
        if ok and "name" not in found:
            self.report(f"a {kind} has no name", call, f"write `{kind}('name', ...)`")
            ok = False
        return found if ok else None

    def name(self, argument: Argument) -> str | None:
        """The value of `name`; `None` when it is not a plain string that an option can be called."""
        try:
            name = argument.evaluate(self.scope)
        except UnresolvedError:
            name = None
        if isinstance(name, str) and name and name.replace("-", "_").isidentifier():
            return name
        is_text = isinstance(name, str) and name
        what = f"{name!r} cannot be the name of a parameter" if is_text else "a parameter's name is not a plain string"
        self.report(what, argument.node, "use letters, digits, `-` and `_`, in a literal string")
        return None

    def literal(self, key: str, argument: Argument, kind: type) -> object:
        """The value of an argument of that type, or `None`. Raises UnresolvedError with FC301 collected."""
        try:
            value = argument.evaluate(self.scope)
        except UnresolvedError as error:
            self.report_value(error, f"`{key}` is not a literal", "write its value here")
            raise UnresolvedError(error.node, reported=True) from None
        if value is not None and not isinstance(value, kind):
            self.report(f"`{key}` is not a {kind.__name__}", argument.node, "correct its type")
            raise UnresolvedError(argument.node, reported=True)
        return value

    def path(self, argument: Argument) -> object:
        """The value of an argument that names a file. Raises UnresolvedError."""
        if argument.known is not None:
            return argument.known[0]
        return path_value(argument.node, self.scope, self.view.source)

    def report(self, message: str, node: ast.AST, help_text: str, code: str = "FC301") -> None:
        """Collect an error at a node."""
        self.sink.error(code, message, self.view.span(node), help=help_text)

    def report_value(self, error: UnresolvedError, message: str, help_text: str) -> None:
        """Collect FC301 for an expression without a value, unless its cause has a diagnostic."""
        if not error.reported:
            self.report(f"{message}{error.because}", error.node, error.help or help_text)

    def _put(
        self, kind: str, name: str | None, node: ast.expr, known: Sequence[str], found: dict[str, Argument]
    ) -> bool:
        if name is None or name not in known or name in found:
            listed = f"it takes {', '.join(known)}"
            twice = name is None or name in found
            help_text = listed if twice else suggest(name or "", known, listed).help
            self.report(f"not an argument of {kind}", self.view.source.keyword_name(node, name), help_text)
            return False
        found[name] = Argument(node)
        return True

    def _unpack(self, kind: str, node: ast.expr, known: Sequence[str], found: dict[str, Argument]) -> bool:
        """Take the arguments out of `**mapping`."""
        try:
            values = evaluate(node, self.scope)
        except UnresolvedError as error:
            written = None if error.reported else _written_entries(node, self.view.tree)
            if written is not None:
                return all(self._put(kind, key, value, known, found) for key, value in written.items())
            self.report_value(error, f"these arguments of {kind} are not known", "write them here")
            return False
        entries = cast("dict[object, object]", values) if isinstance(values, dict) else None
        wrong = [str(key) for key in entries if key not in known or key in found] if entries is not None else [""]
        if entries is None or wrong:
            message = f"not arguments of {kind}: {', '.join(wrong)}" if entries is not None else "not a mapping"
            self.report(message, node, f"it takes {', '.join(known)}")
            return False
        found.update({str(key): Argument(node, (value,)) for key, value in entries.items()})
        return True


def _written_entries(node: ast.expr, module: ast.Module) -> dict[str, ast.expr] | None:
    """The expressions of a mapping that is written out: here, or where a name gets it that is for `**name` only.

    Some, such as `int` of `dict(type=int)`, mean something as arguments and have no value that is known.
    """
    if isinstance(node, ast.Name):
        uses = [item for item in ast.walk(module) if isinstance(item, ast.Name) and item.id == node.id]
        unpacked = {id(item.value) for item in ast.walk(module) if isinstance(item, ast.keyword) and item.arg is None}
        others = [item for item in uses if id(item) not in unpacked]
        assigned = [
            item.value
            for item in module.body
            if isinstance(item, ast.Assign) and len(item.targets) == 1 and item.targets[0] in others
        ]
        if len(others) != 1 or len(assigned) != 1:
            return None
        node = assigned[0]
    match node:
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            pairs = [(item.arg, item.value) for item in keywords]
        case ast.Dict(keys=keys, values=values):
            pairs = [
                (key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None, value)
                for key, value in zip(keys, values, strict=True)
            ]
        case _:
            return None
    found = {key: value for key, value in pairs if key is not None}
    return found if len(found) == len(pairs) else None
