"""The evaluator: what every kind of expression is evaluated by, attributes and calls."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, cast

from flowc_compiler.evaluate import conditions, expressions, iteration, plain_data
from flowc_compiler.evaluate.assumptions import assumed_parts, stripped
from flowc_compiler.evaluate.attributes import AttributeLookup
from flowc_compiler.evaluate.builtin_functions import call_builtin, call_library_method
from flowc_compiler.evaluate.classes import call_class, instance_attribute
from flowc_compiler.evaluate.evaluation_state import (
    BoundValue,
    CallArguments,
    EvaluationError,
    Frame,
    RaisedError,
    Recorded,
    Records,
    Signal,
)
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.exceptions import is_exception
from flowc_compiler.evaluate.functions import call_function
from flowc_compiler.evaluate.library_values import is_library_value
from flowc_compiler.evaluate.methods import METHODS, call_plain
from flowc_compiler.evaluate.reachable_state import State
from flowc_compiler.evaluate.refused_statements import refuse_statement
from flowc_compiler.evaluate.settings_objects import settings_object
from flowc_compiler.evaluate.statements import execute, prints
from flowc_compiler.evaluate.values import (
    MISSING,
    Assumed,
    BoundMethod,
    Builtin,
    ClassObject,
    ConfigReference,
    ConfigTree,
    Environment,
    Foreign,
    Function,
    FunctionNode,
    Instance,
    Partial,
    Unresolved,
    is_kind,
    plain_copy,
)
from flowc_compiler.syntax.served_imports import dotted


class Interpreter(AttributeLookup):
    """Evaluates the files of a flow. A front end adds its own objects in a subclass; this one knows none."""

    def lookup(self, node: ast.expr) -> object:
        """The value of an expression, which may be `Unresolved`. Raises EvaluationError, LimitError, ExitError."""
        self.tick(node)
        handler = _EXPRESSIONS.get(type(node))
        try:
            if handler is None:
                raise refuse_statement(self, node)
            value = handler(self, node)
        except RaisedError as error:
            if self.recorded is not None:
                reason = f"the expression fails: {error.error}"
                self.recorded[node] = Recorded(Unresolved(reason, "correct it", wrong=True), None)
            raise
        except EvaluationError as error:
            if not self.lenient:
                raise
            self.hazards += 1
            found = error.diagnostic
            value = Unresolved(found.message, found.help, error.options, code=found.code, wrong=error.wrong)
        if self.recorded is not None:
            self.recorded[node] = Recorded(value, self._copy(value))
        return value

    def _copy(self, value: object) -> object:
        if not is_kind(value, list, dict, set):
            return None
        if self.find_undetermined(value):
            if not assumed_parts(self, value):
                return None
            value = stripped(value)
        with suppress(Exception):
            return plain_copy(value) if not plain_data.has_objects(value) else None
        return None

    def execute(self, statements: Sequence[ast.stmt]) -> Signal:
        """Run statements. Raises EvaluationError, LimitError, ExitError."""
        return execute(self, statements)

    def iterate(self, value: object, node: ast.AST) -> list[object]:
        """The entries of a known list, dict, range, ... Raises EvaluationError."""
        return iteration.iterated(self, value, node)

    def watch_of(self, body: Sequence[ast.AST], scopes: Sequence[Environment]) -> Callable[[], tuple[State, object]]:
        """What tells whether something changed that the code of a generator reads."""
        return iteration.watch_of(self, body, scopes)

    # Calls.

    def call_expression(self, node: ast.Call) -> object:
        """The value of a call expression."""
        root = (dotted(node.func) or ("",))[0]
        if root and (made := settings_object(self, node)) is not None:
            return made
        if root and not self.is_local(root):
            bound = self.namespace(self.view).get(root, MISSING)
            if isinstance(node.func, ast.Name) and (bound is MISSING or isinstance(bound, Foreign)):
                special = self._special_name(node, node.func.id)
                if special is not None:
                    return special
        found = self.settings(node)
        if found is not None:
            return found
        callee = self._callee(node.func)
        arguments = self.arguments_of(node)
        if self.lenient and prints(self, node.func) and not isinstance(callee, Function):
            return None
        return self.call(callee, arguments, node)

    def _callee(self, node: ast.expr) -> object:
        """What is called. Of a mapping of a config, methods go before entries."""
        if isinstance(node, ast.Attribute):
            owner = self.lookup(node.value)
            if isinstance(owner, ConfigTree):
                if node.attr == "to_dict":
                    return Builtin("typing.cast", lambda: dict(owner))
                if node.attr in METHODS[dict]:
                    return BoundMethod(owner, node.attr)
            try:
                return self.attribute(owner, node.attr, node)
            except RaisedError:
                raise
            except EvaluationError as error:
                if not self.lenient:
                    raise
                return Unresolved(error.diagnostic.message, error.diagnostic.help, (owner,), code=error.diagnostic.code)
        return self.lookup(node)

    def _special_name(self, node: ast.Call, name: str) -> object | None:
        served = self.served_name(node.func)
        if served in {"Config", "config_expr"} and (self.frame.is_class or self.lenient):
            return self._config(node, served)
        if name == "super" and not node.args:
            return Builtin("super", lambda: None)
        return None

    def _config(self, node: ast.Call, kind: str) -> ConfigReference:
        first = self.lookup(node.args[0]) if node.args else None
        for keyword in node.keywords:
            value = self.lookup(keyword.value)
            first = value if keyword.arg == "name" else first
        return ConfigReference(
            "a config cannot be computed with here", "write the expression as a string: config_expr('...')", wrong=True,
            call=node, name=first if kind == "Config" and isinstance(first, str) else "",
            expression=str(first) if kind == "config_expr" and isinstance(first, str) else None, view=self.view,
        )  # fmt: skip

    def arguments_of(self, call: ast.Call) -> CallArguments:
        """The arguments of a call, `*` and `**` unpacked."""
        arguments = CallArguments()
        for arg in call.args:
            if not isinstance(arg, ast.Starred):
                arguments.positional.append(BoundValue(self.evaluate(arg), arg))
                continue
            value = self.evaluate(arg.value)
            if self.lenient and (arguments.open or isinstance(self.undetermined(value), Unresolved)):
                arguments.open = True
                arguments.keywords.setdefault("*", BoundValue(value, arg.value))
            else:
                self._unpack_positional(arguments, value, arg.value)
        for keyword in call.keywords:
            value = self.evaluate(keyword.value)
            if keyword.arg is None:
                self._unpack(arguments, value, keyword.value)
            else:
                self._put(arguments, keyword.arg, BoundValue(value, keyword.value))
        return arguments

    def _unpack_positional(self, arguments: CallArguments, value: object, node: ast.expr) -> None:
        try:
            arguments.positional += [BoundValue(item, node) for item in self.iterate(value, node)]
        except RaisedError:
            raise
        except EvaluationError:
            if not self.lenient:
                raise
            arguments.open = True
            arguments.keywords.setdefault("*", BoundValue(value, node))

    def _unpack(self, arguments: CallArguments, value: object, node: ast.expr) -> None:
        found = self.undetermined(value)
        if found is not None:
            if isinstance(found, Unresolved) and self.lenient:
                arguments.open = True
                arguments.keywords.setdefault("*", BoundValue(value, node))
                return
            raise self.not_known(value, node, "`**` cannot take arguments out of it", "name the arguments")
        if not is_kind(value, dict) and self.lenient:
            arguments.open = True
            arguments.keywords.setdefault("*", BoundValue(value, node))
            return
        if not is_kind(value, dict):
            raise self.refuse("FC113", f"`{self.code(node)}` is not a dict", node, "`**` takes a dict of arguments")
        for key, item in cast("dict[object, object]", value).items():
            if not isinstance(key, str):
                raise self.refuse("FC113", "the names of arguments must be text", node, "use text for the keys")
            self._put(arguments, key, BoundValue(item, node))

    def _put(self, arguments: CallArguments, name: str, given: BoundValue) -> None:
        if name in arguments.keywords:
            raise self.refuse("FC113", f"the argument `{name}` is given twice", given.node, "keep one of them")
        arguments.keywords[name] = given

    def call(self, callee: object, arguments: CallArguments, node: ast.expr) -> object:
        """The value of a call of something that is evaluated, with evaluated arguments."""
        self.tick(node)
        unpacked = arguments.keywords.pop("*", None)
        if isinstance(callee, Unresolved):
            return self._call_unknown(callee, arguments, unpacked, node)
        if isinstance(callee, Function) and (poison := self.poisoned.get(id(callee))) is not None:
            return self._call_unknown(Unresolved(poison[1].message, options=(callee,)), arguments, unpacked, node)
        recorded, self.recorded = self.recorded, None
        try:
            return self._call_known(callee, arguments, node)
        finally:
            self.recorded = recorded

    def _call_known(self, callee: object, arguments: CallArguments, node: ast.expr) -> object:
        match callee:
            case Function(is_cached=True):
                return self._call_cached(callee, arguments, node)
            case Function():
                return self.call_helper(callee, arguments, node)
            case BoundMethod(function=Function() as function, owner=owner):
                given = CallArguments(
                    [BoundValue(owner, node), *arguments.positional], arguments.keywords, arguments.open
                )
                return self.call_helper(function, given, node)
            case Partial():
                bound = [BoundValue(value, node) for value in callee.positional]
                keywords = {key: BoundValue(value, node) for key, value in callee.keywords.items()}
                keywords |= arguments.keywords
                return self.call(
                    callee.function, CallArguments([*bound, *arguments.positional], keywords, arguments.open), node
                )
            case ClassObject():
                return call_class(self, callee, arguments, node)
            case Instance() if callee.of is not None:
                method = instance_attribute(self, callee, "__call__", node)
                return self.call(method, arguments, node)
            case _:
                pass
        if isinstance(callee, BoundMethod) and (isinstance(callee.owner, Assumed) or is_library_value(callee.owner)):
            return call_library_method(self, callee, arguments, node)
        plain = isinstance(callee, Builtin) or (isinstance(callee, BoundMethod) and isinstance(callee.owner, _PLAIN))
        if arguments.open and plain:
            self.escape(
                callee, *(given.value for given in arguments.all()), why=Unresolved("its arguments are not known")
            )
            raise self.refuse("FC115", f"the arguments of `{self.code(node)}` are not known", node, "name them")
        if isinstance(callee, Builtin):
            if is_exception(callee):
                return self._exception(callee, arguments, node)
            return call_builtin(self, callee, arguments, node)
        if isinstance(callee, BoundMethod) and isinstance(callee.owner, _PLAIN):
            return call_plain(self, callee, arguments, node)
        return self.call_special(callee, arguments, node)

    def call_helper(self, function: Function, arguments: CallArguments, node: ast.expr) -> object:
        """What a function of the user's returns."""
        if isinstance(function.node, ast.AsyncFunctionDef) and not self.lenient:
            raise self.refuse("FC110", f"`{function.name}` is `async`", node, "call it in a step")
        return call_function(self, function, arguments, node)

    def _call_cached(self, function: Function, arguments: CallArguments, node: ast.expr) -> object:
        """What a function under `functools.cache` returns. One object for all calls is followed if it can't change."""
        value = self.call_helper(function, arguments, node)
        if plain_data.has_objects(value) or is_kind(value, list, dict, set):
            message = f"`{function.name}` is cached, and all that call it share what it returns"
            raise self.refuse("FC115", message, node, "remove the cache, or return text or numbers", value)
        return value

    def _exception(self, callee: Builtin, arguments: CallArguments, node: ast.expr) -> object:
        values = [given.value for given in arguments.positional]
        if self.find_undetermined(values) is not None or any(map(plain_data.has_objects, values)):
            try:
                return self.computed(node, callee.function)
            except RaisedError as error:  # one that cannot be made without arguments
                raise EvaluationError(error.diagnostic) from None
        return self.computed(node, callee.function, *values)

    # What a front end adds.

    def runtime_entry(self, value: object, key: object, node: ast.AST, entries: int | None = None) -> object:
        """No such values here."""
        del key, entries
        raise self.not_known(value, node, "it has no entries yet", "do this in a step")

    def runtime_attribute(self, owner: object, name: str, node: ast.expr) -> object:
        """No such values here."""
        del name
        where = "before the file runs" if self.lenient else "in a pipeline's body"
        message = f"flowc does not evaluate `{self.code(node)}` {where}"
        way_out = "use plain data, its methods, and steps; do other work in a step"
        raise self.refuse("FC110", message, node, way_out, owner)

    def runtime_operation(self, operator: str, operands: Sequence[object], node: ast.AST) -> object:
        """No such values here."""
        del operator
        raise self.not_known(operands[0], node, "nothing can be computed with it here", "do this in a step")

    def runtime_call(
        self, kind: str, name: str, arguments: CallArguments, node: ast.expr, owner: object = None
    ) -> object | None:
        """No such values here."""
        del kind, name, arguments, node, owner
        return None

    def runtime_loop(self, source: object, node: ast.For) -> None:
        """No such values here."""
        raise self.not_known(source, node.iter, "nothing can go over it here", "do this in a step")

    def runtime_comprehension(self, source: object, node: ast.expr, inner: Frame) -> object | None:
        """No such values here."""
        del source, node, inner
        return None

    def runtime_choice(
        self, arms: Sequence[tuple[ast.expr | None, Callable[[], object]]], first: object, node: ast.AST
    ) -> object:
        """No such values here."""
        del arms
        raise self.not_known(first, node, "nothing can depend on it here", "do this in a step")

    def define(self, node: FunctionNode, function: Function, records: Records) -> object | None:
        """No such functions here."""
        del node, function, records
        return None

    def decorated(self, value: object) -> object:
        """What the decorators of a function have made of it."""
        return value

    def settings(self, node: ast.Call) -> object | None:
        """No such calls here."""
        del node
        return None

    def call_special(self, callee: object, arguments: CallArguments, node: ast.expr) -> object:
        """The error that something cannot be called."""
        del arguments
        if self.undetermined(callee) is not None:
            way_out = "call it in a step that gets the result"
            raise self.not_known(callee, node, "it cannot be called here", way_out)
        what = self.code(node.func if isinstance(node, ast.Call) else node)
        way_out = "call a step, a function of the file or a builtin"
        raise self.refuse("FC112", f"`{what}` cannot be called", node, way_out)


