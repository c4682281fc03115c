"""Results of checks, kept between runs of `flowc check`.

A result counts as long as everything that its check saw is as it was: the content of files, the names in folders,
variables of the environment; and what it was called with, and flowc itself. A file of the cache has the results of a
folder, as JSON. One that is damaged, or that another process replaces, costs time only.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast, get_args

from flowc._version import __version__
from flowc_cli.batch.file_report import FileReport
from flowc_compiler.filesystem import Aspect, Seen, look, read_file
from flowc_compiler.syntax.import_root import project_folder

VARIABLE = "FLOWC_CACHE_DIR"
"""The variable that names another folder."""
FOLDER = ".flowc_cache"
_FORMAT = 1
_MOST_SETTINGS = 4
"""Of how many ways to call the command results are kept."""
_ASPECTS = frozenset(get_args(Aspect))

_Key = tuple[Aspect, str]


def cache_folder() -> Path | None:
    """The folder of the cache: that of FLOWC_CACHE_DIR, else `.flowc_cache` in the project of the working directory.

    `None` where the project's is a link, which a stranger's checkout may have.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given)
    folder = project_folder(Path.cwd()) / FOLDER
    return None if folder.is_symlink() else folder


def settings_digest(options: object) -> str:
    """What results depend on beside the files: how the command is called, flowc, this Python, and the machine."""
    names = sorted(name for name in os.environ if name.startswith(("FLOWC_", "METAFLOW_")) and name != VARIABLE)
    home = os.path.expanduser("~")  # noqa: PTH111 (it may be unknown)
    about = [__version__, sys.version, sys.platform, sys.path, os.getcwd(), home, repr(options)]  # noqa: PTH109
    text = json.dumps([about, [(name, os.environ[name]) for name in names], _own_files()])
    return _digest(text)


class CheckCache:
    """The results that are known of the files to check."""

    def __init__(self, folder: Path, settings: str) -> None:
        self._folder = folder
        self._settings = settings
        self._now: dict[_Key, str] = {}
        """What has been looked at in this run."""
        self._loaded: dict[str, dict[str, tuple[Seen, Any]]] = {}
        """Folder to the results of its files, by the names of the files."""
        self._rest: dict[str, dict[str, Any]] = {}
        """Folder to results of other settings, as they are in its file."""
        self._changed: set[str] = set()

    def find(self, file: Path) -> FileReport | None:
        """The result of a file; `None` where there is none, or where something has changed."""
        known = self._results(_folder_of(file)).get(str(file))
        if known is None:
            return None
        seen, data = known
        if any(self._look(key) != value for key, value in seen.items()):
            return None
        try:
            return FileReport.from_json(data)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None

    def seen(self, file: Path) -> Seen:
        """What the check saw whose result `find` returns."""
        return self._results(_folder_of(file))[str(file)][0]

    def store(self, file: Path, report: FileReport, seen: Seen) -> None:
        """Keep a result."""
        folder = _folder_of(file)
        self._results(folder)[str(file)] = (seen, report.to_json())
        self._changed.add(folder)

    def save(self) -> None:
        """Write what is new. Raises OSError."""
        if not self._changed:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, text in (("CACHEDIR.TAG", _TAG), (".gitignore", "*\n")):
            if not (self._folder / name).exists():
                _replace(self._folder / name, text)
        for folder in sorted(self._changed):
            _replace(self._file(folder), self._content(folder))
        self._changed.clear()

    def _look(self, key: _Key) -> str:
        if key not in self._now:
            self._now[key] = look(*key)
        return self._now[key]

    def _file(self, folder: str) -> Path:
        return self._folder / f"{_digest(folder)}.json"

    def _results(self, folder: str) -> dict[str, tuple[Seen, Any]]:
        if folder not in self._loaded:
            self._loaded[folder], self._rest[folder] = {}, {}
            with suppress(OSError, KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError):
                data = json.loads(read_file(self._file(folder)))
                if data["format"] == _FORMAT and data["folder"] == folder:
                    settings: dict[str, Any] = data["settings"]
                    own = settings.pop(self._settings, None)
                    self._rest[folder] = settings
                    self._loaded[folder] = _decoded(own) if own is not None else {}
        return self._loaded[folder]

    def _content(self, folder: str) -> str:
        """The text of a folder's file: the latest settings last, and without files that are gone."""
        present = set(os.listdir(folder)) if os.path.isdir(folder) else set[str]()  # noqa: PTH208, PTH112
        results = {file: known for file, known in self._results(folder).items() if Path(file).name in present}
        rest = list(self._rest[folder].items())[-_MOST_SETTINGS + 1 :]
        settings = {**dict(rest), self._settings: _encoded(results)}
        return json.dumps({"format": _FORMAT, "folder": folder, "settings": settings}, separators=(",", ":"))


def _encoded(results: Mapping[str, tuple[Seen, Any]]) -> dict[str, Any]:
    """Results with each observation written once: the files of a folder share most of them."""
    numbers: dict[tuple[_Key, str], int] = {}
    files = {
        file: {"seen": [numbers.setdefault(item, len(numbers)) for item in seen.items()], "report": data}
        for file, (seen, data) in results.items()
    }
    return {"seen": [[*key, value] for key, value in numbers], "files": files}


def _decoded(data: Any) -> dict[str, tuple[Seen, Any]]:
    table: list[tuple[_Key, str]] = []
    for aspect, path, value in data["seen"]:
        if aspect not in _ASPECTS or not isinstance(path, str) or not isinstance(value, str):
            raise ValueError("not an observation")
        table.append(((cast("Aspect", aspect), path), value))
    results: dict[str, tuple[Seen, Any]] = {}
    for file, item in cast("dict[str, Any]", data["files"]).items():
        numbers = cast("list[int]", item["seen"])
        results[file] = (dict(table[number] for number in numbers), item["report"])
    return results


def _folder_of(file: Path) -> str:
    return os.path.dirname(os.path.abspath(file))  # noqa: PTH100, PTH120 (keeps links)


def _own_files() -> list[tuple[str, int, int]]:
    """The files of flowc: an installation for development changes without its version."""
    import flowc
    import flowc_cli
    import flowc_compiler
    import flowc_targets

    found: list[tuple[str, int, int]] = []
    for module in (flowc, flowc_cli, flowc_compiler, flowc_targets):
        for top in module.__path__:
            found += _stamps(top)
    return sorted(found)


def _stamps(top: str) -> Iterable[tuple[str, int, int]]:
    for where, folders, _ in os.walk(top):
        folders[:] = [name for name in folders if name != "__pycache__"]
        with os.scandir(where) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    status = entry.stat()
                    yield entry.path, status.st_mtime_ns, status.st_size


def _replace(path: Path, text: str) -> None:
    """Write a file in one step, whole or not at all."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of flowc: it may be removed.\n"
"""Tells programs that make backups: https://bford.info/cachedir/"""
