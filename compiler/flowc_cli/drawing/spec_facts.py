"""The specs of a step in words, as pictures show them, and as data without the values of secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flowc_cli.drawing.graph_document import Fact
from flowc_compiler.ir import AcceleratorSpec, ContainerSpec, Placement, ResourceSpec, Step, StepSpecs


def facts(step: Step) -> tuple[Fact, ...]:
    """What the decorators of a step say, the most important first."""
    return spec_facts(step.specs)


def spec_facts(specs: StepSpecs) -> tuple[Fact, ...]:
    """What specs say, the most important first."""
    return tuple(Fact(name=name, text=text) for name, text in _facts(specs) if text)


def spec_data(specs: StepSpecs) -> dict[str, Any]:
    """The specs that are given, as in the IR, but without spans and without the values of variables and secrets."""
    spans: dict[str, Any] = {name: {"span"} for name in StepSpecs.model_fields} | {"cards": {"__all__": {"span"}}}
    data = specs.model_dump(mode="json", exclude_defaults=True, exclude=spans)
    if specs.environment is not None:
        data["environment"] = {"variables": sorted(specs.environment.variables)}
    if specs.secrets is not None:
        data["secrets"] = {"sources": [{"type": item.type, "id": _secret_id(item)} for item in specs.secrets.sources]}
    return data


def _facts(specs: StepSpecs) -> Iterator[tuple[str, str]]:
    if specs.accelerator is not None:
        yield "GPU", _gpu(specs.accelerator)
    if specs.resources is not None:
        yield from _resources(specs.resources)
    if specs.container is not None:
        yield from _container(specs.container)
    yield from _attempts(specs)
    if specs.placement is not None:
        yield from _placement(specs.placement)
    yield from _shape(specs)
    yield from _surroundings(specs)


def _attempts(specs: StepSpecs) -> Iterator[tuple[str, str]]:
    """How often and how long it is tried."""
    if specs.retry is not None:
        limit, wait = specs.retry.limit, specs.retry.backoff_seconds
        yield "retries", f"{limit}, {duration(wait)} apart" if wait and limit else str(limit)
    if specs.timeout is not None:
        yield "timeout", duration(specs.timeout.seconds)
    if specs.catch is not None:
        yield "catch", f"into {specs.catch.variable}" if specs.catch.variable else "yes"


def _shape(specs: StepSpecs) -> Iterator[tuple[str, str]]:
    """How many tasks there are."""
    if specs.parallel is not None:
        yield "gang", specs.parallel.framework or specs.parallel.decorator
    if specs.foreach is not None and specs.foreach.parallelism is not None:
        yield "items at a time", str(specs.foreach.parallelism)
    if specs.loop is not None:
        yield "iterations", f"at most {specs.loop.max_iterations}"
    if specs.fuse is not None:
        yield "pod", "a pod of its own" if specs.fuse.disabled else "in the pod of the step before"


def _surroundings(specs: StepSpecs) -> Iterator[tuple[str, str]]:
    """The variables, secrets and volumes of the step, and its cards."""
    if specs.dependencies is not None and specs.dependencies.needed:
        yield "packages", ", ".join(specs.dependencies.listed)
    if specs.environment is not None:
        yield "variables", ", ".join(specs.environment.variables)
    if specs.secrets is not None:
        yield "secrets", ", ".join(map(_secret_id, specs.secrets.sources))
    if specs.batch is not None:
        yield "queue", specs.batch.queue or ""
    if specs.airflow is not None:
        shown = {"pool": specs.airflow.pool, "queue": specs.airflow.queue, "owner": specs.airflow.owner}
        yield "airflow", ", ".join(f"{name} {value}" for name, value in shown.items() if value)
    yield "cards", ", ".join(card.id or card.type for card in specs.cards)


def _secret_id(source: Any) -> str:
    return "inline" if source.type == "inline" else str(source.id)


def _gpu(spec: AcceleratorSpec) -> str:
    if spec.count <= 0:
        return ""
    what = spec.type or ("" if spec.vendor == "nvidia" else spec.vendor)
    return f"{spec.count} × {what}" if what else str(spec.count)


def _resources(spec: ResourceSpec) -> Iterator[tuple[str, str]]:
    yield "CPU", _within(_number(spec.cpu), _number(spec.cpu_limit))
    yield "memory", _within(memory(spec.memory_mb), memory(spec.memory_limit_mb))
    yield "disk", _within(memory(spec.disk_mb), memory(spec.disk_limit_mb))
    yield "shared memory", memory(spec.shared_memory_mb)
    yield from spec.extended.items()


def _within(request: str, limit: str) -> str:
    return f"{request} (at most {limit})" if request and limit else f"at most {limit}" if limit else request


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def memory(mebibytes: int | None) -> str:
    """A size such as `8 GiB`."""
    if mebibytes is None:
        return ""
    return f"{mebibytes / 1024:g} GiB" if mebibytes >= 1024 and mebibytes % 256 == 0 else f"{mebibytes} MiB"


def duration(seconds: float) -> str:
    """A time such as `2 h` or `90 s`."""
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds / unit:g} {name}"
    return f"{seconds:g} s"


def _placement(spec: Placement) -> Iterator[tuple[str, str]]:
    yield "nodes", _pairs(spec.node_selector)
    yield (
        "tolerations",
        ", ".join(
            "=".join(filter(None, (item.key or "any", item.value))) + (f":{item.effect}" if item.effect else "")
            for item in spec.tolerations
        ),
    )
    if spec.affinity is not None:
        kinds = (name.replace("_", " ") for name, value in spec.affinity if value is not None)
        yield "affinity", ", ".join(kinds)


def _container(spec: ContainerSpec) -> Iterator[tuple[str, str]]:
    yield "image", spec.image or ""
    yield "namespace", spec.namespace or ""
    yield "service account", spec.service_account or ""
    yield "priority class", spec.priority_class or ""
    yield "scheduler", spec.scheduler or ""
    yield "Secrets", ", ".join(spec.secrets)
    yield "ConfigMaps", ", ".join(spec.config_maps)
    for volumes in (spec.persistent_volume_claims, spec.secret_volumes, spec.config_map_volumes, spec.host_volumes):
        for name, path in volumes.items():
            yield "volume", f"{name} at {path}"
    if spec.tmpfs is not None:
        yield "tmpfs", f"{memory(spec.tmpfs.size_mb)} at {spec.tmpfs.path}"


def _pairs(items: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in items.items())
