"""The one builder of specs, of a step and of a flow: it merges the requests of all sources, and checks the result.

A source is a decorator, a `--with` of the command line, an argument of a pipeline's `@step` such as `Resources(...)`,
or a group of ZenML's settings. Each states its requests as `StepSpecs`, of which it fills in a part: specs with the
span that they come from, whose empty fields leave the choice to weaker sources.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import NO_SPECS, AcceleratorSpec, ContainerSpec, FlowSpecs, ResourceSpec, StepSpecs
from flowc_compiler.ir.specs import Spec
from flowc_compiler.source import Span

UNSAID = -1
"""A count of GPUs that the source leaves to others, and the size of a tmpfs that has half of the step's memory."""
SHARED_MEMORY = "/dev/shm"  # noqa: S108 (the pod's own)
_DEFAULT_MEMORY = 4096
"""Metaflow's default in MiB, of which a tmpfs gets half."""
_LIMITS = (
    ("cpu", "cpu", "cpu_limit"),
    ("memory", "memory_mb", "memory_limit_mb"),
    ("disk", "disk_mb", "disk_limit_mb"),
)
_EMPTY: tuple[object, ...] = (None, {}, ())
_OPTIONAL = frozenset({"resources", "placement", "container", "batch", "environment"})
"""Specs that say nothing when all of their fields are empty."""


class Origin(NamedTuple):
    """Where a source stands, and what collects its problems."""

    span: Span | None
    sink: DiagnosticSink

    def error(self, code: str, message: str, *, help: str) -> None:
        """Collect an error of the source."""
        self.sink.error(code, message, self.span, help=help)


def some_specs(**specs: object) -> StepSpecs:
    """Some of a step's specs, by their names in `StepSpecs`: a copy costs a third of `model_construct`."""
    return NO_SPECS.model_copy(update=specs)


def build_flow_specs(sources: Iterable[Mapping[str, object]], sink: DiagnosticSink) -> FlowSpecs:
    """The specs of a flow, each by its name in `FlowSpecs`; those that a flow has several of add up.

    Collects FC404 for schedules of several time zones.
    """
    fields: dict[str, Any] = {}
    for name, spec in (item for source in sources for item in source.items()):
        old = fields.get(name)
        fields[name] = (*(old or ()), *spec) if isinstance(spec, tuple) else _added(old, spec, sink)
    return FlowSpecs.model_construct(**fields)


def _added(old: object, new: object, sink: DiagnosticSink) -> object:
    """A spec beside one of the same name: the times of both for schedules, else the later one."""
    from flowc_compiler.ir import ScheduleSpec

    if not isinstance(old, ScheduleSpec) or not isinstance(new, ScheduleSpec):
        return new
    if old.timezone != new.timezone:
        message = f"`@schedule` has the time zones {old.timezone or 'UTC'} and {new.timezone or 'UTC'}"
        sink.error("FC404", message, new.span, help="give all of them one `timezone`: an engine has one for a flow")
    return old.with_times_of(new)


