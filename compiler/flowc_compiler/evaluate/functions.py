"""Functions of the file: their parameters, how arguments are bound, and calls, which are evaluated in place."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from flowc_compiler.diagnostics import Fix, suggest
from flowc_compiler.evaluate.branches import leave
from flowc_compiler.evaluate.evaluation_state import BoundValue, CallArguments, Frame, RaisedError, Returned
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.operations import DEEPEST_CALLS
from flowc_compiler.evaluate.values import Environment, Function, FunctionNode, Iterator, Unresolved
from flowc_compiler.syntax.tree_walk import bound_names, walk_scope


class SignatureParameter(NamedTuple):
    """A parameter of a function, with the expression of its default."""

    node: ast.arg
    default: ast.expr | None

    @property
    def name(self) -> str:
        """Its name."""
        return self.node.arg


class Signature(NamedTuple):
    """The parameters of a function."""

    positional: tuple[SignatureParameter, ...]
    """Those that can be given by position; the first `positional_only` of them in no other way."""
    positional_only: int
    keyword_only: tuple[SignatureParameter, ...]
    star: str | None
    """The name of `*args`."""
    double_star: str | None
    """The name of `**kwargs`."""

    @property
    def named(self) -> tuple[SignatureParameter, ...]:
        """The parameters with one value each."""
        return (*self.positional, *self.keyword_only)

    def missing(self, bound: dict[str, BoundValue]) -> list[str]:
        """The names of parameters that have neither a value nor a default."""
        return [item.name for item in self.named if item.name not in bound and item.default is None]


class BoundArguments(NamedTuple):
    """Arguments by parameter, and those of `*args` and `**kwargs`."""

    named: dict[str, BoundValue]
    star: list[BoundValue]
    double_star: dict[str, BoundValue]


def signature_of(node: FunctionNode | ast.Lambda) -> Signature:
    """The parameters of a function."""
    args = node.args
    positional = [*args.posonlyargs, *args.args]
    defaults = [*[None] * (len(positional) - len(args.defaults)), *args.defaults]
    return Signature(
        positional=tuple(map(SignatureParameter, positional, defaults)),
        positional_only=len(args.posonlyargs),
        keyword_only=tuple(map(SignatureParameter, args.kwonlyargs, args.kw_defaults)),
        star=args.vararg.arg if args.vararg is not None else None,
        double_star=args.kwarg.arg if args.kwarg is not None else None,
    )


def bind(
    evaluator: Evaluator, signature: Signature, arguments: CallArguments, name: str, node: ast.AST
) -> BoundArguments:
    """Arguments by the names of parameters. Raises EvaluationError with FC113 for the first that does not fit."""
    bound = BoundArguments({}, [], {})
    for position, given in enumerate(arguments.positional):
        if position < len(signature.positional):
            bound.named[signature.positional[position].name] = given
        elif signature.star is not None:
            bound.star.append(given)
        else:
            count, most = len(arguments.positional), len(signature.positional)
            message = f"`{name}` takes {most} positional argument{'s' * (most != 1)} but {count} were given"
            raise _misfit(evaluator, message, given.node, _takes(signature))
    by_keyword = {item.name for item in (*signature.positional[signature.positional_only :], *signature.keyword_only)}
    for key, given in arguments.keywords.items():
        if key in bound.named and key in by_keyword:
            raise _misfit(evaluator, f"`{name}` got multiple values for argument `{key}`", given.node, "keep one")
        if key in by_keyword:
            bound.named[key] = given
        elif signature.double_star is not None:
            bound.double_star[key] = given
        else:
            message = f"`{name}` got an unexpected keyword argument `{key}`"
            place = evaluator.view.source.keyword_name(given.node, key)
            raise _misfit(evaluator, message, place, *suggest(key, sorted(by_keyword), _takes(signature)))
    if arguments.open:
        unknown = Unresolved(f"it is unpacked in the call of `{name}`")
        for item in signature.named:
            bound.named.setdefault(item.name, BoundValue(unknown, node))
    missing = signature.missing(bound.named)
    if missing:
        shown = ", ".join(f"`{item}`" for item in missing)
        message = f"`{name}` is missing the argument{'s' * (len(missing) > 1)} {shown}"
        raise _misfit(evaluator, message, node, _takes(signature))
    return bound


def _misfit(evaluator: Evaluator, message: str, node: ast.AST, help: str, fix: Fix | None = None) -> RaisedError:
    return RaisedError(evaluator.refuse("FC113", message, node, help, fix=fix).diagnostic, TypeError(message))


def _takes(signature: Signature) -> str:
    names = [item.name for item in signature.named]
    return f"it takes {', '.join(names)}" if names else "it takes no arguments"


def defaults_of(evaluator: Evaluator, node: FunctionNode | ast.Lambda) -> Environment:
    """The values of a function's defaults, which Python evaluates where the function is defined."""
    found: Environment = {}
    for parameter in signature_of(node).named:
        if parameter.default is not None:
            found[parameter.name] = evaluator.evaluate(parameter.default)
    return found


