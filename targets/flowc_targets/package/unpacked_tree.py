"""Where the user's files stand in a code package that has included files, and what the shim must know of it.

A zip has no real files. With files included, all of the user's are put under `files/`, and the shim unpacks that folder
before it imports anything. Everything keeps its place relative to the flow's file: what `--include` names by a path is
opened by that path, one above the flow's folder as well. The folders above it get a neutral name, so that the package
does not depend on where a checkout lies.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowc.protocol import FILES_FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.syntax.import_root import ImportRoot

ABOVE = "_above_"
"""The name of each folder above the import root."""


def from_home(included: Mapping[str, Path], home: ImportRoot) -> dict[str, Path]:
    """Included files by their path from the import root instead of the flow's folder."""
    flow_folder = Path(*home.package)
    return {Path(os.path.normpath(flow_folder / name)).as_posix(): path for name, path in included.items()}


def unpacked_tree(
    code: Mapping[str, bytes], data: Mapping[str, Path], home: ImportRoot, sink: DiagnosticSink
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The archive's entries for code and data (both by path from the import root), and the plan's `files`.

    Collects FC605 for a file that cannot be read.
    """
    height = max((name.split("/").count("..") for name in data), default=0)
    root = "/".join([ABOVE] * height)
    entries = {_joined(FILES_FOLDER, root, name): content for name, content in code.items()}
    executable: list[str] = []
    for name, path in data.items():
        ups = name.split("/").count("..")
        place = _joined(*[ABOVE] * (height - ups), name.replace("../", ""))
        try:
            entries[_joined(FILES_FOLDER, place)] = path.read_bytes()
            if path.stat().st_mode & 0o100:
                executable.append(place)
        except OSError as error:
            sink.error("FC605", f"{path} cannot be read: {error.strerror}", None, help="correct its mode, or leave it")
    plan = {"code": root, "folder": _joined(root, *home.package), "executable": sorted(executable)}
    return entries, plan


def _joined(*parts: str) -> str:
    return "/".join(part for part in parts if part)