class SpecBuilder:
    """Adds up the specs of one step, the weakest source first; what contradicts itself is collected."""

    def __init__(self, sink: DiagnosticSink) -> None:
        self._sink = sink
        self._total: dict[str, Any] = {}
        self._places: dict[str, Span] = {}
        """Of resources, where their limits stand; of the container, where its volumes do; of GPUs, where their type
        stands without a count.
        """
        self._vendor: Span | None = None
        """Where the vendor of GPUs stands without a request."""

    def add(self, *equals: StepSpecs, below: Collection[str] = ()) -> None:
        """Add sources that count alike, such as the decorators of a step. They count more than what was added before,
        but less for the specs that `below` names.
        """
        for name in StepSpecs.model_fields:
            asked = [spec for one in equals if (spec := getattr(one, name))]
            new = self._equal(name, asked) if asked else None
            if new is None or not _asks(name, new):
                if isinstance(new, AcceleratorSpec) and new.vendor != "nvidia":
                    self._vendor = new.span
                continue
            said = next((spec.span for spec in asked if name in _PLACED and _PLACED[name](spec)), None)
            if said is not None and not (name in below and name in self._places):
                self._places[name] = said
            old = self._total.get(name)
            self._total[name] = _over(new, old) if name in below else _over(old, new)
        kubernetes = next((one.container for one in equals if one.container and not one.batch), None)
        if kubernetes is not None and any(one.batch for one in equals):
            self._sink.error(
                "FC406", "the step is marked for AWS Batch and for Kubernetes", kubernetes.span,
                help="keep one of @batch and @kubernetes: flowc reads both as requests of a pod",
            )  # fmt: skip

    def build(self) -> StepSpecs:
        """The specs. Collects FC404 and FC406 for GPUs, limits, volumes and variables that contradict each other."""
        self._settle_gpus()
        container, dependencies = self._total.get("container"), self._total.get("dependencies")
        if dependencies is not None and dependencies.base not in (None, container and container.image):
            self._total["dependencies"] = dependencies.model_copy(update={"base": None})
        specs = _with_size_of_tmpfs(some_specs(**self._total))
        for attempt in range(max(len(specs.retry.attempts), 1) if specs.retry is not None else 1):
            self._check_limits(specs.of_attempt(attempt))
        _check_mounts(specs, Origin(self._places.get("container"), self._sink))
        _check_variables(specs, self._sink)
        return specs

    def _settle_gpus(self) -> None:
        """The count of GPUs that is not said is that of `extended_resources`, or one; none are no request.

        Collects FC406 for two counts of one resource, and FC410 for a type of GPUs that are not requested.
        """
        gpus: AcceleratorSpec | None = self._total.get("accelerator")
        if gpus is None:
            if self._vendor is not None:
                message = "`gpu_vendor` does nothing: the step requests no GPUs"
                self._sink.warning("FC410", message, self._vendor, help="leave it out, or request GPUs: `gpu=1`")
            return
        resources: ResourceSpec | None = self._total.get("resources")
        other = resources.extended.get(gpus.resource) if resources is not None and not gpus.is_slice else None
        if gpus.count == UNSAID:
            gpus = gpus.model_copy(update={"count": int(other) if other is not None and other.isdigit() else 1})
        elif other is not None and other != str(gpus.count):
            self._sink.error(
                "FC406", f"the step requests {gpus.count} of {gpus.resource}, and {other} in `extended_resources`",
                gpus.span, help="keep one of the two",
            )  # fmt: skip
        if gpus.count:
            self._total["accelerator"] = gpus
            return
        del self._total["accelerator"]
        if (place := self._places.get("accelerator")) is not None:
            message = f"the GPU type {gpus.type!r} does nothing: the step requests no GPUs"
            self._sink.warning("FC410", message, place, help="leave the type out, or request GPUs: `gpu=1`")

    def _equal(self, name: str, asked: Sequence[Any]) -> Any:
        """One spec of several that count alike: the most of each resource, all tolerations, else the first."""
        if len(asked) == 1:
            return asked[0]
        first = asked[0]
        match name:
            case "resources":
                return reduce(_most, asked)
            case "accelerator":
                span = next((spec.span for spec in asked if spec.count), first.span)
                vendor = next((spec.vendor for spec in asked if spec.vendor != "nvidia"), "nvidia")
                kind = one_gpu_type((spec.type for spec in asked), Origin(span, self._sink))
                count = max(spec.count for spec in asked)
                return first.model_copy(update={"span": span, "count": count, "vendor": vendor, "type": kind})
            case "placement":
                both = tuple(toleration for spec in asked for toleration in spec.tolerations)
                return reduce(_over, reversed(asked)).model_copy(update={"tolerations": both})
            case "dependencies":
                if len({spec.manager for spec in asked if spec.packages}) > 1:
                    span = next(spec.span for spec in asked if spec.manager == "pypi")
                    message = "packages of Conda and of PyPI do not mix in one step"
                    self._sink.error("FC406", message, span, help="keep one of @conda and @pypi")
                return max(asked, key=lambda spec: bool(spec.packages))
            case "cards" | "locks" | "waits":
                return sum(asked, ())
            case "parallel":
                frameworks = [spec for spec in asked if spec.framework is not None]
                if len({spec.framework for spec in frameworks} - {"unknown"}) > 1:
                    one, other = (f"@{spec.decorator}" for spec in frameworks[:2])
                    message = f"the step is marked by `{one}` and by `{other}`, and each of them starts a framework"
                    self._sink.error("FC406", message, frameworks[1].span, help="keep one of them")
                return (frameworks or asked)[0]
            case _:
                return first

    def _check_limits(self, specs: StepSpecs) -> None:
        """Collect FC404 for limits that Kubernetes refuses, and FC406 for those that `qos="guaranteed"` contradicts."""
        limits = self._places.get("resources")
        for name, request, limit in _LIMITS if specs.resources is not None else ():
            asked, most = getattr(specs.resources, request), getattr(specs.resources, limit)
            if asked is None or most is None or asked == most:
                continue
            if most < asked:
                self._sink.error(
                    "FC404", f"the limit of {name}, {most:g}, is below the request, {asked:g}", limits,
                    help=f"raise `{name}_limit`, or lower the request",
                )  # fmt: skip
            elif specs.container is not None and specs.container.qos == "guaranteed":
                self._sink.error(
                    "FC406", f"`qos` sets the limit of {name} to its request, and `{name}_limit` sets another",
                    limits,
                    help=f"leave one of `qos` and `{name}_limit` out",
                )  # fmt: skip