def call_function(evaluator: Evaluator, function: Function, arguments: CallArguments, node: ast.AST) -> object:
    """What a function of the file returns. Raises EvaluationError."""
    if len(evaluator.frames) > DEEPEST_CALLS:
        if evaluator.lenient:
            raise evaluator.refuse("FC114", "functions call each other too deeply", node, "write a loop")
        evaluator.exhausted("functions call each other too deeply", node, "write a loop, or do it in a step")
    recursive = evaluator.recursive_call(function, arguments)
    if recursive is not None:
        return recursive
    signature = signature_of(function.node)
    bound = bind(evaluator, signature, arguments, function.name, node)
    environment: Environment = {name: given.value for name, given in bound.named.items()}
    if signature.star is not None:
        environment[signature.star] = tuple(given.value for given in bound.star)
    if signature.double_star is not None:
        environment[signature.double_star] = {name: given.value for name, given in bound.double_star.items()}
    if arguments.open:
        for name in (signature.star, signature.double_star):
            if name is not None:
                environment[name] = Unresolved(f"it is unpacked in the call of `{function.name}`")
    frame = frame_of(function, environment)
    if signature.positional and arguments.positional:
        frame.first_receiver = arguments.positional[0].value
    _defaults(evaluator, function, signature, frame)
    if isinstance(function.node, ast.Lambda):
        with evaluator.within(frame):
            return evaluator.evaluate(function.node.body)
    if _is_generator(function.node):
        return _generator(evaluator, function.node.body, frame, node)
    with evaluator.within(frame):
        return _body(evaluator, function.node.body, frame)


def frame_of(function: Function, environment: Environment) -> Frame:
    """What a call of a function is evaluated in."""
    own = bound_names(function.node.body) if not isinstance(function.node, ast.Lambda) else frozenset[str]()
    frame = Frame(function.view, environment, function.closure, own | environment.keys(), function=function)
    for item in walk_scope(function.node.body) if not isinstance(function.node, ast.Lambda) else ():
        if isinstance(item, ast.Global):
            frame.outer.update(dict.fromkeys(item.names))
        elif isinstance(item, ast.Nonlocal):
            for name in item.names:
                scope = next((scope for scope in function.closure if name in scope), None)
                frame.outer[name] = scope if scope is not None else function.closure[0] if function.closure else {}
    frame.local -= frame.outer.keys()
    return frame


def _body(evaluator: Evaluator, body: Sequence[ast.stmt], frame: Frame) -> object:
    signal = evaluator.execute(body)
    value = signal.value if isinstance(signal, Returned) else None
    return leave(evaluator, frame, ("return",), signal, value, body[0])[1] if frame.exits else value


def check_items(evaluator: Evaluator, items: Sequence[object], names: Environment, node: ast.AST) -> None:
    """Refuse functions that a generator makes: in Python, each finds its names as they are at its turn."""
    if any(isinstance(item, Function) and any(scope is names for scope in item.closure) for item in items):
        message = "flowc cannot know which values the functions of this generator find"
        raise evaluator.refuse("FC115", message, node, "make a list of them")


def _generator(evaluator: Evaluator, body: Sequence[ast.stmt], frame: Frame, node: ast.AST) -> Iterator:
    lenient = evaluator.lenient

    def make() -> Iterable[object]:
        frame.yields = []
        outer, evaluator.lenient = evaluator.lenient, lenient
        try:
            with evaluator.within(frame):
                evaluator.execute(body)
                if frame.lost is not None:
                    raise frame.lost
                if frame.exits:
                    raise evaluator.refuse(
                        "FC115", "flowc cannot know what this generator yields", body[0], "return a list"
                    )
        finally:
            evaluator.lenient = outer
        check_items(evaluator, frame.yields, frame.environment, node)
        return frame.yields

    return Iterator(make, evaluator.watch_of(body, [frame.environment, *frame.closure]))


def _is_generator(function: FunctionNode) -> bool:
    return any(isinstance(item, ast.Yield | ast.YieldFrom) for item in walk_scope(function.body))


def _defaults(evaluator: Evaluator, function: Function, signature: Signature, frame: Frame) -> None:
    """Put the defaults of parameters without a value."""
    for parameter in signature.named:
        if parameter.name not in frame.environment and parameter.name in function.defaults:
            value = frame.environment[parameter.name] = function.defaults[parameter.name]
            if isinstance(value, list | dict | set) and not evaluator.lenient:
                evaluator.frozen[id(value)] = (value, "it is the default of a parameter, and one for all calls")  # pyright: ignore[reportUnknownArgumentType]


def apply(evaluator: Evaluator, function: object, values: tuple[object, ...], node: ast.expr) -> object:
    """What a function gives for values, as `key=` of `sorted` calls it."""
    return evaluator.call(function, CallArguments([BoundValue(value, node) for value in values]), node)


def callback(evaluator: Evaluator, function: object, node: ast.expr) -> Callable[..., object]:
    """A function of the evaluation as one that Python can call."""

    def called(*values: object) -> object:
        found = apply(evaluator, function, values, node)
        evaluator.check_known(node, "a function that is called for each entry gives it", "do it in a step", found)
        return found

    return called
