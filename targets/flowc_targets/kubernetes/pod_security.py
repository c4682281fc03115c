"""Pods that pass the level `restricted` of Kubernetes' Pod Security Standards, and what keeps a step from it.

A pod says of all its containers that they are not root, and that their system calls are filtered; each container has
to say itself that it gains no rights.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from flowc_compiler.ir import PodSecurity, SecurityContext
from flowc_compiler.ir.kubernetes import Capabilities, SeccompProfile
from flowc_compiler.ir.manifest_schema import MAIN
from flowc_targets.base.json_parts import as_map, as_maps, as_strings
from flowc_targets.kubernetes.objects import PodSecurityContext

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import ContainerSpec, Flow
    from flowc_targets.base.options import TargetOptions

PLAIN_IMAGE = re.compile(r"(docker\.io/)?(library/)?python(:|@|$)")
"""Images with Python and nothing else, whose user is root: the default, and others of that name."""
_USER = 1000
_ADDED = frozenset({"NET_BIND_SERVICE"})
"""Capabilities that the level lets a container add."""
_HOST = ("hostNetwork", "hostPID", "hostIPC")
_VOLUMES = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret", "name"}
)
"""Kinds of volumes that the level allows, and the name of one."""


def container_security(options: TargetOptions) -> SecurityContext | None:
    """What containers of steps without security of their own have."""
    if not options.restricted:
        return None
    return SecurityContext(allow_privilege_escalation=False, capabilities=Capabilities(drop=("ALL",)))


def pod_security(options: TargetOptions) -> PodSecurityContext | None:
    """What pods without security of their own have."""
    user = _user(options)
    if not options.restricted:
        return PodSecurityContext(run_as_user=user) if user is not None else None
    profile = SeccompProfile(type="RuntimeDefault")
    return PodSecurityContext(run_as_non_root=True, run_as_user=user, seccomp_profile=profile)


def _user(options: TargetOptions) -> int | None:
    root = options.restricted and PLAIN_IMAGE.match(options.image) is not None
    return _USER if options.run_as_user is None and root else options.run_as_user


def step_security(container: ContainerSpec | None, options: TargetOptions) -> SecurityContext | None:
    """The security of a step's container that has its own: with that of all containers, where it says nothing."""
    own, common = container.security_context if container is not None else None, container_security(options)
    if own is None or common is None:
        return own
    capabilities = Capabilities(add=own.capabilities.add if own.capabilities else (), drop=("ALL",))
    return own.model_copy(update={"allow_privilege_escalation": False, "capabilities": capabilities})


def step_pod_security(
    container: ContainerSpec | None, options: TargetOptions
) -> PodSecurity | PodSecurityContext | None:
    """The security of a step's pod that has its own: with that of all pods."""
    own, common = container.pod_security if container is not None else None, pod_security(options)
    if own is None or common is None:
        return own
    return common.replace(
        fs_group=own.fs_group,
        fs_group_change_policy=own.fs_group_change_policy,
        supplemental_groups=own.supplemental_groups,
    )


def check_restricted(
    flow: Flow,
    options: TargetOptions,
    target: str,
    patches: Iterable[tuple[str, Mapping[str, Any]]],
    sink: DiagnosticSink,
) -> None:
    """Report what the level refuses of a step, and an image whose user may be root (FC502), where it is asked for.

    `patches` are options that are merged into pods, and the spec of a pod that each makes.
    """
    if not options.restricted:
        return
    if options.run_as_user == 0:
        message = f"option run_as_user of target {target}: 0 is root, and restricted pods may not be"
        sink.error("FC505", message, None, help="give another user id, such as 1000")
    for name, spec in patches:
        for what in dict.fromkeys(_refused_patch(spec)):
            message = f"option {name} {what}, which the level `restricted` refuses"
            sink.error("FC505", message, None, help=_help_for(what))
    unknown: dict[str, None] = {}
    for step in flow.steps:
        container = step.specs.container
        image = (container.image if container is not None else None) or options.image
        if step.virtual:
            continue
        if _user(options) is None and not PLAIN_IMAGE.match(image) and not _names_user(container):
            unknown[image] = None
        for what in _refused(container) if container is not None else ():
            message = f"step {step.name!r} {what}, which the level `restricted` refuses"
            sink.unsupported(
                "FC501", target, message, container.span if container is not None else None, help=_help_for(what)
            )
    if unknown:
        message = f"restricted pods may not be root, and flowc does not know the user of {', '.join(unknown)}"
        sink.warning("FC502", message, None, help="where it is root, give an id: --set run_as_user=1000")


