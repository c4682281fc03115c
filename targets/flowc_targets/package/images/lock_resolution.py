"""Resolving the packages of an environment to a lock, with uv. Nothing of them is installed or imported here."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from flowc_targets.package.images.image_environments import GrammarError
from flowc_targets.package.images.package_lock import package_lock

if TYPE_CHECKING:
    from flowc_targets.package.images.image_environments import Environment
    from flowc_targets.package.images.package_lock import PackageLock


class ResolutionError(Exception):
    """Packages that cannot be resolved; `help` says what to do."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.help = help


_OPTIONS = (
    "--universal", "--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links",
    "--no-python-downloads", "--quiet", "--color=never",
)  # fmt: skip

_HELP = (
    "change the versions, or name the step's Python: python='3.12'; uv's own settings, such as UV_INDEX_URL and "
    "uv.toml, say where packages are"
)


def uv_program() -> str | None:
    """uv: that of this Python's environment, else the one on the path."""
    return shutil.which("uv", path=sysconfig.get_path("scripts")) or shutil.which("uv")


def resolve(environment: Environment, oldest_python: str, folder: Path, old: PackageLock | None) -> PackageLock:
    """The lock of an environment. uv reads its own configuration from `folder`, as for any project there.

    What `old` has keeps its version wherever the requirements allow it. Raises ResolutionError.
    """
    uv = uv_program()
    if uv is None:
        raise ResolutionError(
            "uv is not installed, which resolves the packages",
            "pip install 'flowc[image]', or write the requirements as they are with --no-lock",
        )
    with tempfile.TemporaryDirectory(prefix="flowc-lock-") as place:
        output = Path(place, "lock.txt")
        if old is not None:
            output.write_text("".join(old.files().values()))
        command = [uv, "pip", "compile", "-", "--python-version", oldest_python, "--python", sys.executable, *_OPTIONS]
        done = subprocess.run(
            [*command, "--output-file", output], cwd=folder, input="\n".join(environment.requirements),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise ResolutionError(_reason(done.stderr), _HELP)
        text = output.read_text()
    try:
        return package_lock(oldest_python, environment.requirements, text)
    except GrammarError as error:
        raise ResolutionError(f"uv resolved them to what cannot be locked: {error}", error.help) from None


def _reason(printed: str) -> str:
    """What uv says, as one line."""
    lines = (" ".join(line.split()).removeprefix("error: ") for line in printed.splitlines())
    return "; ".join(line for line in lines if line and not line.startswith("warning:")) or "uv failed"
