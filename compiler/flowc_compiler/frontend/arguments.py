"""The arguments of each step decorator, with Metaflow's names, units and defaults (FACTS of Metaflow 2.19)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_UNITS = {"": 1.0, "K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0**2}
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B?)\s*", re.IGNORECASE)


def _megabytes(value: object) -> object:
    """MiB from a number, a numeric string (Metaflow's), or a quantity such as `16Gi`."""
    if isinstance(value, str):
        match = _QUANTITY.fullmatch(value)
        if match is None:
            raise ValueError(f"{value!r} is not an amount of memory: write MiB as a number, or '16Gi'")
        return round(float(match[1]) * _UNITS[match[2].upper()])
    if isinstance(value, bool) or not isinstance(value, (int, float, type(None))):
        raise ValueError("an amount of memory is a number of MiB or a string such as '16Gi'")
    return value if value is None else round(value)


def _gpu(value: object) -> object:
    """(count, type) from `1`, `"1"`, `"a100:2"` or `"a100"`."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return None if value is None else (value, None)
    if isinstance(value, str) and value:
        kind, _, count = value.rpartition(":")
        if value.isdigit():
            return (int(value), None)
        return (int(count), kind) if kind and count.isdigit() else (1, value)
    raise ValueError("a GPU request is a whole number or a string such as 'a100:2'")


def _names(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _mapping(value: object) -> object:
    """A dict, or Metaflow's `"key=value,key=value"`."""
    if isinstance(value, str):
        pairs = [item.partition("=") for item in value.split(",") if item]
        if any(not separator for _, separator, _ in pairs):
            raise ValueError("write a dict, or 'key=value,key=value'")
        return {key.strip(): text.strip() for key, _, text in pairs}
    return value


Megabytes = Annotated[int | None, BeforeValidator(_megabytes), Field(ge=0)]
Gpu = Annotated[tuple[Annotated[int, Field(ge=0)], str | None] | None, BeforeValidator(_gpu)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Mapping = Annotated[dict[str, str], BeforeValidator(_mapping)]


class Arguments(BaseModel):
    """The base: unknown arguments are refused before validation, with the argument's own span."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ResourcesArguments(Arguments):
    """`@resources`."""

    cpu: Annotated[float | None, Field(gt=0)] = None
    gpu: Gpu = None
    memory: Megabytes = None
    disk: Megabytes = None
    shared_memory: Megabytes = None


class KubernetesArguments(ResourcesArguments):
    """`@kubernetes`, of which `gpu_type` is flowc's own."""

    gpu_vendor: str = "nvidia"
    gpu_type: str | None = None
    image: str | None = None
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    image_pull_secrets: Names = ()
    service_account: str | None = None
    namespace: str | None = None
    secrets: Names = ()
    node_selector: Mapping = {}
    tolerations: tuple[dict[str, Any], ...] = ()
    labels: Mapping = {}
    annotations: Mapping = {}
    persistent_volume_claims: Mapping = {}


class RetryArguments(Arguments):
    """`@retry`."""

    times: Annotated[int, Field(ge=0, le=100)] = 3
    minutes_between_retries: Annotated[float, Field(ge=0)] = 2


class TimeoutArguments(Arguments):
    """`@timeout`; the three are summed."""

    seconds: Annotated[int, Field(ge=0)] = 0
    minutes: Annotated[int, Field(ge=0)] = 0
    hours: Annotated[int, Field(ge=0)] = 0


class EnvironmentArguments(Arguments):
    """`@environment`."""

    vars: dict[str, str | int | float | bool]


ARGUMENTS: dict[str, type[Arguments]] = {
    "resources": ResourcesArguments,
    "kubernetes": KubernetesArguments,
    "retry": RetryArguments,
    "timeout": TimeoutArguments,
    "environment": EnvironmentArguments,
}
"""Step decorators that flowc compiles."""

LATER_ARGUMENTS = {
    "kubernetes": frozenset(
        {
            "use_tmpfs", "tmpfs_tempdir", "tmpfs_size", "tmpfs_path", "port", "compute_pool", "executable",
            "hostname_resolution_timeout", "qos", "extended_resources", "security_context",
        }
    ),
}  # fmt: skip
"""Arguments that Metaflow has and flowc does not compile yet."""
