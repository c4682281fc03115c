"""How a task is timed, caught and configured: `@timeout`, `@catch`, `@environment`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue

from flowc_compiler.diagnostics.validation_messages import DOTTED_NAME
from flowc_compiler.frontend.decorators.arguments.argument_types import (
    Arguments,
    Options,
    Texts,
    seconds,
)
from flowc_compiler.frontend.spec_builder import Origin, some_specs
from flowc_compiler.ir import (
    NO_SPECS,
    AirflowSpec,
    CacheSpec,
    CardSpec,
    CatchSpec,
    CheckpointSpec,
    DependencySpec,
    EnvironmentSpec,
    ForeachOptions,
    FuseSpec,
    LoopSpec,
    StepSpecs,
    TaskVariable,
    TimeoutSpec,
)
from flowc_compiler.ir.base import LONGEST_SECONDS


class ForeachOptionsArguments(Arguments):
    """`@foreach_options`, flowc's own."""

    parallelism: Annotated[int | None, Field(ge=1)] = None
    items_per_task: Annotated[int | None, Field(ge=1)] = None
    workers: Annotated[int | None, Field(ge=1)] = None
    label: Annotated[str, Field(min_length=1)] | bool | None = None
    min_success: Annotated[float | None, Field(ge=0, le=1, allow_inf_nan=False)] = None

    def _specs(self, at: Origin, /) -> StepSpecs:
        if not self.label and all(value is None for name, value in self if name != "label"):
            message = "`@foreach_options` has no argument"
            help_ = "give parallelism=, the most items to work on at a time, items_per_task=, min_success= or label="
            at.error("FC404", message, help=help_)
            return NO_SPECS
        if self.workers is not None and self.items_per_task is None:
            message = "`workers` of `@foreach_options` is how many items of a pod run at a time, and each has a pod"
            at.error("FC404", message, help="give items_per_task=, how many items a pod has; or give parallelism=")
            return NO_SPECS
        options = ForeachOptions(
            span=at.span,
            parallelism=self.parallelism,
            items_per_task=self.items_per_task,
            workers=self.workers,
            label=self.label or None,
            min_success=self.min_success,
        )
        return some_specs(foreach=options)


_CALLBACKS = (
    "on_execute_callback", "on_failure_callback", "on_retry_callback", "on_skipped_callback", "on_success_callback",
)  # fmt: skip


class AirflowArguments(Arguments):
    """`@airflow_options`, flowc's own; names and meanings are those of Airflow's operators."""

    owner: Annotated[str | None, Field(min_length=1)] = None
    pool: Annotated[str | None, Field(min_length=1)] = None
    priority_weight: int | None = None
    queue: Annotated[str | None, Field(min_length=1)] = None
    executor_config: dict[str, JsonValue] = Field(default_factory=dict)
    deferrable: bool | None = None
    inlets: tuple[str, ...] = ()
    outlets: tuple[str, ...] = ()
    on_execute_callback: Annotated[str | None, Field(pattern=DOTTED_NAME)] = None
    on_failure_callback: Annotated[str | None, Field(pattern=DOTTED_NAME)] = None
    on_retry_callback: Annotated[str | None, Field(pattern=DOTTED_NAME)] = None
    on_skipped_callback: Annotated[str | None, Field(pattern=DOTTED_NAME)] = None
    on_success_callback: Annotated[str | None, Field(pattern=DOTTED_NAME)] = None

    def _specs(self, at: Origin, /) -> StepSpecs:
        callbacks = {name: value for name in _CALLBACKS if (value := getattr(self, name)) is not None}
        own = self.model_dump(exclude=set(_CALLBACKS))
        if not callbacks and not any(value not in (None, (), {}) for value in own.values()):
            message, help_ = "`@airflow_options` has no argument", "give one, such as pool=, or remove it"
            at.error("FC404", message, help=help_)
            return NO_SPECS
        return some_specs(airflow=AirflowSpec(span=at.span, callbacks=callbacks, **own))


class CacheArguments(Arguments):
    """`@cache`, flowc's own."""

    ttl: Annotated[Annotated[float, Field(gt=0, allow_inf_nan=False)] | None, BeforeValidator(seconds)] = None
    version: str | int | float | None = None
    ignore: Annotated[tuple[str, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)] = ()
    secrets: bool | None = None
    enabled: bool = True

    def _specs(self, at: Origin, /) -> StepSpecs:
        if not self.enabled:
            given = tuple(sorted(self.model_fields_set - {"enabled"}))
            self._without_effect(at, given, "with enabled=False", "leave it out, or remove enabled=False")
        own = self.model_dump()
        own["version"] = None if self.version is None else str(self.version)
        return some_specs(cache=CacheSpec(span=at.span, **own))


class LoopArguments(Arguments):
    """`@loop`, flowc's own."""

    max_iterations: Annotated[int, Field(ge=1)]

    def _specs(self, at: Origin, /) -> StepSpecs:
        return some_specs(loop=LoopSpec(span=at.span, max_iterations=self.max_iterations))


class FuseArguments(Arguments):
    """`@fuse`, flowc's own."""

    disabled: bool = False

    def _specs(self, at: Origin, /) -> StepSpecs:
        return some_specs(fuse=FuseSpec(span=at.span, disabled=self.disabled))


