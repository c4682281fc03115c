"""A code package as two ConfigMaps: the runtime, the same for all flows of a release, and the flow's code as text.

A reviewer reads the code where it is, and a changed line is a changed line. A pod finds both in one folder, by a
projected volume: the runtime as a zip that Python runs, and beside it the plan and the flow's files.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from flowc._version import __version__
from flowc.protocol import FILES_FOLDER, PACKED_SUFFIX, PLAN_FILE, RUNTIME_FILE
from flowc_targets.kubernetes.objects import (
    ConfigMap,
    ConfigMapProjection,
    KeyToPath,
    ObjectMeta,
    ProjectedVolumeSource,
    VolumeProjection,
)
from flowc_targets.package.code_package import MAIN_FILE, content_hash, zip_files

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = "flowc.pyz"
"""The key of the runtime, and so the file in pods."""
LABELS = {"app.kubernetes.io/managed-by": "flowc"}
"""The labels of every object that flowc writes."""
VERSION_LABEL = "flowc/version"
"""The release whose runtime it is."""
LONGEST_TEXT = 64 * 1024
"""Bytes of a file that is shown as text. A longer one is a table or generated: compressed, more of them fit."""

_HASH_LENGTH = 10
_NOT_IN_KEYS = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST_KEY = 253
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
"""What no text has, but files of other kinds; a carriage return is one of them."""


class PackageMaps(NamedTuple):
    """The objects of a package, and the volume that shows both to a pod."""

    runtime: ConfigMap
    code: ConfigMap
    volume: ProjectedVolumeSource
    sizes: dict[str, int]
    """The bytes that each of the user's files takes in the object, by its path in the package."""


def package_maps(name: str, files: Mapping[str, bytes], values: Mapping[str, str], meta: ObjectMeta) -> PackageMaps:
    """The objects for the files of a package (see `package_files`). The one with the code is called `name`.

    `values` are further keys of that, which no pod sees as files. `meta` has the labels and the namespace.
    """
    own, program = split_package(files)
    packed = _zipped(tuple(program.items()))
    runtime = ConfigMap(
        metadata=meta.replace(name=f"flowc-runtime-{_digest(packed)}", labels=release_labels(__version__)),
        binary_data={PROGRAM: base64.b64encode(packed).decode()},
    )
    data, binary, taken = dict(values), dict[str, str](), set(values)
    items: list[KeyToPath] = []
    sizes: dict[str, int] = {}
    for path, content in own.items():
        key = _key(path, taken)
        taken.add(key)
        text = _as_text(path, content)
        if text is not None:
            data[key] = text
            sizes[path] = len(content)
        else:
            compressed = zlib.compress(content, 9)
            binary[key] = base64.b64encode(compressed).decode()
            sizes[path] = len(compressed)
        items.append(KeyToPath(key=key, path=path if text is not None else f"{path}{PACKED_SUFFIX}"))
    code = ConfigMap(metadata=meta.replace(name=name), data=data, binary_data=binary)
    sources = (
        ConfigMapProjection(name=runtime.metadata.name or "", items=(KeyToPath(key=PROGRAM, path=PROGRAM),)),
        ConfigMapProjection(name=name, items=tuple(items)),
    )
    volume = ProjectedVolumeSource(sources=tuple(VolumeProjection(config_map=source) for source in sources))
    return PackageMaps(runtime, code, volume, sizes)


@cache
def _zipped(program: tuple[tuple[str, bytes], ...]) -> bytes:
    """The runtime as a zip: all flows that one command compiles have the same."""
    return zip_files(dict(program))


def release_labels(version: str) -> dict[str, str]:
    """The labels of a release's runtime; a local version such as `1.0+gpu` is no label's value as it is."""
    return {**LABELS, VERSION_LABEL: re.sub(r"[^A-Za-z0-9_.-]", "_", version)}


def split_package(files: Mapping[str, bytes]) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The files of a package that are the flow's own, with the plan first, and those of the runtime."""
    program = {name: files[name] for name in (MAIN_FILE, RUNTIME_FILE) if name in files}
    names = sorted(files.keys() - program.keys(), key=lambda name: (name != PLAN_FILE, name))
    return {name: files[name] for name in names}, program


def code_digest(files: Mapping[str, bytes], values: Mapping[str, str]) -> str:
    """What the name of the object with the code depends on."""
    return content_hash({**split_package(files)[0], **{key: value.encode() for key, value in values.items()}})


def _key(path: str, taken: set[str]) -> str:
    """A key for a path: keys have no `/`. `a/b.py` is `a.b.py`; what is not told apart by that gets a hash."""
    plain = _NOT_IN_KEYS.sub("_", path.removeprefix(f"{FILES_FOLDER}/").replace("/", "."))
    if plain not in taken and len(plain) <= _LONGEST_KEY and not plain.startswith(".."):
        return plain
    tail = f"-{_digest(path.encode())}"
    return plain.lstrip(".")[: _LONGEST_KEY - len(tail)] + tail


def _as_text(path: str, content: bytes) -> str | None:
    """A file's text, where a manifest can show it and a reader would want it to."""
    if len(content) > LONGEST_TEXT and path != PLAN_FILE:
        return None
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(text) else text


def _digest(content: bytes) -> str:
    """Of the bytes as they are: objects never change, and two versions of zlib may compress the same differently."""
    return hashlib.sha256(content).hexdigest()[:_HASH_LENGTH]
