"""The files that a flow ships: its code, those of `--include`, and the default files of IncludeFile parameters.

A zip has no real files: all of the user's are under `files/`, and the shim unpacks that folder before it imports
anything. Each keeps its place relative to the flow's file, so that a step opens it by the path that `--include` names,
also above the flow's folder. The folders above the code have a neutral name, so that the package does not depend on
where a checkout is.
"""

from __future__ import annotations

import glob
import os
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flowc_compiler.driver import default_file, is_unicode
from flowc_compiler.filesystem import (
    MOST_BYTES,
    exists,
    is_file,
    is_folder,
    is_link,
    read_file,
    real_path,
    record_tree,
)
from flowc_compiler.syntax.import_root import is_readable, outside_help
from flowc_compiler.syntax.local_code import Reason
from flowc_compiler.syntax.parsing import ALLOW_LARGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Parameter
    from flowc_compiler.syntax.local_code import LocalCode


DEFAULTS_FOLDER = "flowc_included"
"""Where default files of IncludeFile parameters are in the package."""
ABOVE = "_above_"
"""The name of each folder above the code."""
_NEVER = ("__pycache__",)
_HEADERS = (b"# Made by flowc ", b"# Compiled by flowc ")
"""How flowc's own output begins: a package that contains the last one would never be the same twice."""


def included_files(patterns: Sequence[str], folder: Path, sink: DiagnosticSink) -> dict[str, Path]:
    """The files that patterns name, absolute, by their path from `folder` (with slashes; `../` for those above it).

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
            file = Path(os.path.normpath(folder / path))
            if is_link(file) and not is_readable(file, folder):
                message = f"`--include {pattern}`: {path} is a link to a file outside of the flow's project"
                sink.error("FC605", message, None, help=outside_help(real_path(file)))
                continue
            found[path] = file
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
    if pattern and exists(folder / pattern):
        return [pattern]
    record_tree(folder.joinpath(*takewhile(lambda part: not set("*?[") & set(part), Path(pattern).parts)))
    matches = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207 (Path.glob knows no `..`)
    return sorted(os.path.normpath(match) for match in matches)


def _files(folder: Path, match: str) -> Iterator[str]:
    """A file itself, or the files in a folder, sorted."""
    path = folder / match
    if not is_folder(path):
        if is_file(path):
            yield _from(folder, path)
        return
    record_tree(path)
    for where, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if _wanted(name))
        for name in sorted(names):
            file = Path(where, name)
            if _wanted(name) and is_file(file) and not _written_by_flowc(file):
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
        return read_file(path).startswith(_HEADERS)
    except OSError:
        return False  # reported where it is read


def _help(pattern: str, folder: Path) -> str:
    text = f"write a path, a folder or a glob from the flow's folder, {folder}"
    here = Path.cwd()
    if here != folder and glob.glob(pattern, recursive=True):  # noqa: PTH207
        beside = Path(os.path.relpath(here, folder), pattern).as_posix()
        return f"{text}; for the files in the working directory write `--include {beside}`"
    return text


def report_size(included: Mapping[str, Path], sink: DiagnosticSink) -> bool:
    """Whether a package can have these files, which are read whole; FC605 is collected for those that are too large.

    Tasks of a local run use them where they are, and need no bound.
    """
    sizes = {name: _size(path) for name, path in included.items()}
    if ALLOW_LARGE.get() or sum(sizes.values()) <= MOST_BYTES:
        return True
    largest = max(sizes, key=lambda name: sizes[name])
    message = f"the included files are larger than {MOST_BYTES >> 20} MiB, and the largest is {largest}"
    sink.error("FC605", f"{message} ({sizes[largest]:,} bytes)", None, help=_TOO_LARGE)
    return False


def read_shipped(path: Path) -> bytes:
    """The content of a file that is no module. Raises OSError."""
    return read_file(path, None if ALLOW_LARGE.get() else MOST_BYTES)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # reported where it is read
        return 0


_TOO_LARGE = "keep it in the store, on a volume or in the image; or, if you trust the files, give `--allow-large`"
_TO_CREATE = "create it where you compile: it is compiled into the code package"


def check_default_files(parameters: Sequence[Parameter], sink: DiagnosticSink) -> dict[str, Path]:
    """Parameter name to the default file of an IncludeFile. Collects FC308 for one that is computed, unreadable, or too
    large for a package.
    """
    found: dict[str, Path] = {}
    for parameter in parameters:
        if parameter.source != "file":
            continue
        if parameter.dynamic_default:
            message = f"parameter `{parameter.name}`: the path of its default file is computed when the run starts"
            literal = "write the path as a literal: the file is compiled into the code package"
            way_out = f"{literal}; or give it, `-p {parameter.name}=PATH`"
            sink.error("FC308", message, parameter.span, help=way_out)
        elif (path := default_file(parameter, sink, _TO_CREATE)) is not None:
            found[parameter.name] = path
    if not ALLOW_LARGE.get() and sum(map(_size, found.values())) > MOST_BYTES:
        name = max(found, key=lambda name: _size(found[name]))
        span = next(parameter.span for parameter in parameters if parameter.name == name)
        size = f"its file has {_size(found[name]):,} bytes, and a package holds {MOST_BYTES >> 20} MiB"
        message = f"parameter `{name}`: {size}"
        way_out = f"give its URL, `-p {name}=s3://...`; or, if you trust the files, `--allow-large`"
        sink.error("FC308", message, span, help=way_out)
        return {}
    return found


def default_files(parameters: Sequence[Parameter], sink: DiagnosticSink) -> tuple[dict[str, str], dict[str, bytes]]:
    """Parameter name to the name of its file in the package, and the files. Collects FC308 for unreadable files."""
    found = check_default_files(parameters, sink)
    names = {name: f"{DEFAULTS_FOLDER}/{name}" for name in found}
    return names, {names[name]: read_shipped(path) for name, path in found.items()}


class Shipped(NamedTuple):
    """A file of the user's that a task has."""

    place: str
    """Where it is among the unpacked files, as a path with slashes."""
    path: Path
    reason: Reason


