"""What a pod says in Kubernetes' own words: affinity and security, with the checks that the API server makes.

Fields are named as in Kubernetes' client for Python; they may be given in Kubernetes' camel case as well. What
Kubernetes would refuse when the pod is made is refused when the value is.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, Field, StrictBool, StrictInt, field_validator, model_validator

from flowc_compiler.ir.base import Model


def camel(name: str) -> str:
    """A field's name as Kubernetes writes it."""
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


class KubernetesModel(Model):
    """The base: accepts fields in both spellings."""

    @model_validator(mode="before")
    @classmethod
    def _spelling(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        names = {camel(name): name for name in cls.model_fields}
        items = cast("dict[object, object]", value)
        return {names.get(key, key) if isinstance(key, str) else key: item for key, item in items.items()}


_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
_LABEL_KEY = re.compile(
    r"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?",
    re.ASCII,
)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)


class Toleration(KubernetesModel):
    """A toleration. What Kubernetes refuses is refused: `ValidateTolerations` in its pkg/apis/core/validation."""

    key: str | None = None
    operator: Literal["Exists", "Equal"] | None = None
    value: str | None = None
    effect: Literal["NoExecute", "NoSchedule", "PreferNoSchedule"] | None = None
    toleration_seconds: StrictInt | None = None

    @field_validator("key", "operator", "value", "effect", mode="before")
    @classmethod
    def _empty(cls, value: object) -> object:
        return None if value == "" else value

    @model_validator(mode="after")
    def _check(self) -> Toleration:
        if self.key is None and self.operator != "Exists":
            raise ValueError("without a key the operator has to be Exists, which tolerates every taint")
        if self.key is not None and not _LABEL_KEY.fullmatch(self.key):
            raise ValueError(f"{self.key!r} is not a valid key: letters, digits, -, _ and ., with or without a prefix/")
        if self.operator == "Exists" and self.value is not None:
            raise ValueError(f"the operator Exists takes no value: leave out {self.value!r}, or write Equal")
        if self.value is not None and not _LABEL_VALUE.fullmatch(self.value):
            raise ValueError(f"{self.value!r} is not the value of a taint: at most 63 letters, digits, -, _ and .")
        if self.toleration_seconds is not None and self.effect != "NoExecute":
            raise ValueError("tolerationSeconds goes only with the effect NoExecute")
        return self


def _check_values(operator: str, values: tuple[str, ...]) -> None:
    """How many values an operator takes. Raises ValueError."""
    if operator in ("In", "NotIn") and not values:
        raise ValueError(f"{operator} needs values")
    if operator in ("Exists", "DoesNotExist") and values:
        raise ValueError(f"{operator} takes no values")
    if operator in ("Gt", "Lt") and not (len(values) == 1 and values[0].removeprefix("-").isdigit()):
        raise ValueError(f"{operator} needs one value, a whole number as a text")


class NodeSelectorRequirement(KubernetesModel):
    """What a label or field of a node has to be."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    values: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> NodeSelectorRequirement:
        _check_values(self.operator, self.values)
        return self


class NodeSelectorTerm(KubernetesModel):
    """Requirements of which all hold. A term of none matches no node."""

    match_expressions: tuple[NodeSelectorRequirement, ...] = ()
    match_fields: tuple[NodeSelectorRequirement, ...] = ()


class NodeSelector(KubernetesModel):
    """Terms of which one holds."""

    node_selector_terms: Annotated[tuple[NodeSelectorTerm, ...], Field(min_length=1)]


Weight = Annotated[StrictInt, Field(ge=1, le=100)]
"""How much a preference counts."""


class PreferredSchedulingTerm(KubernetesModel):
    """A preference for nodes."""

    weight: Weight
    preference: NodeSelectorTerm


class NodeAffinity(KubernetesModel):
    """Which nodes a pod needs, and which it prefers."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    preferred_during_scheduling_ignored_during_execution: tuple[PreferredSchedulingTerm, ...] = ()


