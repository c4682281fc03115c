"""A Workflow that has its code in itself, for Argo Server, which has no API for ConfigMaps.

The code is an annotation of every pod, by `podMetadata`, and the pod reads its own annotations as files of a downward
API volume. It needs no right beyond that to create the Workflow, and nothing that is there before it. What it costs:
each pod's object holds a copy, which every watcher of pods gets with each change.
"""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING

from flowc_targets.argo.pod_templates import CODE_VOLUME, PACKAGE_FILE
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
from flowc_targets.kubernetes.pod import CODE_FOLDER
from flowc_targets.package.code_package import zip_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow

ANNOTATION_BYTES = 250_000
"""What Kubernetes allows for all annotations of an object (262,144 bytes, TotalAnnotationSizeLimitB), less what
Argo and the steps add to theirs."""

BOOT_FILE = "boot.py"
_CODE_FILE = "code"
_PREFIX = "flowc/"

BOOT = """\
import base64, os, sys, tempfile, zlib

here = os.path.dirname(os.path.abspath(__file__))


def unpacked(name):
    with open(os.path.join(here, name), "rb") as file:
        return zlib.decompress(base64.b64decode(file.read()))


path = os.path.join(tempfile.mkdtemp(prefix="flowc-"), "flow.pyz")
with open(path, "wb") as file:
    file.write(unpacked("code"))
for pair in filter(None, os.environ.pop("FLOWC_PACKED", "").split(",")):
    name, _, key = pair.partition("=")
    os.environb[name.encode()] = unpacked(key)
os.execv(sys.executable, [sys.executable, path] + sys.argv[1:])
"""
"""What a pod calls instead of the code package: it unpacks it, and goes on as it."""


def with_embedded_code(
    flow: Flow, workflow: Workflow, files: Mapping[str, bytes], values: Mapping[str, str], sink: DiagnosticSink
) -> Workflow:
    """The Workflow with its code in it. Collects FC503 where that is more than a pod's annotations hold.

    `files` are those of the code package, and `values` those of variables that may not stand in a template.
    """
    packed = {_CODE_FILE: zip_files(files, compressed=False), **{key: text.encode() for key, text in values.items()}}
    annotations = {_PREFIX + BOOT_FILE: BOOT, **{_PREFIX + key: _packed(content) for key, content in packed.items()}}
    size = sum(len(key) + len(value) for key, value in annotations.items())
    if size > ANNOTATION_BYTES:
        message = f"the code has {size} bytes in a Workflow that carries it, and a pod holds {ANNOTATION_BYTES} of it"
        help_ = (
            "say code=configmap, which needs kubectl beside Argo Server, or keep large files in the image or the store"
        )
        sink.unsupported("FC503", "argo", message, flow.span, help=help_)
    spec = workflow.spec
    volumes = tuple(_volume((BOOT_FILE, *packed)) if volume.name == CODE_VOLUME else volume for volume in spec.volumes)
    templates = tuple(_template(template) for template in spec.templates)
    own = spec.pod_metadata or ObjectMeta()
    meta = own.replace(annotations={**own.annotations, **annotations})
    return workflow.replace(spec=spec.replace(pod_metadata=meta, volumes=volumes, templates=templates))


def _packed(content: bytes) -> str:
    """Compressed as a whole, which for the code takes a third less than file by file."""
    return base64.b64encode(zlib.compress(content, 9)).decode()


def _volume(names: tuple[str, ...]) -> Volume:
    files = tuple(DownwardAPIVolumeFile(path=name, field_ref=_annotation(name)) for name in names)
    return Volume(name=CODE_VOLUME, downward_api=DownwardAPIVolumeSource(items=files))


def _annotation(key: str) -> ObjectFieldSelector:
    return ObjectFieldSelector(field_path=f"metadata.annotations['{_PREFIX}{key}']")


def _template(template: Template) -> Template:
    container = template.container
    return template if container is None else template.replace(container=_container(container))


def _container(container: Container) -> Container:
    """A container that calls `boot.py`, which sets the variables that are read from a ConfigMap otherwise."""
    package, boot = f"{CODE_FOLDER}/{PACKAGE_FILE}", f"{CODE_FOLDER}/{BOOT_FILE}"
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
