"""Which local files a flow imports, found by reading imports, never by running them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEVER_LOCAL = frozenset({"flowc", "metaflow"})
"""Names that the shim serves: a folder of that name beside the flow is not the user's module."""


def local_files(source: str, folder: Path) -> dict[str, bytes]:
    """The `.py` files under `folder` that `source` imports, transitively, as archive name to content.

    An import of `a.b.c` brings `a/__init__.py`, `a/b/__init__.py` and `a/b/c.py`, those that are there; what is not
    there is taken to be installed in the image. Imports within functions, and `import_module` and `__import__` of a
    literal, count too.
    """
    found: dict[str, bytes] = {}
    queue = list(_imported(source, ()))
    while queue:
        parts = queue.pop()
        if not parts or parts[0] in NEVER_LOCAL:
            continue
        for name, package in _candidates(parts, folder):
            if name in found:
                continue
            found[name] = (folder / name).read_bytes()
            queue.extend(_imported(found[name], package))
    return found


def _candidates(parts: tuple[str, ...], folder: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The files behind a dotted name, each with the package that its relative imports start from."""
    for length in range(1, len(parts) + 1):
        head = parts[:length]
        base = "/".join(head)
        if (folder / base).is_dir():
            if (folder / base / "__init__.py").is_file():
                yield f"{base}/__init__.py", head
        elif (folder / f"{base}.py").is_file():
            yield f"{base}.py", head[:-1]
            return
        else:
            return


def _imported(source: str | bytes, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The dotted names that a module of `package` imports; none when it is not valid Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (tuple(alias.name.split(".")) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = _base(package, level) + (tuple(module.split(".")) if module else ())
                yield base
                yield from ((*base, alias.name) for alias in names)
            case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]) if _is_import_call(func):
                yield tuple(name.split("."))
            case _:
                pass


def _base(package: tuple[str, ...], level: int) -> tuple[str, ...]:
    return package[: len(package) - level + 1] if level else ()


def _is_import_call(func: ast.expr) -> bool:
    match func:
        case ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"):
            return True
        case _:
            return False
