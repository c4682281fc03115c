"""`@retry`: which failures are tried again, after what wait, and what each attempt needs."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field

from flowc_compiler.frontend.decorators.arguments.argument_types import (
    Arguments,
    Dicts,
    Pairs,
    as_list,
    mebibytes,
    seconds,
)
from flowc_compiler.frontend.spec_builder import Origin, some_specs
from flowc_compiler.ir import AttemptSpec, RetryPolicy, StepSpecs
from flowc_compiler.ir.base import LONGEST_SECONDS

if TYPE_CHECKING:
    from flowc_compiler.ir import Toleration

Kind = Literal["lost", "oom", "timeout", "error"]
"""The kinds of failures: `RETRIABLE` of `flowc.protocol.exit_codes`."""
_T = TypeVar("_T")


def _one_or_several(value: object) -> object:
    return () if value is None else [value] if isinstance(value, str) else value


def _name_of(value: object) -> object:
    """The name of a class that is a value of the evaluator's, as in `Retry(never=[ValueError])`."""
    return value if isinstance(value, str) else getattr(value, "name", value)


def check_exception(name: str) -> str:
    """The name of an exception class, with or without its module. Raises ValueError."""
    if not all(part.isidentifier() for part in name.split(".")):
        raise ValueError(f"{name!r} is not the name of an exception")
    found = getattr(builtins, name, None)
    if found is not None and not (isinstance(found, type) and issubclass(found, BaseException)):
        raise ValueError(f"{name!r} is not an exception")
    return name


def _check_labels(labels: dict[str, str]) -> dict[str, str]:
    """Labels of nodes. Few retries have any: what knows them is imported for those. Raises ValueError."""
    from flowc_compiler.frontend.decorators.arguments.compute_arguments import check_labels

    return check_labels(labels)


Kinds = Annotated[tuple[Kind, ...], BeforeValidator(_one_or_several)]
"""One kind of failures, or several."""
Exceptions = Annotated[
    tuple[Annotated[str, BeforeValidator(_name_of), AfterValidator(check_exception)], ...],
    BeforeValidator(_one_or_several),
]
"""Exception classes, by name."""
Seconds = Annotated[
    Annotated[float, Field(ge=0, le=LONGEST_SECONDS, allow_inf_nan=False)] | None, BeforeValidator(seconds)
]
"""A time: seconds, or a text such as `90s`."""
_Each = Annotated[tuple[_T, ...], BeforeValidator(lambda value: value if as_list(value) is None else as_list(value))]
_Size = Annotated[Annotated[int, Field(gt=0)], BeforeValidator(mebibytes)]


class RetryArguments(Arguments):
    """`@retry`; flowc's own is all but `times` and `minutes_between_retries`."""

    times: Annotated[int, Field(ge=0, le=100)] = 3
    minutes_between_retries: Annotated[float, Field(ge=0, le=LONGEST_SECONDS // 60)] = 2
    on: Kinds = ()
    never: Exceptions = ()
    backoff: Seconds = None
    factor: Annotated[int, Field(ge=1, le=100)] = 1
    max_wait: Seconds = None
    cpu: _Each[Annotated[float, Field(gt=0, allow_inf_nan=False)]] = ()
    memory: _Each[_Size] = ()
    disk: _Each[_Size] = ()
    gpu: _Each[Annotated[int, Field(ge=0)]] = ()
    node_selector: _Each[Annotated[Pairs, AfterValidator(_check_labels)]] = ()
    tolerations: _Each[Dicts] = ()

    def _specs(self, at: Origin, /) -> StepSpecs:
        attempts = self._attempts(at)
        limit = self.times
        if "times" not in self.model_fields_set and len(attempts) > 1:
            limit = len(attempts) - 1
        if limit == 0:
            waits = ("minutes_between_retries", "on", "never", "backoff", "factor", "max_wait")
            self._without_effect(at, waits, "without retries", "leave it out, or give times=")
        if len(attempts) > limit + 1:
            at.error(
                "FC404", f"`@retry` says what {len(attempts)} attempts need, and the step has {limit + 1}",
                help=f"write times={len(attempts) - 1}, or leave `times` out",
            )  # fmt: skip
        if self.backoff is not None and "minutes_between_retries" in self.model_fields_set:
            message = "`@retry` has two waits, `backoff` and `minutes_between_retries`"
            at.error("FC404", message, help="keep one of them")
        if "on" in self.model_fields_set and not self.on:
            message = "`on` of `@retry` names no kind of failures, which means all of them"
            at.sink.warning("FC410", message, at.span, help="leave it out; times=0 tries nothing again")
        if self.factor == 1:
            self._without_effect(at, ("max_wait",), "where waits do not grow", "give factor=, or leave it out")
        wait = self.backoff if self.backoff is not None else 60 * self.minutes_between_retries
        fields: dict[str, Any] = {
            "span": at.span,
            "limit": limit,
            "backoff_seconds": float(wait),
            "backoff_factor": self.factor,
            "max_wait_seconds": self.max_wait or None,
            "on": tuple(dict.fromkeys(self.on)),
            "never": tuple(dict.fromkeys(self.never)),
            "attempts": attempts,
        }
        # the arguments are valid: the policy's own validator takes the models of tolerations, which few retries have
        policy = RetryPolicy(**fields) if attempts else RetryPolicy.model_construct(**fields)
        return some_specs(retry=policy)

    def _attempts(self, at: Origin) -> tuple[AttemptSpec, ...]:
        """What each attempt needs: of a list that is shorter than another one, the last entry is for the rest."""
        kinds: list[tuple[Toleration, ...]] = []
        if self.tolerations:
            from flowc_compiler.frontend.decorators.arguments.kubernetes_arguments import tolerations

            kinds = [tolerations(items, at) for items in self.tolerations]
        lists: dict[str, Sequence[Any]] = {
            "cpu": self.cpu,
            "memory_mb": self.memory,
            "disk_mb": self.disk,
            "gpu": self.gpu,
            "node_selector": self.node_selector,
            "tolerations": kinds,
        }
        given = {name: values for name, values in lists.items() if values}
        count = max(map(len, given.values()), default=0)
        return tuple(
            AttemptSpec(**{name: values[min(number, len(values) - 1)] for name, values in given.items()})
            for number in range(count)
        )
