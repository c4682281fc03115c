"""Imports of what no folder has, whose names are one slip away from a local module's.

Whatever is not local may be installed in the image, so that a name alone says little: `request.py` may stand beside a
flow that imports `requests`. The local module has to have all that the import takes as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from flowc_compiler.filesystem import names_in, read_text
from flowc_compiler.syntax.import_root import NEVER_LOCAL, Folders
from flowc_compiler.syntax.import_statements import Import, imports_of
from flowc_compiler.syntax.parsing import parse_text
from flowc_compiler.syntax.tree_walk import bound_names, walk

_SHORTEST = 4
"""Letters of a name; shorter ones resemble each other."""


def similar_names(name: str, folder: Path) -> list[str]:
    """The modules and packages in a folder whose names are one slip away from a name."""
    if len(name) < _SHORTEST:
        return []
    found = {item.removesuffix(".py") for item in names_in(folder)} - NEVER_LOCAL
    return sorted(item for item in found if len(item) >= _SHORTEST and is_one_slip(name, item))


def is_one_slip(name: str, other: str) -> bool:
    """Whether two names differ by one letter, by two neighbors that are swapped, or by capitals only."""
    first, second = name.lower(), other.lower()
    if first == second:
        return name != other
    while first and second and first[0] == second[0]:
        first, second = first[1:], second[1:]
    while first and second and first[-1] == second[-1]:
        first, second = first[:-1], second[:-1]
    return max(len(first), len(second)) == 1 or (len(first) == 2 and first == second[::-1])


def meant_module(wanted: Import, text: str, places: Iterable[Path], folders: Folders) -> Path | None:
    """The local module that an import of a file with this text means, as it has all that the file takes of it.

    `None` where there is none, or more than one, or where the local module itself imports that name.
    """
    name = wanted.parts[0]
    found = [(place, item) for place in places for item in similar_names(name, place)]
    if len(found) != 1:
        return None
    place, meant = found[0]
    module = folders.resolve((meant, *wanted.parts[1:]), (place,))
    if module.matched < len(wanted.parts) or not (module.files or module.folders):
        return None
    own = [path for path, _ in module.files]
    if any(item.parts[:1] == (name,) for path in own for item in imports_of(_parsed(read_text(path)))):
        return None
    taken = taken_names(".".join(wanted.parts), text)
    defined = {item for path in own[-1:] for item in bound_names(_parsed(read_text(path)).body)}
    members = {item.removesuffix(".py") for at in module.folders for item in names_in(at)}
    return place / meant if len(wanted.parts) > 1 or (taken and taken <= defined | members) else None


def taken_names(module: str, text: str) -> set[str]:
    """What a file takes of a module: by `from module import x`, and as `module.x`."""
    tree = _parsed(text)
    called, found = {module}, set[str]()
    for node in walk(tree):
        match node:
            case ast.ImportFrom(module=name, names=names, level=0) if name == module:
                found |= {alias.name for alias in names}
            case ast.Import(names=names):
                called |= {alias.asname for alias in names if alias.name == module and alias.asname}
            case _:
                pass
    attributes = (node for node in walk(tree) if isinstance(node, ast.Attribute))
    return found | {node.attr for node in attributes if isinstance(node.value, ast.Name) and node.value.id in called}


def _parsed(text: str) -> ast.Module:
    try:
        return parse_text(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # reported where the file is read
        return ast.Module([], [])