class LabelSelectorRequirement(KubernetesModel):
    """What a label of a pod or namespace has to be."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> LabelSelectorRequirement:
        _check_values(self.operator, self.values)
        return self


class LabelSelector(KubernetesModel):
    """Labels that all hold. An empty one matches everything, unlike one that is not there."""

    match_labels: dict[str, str] = {}
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


class PodAffinityTerm(KubernetesModel):
    """Pods, and the node label within which they are near."""

    label_selector: LabelSelector | None = None
    namespaces: tuple[str, ...] = ()
    topology_key: Annotated[str, Field(min_length=1)]
    namespace_selector: LabelSelector | None = None
    match_label_keys: tuple[str, ...] = ()
    mismatch_label_keys: tuple[str, ...] = ()


class WeightedPodAffinityTerm(KubernetesModel):
    """A preference for being near pods, or far from them."""

    weight: Weight
    pod_affinity_term: PodAffinityTerm


class PodAffinity(KubernetesModel):
    """Pods that a pod is to be near."""

    required_during_scheduling_ignored_during_execution: tuple[PodAffinityTerm, ...] = ()
    preferred_during_scheduling_ignored_during_execution: tuple[WeightedPodAffinityTerm, ...] = ()


class PodAntiAffinity(KubernetesModel):
    """Pods that a pod is to be far from."""

    required_during_scheduling_ignored_during_execution: tuple[PodAffinityTerm, ...] = ()
    preferred_during_scheduling_ignored_during_execution: tuple[WeightedPodAffinityTerm, ...] = ()


class Affinity(KubernetesModel):
    """A pod's affinity."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAntiAffinity | None = None


class Capabilities(KubernetesModel):
    """Capabilities of Linux, by names such as `NET_ADMIN`."""

    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


class SeccompProfile(KubernetesModel):
    """Which system calls a container may make."""

    type: Literal["RuntimeDefault", "Unconfined", "Localhost"]
    localhost_profile: str | None = None
    """A profile's file on the node, of the type `Localhost` only."""

    @model_validator(mode="after")
    def _check(self) -> SeccompProfile:
        if (self.type == "Localhost") != (self.localhost_profile is not None):
            raise ValueError("localhostProfile goes with the type Localhost, and the other way round")
        return self


Identity = Annotated[StrictInt, Field(ge=0, lt=2**31)]
"""The number of a user or group."""


class SecurityContext(KubernetesModel):
    """The container's security context; `None` leaves the cluster's default."""

    privileged: StrictBool | None = None
    allow_privilege_escalation: StrictBool | None = None
    run_as_user: Identity | None = None
    run_as_group: Identity | None = None
    run_as_non_root: StrictBool | None = None
    read_only_root_filesystem: StrictBool | None = None
    capabilities: Capabilities | None = None
    seccomp_profile: SeccompProfile | None = None

    @model_validator(mode="after")
    def _check(self) -> SecurityContext:
        if self.privileged and self.allow_privilege_escalation is False:
            raise ValueError("a privileged container may escalate: allowPrivilegeEscalation cannot be False")
        if self.run_as_non_root and self.run_as_user == 0:
            raise ValueError("runAsUser is 0, which is root, and runAsNonRoot is True")
        return self


class PodSecurity(KubernetesModel):
    """What Kubernetes says of a pod's volumes and groups, and not of a container."""

    fs_group: Identity | None = None
    """The group that volumes belong to."""
    fs_group_change_policy: Literal["OnRootMismatch", "Always"] | None = None
    supplemental_groups: tuple[Identity, ...] = ()


def as_kubernetes(value: Any) -> Any:
    """A value of these models as in a manifest: camel case, without unset fields."""
    match value:
        case BaseModel():
            members = ((camel(name), getattr(value, name)) for name in type(value).model_fields)
            return {key: as_kubernetes(item) for key, item in members if item is not None and item not in ((), {})}
        case tuple():
            return [as_kubernetes(item) for item in cast("tuple[object, ...]", value)]
        case _:
            return value