class TimeoutArguments(Arguments):
    """`@timeout`; the three are summed."""

    seconds: Annotated[int, Field(ge=0)] = 0
    minutes: Annotated[int, Field(ge=0)] = 0
    hours: Annotated[int, Field(ge=0)] = 0

    def _specs(self, at: Origin, /) -> StepSpecs:
        seconds = self.seconds + 60 * self.minutes + 3600 * self.hours
        if seconds == 0:
            at.error("FC404", "`@timeout` has no time", help="give seconds, minutes or hours")
            return NO_SPECS
        if seconds > LONGEST_SECONDS:
            message = f"`@timeout` is longer than {LONGEST_SECONDS} seconds"
            at.error("FC404", message, help="give less, or leave it out: a step without it may run as long as it likes")
            return NO_SPECS
        return some_specs(timeout=TimeoutSpec(span=at.span, seconds=seconds))


def check_artifact(name: str | None) -> str | None:
    """The name of an artifact. Raises ValueError."""
    if name is not None and (not name.isidentifier() or name.startswith("__")):
        raise ValueError(f"{name!r} cannot be the name of an artifact")
    return name


class CatchArguments(Arguments):
    """`@catch`."""

    var: Annotated[str | None, AfterValidator(check_artifact)] = None
    print_exception: bool = True

    def _specs(self, at: Origin, /) -> StepSpecs:
        return some_specs(
            catch=CatchSpec(span=at.span, variable=self.var or None, print_exception=self.print_exception)
        )


class CheckpointArguments(Arguments):
    """`@checkpoint`, of the extension metaflow-checkpoint; `keep` is flowc's own."""

    load_policy: Literal["fresh", "eager", "none"] = "fresh"
    temp_dir_root: Annotated[str | None, Field(min_length=1)] = None
    keep: Literal["all", "latest", "none"] = "all"

    def _specs(self, at: Origin, /) -> StepSpecs:
        return some_specs(checkpoint=CheckpointSpec(span=at.span, **self.model_dump()))


class EnvironmentArguments(Arguments):
    """`@environment`."""

    vars: dict[str, str | int | float | bool | TaskVariable] = Field(default_factory=dict)

    def _specs(self, at: Origin, /) -> StepSpecs:
        variables = {key: value if isinstance(value, TaskVariable) else str(value) for key, value in self.vars.items()}
        return some_specs(environment=EnvironmentSpec(span=at.span, variables=variables))


DRAWN_CARDS = frozenset({"default", "blank"})
"""The types of cards that show what their step has: reports draw its artifacts anyway."""


class CardArguments(Arguments):
    """`@card`."""

    type: str = "default"
    id: str | None = None
    options: Options = Field(default_factory=dict)
    timeout: Annotated[int, Field(ge=0)] = 45
    scope: str = "task"
    rank: str | None = None
    save_errors: bool = True
    customize: bool = False
    refresh_interval: Annotated[float, Field(ge=0)] = 5

    def _specs(self, at: Origin, /) -> StepSpecs:
        """Components are stored and drawn whatever the type. What has no effect then is a warning."""
        if self.type not in DRAWN_CARDS:
            at.sink.warning(
                "FC409", f"flowc draws no cards of type {self.type!r}: what the card itself shows is left out", at.span,
                help="what the step adds to `current.card` is drawn; use type 'default' or 'blank', and add the rest",
            )  # fmt: skip
        title = self.options.get("title")
        unused = sorted(self.model_fields_set & {"timeout", "scope", "rank", "save_errors"})
        if set(self.options) - ({"title"} if isinstance(title, str) else set[str]()):
            unused.insert(0, "options")
        for name in unused:
            at.sink.warning(
                "FC409", f"{name} of `@card` does nothing: reports draw cards, whenever one looks at them", at.span,
                help="leave it out",
            )  # fmt: skip
        return some_specs(
            cards=(
                CardSpec(
                    span=at.span,
                    type=self.type,
                    id=self.id,
                    title=title if isinstance(title, str) else None,
                    customize=self.customize,
                    refresh=self.refresh_interval,
                ),
            )
        )


class GpuProfileArguments(Arguments):
    """`@gpu_profile`, of the extension metaflow-gpu-profile."""

    include_artifacts: bool = True
    artifact_prefix: str = "gpu_profile_"
    interval: Annotated[float, Field(gt=0)] = 1

    def _specs(self, at: Origin, /) -> StepSpecs:
        """Nothing watches the GPUs: a warning, since the step's results do not depend on it."""
        at.sink.warning(
            "FC409", "flowc profiles no GPUs: `@gpu_profile` is accepted and does nothing", at.span,
            help="remove it, or run nvidia-smi in the step",
        )  # fmt: skip
        return NO_SPECS


def _version(value: object) -> object:
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


class PypiArguments(Arguments):
    """`@pypi` and `@pypi_base`."""

    MANAGER: ClassVar[Literal["conda", "pypi"]] = "pypi"

    packages: Texts = Field(default_factory=dict)
    python: Annotated[str | None, BeforeValidator(_version)] = None
    disabled: bool | None = None

    def _specs(self, at: Origin, /) -> StepSpecs:
        return some_specs(
            dependencies=DependencySpec(
                span=at.span,
                manager=self.MANAGER,
                packages={**getattr(self, "libraries", {}), **self.packages},
                python=self.python,
                disabled=self.disabled,
            )
        )


class CondaArguments(PypiArguments):
    """`@conda` and `@conda_base`; `libraries` is the old name of `packages`."""

    MANAGER = "conda"

    libraries: Texts = Field(default_factory=dict)
