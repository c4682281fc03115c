"""`[tool.flowc]` of a project: the nearest pyproject.toml that has it, and the one root of the artifact store."""

from __future__ import annotations

import os

from flowc.errors import StoreError
from flowc.protocol import env_names
from flowc.store import DEFAULT_ROOT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Tuple

FILE = "pyproject.toml"
_MOST_BYTES = 2**24
_MOST_TOML = 200_000
"""Bytes that are parsed, which takes half a second."""


class SettingsError(StoreError):
    """A pyproject.toml cannot be read."""


def find_settings(folder: str) -> Tuple[Dict[str, Any], str]:
    """The table `[tool.flowc]` of the nearest pyproject.toml that has one, from a folder upwards, and its folder.

    Both are empty where there is none. Raises SettingsError.
    """
    folder = os.path.abspath(folder)
    while True:
        table = _table(os.path.join(folder, FILE))
        if table is not None:
            return table, folder
        above = os.path.dirname(folder)
        if above == folder:
            return {}, ""
        folder = above


def default_root(folder: str) -> str:
    """The root where the command line names none: FLOWC_ROOT, else what the project of `folder` says, else `.flowc`.

    Raises SettingsError.
    """
    return os.environ.get(env_names.ROOT) or configured_root(folder) or DEFAULT_ROOT


def configured_root(folder: str, section: str = "run") -> str | None:
    """`root` of `[tool.flowc.<section>]`, else of `[tool.flowc]`. Raises SettingsError."""
    table, home = find_settings(folder)
    root = (_as_table(table.get(section)) or {}).get("root")
    root = root if root is not None else table.get("root")
    if root is None:
        return None
    if not isinstance(root, str) or not root:
        raise SettingsError(f"{os.path.join(home, FILE)}: root is {root!r}, and not a path or a URL")
    return rebased(root, home)


def rebased(root: str, home: str) -> str:
    """A root as it is meant in a file in the folder `home`: a relative path starts there."""
    return root if "://" in root else os.path.normpath(os.path.join(home, os.path.expanduser(root)))


def _table(path: str) -> Dict[str, Any] | None:
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # a pipe has no end
            raise SettingsError(f"{path} is not a regular file")
        with open(path, "rb") as file:
            content = file.read(_MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}") from None
    if b"flowc" not in content:  # and whatever else it says is of no concern
        return None
    if len(content) > _MOST_TOML:
        raise SettingsError(f"{path} cannot be read: it is larger than {_MOST_TOML:,} bytes")
    try:
        import tomllib
    except ImportError:
        raise SettingsError(f"{path} cannot be read before Python 3.11; set {env_names.ROOT}") from None
    try:
        tool: Any = tomllib.loads(content.decode("utf-8")).get("tool")
    except (ValueError, RecursionError) as error:  # text that is not UTF-8 or not TOML
        raise SettingsError(f"{path} cannot be read: {error}") from None
    table = (_as_table(tool) or {}).get("flowc")
    if table is not None and _as_table(table) is None:
        raise SettingsError(
            f"{path}: `flowc` of [tool] is {table!r}, and not a table: write [tool.flowc] and options in it"
        )
    return _as_table(table)


def _as_table(value: Any) -> Dict[str, Any] | None:
    return value if isinstance(value, dict) else None  # pyright: ignore[reportUnknownVariableType]
