"""`[tool.flowc]` of a project: the nearest flowc.toml or pyproject.toml that has it, with the chosen profile on top."""

from __future__ import annotations

import os

from flowc.errors import StoreError
from flowc.protocol import env_names
from flowc.store import DEFAULT_ROOT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Tuple

FILE = "pyproject.toml"
OWN_FILE = "flowc.toml"
"""Its top is what `[tool.flowc]` is in the other. Where a folder has both, it counts."""
PROFILES = "profiles"
INHERITS = "inherits"
ADDED = ("include", "env_at_compile")
"""Lists of which those of all layers count."""
TABLES = (
    *("batch", "env", "gpu", "image_digests", "labels", "annotations", "parameters"),
    *("workflow_patch", "template_patch", "pod_override", "executor_config"),
)
"""Options that are tables, and no section of a target or command: their keys are the user's or an engine's."""
COMMANDS = "commands"
"""Holds the sections of commands whose name is an option's."""
_MOST_DEEP = 8
"""Tables in tables that are merged."""
_MOST_BYTES = 2**24
_MOST_TOML = 200_000
"""Bytes that are parsed, which takes half a second."""


class SettingsError(StoreError):
    """Settings cannot be read or used."""

    def __init__(self, message: str, path: str = "", keys: Iterable[str] = (), help: str = "correct the file") -> None:
        super().__init__(message)
        self.path, self.keys = path, tuple(keys)
        """The file, and the keys to the place in it, where these are known."""
        self.help = help
        self.name = ""
        self.known: Tuple[str, ...] = ()
        """A name that is nowhere, and those that are there."""

    def naming(self, name: str, known: Iterable[str]) -> SettingsError:
        """This error, about a name that is nowhere."""
        self.name, self.known = name, tuple(known)
        return self


def find_settings(folder: str) -> Tuple[Dict[str, Any], str]:
    """The settings that count in a folder, with the chosen profile, and the folder of their file.

    Both are empty where there is none. Raises SettingsError, also for a profile that is nowhere.
    """
    table, path = find_table(folder)
    return merged(table, chain(table, chosen_profile(), path or folder)), os.path.dirname(path)


def find_table(folder: str) -> Tuple[Dict[str, Any], str]:
    """The settings of the nearest file that has some, from a folder upwards, and its path; both may be empty.

    Raises SettingsError.
    """
    folder = os.path.abspath(folder)
    while True:
        for name in (OWN_FILE, FILE):
            path = os.path.join(folder, name)
            table = read_table(path)
            if table is not None:
                return _plain(table), path
        above = os.path.dirname(folder)
        if above == folder:
            return {}, ""
        folder = above


def chosen_profile() -> str:
    """The profile that FLOWC_PROFILE names, or `--profile`, which sets it; empty for none."""
    return os.environ.get(env_names.PROFILE, "")


def chain(table: Dict[str, Any], profile: str, path: str) -> List[str]:
    """The profiles that count, each behind those that it inherits from: the last one is `profile`.

    Raises SettingsError for a profile that is nowhere, or inherits from itself.
    """
    if not profile:
        return []
    profiles = _as_table(table.get(PROFILES)) or {}
    if _as_table(profiles.get(profile)) is None:
        raise _missing(profile, profiles, path)
    done: Dict[str, None] = {}
    add_chain(done, profiles, profile, path)
    return list(done)


def add_chain(done: Dict[str, None], profiles: Dict[str, Any], profile: str, path: str) -> None:
    """Add a profile behind those that it inherits from, without those that are there already. Raises SettingsError."""
    open_: Dict[str, None] = {} if profile in done else {profile: None}  # each inherits from the next
    while open_:
        name = next(reversed(open_))
        parents = [item for item in _inherited(profiles, name, path) if item not in done]
        if not parents:
            done[open_.popitem()[0]] = None
        elif parents[0] in open_:
            names = list(open_)
            circle = " -> ".join([*names[names.index(parents[0]) :], parents[0]])
            message = f"{path}: profiles inherit from each other: {circle}"
            raise SettingsError(message, path, (PROFILES, name, INHERITS), "let one of them inherit from none of these")
        else:
            open_[parents[0]] = None


def _missing(profile: str, profiles: Dict[str, Any], path: str) -> SettingsError:
    help = f"its profiles are {', '.join(profiles)}" if profiles else f"write [tool.flowc.{PROFILES}.{profile}]"
    if os.path.isfile(path):
        error = SettingsError(f"there is no profile `{profile}` in {path}", path, (), help)
    else:
        nowhere = f"no {OWN_FILE} or {FILE} with [tool.flowc] is in {path} or above it"
        help = f"write one, or choose no profile with --profile or {env_names.PROFILE}"
        error = SettingsError(f"there is no profile `{profile}`: {nowhere}", help=help)
    return error.naming(profile, profiles)