def _over(weak: Any, strong: Any) -> Any:
    """The stronger spec, with fields of the weaker where it has none of its own; dicts of both are joined."""
    if not (isinstance(weak, Spec) and isinstance(strong, Spec)):
        return strong or weak
    updates: dict[str, Any] = {name: value for name, value in strong if value not in _EMPTY}
    if isinstance(strong, AcceleratorSpec):  # what is not said leaves the choice to the weaker source
        updates = {name: value for name, value in updates.items() if value not in (UNSAID, "nvidia")}
    both = {name: getattr(weak, name) | updates[name] for name in updates if isinstance(updates[name], dict)}
    return weak.model_copy(update=updates | both)


def _most(one: ResourceSpec, other: ResourceSpec) -> ResourceSpec:
    """Both requests as one: the larger of each number."""
    larger: dict[str, Any] = {"extended": {**one.extended, **other.extended}}
    for name, value in other:
        if isinstance(value, (int, float)):
            larger[name] = max(value, getattr(one, name) or value)
    return one.model_copy(update=larger)


def asked_for(sources: Iterable[StepSpecs]) -> frozenset[str]:
    """The names of the specs that any of the sources requests."""
    return frozenset(name for source in sources for name, spec in source if spec and _asks(name, spec))


def _limited(spec: ResourceSpec) -> bool:
    return any(getattr(spec, limit) is not None for *_, limit in _LIMITS)


def _asks(name: str, spec: Any) -> bool:
    """Whether a spec requests anything."""
    if isinstance(spec, AcceleratorSpec):
        return spec.count != UNSAID or spec.type is not None
    return name not in _OPTIONAL or any(value not in _EMPTY for field, value in spec if field != "span")


def one_gpu_type(types: Iterable[str | None], origin: Origin) -> str | None:
    """The type of GPUs that all name who name one; two types of them are FC404."""
    found = sorted({kind for kind in types if kind})
    if len(found) > 1:
        origin.error("FC404", f"the step names two GPU types: {', '.join(found)}", help="keep one")
    return found[0] if found else None


def _with_size_of_tmpfs(specs: StepSpecs) -> StepSpecs:
    container = specs.container
    if container is None or container.tmpfs is None or container.tmpfs.size_mb != UNSAID:
        return specs
    memory = specs.resources.memory_mb if specs.resources is not None else None
    tmpfs = container.tmpfs.model_copy(update={"size_mb": (memory or _DEFAULT_MEMORY) // 2})
    return specs.model_copy(update={"container": container.model_copy(update={"tmpfs": tmpfs})})


def _mounts(container: ContainerSpec) -> list[str]:
    names = ("persistent_volume_claims", "secret_volumes", "config_map_volumes", "host_volumes")
    paths = [path for name in names for path in getattr(container, name).values()]
    return paths if container.tmpfs is None else [*paths, container.tmpfs.path]


def _check_mounts(specs: StepSpecs, origin: Origin) -> None:
    """Collect FC406 for two volumes at one folder, which Kubernetes refuses when the pod is made."""
    paths = [] if specs.container is None else _mounts(specs.container)
    if specs.resources is not None and specs.resources.shared_memory_mb is not None:
        paths.append(SHARED_MEMORY)
    for path, times in Counter(path.rstrip("/") for path in paths).items():
        if times > 1:
            message = f"{times} volumes are mounted at {path or '/'}"
            origin.error("FC406", message, help="give each of them a folder of its own")


def _typed_without_count(spec: AcceleratorSpec) -> bool:
    return spec.count <= 0 and spec.type is not None


_PLACED: dict[str, Callable[[Any], object]] = {
    "resources": _limited,
    "container": _mounts,
    "accelerator": _typed_without_count,
}


def _check_variables(specs: StepSpecs, sink: DiagnosticSink) -> None:
    """Collect FC406 for a variable that a secret sets, and another secret or the environment, too."""
    secrets = specs.secrets
    if secrets is None:
        return
    taken = dict.fromkeys(specs.environment.variables if specs.environment else (), "@environment")
    inline = (source.options.get("env_vars", {}) for source in secrets.sources if source.type == "inline")
    for name in (name for variables in inline for name in variables):
        other = taken.get(name)
        if other == "a secret" or (other is not None and not secrets.allow_override):
            sink.error(
                "FC406", f"a secret sets the variable {name!r}, which {other} sets, too", secrets.span,
                help="rename one of them" if other == "a secret" else "rename one, or say allow_override=True",
            )  # fmt: skip
        taken[name] = "a secret"