def report_places(places: Iterable[str], sink: DiagnosticSink) -> bool:
    """Whether a package can have these names; FC118 is collected for those that are not UTF-8."""
    found = [place for place in places if not is_unicode(place)]
    for place in found:
        message = f"the file {place!a} has a name that is not UTF-8, and cannot be shipped"
        sink.error("FC118", message, None, help="rename the file, or the folder that it is in")
    return not found


def shipped_files(
    code: LocalCode, included: Mapping[str, Path], *, in_place: bool = False
) -> tuple[list[Shipped], dict[str, Any]]:
    """All files of a flow in the order of their places, and the plan's `files`: how a task finds them.

    The places of files that are used `in_place` are paths from the code's top folder. Of others, each
    keeps its place relative to the others, so that `Path(__file__).parent.parent / "lib"` is what it is here.
    """
    root, top = code.root, code.top
    height = (
        0 if in_place else max((_relative(path, top).split("/").count("..") for path in included.values()), default=0)
    )
    flow = Reason("the flow")
    reasons = {root.file: flow, **code.files}
    for name, path in included.items():
        reasons.setdefault(path, Reason(f"--include {name}"))
    files = sorted(Shipped(_place(path, top, height), path, reason) for path, reason in reasons.items())
    places = [place for place in code.start_path if place.is_relative_to(top)]
    plan: dict[str, Any] = {
        "file": _place(root.file, top, height),
        "path": [_place(place, top, height) for place in places],
        "shipped": [item.place for item in files],
    }
    if hidden := code.hidden_names():
        plan["hidden"] = hidden
    if shadowing := [name for name in hidden if name in code.imported_names()]:
        plan["shadowing"] = shadowing
    if not in_place and (included or code.needs_folder):
        plan["folder"] = _place(root.file.parent, top, height)
    return files, plan


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _place(path: Path, top: Path, height: int) -> str:
    """The place of a file or folder; those above `top` are beside the neutral names that stand for it."""
    name = _relative(path, top)
    if not height:
        return "" if name == "." else name
    ups = name.split("/").count("..")
    return "/".join([ABOVE] * (height - ups) + [part for part in name.split("/") if part not in {"..", "."}])
