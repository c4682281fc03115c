"""The local files that a flow ships, and what is wrong with them or cannot be found."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from flowc_compiler.filesystem import FolderNames
from flowc_compiler.syntax.import_root import located
from flowc_compiler.syntax.local_code import LocalCode, local_code
from flowc_targets.package.included_files import (
    check_default_files,
    included_files,
    report_places,
    report_size,
    shipped_files,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow
    from flowc_compiler.source import SourceFile
    from flowc_compiler.syntax.local_code import Importer

_MOST_MISSING = 2000
"""Imports that are searched for in the whole project."""


def find_local_code(source: SourceFile, included: Sequence[Path], sink: DiagnosticSink) -> LocalCode:
    """The local files of a flow, with all that is wrong with them. `included` are files that ship anyway.

    Collects FC101 and FC104 for local files that cannot be read, FC106 for names of Metaflow that are not served, FC604
    for imports that can only be local and are not there, FC606 for modules that are compiled to machine code, FC612 for
    what looks local and is not found, and FC613 for changes of the import path that are not known.
    """
    code = LocalCode(source, included) if included else local_code(source)
    sink.extend(code.sink)
    for item in code.missing[:_MOST_MISSING]:
        _report_missing(item, code, sink)
    if len(code.missing) > _MOST_MISSING:
        _, file, _ = code.missing[_MOST_MISSING]
        message = f"there are {len(code.missing) - _MOST_MISSING:,} more imports of what is no local module"
        sink.warning("FC612", message, file.line_span(1), help="whether they look local was not searched")
    for item in code.compiled:
        _report_compiled(item, included, sink)
    for change, file in code.changes:
        if change.folder is None:
            message = "this changes the import path by a value that flowc does not know"
            help_text = (
                'write the folder from `__file__`, as in `Path(__file__).parent / "lib"`; `--include` ships files'
            )
            sink.warning("FC613", message, file.line_span(change.line), help=help_text)
    for script, file in code.absent:
        message = f"there is no file `{script.name}`, which looks like a script of this project"
        sink.warning("FC612", message, file.line_span(script.line), help=_searched(code, None))
    return code


def check_code(source: SourceFile, include: Sequence[str], sink: DiagnosticSink) -> None:
    """Report what is wrong with the local files of a flow and its included files, as packing them would."""
    find_local_code(source, list(included_files(include, located(source.path).parent, sink).values()), sink)


def check_package(flow: Flow, source: SourceFile, include: Sequence[str], sink: DiagnosticSink) -> None:
    """Report what is wrong with the files of a flow, as building its code package would, which is not built.

    Collects what `find_local_code` and `included_files` do, FC118 for names that are not UTF-8, and as a warning FC308
    for default files of parameters, since a run may be given others.
    """
    included = included_files(include, located(source.path).parent, sink)
    code = find_local_code(source, list(included.values()), sink)
    shipped, _ = shipped_files(code, included)
    report_places([item.place for item in shipped], sink)
    report_size(included, sink)
    of_defaults = sink.nested()
    check_default_files(flow.parameters, of_defaults)
    for item in of_defaults.diagnostics:
        sink.warning(item.code, item.message, item.span, help=item.help)


def _report_missing(item: Importer, code: LocalCode, sink: DiagnosticSink) -> None:
    wanted, source, found = item
    if wanted.optional:
        return
    span = source.line_span(wanted.line)
    if found is None:
        message = f"`{wanted.shown}` leads out of the package that this file is in"
        help_text = "import it by its name from the flow's folder, or move the file into a package"
        sink.error("FC604", message, span, help=help_text)
        return
    shown = ".".join(wanted.parts)
    missing = len(wanted.parts) - found.matched
    if not missing or (wanted.attribute and missing > 1):  # `from x import y`: reported with `x`
        return
    if wanted.level or found.regular:
        if not found.files or "__path__" not in code.texts.get(found.files[-1][0], ""):
            where = ", ".join(map(str, found.folders)) or code.root.folder
            help_text = f"it can only be in {where}: correct the name, or add the file"
            sink.error("FC604", f"there is no local module `{shown}`", span, help=help_text)
        return
    name = wanted.parts[0]
    if name in sys.stdlib_module_names or _is_installed(name) or code.is_required(name):
        return
    if any(code.folders.has_code(place) for place in found.folders):
        message = f"there is no `{shown}` in the local folder {name}"
        sink.warning("FC612", message, span, help=_searched(code, None))
    elif found.matched == 0 and (place := code.absolute_place(wanted)) is not None:
        message = f"`{shown}` is {place}, in a folder that is on the import path by its absolute name, and doesn't ship"
        sink.warning("FC612", message, span, help="write the folder from `__file__`, or have it in the image")
    elif found.matched == 0 and (near := code.near(name)):
        message = f"`{name}` is not on the import path, and looks local: there is {code.shown(near[0])}"
        sink.warning("FC612", message, span, help=_searched(code, near[0].parent))
    elif found.matched == 0 and (meant := code.meant(item)) is not None:
        message = f"there is no `{name}`; {code.shown(meant)} has what is imported from it"
        sink.warning("FC612", message, span, help=f"write `{meant.name}`, or have `{name}` in the image")


def _searched(code: LocalCode, near: Path | None) -> str:
    places = ", ".join(code.shown(place) for place in code.places())
    if near is None:
        return f"these folders were searched: {places}; correct the name, or have it in the image"
    way_out = f"add its folder, {code.shown(near)}, to `sys.path` from `__file__`, or have it in the image"
    return f"these folders were searched: {places}; {way_out}"


def _is_installed(name: str) -> bool:
    """Whether a package of that name is installed here: then it is expected in the image as well."""
    places = [place for place in sys.path if place.rstrip("/").endswith(("site-packages", "dist-packages"))]
    for place in places:
        FolderNames(Path(place)).named(name)  # a cached check depends on it
    return PathFinder.find_spec(name, places) is not None


def _report_compiled(item: Importer, included: Sequence[Path], sink: DiagnosticSink) -> None:
    wanted, source, found = item
    if found is None or found.compiled is None or found.compiled in included:
        return
    message = f"`{'.'.join(wanted.parts)}` is compiled to machine code ({found.compiled.name}), which is not shipped"
    help_text = "install it in the image; where the image is of the same platform, `--include` ships the file"
    report = sink.warning if wanted.optional else sink.error
    report("FC606", message, source.line_span(wanted.line), help=help_text)
