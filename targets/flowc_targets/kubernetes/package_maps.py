"""A code package as ConfigMaps: the runtime, the same for all flows of a release, and the flow's code as text.

The runtime has two, since the annotation that a plain `kubectl apply` keeps of an object would not hold it as one.

A reviewer reads the code where it is, and a changed line is a changed line. A pod finds all in one folder, by a
projected volume: the runtime as a zip that Python runs, and beside it its second half, the plan and the flow's files.
Instead, the runtime may be in the image, and either of them below the root of the artifacts.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from flowc._version import __version__
from flowc.protocol import FILES_FOLDER, PACKED_SUFFIX, PLAN_FILE, RUNTIME_FILE, SHIM_HALVES, env_names
from flowc_compiler.ir.manifest_schema import CODE_FOLDER
from flowc_targets.kubernetes.labels import ENGINE, HASH_LENGTH, LABELS, RELEASE, label_value
from flowc_targets.kubernetes.objects import (
    EMPTY,
    ConfigMap,
    ConfigMapProjection,
    KeyToPath,
    ObjectMeta,
    ProjectedVolumeSource,
    VolumeProjection,
)
from flowc_targets.package.code_package import MAIN_FILE, content_hash, zip_files
from flowc_targets.package.stored_package import bootstrap_files, stored_code, stored_runtime

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_targets.base.target import StoredFile

PROGRAM = "flowc.pyz"
"""The key of the runtime, and so the file in pods."""
LONGEST_TEXT = 64 * 1024
"""Bytes of a file that is shown as text. A longer one is a table or generated: compressed, more of them fit."""

_NOT_IN_KEYS = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST_KEY = 253
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
"""What no text has, but files of other kinds; a carriage return is one of them."""


RuntimePlace = Literal["configmap", "image", "store"]
"""Where pods have the runtime: in a ConfigMap, in their image, or below the root of the artifacts."""
CodePlace = Literal["configmap", "store"]
"""Where they have the code."""


class Delivery(NamedTuple):
    """How a pod gets a package, and begins to run it."""

    program: tuple[str, ...]
    """What the Python in the image is called with, before the command of the shim."""
    volume: ProjectedVolumeSource | None
    """What shows the package to the pod, at `CODE_FOLDER`; `None` where it has all elsewhere."""
    env: Mapping[str, str] = EMPTY


class PackageMaps(NamedTuple):
    """The objects of a package, and how pods get it."""

    runtime: tuple[ConfigMap, ...]
    """The runtime in its two halves, or the one that fetches it; none where it is in the image."""
    code: ConfigMap | None
    delivery: Delivery
    sizes: dict[str, int]
    """The bytes that each of the user's files takes in the object, by its path in the package."""
    stored: tuple[StoredFile, ...] = ()
    """What has to be uploaded to the root."""

    @property
    def objects(self) -> tuple[ConfigMap, ...]:
        """The objects that there are."""
        return self.runtime if self.code is None else (*self.runtime, self.code)


IN_CONFIG_MAPS: tuple[RuntimePlace, CodePlace] = ("configmap", "configmap")
"""The places of the runtime and the code by default."""


def package_maps(
    name: str,
    files: Mapping[str, bytes],
    values: Mapping[str, str],
    meta: ObjectMeta,
    places: tuple[RuntimePlace, CodePlace] = IN_CONFIG_MAPS,
) -> PackageMaps:
    """The objects for the files of a package (see `package_files`). The one with the code is called `name`.

    `values` are further keys of that, which no pod sees as files. `meta` has the labels and the namespace. Where that
    names an engine, the runtime is an object of its own: the engines' runtimes are removed at different times.
    """
    own, program = split_package(files)
    runtime = _runtime(program, meta, places[0])
    stored: list[StoredFile] = []
    env: dict[str, str] = {}
    if places[0] == "store":
        stored.append(stored_runtime())
    elif places[0] == "image":
        env[env_names.CODE] = CODE_FOLDER
    sources = [_source(item, tuple(KeyToPath(key=key, path=key) for key in item.binary_data)) for item in runtime]
    sizes: dict[str, int] = {}
    if places[1] == "store":
        stored.append(stored_code(own))
        env[env_names.CODE] = stored[-1].key
        code = ConfigMap(metadata=meta.replace(name=name), data=values) if values else None
    else:
        code, items = _code(meta.replace(name=name), own, values, sizes)
        sources.append(_source(code, items))
    volume = ProjectedVolumeSource(sources=tuple(sources)) if sources else None
    start = ("-m", "flowc") if places[0] == "image" else (f"{CODE_FOLDER}/{PROGRAM}",)
    return PackageMaps(runtime, code, Delivery(start, volume, env), sizes, tuple(stored))


def _runtime(program: Mapping[str, bytes], meta: ObjectMeta, place: RuntimePlace) -> tuple[ConfigMap, ...]:
    """The objects that pods begin with: the runtime, or what fetches it; none where it is in the image."""
    if place == "image":
        return ()
    parts = {PROGRAM: zip_files(bootstrap_files())} if place == "store" else _halves(tuple(program.items()))
    kind = "bootstrap" if place == "store" else "runtime"
    labels = {**LABELS, RELEASE: label_value(__version__)}
    engine = meta.labels.get(ENGINE)
    if engine is not None:
        kind, labels[ENGINE] = f"{engine}-{kind}", engine
    name = f"flowc-{kind}-{_digest(b''.join(parts.values()))}"
    return tuple(
        ConfigMap(
            metadata=meta.replace(name=f"{name}-{number}" if number > 1 else name, labels=labels),
            binary_data={key: base64.b64encode(content).decode()},
        )
        for number, (key, content) in enumerate(parts.items(), 1)
    )


def _code(
    meta: ObjectMeta, own: Mapping[str, bytes], values: Mapping[str, str], sizes: dict[str, int]
) -> tuple[ConfigMap, tuple[KeyToPath, ...]]:
    """The object with the code, and what pods see of it. Fills the sizes of `PackageMaps`."""
    data, binary, taken = dict(values), dict[str, str](), set(values)
    items: list[KeyToPath] = []
    for path, content in own.items():
        key = _key(path, taken)
        taken.add(key)
        text = shown_text(path, content)
        if text is not None:
            data[key] = text
            sizes[path] = len(content)
        else:
            compressed = zlib.compress(content, 9)
            binary[key] = base64.b64encode(compressed).decode()
            sizes[path] = len(compressed)
        items.append(KeyToPath(key=key, path=path if text is not None else f"{path}{PACKED_SUFFIX}"))
    return ConfigMap(metadata=meta, data=data, binary_data=binary), tuple(items)


def _source(config_map: ConfigMap, items: tuple[KeyToPath, ...]) -> VolumeProjection:
    return VolumeProjection(config_map=ConfigMapProjection(name=config_map.metadata.name or "", items=items))


@cache
def _halves(program: tuple[tuple[str, bytes], ...]) -> dict[str, bytes]:
    """The runtime as a zip with half of the shim, and the rest: all flows that one command compiles have the same."""
    files = dict(program)
    shim = files.pop(RUNTIME_FILE, b"")
    half = len(shim) // 2
    first, second = SHIM_HALVES
    return {PROGRAM: zip_files({**files, first: shim[:half]}), second: zlib.compress(shim[half:], 9)}


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


def shown_text(path: str, content: bytes) -> str | None:
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
    return hashlib.sha256(content).hexdigest()[:HASH_LENGTH]
