"""`flowc check --watch`: check again whenever a file changes."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING

from flowc_cli.batch.check_inputs import NEVER
from flowc_cli.output import INPUT_ERROR, write_error
from flowc_compiler.syntax.import_root import project_folder

if TYPE_CHECKING:
    from flowc_cli.batch.check_run import CheckRun

_CLEAR = "\x1b[2J\x1b[3J\x1b[H"
"""Clears the screen and what was scrolled out of it."""


def watch_files(run: CheckRun) -> int:
    """Check, and check again after each change, until an interrupt ends this. Returns the exit code."""
    try:
        from watchfiles import watch
    except ImportError:
        write_error("flowc check: --watch needs the package watchfiles: pip install 'flowc[watch]'\n")
        return INPUT_ERROR
    folders = watched_folders(run.places)
    try:
        _check(run)
        for changes in watch(*folders, watch_filter=None, raise_interrupt=True):
            if any(is_of_interest(Path(path), folders) for _, path in changes):
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


def _folder(place: Path) -> Path:
    """The folder of a place; of a glob, the one that it begins with."""
    place = place.absolute()
    while has_magic(str(place)) or not place.is_dir():
        place = place.parent
    return place


def _check(run: CheckRun) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(_CLEAR)
    run.check()
    sys.stdout.flush()
    sys.stderr.write("watching for changes; Ctrl-C ends this\n")
    sys.stderr.flush()
