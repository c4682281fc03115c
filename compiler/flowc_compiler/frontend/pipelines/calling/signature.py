"""Binding arguments to the parameters of a function, with Python's own words for what does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

import libcst as cst

from flowc_compiler.frontend.pipelines.evaluation.machine import Arguments, Given, Machine


class Signature(NamedTuple):
    """The parameters of a function."""

    positional: tuple[cst.Param, ...]
    """Those that can be given by position; the first `positional_only` of them in no other way."""
    positional_only: int
    keyword_only: tuple[cst.Param, ...]
    star: str | None
    """The name of `*args`."""
    double_star: str | None
    """The name of `**kwargs`."""

    @property
    def named(self) -> tuple[cst.Param, ...]:
        """The parameters with one value each."""
        return (*self.positional, *self.keyword_only)

    def missing(self, bound: dict[str, Given]) -> list[str]:
        """The names of parameters that have neither a value nor a default."""
        return [item.name.value for item in self.named if item.name.value not in bound and item.default is None]


class Bound(NamedTuple):
    """Arguments by parameter, and those of `*args` and `**kwargs`."""

    named: dict[str, Given]
    star: list[Given]
    double_star: dict[str, Given]


def signature_of(node: cst.FunctionDef | cst.Lambda) -> Signature:
    """The parameters of a function."""
    params = node.params
    return Signature(
        positional=(*params.posonly_params, *params.params),
        positional_only=len(params.posonly_params),
        keyword_only=tuple(params.kwonly_params),
        star=params.star_arg.name.value if isinstance(params.star_arg, cst.Param) else None,
        double_star=params.star_kwarg.name.value if params.star_kwarg is not None else None,
    )


def bind(
    machine: Machine, signature: Signature, arguments: Arguments, name: str, node: cst.CSTNode, *, partial: bool = False
) -> Bound:
    """Arguments by the names of parameters. Raises RefusedError with FC113 for the first that does not fit.

    With `partial`, parameters without a value are no error.
    """
    bound = Bound({}, [], {})
    for position, given in enumerate(arguments.positional):
        if position < len(signature.positional):
            bound.named[signature.positional[position].name.value] = given
        elif signature.star is not None:
            bound.star.append(given)
        else:
            count, most = len(arguments.positional), len(signature.positional)
            message = f"`{name}` takes {most} positional argument{'s' * (most != 1)} but {count} were given"
            raise machine.refuse("FC113", message, given.node, _takes(signature))
    by_keyword = {
        item.name.value for item in (*signature.positional[signature.positional_only :], *signature.keyword_only)
    }
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
    names = [item.name.value for item in signature.named]
    return f"it takes {', '.join(names)}" if names else "it takes no arguments"
