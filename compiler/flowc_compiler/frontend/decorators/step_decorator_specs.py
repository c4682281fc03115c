"""Decorator arguments to the specs of a step; what contradicts itself is FC404, what does not go together FC406."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.decorators import pod_specs
from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments
from flowc_compiler.frontend.decorators.arguments.step_arguments import (
    CardArguments,
    CatchArguments,
    CondaArguments,
    EnvironmentArguments,
    ForeachOptionsArguments,
    LoopArguments,
    ParallelArguments,
    PypiArguments,
    RetryArguments,
    SecretsArguments,
    TimeoutArguments,
)
from flowc_compiler.frontend.decorators.decorator_arguments import DecoratorUse
from flowc_compiler.frontend.decorators.pod_specs import check_mounts
from flowc_compiler.ir import (
    NO_SPECS,
    CardSpec,
    CatchSpec,
    DependencySpec,
    EnvironmentSpec,
    ForeachOptions,
    LoopSpec,
    ParallelSpec,
    RetryPolicy,
    SecretsSpec,
    StepSpecs,
    TimeoutSpec,
)
from flowc_compiler.source import Span

Kind = TypeVar("Kind", bound=Arguments)


def build_specs(found: tuple[DecoratorUse, ...], sink: DiagnosticSink) -> StepSpecs:
    """The specs that a step's decorators add up to."""
    if not found:
        return NO_SPECS
    _check_together(found, sink)
    specs = StepSpecs.model_construct(
        resources=pod_specs.resources(found, sink),
        accelerator=pod_specs.accelerator(found, sink),
        placement=pod_specs.placement(found, sink),
        container=pod_specs.container(found),
        batch=pod_specs.batch(found),
        retry=_retry(found),
        timeout=_timeout(found, sink),
        catch=_catch(found),
        environment=_environment(found),
        secrets=_secrets(found, sink),
        dependencies=_dependencies(found),
        cards=_cards(found, sink),
        parallel=_parallel(found),
        foreach=_foreach(found, sink),
        loop=_loop(found),
    )
    check_mounts(specs, sink)
    return specs


def _check_together(found: tuple[DecoratorUse, ...], sink: DiagnosticSink) -> None:
    """Pairs of decorators of which a step can have one."""
    names = {given.name: given.span for given in found}
    if "batch" in names and "kubernetes" in names:
        sink.error(
            "FC406", "the step is marked for AWS Batch and for Kubernetes", names["kubernetes"],
            help="keep one of @batch and @kubernetes: flowc reads both as requests of a pod",
        )  # fmt: skip
    packages = {
        given.name for given in found if isinstance(given.arguments, PypiArguments) and _packages(given.arguments)
    }
    if len(packages) > 1:
        sink.error(
            "FC406", "packages of Conda and of PyPI do not mix in one step", names["pypi"],
            help="keep one of @conda and @pypi",
        )  # fmt: skip


def _find(found: tuple[DecoratorUse, ...], kind: type[Kind]) -> tuple[Kind, Span] | None:
    return next(((given.arguments, given.span) for given in found if isinstance(given.arguments, kind)), None)


def _retry(found: tuple[DecoratorUse, ...]) -> RetryPolicy | None:
    asked = _find(found, RetryArguments)
    if asked is None:
        return None
    arguments, span = asked
    return RetryPolicy(span=span, limit=arguments.times, backoff_seconds=arguments.minutes_between_retries * 60)


def _timeout(found: tuple[DecoratorUse, ...], sink: DiagnosticSink) -> TimeoutSpec | None:
    asked = _find(found, TimeoutArguments)
    if asked is None:
        return None
    arguments, span = asked
    seconds = arguments.seconds + 60 * arguments.minutes + 3600 * arguments.hours
    if seconds == 0:
        sink.error("FC404", "`@timeout` has no time", span, help="give seconds, minutes or hours")
        return None
    return TimeoutSpec(span=span, seconds=seconds)


def _catch(found: tuple[DecoratorUse, ...]) -> CatchSpec | None:
    asked = _find(found, CatchArguments)
    if asked is None:
        return None
    arguments, span = asked
    return CatchSpec(span=span, variable=arguments.var or None, print_exception=arguments.print_exception)


