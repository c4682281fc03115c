"""Files that a flow ships beside its code: those of `--include` and the default files of IncludeFile parameters.

A zip has no real files. With files included, all of the user's are under `files/`, and the shim unpacks that folder
before it imports anything. Each keeps its place relative to the flow's file, so that a step opens it by the path that
`--include` names, also above the flow's folder. The folders above have a neutral name, so that the package does not
depend on where a checkout is.
"""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowc.protocol import FILES_FOLDER
from flowc_compiler.driver import default_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Parameter
    from flowc_compiler.syntax.import_root import ImportRoot


DEFAULTS_FOLDER = "flowc_included"
"""Where default files of IncludeFile parameters are in the package."""
ABOVE = "_above_"
"""The name of each folder above the import root."""
_NEVER = ("__pycache__",)
_HEADERS = (b"# Made by flowc ", b"# Compiled by flowc ")
"""How flowc's own output begins: a package that contains the last one would never be the same twice."""


def included_files(patterns: Sequence[str], folder: Path, sink: DiagnosticSink) -> dict[str, Path]:
    """The files that patterns name, by their path from `folder` (with slashes; `../` for those above it).

    A folder means all of its files, except names that begin with a dot, `__pycache__` and flowc's own output.
    Collects FC605 for a pattern without a match, and for an absolute path outside of `folder`.
    """
    found: dict[str, Path] = {}
    for pattern in patterns:
        matches = _matches(pattern, folder, sink)
        files = [path for match in matches or () for path in _files(folder, match)]
        if matches is not None and not files:
            sink.error("FC605", f"`--include {pattern}` names no file", None, help=_help(pattern, folder))
        for path in files:
            found[path] = folder / path
    return found


def _matches(pattern: str, folder: Path, sink: DiagnosticSink) -> list[str] | None:
    """The paths from `folder` that a pattern names; `None` if it was reported."""
    if Path(pattern).is_absolute():
        if not Path(pattern).is_relative_to(folder):
            message = f"`--include {pattern}` is an absolute path outside of the flow's folder"
            help_text = "name it from the flow's folder, as in ../data; keep large data in the store or on a volume"
            sink.error("FC605", message, None, help=help_text)
            return None
        pattern = Path(pattern).relative_to(folder).as_posix()
    pattern = os.path.normpath(pattern) if pattern.strip() else ""
    if pattern and (folder / pattern).exists():
        return [pattern]
    matches = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207 (Path.glob knows no `..`)
    return sorted(os.path.normpath(match) for match in matches)


def _files(folder: Path, match: str) -> Iterator[str]:
    """A file itself, or the files in a folder, sorted."""
    path = folder / match
    if not path.is_dir():
        if path.is_file():
            yield _from(folder, path)
        return
    for where, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if _wanted(name))
        for name in sorted(names):
            file = Path(where, name)
            if _wanted(name) and file.is_file() and not _written_by_flowc(file):
                yield _from(folder, file)


def _from(folder: Path, path: Path) -> str:
    """A path relative to the folder, normalized."""
    return Path(os.path.relpath(path, folder)).as_posix()


def _wanted(name: str) -> bool:
    return not name.startswith(".") and name not in _NEVER


def _written_by_flowc(path: Path) -> bool:
    if path.suffix not in {".yaml", ".yml", ".py"}:
        return False
    try:
        with path.open("rb") as file:
            return file.readline(200).startswith(_HEADERS)
    except OSError:
        return False  # reported where it is read


def _help(pattern: str, folder: Path) -> str:
    text = f"write a path, a folder or a glob from the flow's folder, {folder}"
    here = Path.cwd()
    if here != folder and glob.glob(pattern, recursive=True):  # noqa: PTH207
        beside = Path(os.path.relpath(here, folder), pattern).as_posix()
        return f"{text}; for the files in the working directory write `--include {beside}`"
    return text


def default_files(parameters: Iterable[Parameter], sink: DiagnosticSink) -> tuple[dict[str, str], dict[str, bytes]]:
    """Parameter name to the name of its file in the package, and the files. Collects FC308 for unreadable files."""
    names: dict[str, str] = {}
    contents: dict[str, bytes] = {}
    for parameter in parameters:
        if parameter.source != "file":
            continue
        if parameter.dynamic_default:
            message = f"parameter `{parameter.name}`: the path of its default file is computed when the run starts"
            way_out = "write the path as a literal: the file is compiled into the code package"
            sink.error("FC308", message, parameter.span, help=way_out)
            continue
        path = default_file(parameter, sink, "create it where you compile: it is compiled into the code package")
        if path is not None:
            names[parameter.name] = f"{DEFAULTS_FOLDER}/{parameter.name}"
            contents[names[parameter.name]] = path.read_bytes()
    return names, contents


def from_import_root(included: Mapping[str, Path], import_root: ImportRoot) -> dict[str, Path]:
    """Included files by their path from the import root instead of the flow's folder."""
    flow_folder = Path(*import_root.package)
    return {Path(os.path.normpath(flow_folder / name)).as_posix(): path for name, path in included.items()}


def unpacked_tree(
    code: Mapping[str, bytes], data: Mapping[str, Path], import_root: ImportRoot, sink: DiagnosticSink
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
            sink.error(
                "FC605", f"{path} cannot be read: {error.strerror}", None, help="correct its mode, or do not include it"
            )
    plan = {"code": root, "folder": _joined(root, *import_root.package), "executable": sorted(executable)}
    return entries, plan


def _joined(*parts: str) -> str:
    return "/".join(part for part in parts if part)