_PLAIN = tuple(METHODS)


def _awaited(evaluator: Evaluator, node: ast.Await) -> object:
    if not evaluator.lenient:
        raise refuse_statement(evaluator, node)
    return evaluator.evaluate(node.value)


def _yielded(evaluator: Evaluator, node: ast.Yield | ast.YieldFrom) -> object:
    frame = evaluator.frame
    while frame.around is not None:
        frame = frame.around
    value = evaluator.evaluate(node.value) if node.value is not None else None
    if frame.yields is None:
        raise refuse_statement(evaluator, node)
    if isinstance(node, ast.YieldFrom):
        try:
            frame.yields.extend(evaluator.iterate(value, node.value))
        except EvaluationError as error:
            frame.lost = error
            raise
        plain = is_kind(value, list, tuple, range) or not evaluator.lenient
        return None if plain else Unresolved("what this `yield from` gives is not known")
    frame.yields.append(value)
    return None


_EXPRESSIONS: dict[type[ast.AST], Callable[[Any, Any], object]] = {
    ast.Constant: expressions.literal,
    ast.JoinedStr: expressions.formatted,
    ast.Name: expressions.name,
    ast.Attribute: expressions.attribute,
    ast.Call: Interpreter.call_expression,
    ast.Subscript: expressions.subscript,
    ast.List: expressions.make_list,
    ast.Tuple: expressions.make_tuple,
    ast.Set: expressions.make_set,
    ast.Dict: expressions.make_dict,
    ast.UnaryOp: expressions.unary,
    ast.BinOp: expressions.operation,
    ast.BoolOp: conditions.boolean,
    ast.Compare: conditions.comparison,
    ast.IfExp: conditions.conditional,
    ast.ListComp: iteration.comprehension,
    ast.SetComp: iteration.comprehension,
    ast.DictComp: iteration.comprehension,
    ast.GeneratorExp: iteration.comprehension,
    ast.Lambda: expressions.make_lambda,
    ast.NamedExpr: expressions.named,
    ast.Await: _awaited,
    ast.Yield: _yielded,
    ast.YieldFrom: _yielded,
}