def _environment(found: tuple[DecoratorUse, ...]) -> EnvironmentSpec | None:
    asked = _find(found, EnvironmentArguments)
    if asked is None or not asked[0].vars:
        return None
    arguments, span = asked
    return EnvironmentSpec(span=span, variables={key: str(value) for key, value in arguments.vars.items()})


def _parallel(found: tuple[DecoratorUse, ...]) -> ParallelSpec | None:
    asked = _find(found, ParallelArguments)
    return None if asked is None else ParallelSpec(span=asked[1])


def _foreach(found: tuple[DecoratorUse, ...], sink: DiagnosticSink) -> ForeachOptions | None:
    asked = _find(found, ForeachOptionsArguments)
    if asked is None:
        return None
    arguments, span = asked
    if arguments.parallelism is None:
        message = "`@foreach_options` has no argument"
        sink.error("FC404", message, span, help="give parallelism=, the most items to work on at a time")
        return None
    return ForeachOptions(span=span, parallelism=arguments.parallelism)


def _loop(found: tuple[DecoratorUse, ...]) -> LoopSpec | None:
    asked = _find(found, LoopArguments)
    return None if asked is None else LoopSpec(span=asked[1], max_iterations=asked[0].max_iterations)


def _secrets(found: tuple[DecoratorUse, ...], sink: DiagnosticSink) -> SecretsSpec | None:
    asked = _find(found, SecretsArguments)
    if asked is None or not asked[0].sources:
        return None
    arguments, span = asked
    environment = _find(found, EnvironmentArguments)
    taken = dict.fromkeys(environment[0].vars if environment else (), "@environment")
    for source in arguments.sources:
        inline: dict[str, str] = source.options.get("env_vars", {}) if source.type == "inline" else {}
        for name in inline:
            other = taken.get(name)
            if other == "a secret" or (other is not None and not arguments.allow_override):
                sink.error(
                    "FC406", f"a secret sets the variable {name!r}, which {other} sets, too", span,
                    help="rename one of them" if other == "a secret" else "rename one, or say allow_override=True",
                )  # fmt: skip
            taken[name] = "a secret"
    sources = tuple(
        source if source.role is not None else source.model_copy(update={"role": arguments.role})
        for source in arguments.sources
    )
    return SecretsSpec(span=span, sources=sources, allow_override=arguments.allow_override)


def _dependencies(found: tuple[DecoratorUse, ...]) -> DependencySpec | None:
    """One of `@conda` and `@pypi`: where both stand, the one with packages."""
    given = [item for item in found if isinstance(item.arguments, PypiArguments)]
    if not given:
        return None
    chosen = max(given, key=lambda item: isinstance(item.arguments, PypiArguments) and bool(_packages(item.arguments)))
    assert isinstance(chosen.arguments, PypiArguments)
    return dependencies(chosen.arguments, chosen.span)


def dependencies(arguments: PypiArguments, span: Span) -> DependencySpec:
    """What one decorator says of packages."""
    return DependencySpec(
        span=span,
        manager="conda" if isinstance(arguments, CondaArguments) else "pypi",
        packages=_packages(arguments),
        python=arguments.python,
        disabled=arguments.disabled,
    )


def base_packages(found: Sequence[DecoratorUse]) -> tuple[DependencySpec, ...]:
    """What `@conda_base` and `@pypi_base` of a flow give to every step."""
    return tuple(dependencies(use.arguments, use.span) for use in found if isinstance(use.arguments, PypiArguments))


def _packages(arguments: PypiArguments) -> dict[str, str]:
    old = arguments.libraries if isinstance(arguments, CondaArguments) else {}
    return {**old, **arguments.packages}


def _cards(found: tuple[DecoratorUse, ...], sink: DiagnosticSink) -> tuple[CardSpec, ...]:
    """Cards are asked for and not rendered: a warning, since the step's results do not depend on them."""
    cards: list[CardSpec] = []
    for given in found:
        if isinstance(given.arguments, CardArguments):
            arguments = given.arguments
            sink.warning(
                "FC409", "flowc renders no cards: `@card` is accepted and does nothing", given.span,
                help="the step's artifacts are kept, and `current.card` takes what the step appends",
            )  # fmt: skip
            fields = {name: getattr(arguments, name) for name in ("type", "id", "options", "timeout")}
            cards.append(CardSpec(span=given.span, **fields))
    return tuple(cards)