def _inherited(profiles: Dict[str, Any], name: str, path: str) -> List[str]:
    """The profiles that one inherits from. Raises SettingsError."""
    value = profiles[name].get(INHERITS, [])
    keys = (PROFILES, name, INHERITS)
    parents: List[str] = [value] if isinstance(value, str) else value
    if not isinstance(value, (str, list)) or not all(isinstance(item, str) for item in parents):  # pyright: ignore[reportUnnecessaryIsInstance]
        message = f"{path}: {INHERITS} of profile `{name}` is no name"
        raise SettingsError(message, path, keys, f'write {INHERITS} = "base"')
    for item in parents:
        if _as_table(profiles.get(item)) is None:
            others = [other for other in profiles if other != name]
            message = f"{path}: profile `{name}` inherits from `{item}`, which is no profile"
            help = f"other profiles are {', '.join(others)}" if others else "leave it out"
            raise SettingsError(message, path, keys, help).naming(item, others)
    return parents


def merged(table: Dict[str, Any], profiles: Iterable[str]) -> Dict[str, Any]:
    """The settings with these profiles on top, each over those before it, and without the profiles themselves.

    What a layer sets for all targets and commands also counts more than what a layer below sets for one.
    """
    result = {key: value for key, value in table.items() if key != PROFILES}
    for name in profiles:
        layer = {key: value for key, value in table[PROFILES][name].items() if key != INHERITS}
        everywhere = [key for key, value in layer.items() if is_option(key, value) and key not in ADDED]
        result = {key: _without(key, value, everywhere) for key, value in result.items()}
        result = _onto(result, layer)
    return result


def is_option(key: str, value: Any) -> bool:
    """Whether a key of the top is an option, and no section of a target or command."""
    return _as_table(value) is None or key in TABLES


def _without(key: str, value: Any, names: List[str]) -> Any:
    """An option as it is, and a section without options of these names."""
    if is_option(key, value):
        return value
    if key == COMMANDS:
        return {command: _without(command + "/", section, names) for command, section in value.items()}
    return {name: item for name, item in value.items() if name not in names}


def _onto(below: Dict[str, Any], above: Dict[str, Any], depth: int = 0) -> Dict[str, Any]:
    """Two tables, of which the second counts where both have a key; tables in them likewise."""
    result = dict(below)
    for key, value in above.items():
        known: Any = result.get(key)
        inner, outer = _as_table(known), _as_table(value)
        if depth < _MOST_DEEP and inner is not None and outer is not None:
            result[key] = _onto(inner, outer, depth + 1)
        elif key in ADDED and isinstance(known, list) and isinstance(value, list):
            result[key] = [*known, *value]
        else:
            result[key] = value
    return result


def _plain(table: Dict[str, Any], depth: int = 0) -> Dict[str, Any]:
    """A table with `_` for `-` in names of options."""
    result: Dict[str, Any] = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if _as_table(value) is None or name in TABLES:
            result[name] = value
        else:
            result[key] = _plain(value, depth + 1) if depth < _MOST_DEEP else value
    return result


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
        raise SettingsError(f"{find_table(folder)[1]}: root is {root!r}, and not a path or a URL")
    return rebased(root, home)


def rebased(root: str, home: str) -> str:
    """A root as it is meant in a file in the folder `home`: a relative path starts there."""
    return root if "://" in root else os.path.normpath(os.path.join(home, os.path.expanduser(root)))


def read_table(path: str) -> Dict[str, Any] | None:
    """The settings in a file; `None` where it has none. Raises SettingsError."""
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # a pipe has no end
            raise SettingsError(f"{path} is not a regular file")
        with open(path, "rb") as file:
            content = file.read(_MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}") from None
    own = os.path.basename(path) == OWN_FILE
    if not own and b"flowc" not in content:  # and whatever else it says is of no concern
        return None
    if len(content) > _MOST_TOML:
        raise SettingsError(f"{path} cannot be read: it is larger than {_MOST_TOML:,} bytes")
    try:
        import tomllib

        from flowc.protocol.toml_text import check_keys
    except ImportError:
        raise SettingsError(f"{path} cannot be read before Python 3.11; set {env_names.ROOT}") from None
    try:
        text = content.decode("utf-8")
        check_keys(text)
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # text that is not UTF-8 or not TOML
        raise SettingsError(f"{path} cannot be read: {error}") from None
    table = (_as_table(document.get("tool")) or {}).get("flowc")
    if own:  # `[tool.flowc]` may be written there, too
        return _onto({key: item for key, item in document.items() if key != "tool"}, _as_table(table) or {})
    if table is not None and _as_table(table) is None:
        raise SettingsError(
            f"{path}: `flowc` of [tool] is {table!r}, and not a table: write [tool.flowc] and options in it",
            path,
            ("tool", "flowc"),
        )
    return _as_table(table)


def _as_table(value: Any) -> Dict[str, Any] | None:
    return value if isinstance(value, dict) else None  # pyright: ignore[reportUnknownVariableType]