_HELP = "leave it out, or compile without restricted"
_UNSET = "which keeps its capabilities or may gain rights"


def _help_for(what: str) -> str:
    """What to write: a container beside the step's own has to say itself that it gains no rights."""
    if not what.endswith(_UNSET):
        return _HELP
    rights = '{"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}'
    return f'give that container "securityContext": {rights}, or compile without restricted'


def _names_user(container: ContainerSpec | None) -> bool:
    security = container.security_context if container is not None else None
    return security is not None and security.run_as_user is not None


def _refused(container: ContainerSpec) -> Iterator[str]:
    """What the level refuses of a container and of its pod's patch."""
    security = container.security_context or SecurityContext()
    if security.privileged:
        yield "is privileged"
    if security.allow_privilege_escalation:
        yield "allows privilege escalation"
    if security.run_as_user == 0 or security.run_as_non_root is False:
        yield "may run as root"
    added = set(security.capabilities.add if security.capabilities else ()) - _ADDED
    if added:
        yield f"adds the capabilities {', '.join(sorted(added))}"
    if security.seccomp_profile is not None and security.seccomp_profile.type == "Unconfined":
        yield "has no seccomp profile"
    if container.host_volumes:
        yield "mounts folders of the node"
    yield from _refused_patch(as_map(container.patch.get("spec")))


def _refused_patch(spec: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"has {name}" for name in _HOST if spec.get(name))
    for volume in as_maps(spec.get("volumes")):
        kinds = set(volume) - _VOLUMES
        if kinds:
            yield f"has a volume of the kind {', '.join(sorted(kinds))}"
    if "securityContext" in spec:
        yield from (f"has a pod which {what}" for what in _refused_security(spec["securityContext"], of_pod=True))
    for container in (*as_maps(spec.get("containers")), *as_maps(spec.get("initContainers"))):
        name, security = container.get("name"), as_map(container.get("securityContext"))
        if name != MAIN or "securityContext" in container:
            refused = _refused_security(container.get("securityContext"), of_pod=False)
            yield from (f"has the container {name!r}, which {what}" for what in refused)
        dropped = as_strings(as_map(security.get("capabilities")).get("drop"))
        if name != MAIN and ("ALL" not in dropped or "allowPrivilegeEscalation" not in security):
            yield f"has the container {name!r}, {_UNSET}"
        if any(port.get("hostPort") for port in as_maps(container.get("ports"))):
            yield f"has the container {name!r}, which takes ports of the node"


def _refused_security(given: object, *, of_pod: bool) -> Iterator[str]:
    """What the level refuses of a patch of a security context. `None` takes away what flowc has put there."""
    security = as_map(given)
    needed = ("runAsNonRoot", "seccompProfile") if of_pod else ("allowPrivilegeEscalation", "capabilities")
    gone = [name for name in needed if (given is None and of_pod) or (name in security and security[name] is None)]
    if gone:
        yield f"has no {' and no '.join(gone)}"
    yield from (f"has {name}: true" for name in ("privileged", "allowPrivilegeEscalation") if security.get(name))
    if security.get("runAsUser") == 0 or security.get("runAsNonRoot") is False:
        yield "may run as root"
    if as_map(security.get("seccompProfile")).get("type") == "Unconfined":
        yield "has no seccomp profile"
    if security.get("procMount", "Default") != "Default":
        yield "sees all of /proc"
    capabilities = as_map(security.get("capabilities"))
    added = {*as_strings(capabilities.get("add"))} - _ADDED
    if added:
        yield f"adds the capabilities {', '.join(sorted(added))}"
    if "drop" in capabilities and "ALL" not in as_strings(capabilities["drop"]):
        yield "keeps capabilities"
