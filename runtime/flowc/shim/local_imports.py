"""What a task may import of the user's files: those that ship, wherever it runs, and in the order that Python has.

A script's folder is first on the import path, so that a local `json.py` comes before Python's own. It does for the
user's files, as with `python flow.py`; for libraries and for the shim it would break what they do, and does not.
"""

from __future__ import annotations

import builtins
import os
import sys
from importlib.machinery import PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Dict, Iterable, List, Sequence


def guard_imports(top: str, files: Dict[str, Any], given: Iterable[str]) -> None:
    """Keep imports of this process to the files that ship. `top` is the folder with them, and `files` the plan's.

    What is in folders that were on the import path before, `given`, is installed, as far as anyone can see.
    """
    hidden, shadowing = files.get("hidden", ()), files.get("shadowing", ())
    shipped = [os.path.join(top, name) for name in files["shipped"]] if "top" in files else None
    if shipped is None and not hidden:
        return
    finder = _LocalFinder(top, shipped, hidden, given)
    place = next((at for at, other in enumerate(sys.meta_path) if other is PathFinder), len(sys.meta_path))
    sys.meta_path.insert(place, finder)
    if shadowing:
        importer = _Importer(shadowing, finder)
        builtins.__import__ = importer.load


class _LocalFinder:
    """Finds modules on the import path, without those of the user's that are not to be found."""

    def __init__(self, top: str, shipped: List[str] | None, hidden: Iterable[str], given: Iterable[str]) -> None:
        """In place, `shipped` are the paths of the files; `None` where no other ones are there."""
        self._top = top + os.sep
        self._shipped = None if shipped is None else frozenset(shipped)
        self._given = tuple(os.path.abspath(folder) + os.sep for folder in given)
        self._folders = {os.path.dirname(path) for path in shipped or ()}
        self.hidden = set(hidden)
        """Modules of Python's own that a local file has the name of, without those that the user's file imports now."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where a module is; `None` for one that others may find. Raises ModuleNotFoundError where it doesn't ship."""
        if name.partition(".")[0] in ("flowc", "metaflow", "zenml"):
            return None
        if name in self.hidden:
            return PathFinder.find_spec(name, self._elsewhere(), target)
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or self._shipped is None or self._ships(spec):
            return spec
        found = PathFinder.find_spec(name, self._elsewhere(), target) if path is None else None
        if found is not None:
            return found
        where = os.path.relpath(spec.origin or next(iter(spec.submodule_search_locations or ()), ""), self._top)
        raise ModuleNotFoundError(
            f"No module named {name!r} ships: the code package does not hold {where}, as no import names it. "
            f"Add it with --include, or `include` in pyproject.toml; flowc package lists what ships",
            name=name,
        )

    def _ships(self, spec: ModuleSpec) -> bool:
        """Whether a module is not of this project, or is a file of the code package or a folder with one."""
        assert self._shipped is not None
        if spec.origin is not None and spec.has_location:
            return not self.is_own(spec.origin) or os.path.normpath(spec.origin) in self._shipped
        folders = [os.path.normpath(folder) for folder in spec.submodule_search_locations or () if self.is_own(folder)]
        return not folders or any(
            place == folder or place.startswith(folder + os.sep) for place in self._folders for folder in folders
        )

    def is_own(self, path: str) -> bool:
        """Whether a file or folder is of the project, and not installed from a folder in it."""
        path = os.path.normpath(path) + os.sep
        if not path.startswith(self._top) or path.startswith(self._given):
            return False
        return {"site-packages", "dist-packages"}.isdisjoint(path.split(os.sep))

    def _elsewhere(self) -> List[str]:
        return [place for place in sys.path if not self.is_own(place)]


class _Importer:
    """`import` where the user's files shadow modules of Python's own: each side gets its own."""

    def __init__(self, names: Iterable[str], finder: _LocalFinder) -> None:
        import threading

        self._names = frozenset(names)
        self._finder = finder
        self._import: Any = builtins.__import__
        self._lock = threading.RLock()
        self._active: Dict[str, bool] = dict.fromkeys(names, False)
        """Whether the user's modules are those of that name now."""
        self._other: Dict[str, Dict[str, ModuleType]] = {name: {} for name in names}
        """The modules of the other side."""

    def load(self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        """What `import` calls."""
        importer: Dict[str, Any] = globals or {}
        package = str(importer.get("__package__") or "") if level else name
        top = package.partition(".")[0]
        if top not in self._names:
            return self._import(name, globals, locals, fromlist, level)
        own = self._finder.is_own(str(importer.get("__file__") or ""))
        with self._lock:
            before = self._active[top]
            self._switch(top, own)
            try:
                return self._import(name, globals, locals, fromlist, level)
            finally:
                self._switch(top, before)

    def _switch(self, top: str, own: bool) -> None:
        if self._active[top] == own:
            return
        (self._finder.hidden.discard if own else self._finder.hidden.add)(top)
        names = [name for name in sys.modules if name.partition(".")[0] == top]
        kept = {name: sys.modules.pop(name) for name in names}
        sys.modules.update(self._other[top])
        self._other[top], self._active[top] = kept, own
