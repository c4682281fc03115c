"""Binding arguments to the parameters of a function, with Python's own words for what does not fit."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

from flowc_compiler.frontend.pipelines.evaluation.machine import Arguments, Given, Machine


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

    def missing(self, bound: dict[str, Given]) -> list[str]:
        """The names of parameters that have neither a value nor a default."""
        return [item.name for item in self.named if item.name not in bound and item.default is None]


class Bound(NamedTuple):
    """Arguments by parameter, and those of `*args` and `**kwargs`."""

    named: dict[str, Given]
    star: list[Given]
    double_star: dict[str, Given]


def signature_of(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Signature:
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
    machine: Machine, signature: Signature, arguments: Arguments, name: str, node: ast.AST, *, partial: bool = False
) -> Bound:
    """Arguments by the names of parameters. Raises RefusedError with FC113 for the first that does not fit.

    With `partial`, parameters without a value are no error.
    """
    bound = Bound({}, [], {})
    for position, given in enumerate(arguments.positional):
        if position < len(signature.positional):
            bound.named[signature.positional[position].name] = given
        elif signature.star is not None:
            bound.star.append(given)
        else:
            count, most = len(arguments.positional), len(signature.positional)
            message = f"`{name}` takes {most} positional argument{'s' * (most != 1)} but {count} were given"
            raise machine.refuse("FC113", message, given.node, _takes(signature))
    by_keyword = {item.name for item in (*signature.positional[signature.positional_only :], *signature.keyword_only)}
    for key, given in arguments.keywords.items():
        if key in bound.named and key in by_keyword:
            raise machine.refuse("FC113", f"`{name}` got multiple values for argument `{key}`", given.node, "keep one")
        if key in by_keyword:
            bound.named[key] = given
        elif signature.double_star is not None:
            bound.double_star[key] = given
        else:
            message = f"`{name}` got an unexpected keyword argument `{key}`"
            raise machine.refuse("FC113", message, given.node, _close(key, sorted(by_keyword)) or _takes(signature))
    missing = signature.missing(bound.named)
    if missing and not partial:
        shown = ", ".join(f"`{item}`" for item in missing)
        message = f"`{name}` is missing the argument{'s' * (len(missing) > 1)} {shown}"
        raise machine.refuse("FC113", message, node, _takes(signature))
    return bound


def _close(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, 1)
    return f"did you mean `{close[0]}`?" if close else ""


def _takes(signature: Signature) -> str:
    names = [item.name for item in signature.named]
    return f"it takes {', '.join(names)}" if names else "it takes no arguments"
