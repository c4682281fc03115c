"""What calls and other expressions in a function do with artifacts."""

from __future__ import annotations

import ast

from flowc_compiler.frontend.classflow.artifact_expressions import ArtifactExpressionReader
from flowc_compiler.frontend.classflow.flow_methods import FLOWSPEC, PROPERTIES, Method
from flowc_compiler.ir.artifact_effects import Merge
from flowc_compiler.syntax.modules import FunctionNode
from flowc_compiler.syntax.served_imports import dotted

_HARMLESS = {"isinstance", "type", "id", "repr", "str", "print", "bool", "callable", "hash"}

_SHOWS = {"print", "len", "str", "repr", "bool", "isinstance", "type"}
"""Functions that leave a list or dict, and what is in it, as it is."""

_CALLS_AT_ONCE = {"sorted", "min", "max", "map", "filter", "sum", "any", "all", "list", "reduce"}

_LAZY = {
    "iter", "map", "filter", "zip", "enumerate", "chain", "islice", "cycle", "starmap", "takewhile", "dropwhile", "tee",
    "accumulate", "groupby", "partial",
}  # fmt: skip
"""Functions that do not yet take the items of a generator."""

LEAVES = {("sys", "exit"), ("exit",), ("quit",), ("os", "_exit")}
"""Functions that end the process."""


