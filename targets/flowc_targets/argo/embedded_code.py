"""Code in the Workflow itself: in annotations, which the pods get as files and unpack."""

from __future__ import annotations

import base64
import bz2
from typing import TYPE_CHECKING

from flowc.protocol import env_names
from flowc_compiler.ir.manifest_schema import CODE_FOLDER, CODE_VOLUME
from flowc_targets.argo.workflow_objects import Template, Workflow
from flowc_targets.kubernetes.objects import (
    Container,
    DownwardAPIVolumeFile,
    DownwardAPIVolumeSource,
    EnvVar,
    ObjectFieldSelector,
    ObjectMeta,
    Volume,
)
from flowc_targets.kubernetes.package_maps import PROGRAM, split_package
from flowc_targets.package.code_package import zip_files
from flowc_targets.package.stored_package import bootstrap_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow
    from flowc_targets.argo.options import ArgoOptions


ANNOTATION_BYTES = 250_000
"""What Kubernetes allows for all annotations of an object (262,144 bytes, TotalAnnotationSizeLimitB), less what
Argo and the steps add to theirs."""
LISTED_BYTES = 16 * 1024 * 1024
"""What a kubelet reads of all pods of its node, finished ones among them, with their annotations, in one message."""
MOST_PODS = 110
"""The most pods of a node that a kubelet allows by default."""
BOOT_FILE = "boot.py"
_CODE_FILE = "code"
_PREFIX = "flowc/"
BOOT = """\
import base64, bz2, os, sys, tempfile

here = os.path.dirname(os.path.abspath(__file__))


def unpacked(name):
    with open(os.path.join(here, name), "rb") as file:
        return bz2.decompress(base64.b64decode(file.read()))


path = os.path.join(tempfile.mkdtemp(prefix="flowc-"), "flow.pyz")
with open(path, "wb") as file:
    file.write(unpacked("code"))
for pair in filter(None, os.environ.pop("FLOWC_PACKED", "").split(",")):
    name, _, key = pair.partition("=")
    os.environb[name.encode()] = unpacked(key)
os.execv(sys.executable, [sys.executable, path] + sys.argv[1:])
"""
"""What a pod calls instead of the code package: it unpacks it, and goes on as it."""
BOOT_IMAGE = BOOT.replace("[sys.executable, path]", '[sys.executable, "-m", "flowc"]').replace(
    "os.execv(", f'os.environ["{env_names.CODE}"] = path\nos.execv('
)
"""The same where the runtime is in the image."""


def with_embedded_code(
    flow: Flow,
    workflow: Workflow,
    files: Mapping[str, bytes],
    values: Mapping[str, str],
    sink: DiagnosticSink,
    options: ArgoOptions,
) -> Workflow:
    """The Workflow with its code in it. Collects FC503 where that is more than a pod's annotations hold.

    `files` are those of the code package, and `values` those of variables that may not stand in a template.
    """
    runtime = options.runtime
    if runtime != "configmap":
        files = {**split_package(files)[0], **(bootstrap_files() if runtime == "store" else {})}
    packed = {_CODE_FILE: zip_files(files, compressed=False), **{key: text.encode() for key, text in values.items()}}
    boot = BOOT_IMAGE if runtime == "image" else BOOT
    annotations = {_PREFIX + BOOT_FILE: boot, **{_PREFIX + key: _packed(content) for key, content in packed.items()}}
    size = sum(len(key) + len(value) for key, value in annotations.items())
    if size > ANNOTATION_BYTES:
        message = f"the code has {size} bytes in a Workflow that carries it, and a pod holds {ANNOTATION_BYTES} of it"
        help_ = (
            "say code=configmap, which needs kubectl beside Argo Server, or code=store, which uploads it to the root; "
            "or keep large files in the image or the store"
        )
        sink.unsupported("FC503", "argo", message, flow.span, help=help_)
    else:
        _check_widths(flow, size, options, sink)
    spec = workflow.spec
    volumes = tuple(_volume((BOOT_FILE, *packed)) if volume.name == CODE_VOLUME else volume for volume in spec.volumes)
    templates = tuple(_template(template) for template in spec.templates)
    own = spec.pod_metadata or ObjectMeta()
    meta = own.replace(annotations={**own.annotations, **annotations})
    return workflow.replace(spec=spec.replace(pod_metadata=meta, volumes=volumes, templates=templates))


def _check_widths(flow: Flow, size: int, options: ArgoOptions, sink: DiagnosticSink) -> None:
    """Warn (FC503) of the first foreach that may have more pods at a time than a node lists with the code in each."""
    most = LISTED_BYTES // size
    for step in flow.steps if most < MOST_PODS else ():
        own = step.specs.foreach
        bounds = [options.parallelism, own.parallelism if own is not None else None]
        bounded = any(bound is not None and bound <= most for bound in bounds)
        if step.kind != "foreach" or bounded or (own is not None and own.items_per_task is not None):
            continue
        message = (
            f"each item of `{step.name}` is a pod that carries the code, and a node fails with some {most} of these"
        )
        help_ = (
            f"for so many items, say --set code=configmap, --set runtime=store or --set parallelism={most // 2}, or "
            f"let a pod have several of them: --batch {step.name}=50"
        )
        sink.warning("FC503", message, step.next_span or step.span, help=help_)
        return


def _packed(content: bytes) -> str:
    """Compressed as a whole, by bzip2: the code takes a quarter less than by zlib, which starts 30 ms sooner."""
    return base64.b64encode(bz2.compress(content)).decode()


def _volume(names: tuple[str, ...]) -> Volume:
    files = tuple(DownwardAPIVolumeFile(path=name, field_ref=_annotation(name)) for name in names)
    return Volume(name=CODE_VOLUME, downward_api=DownwardAPIVolumeSource(items=files))


def _annotation(key: str) -> ObjectFieldSelector:
    return ObjectFieldSelector(field_path=f"metadata.annotations['{_PREFIX}{key}']")


def _template(template: Template) -> Template:
    container, found = template.container, template.container_set
    if found is not None:
        containers = tuple(map(_container, found.containers))
        first = tuple(map(_container, template.init_containers))
        return template.replace(init_containers=first, container_set=found.replace(containers=containers))
    return template if container is None else template.replace(container=_container(container))


def _container(container: Container) -> Container:
    """A container that calls `boot.py`, which sets the variables that are read from a ConfigMap otherwise."""
    package, boot = f"{CODE_FOLDER}/{PROGRAM}", f"{CODE_FOLDER}/{BOOT_FILE}"
    command = tuple(boot if part == package else part for part in container.command)
    env = [variable for variable in container.env if _key(variable) is None]
    packed = [f"{variable.name}={_key(variable)}" for variable in container.env if _key(variable) is not None]
    if packed:
        env.append(EnvVar(name="FLOWC_PACKED", value=",".join(packed)))
    return container.replace(command=command, env=tuple(env))


def _key(variable: EnvVar) -> str | None:
    """The key of the ConfigMap that a variable's value would be read from."""
    source = variable.value_from.config_map_key_ref if variable.value_from is not None else None
    return source.key if source is not None else None
