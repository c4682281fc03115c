"""`flowc check --watch`: check again whenever a file changes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING

from flowc.project_settings import FILE, OWN_FILE
from flowc_cli.batch.check_inputs import NEVER
from flowc_cli.output import INPUT_ERROR, write_error
from flowc_compiler.filesystem import look
from flowc_compiler.syntax.import_root import project_folder

if TYPE_CHECKING:
    from flowc_cli.batch.check_run import CheckRun
    from flowc_compiler.filesystem import Aspect, Seen

_CLEAR = "\x1b[2J\x1b[3J\x1b[H"
"""Clears the screen and what was scrolled out of it."""
_LOOK_MILLISECONDS = 100
"""How long a look for changes takes, and so the wait before the first check."""


def watch_files(run: CheckRun) -> int:
    """Check, and check again after each change, until an interrupt ends this. Returns the exit code."""
    try:
        from watchfiles import Change, watch
    except ImportError:
        write_error("flowc check: --watch needs the package watchfiles: pip install 'flowc[watch]'\n")
        return INPUT_ERROR
    folders = watched_folders(run.places)
    try:
        # Watching begins with the first look, so that what changes during the first check counts, too.
        looks = watch(
            *folders, watch_filter=None, raise_interrupt=True, yield_on_timeout=True, rust_timeout=_LOOK_MILLISECONDS
        )
        next(looks)
        _check(run)
        for changes in looks:
            added = {path for change, path in changes if change == Change.added}
            paths = [Path(path) for _, path in changes if is_of_interest(Path(path), folders)]
            if any(str(path) in added and path.is_dir() for path in paths) or changes_result(paths, run.seen):
                _check(run)
    except KeyboardInterrupt:
        sys.stderr.write("\n")
    return 0


def watched_folders(places: Iterable[Path]) -> list[Path]:
    """The folders that hold what the checks of files and folders may read: the projects that these are in."""
    folders = {project_folder(_folder(place)) for place in places}
    return sorted(folder for folder in folders if not any(other in folder.parents for other in folders))


def is_of_interest(path: Path, folders: Iterable[Path]) -> bool:
    """Whether a change of a file may change the result of a check: not in folders without the user's code."""
    parts = next((path.relative_to(folder).parts for folder in folders if path.is_relative_to(folder)), path.parts)
    return not any(part in NEVER or part.startswith(".") for part in parts)


def changes_result(changed: Iterable[Path], seen: Iterable[Seen]) -> bool:
    """Whether changes of files may change the result of checks that saw this: code and settings may always, since new
    ones count, and other files where something that was seen is no longer so. The log of a watching check is none.
    """
    places, gone = set[str](), set[str]()
    for path in changed:
        if path.suffix == ".py" or path.name in {FILE, OWN_FILE}:
            return True
        stem = path.with_name(path.name.partition(".")[0])  # by which modules are looked for
        places |= {str(path), os.path.realpath(path), str(path.parent), str(stem)}
        gone |= set() if path.exists() else {str(path)}
    known: Seen = {}
    for item in seen if places else ():
        known.update((key, value) for key, value in item.items() if _is_at(key, places, gone))
    return any(look(*key) != value for key, value in known.items())


def _is_at(key: tuple[Aspect, str], places: set[str], gone: set[str]) -> bool:
    """Whether an observation is of one of these paths, through a link to one, or in one that is gone."""
    aspect, path = key
    real = os.path.realpath(path) if aspect in {"content", "kind"} else path
    return not places.isdisjoint({path, real}) or any(str(folder) in gone for folder in Path(path).parents if gone)


def _folder(place: Path) -> Path:
    """The folder of a place; of a glob, the one that it begins with."""
    place = place.absolute()
    while has_magic(str(place)) or not place.is_dir():
        place = place.parent
    return place


def _check(run: CheckRun) -> None:
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        sys.stderr.write(_CLEAR)
    run.check()
    sys.stdout.flush()
    sys.stderr.write("watching for changes; Ctrl-C ends this\n")
    sys.stderr.flush()