class ArtifactCallReader(ArtifactExpressionReader):
    """Reads calls: of methods, of builtins that take names, and of functions that get the flow."""

    def _call(self, node: ast.Call) -> None:
        called = node.func
        called_name = called.id if isinstance(called, ast.Name) else ""
        match called:
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner == self._self and owner:
                self._own_call(name, node)
                return
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=name) if self._self:
                method = self._methods.inherited(self._method.owner, name, below=True)
                if method is None and name == "merge_artifacts":
                    self._merge(node)
                    return
                self._arguments(node)
                if method is not None:
                    self._apply_method(method, node)
                return
            case ast.Name(id=name) if self._builtin(name, node):
                return
            case _:
                pass
        if dotted(called) in LEAVES:
            self._arguments(node)
            self._end(leaves=True)
            return
        if dotted(called) in {("exec",), ("eval",)} and self._self:
            self._escape(f"`{self._view.code(called)}` runs code that is not in the file", node)
        if self._passes_self(node):
            self._helper(node)
            return
        if called_name == "super":
            self._escape("`super()` is used for more than a call of its methods", node)
        if called_name in ("", self._self):
            self._visit(called)
        elif self._inside_of or not self._inside:
            self._calls.setdefault(self._inside_of, set()).add(called_name)
        self._called(node)

    def _give_inputs(self, method: Method | None, node: ast.Call, bound: int = 0) -> None:
        """A function that gets the inputs of the join, after `bound` other arguments."""
        given = [item.id for item in _given(node) if isinstance(item, ast.Name) and self._inputs.is_whole(item)]
        if method is None or not given or self._guards or self._dead or self._inside:
            return
        parameter = _parameter_of(method.function, node, given[0], bound)
        effects = self._methods.of_inputs(method, parameter) if parameter is not None else None
        if effects is not None and not effects.opaque and id(effects) not in self._given_inputs:
            self._given_inputs.add(id(effects))
            self._found.inputs += effects.inputs
            self._found.arms += effects.arms

    def _called(self, node: ast.Call) -> None:
        """The arguments of a call that does not get the flow."""
        named = node.func.id if isinstance(node.func, ast.Name) else ""
        if self._inputs.bound and named not in self._bindings:
            self._give_inputs(self._methods.function(self._view, node.func), node)
        at_once = named in _CALLS_AT_ONCE or (
            isinstance(node.func, ast.Attribute) and node.func.attr in {"sort", "apply"}
        )
        is_lazy = (dotted(node.func) or ("",))[-1] in _LAZY
        for item in _given(node):
            if isinstance(item, ast.GeneratorExp) and not is_lazy:
                self._consumed.add(item)
            if isinstance(item, ast.Lambda) and at_once:
                self._lambda_at_once(item, node)
            elif isinstance(item, ast.Name) and item.id != self._self and at_once:
                continue
            elif named in _SHOWS and (name := self._attribute(item)) is not None:
                used = name in self._found.uses
                self._visit(item)
                self._found.uses -= {name} if not used else set()
            else:
                self._visit(item)

    def _lambda_at_once(self, node: ast.Lambda, call: ast.Call) -> None:
        before = self._inputs.copy()
        arguments = node.args.args
        for argument in arguments:
            self._inputs.bound.pop(argument.arg, None)
        if len(arguments) == 1 and any(self._inputs.is_inputs(item) for item in call.args):
            self._inputs.bound[arguments[0].arg] = ""
        if self._self not in {argument.arg for argument in arguments}:
            with self._perhaps():
                self._visit(node.body)
        self._inputs.bound = before

    def _arguments(self, node: ast.Call) -> None:
        for item in _given(node):
            self._visit(item)

    def _passes_self(self, node: ast.Call) -> bool:
        if not self._self:
            return False
        return any(isinstance(item, ast.Name) and item.id == self._self for item in _given(node))

    def _own_call(self, name: str, node: ast.Call) -> None:
        """`self.name(...)`."""
        if name == "next":
            self._next(node)
        elif name == "merge_artifacts" and name not in self._methods.methods:
            self._merge(node)
        elif name in self._methods.methods:
            self._arguments(node)
            method = self._methods.methods[name]
            if not method.decorators & PROPERTIES:
                self._give_inputs(method, node, bound=("staticmethod",) not in method.decorators)
                self._apply_method(method, node)
            else:
                self._method_use(name, node)
        else:
            self._arguments(node)
            if name in self._methods.attributes and name not in self._methods.plain and name not in FLOWSPEC:
                self._escape(f"`{self._self}.{name}` is a function that is not followed", node)
            if name not in self._methods.attributes and not name.startswith("__"):
                self._get(name, node.func, "call")
            elif isinstance(node.func, ast.Attribute):
                self._attribute_use(node.func)

    def _helper(self, node: ast.Call) -> None:
        """A function that gets the flow as an argument."""
        for item in _given(node):
            if not (isinstance(item, ast.Name) and item.id == self._self):
                self._visit(item)
        method = self._called_function(node.func)
        parameter = _parameter_of(method.function, node, self._self) if method is not None else None
        if method is None or parameter is None or (method.owner is None and method.function.decorator_list):
            self._escape("`self` is passed to a function that is not followed", node)
        else:
            self._apply_method(method, node, parameter)

    def _called_function(self, called: ast.expr) -> Method | None:
        """The function that is called with the flow: one of a local file, or `Class.method`."""
        match called:
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                owner = self._methods.named_class(name)
                if owner is not None:
                    return self._methods.inherited(owner, attribute, below=False)
            case _:
                pass
        return self._methods.function(self._view, called)

    def _builtin(self, name: str, node: ast.Call) -> bool:
        """Read a call of a builtin that gets the flow, or an object that may be one."""
        first = node.args[0] if node.args else None
        on_self = isinstance(first, ast.Name) and first.id == self._self and bool(self._self)
        if name in {"hasattr", "getattr", "setattr", "delattr"} and len(node.args) > 1:
            self._by_name(name, node, on_self=on_self)
            return True
        if on_self and name in {"vars", "dir"}:
            self._methods.silent = True
            self._escape(f"`{name}({self._self})` is used", node)
            return True
        if on_self and name in _HARMLESS:
            for item in node.args[1:]:
                self._visit(item)
            return True
        return False

    def _by_name(self, name: str, node: ast.Call, *, on_self: bool) -> None:
        """`getattr` and its like."""
        text = node.args[1].value if isinstance(node.args[1], ast.Constant) else None
        attribute = text if isinstance(text, str) else None
        guards = name == "hasattr" or (name == "getattr" and len(node.args) > 2)
        for item in node.args[1 if on_self else 0 :]:
            self._visit(item)
        if attribute is not None and guards:
            self._methods.guarded.add(attribute)
        if not on_self:
            self._input_by_name(name, attribute, node)
        elif attribute is None:
            self._methods.silent |= name == "hasattr"
            if name == "setattr":
                self._escape("`setattr` with a name that is computed", node)
            elif name == "getattr" and self._methods.has_helpers:
                self._escape("`getattr` with a name that is computed may find a method", node)
        elif name == "setattr":
            self._set(attribute, node, node.args[2] if len(node.args) > 2 else None)
        elif name == "delattr":
            self._delete(attribute)
        elif name == "getattr" and not guards:
            if attribute in self._methods.methods:
                self._method_use(attribute, node)
            elif attribute == "merge_artifacts":
                self._may_merge(node)
            elif attribute not in self._methods.attributes:
                self._get(attribute, node)

    def _input_by_name(self, name: str, attribute: str | None, node: ast.Call) -> None:
        arm = self._inputs.item(node.args[0])
        if attribute is not None and name == "getattr" and len(node.args) == 2:
            self._input_arm(ast.copy_location(ast.Attribute(node.args[0], attribute), node))
        if arm is None or name not in {"getattr", "hasattr"}:
            return
        if attribute is None:
            self._methods.silent |= name == "hasattr"
        elif name == "getattr" and len(node.args) == 2:
            self._get_from_input(attribute, arm, node)

    def _next(self, node: ast.Call) -> None:
        self._went_on |= not self._inside
        for keyword in node.keywords:
            value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            if keyword.arg in {"foreach", "condition"}:
                if isinstance(value, str) and value not in self._methods.attributes:
                    self._get(value, keyword.value, "foreach" if keyword.arg == "foreach" else "condition")
                if isinstance(value, str) and not self._inside:
                    self._found.fan_out_place = self._place(keyword.value)
                    method = self._methods.methods.get(value) if not self._has(value) else None
                    if method is not None and method.decorators & PROPERTIES:
                        self._method_use(value, keyword.value)
                    is_plain = method is not None and not method.function.decorator_list
                    found = method.function if method is not None and is_plain else self._found.values.get(value)
                    self._found.fans_out_over = found if keyword.arg == "foreach" else None
            else:
                self._visit(keyword.value)

    def _merge(self, node: ast.Call) -> None:
        given: dict[str, ast.expr] = dict(zip(("inputs", "exclude", "include"), node.args, strict=False))
        given.update({keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None})
        starred = any(keyword.arg is None for keyword in node.keywords)
        starred |= any(isinstance(item, ast.Starred) for item in node.args)
        include = _names(given["include"]) if "include" in given else ()
        exclude = _names(given["exclude"]) if "exclude" in given else ()
        for value in given.values():
            self._visit(value)
        whole = "inputs" in given and self._inputs.is_whole(given["inputs"])
        merge = Merge(
            self._place(node),
            None if starred else include,
            None if starred else exclude,
            frozenset(self._found.sets),
            whole and self._sure and not (self._guards or self._dead or self._found.havoc),
        )
        self._found.merges.append(merge)


def _names(node: ast.expr) -> tuple[str, ...] | None:
    """The texts of a list that is written out; `None` for anything else."""
    if isinstance(node, ast.Constant) and node.value is None:
        return ()
    if not isinstance(node, ast.List | ast.Tuple | ast.Set):
        return None
    found = tuple(item.value for item in node.elts if isinstance(item, ast.Constant) and isinstance(item.value, str))
    return found if len(found) == len(node.elts) else None


def _parameter_of(function: FunctionNode, call: ast.Call, flow: str, bound: int = 0) -> str | None:
    """The parameter that a call binds the flow to, after `bound` others; `None` where it is several, or not known."""
    names = [item.arg for item in (*function.args.posonlyargs, *function.args.args)][bound:]
    if any(isinstance(item, ast.Starred) for item in call.args):
        return None
    found: list[str | None] = [
        names[number] if number < len(names) else None
        for number, item in enumerate(call.args)
        if isinstance(item, ast.Name) and item.id == flow
    ]
    known = {*names, *(item.arg for item in function.args.kwonlyargs)}
    found += [
        keyword.arg if keyword.arg in known else None
        for keyword in call.keywords
        if isinstance(keyword.value, ast.Name) and keyword.value.id == flow
    ]
    return found[0] if len(found) == 1 else None


def _given(node: ast.Call) -> list[ast.expr]:
    """What a call is given, by position and by name."""
    return [*node.args, *(keyword.value for keyword in node.keywords)]
