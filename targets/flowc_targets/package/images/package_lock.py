"""The lock of an environment: the exact packages that pip installs, with the hashes of their files.

Images and pods install the same list. It is in the format of pip's requirements, for every platform and every Python
from a given one on. What comes from version control is pinned to a commit, which pip cannot check by a hash, and which
it refuses beside packages with hashes: so that is a file of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowc.protocol import GIT_REQUIREMENTS, REQUIREMENTS
from flowc_targets.package.images.image_environments import GrammarError, locked_requirement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HEAD = "# Locked by flowc image, with uv. Do not edit: `flowc image --upgrade` resolves it again."
_PYTHON = "# python: >="
_REQUIRES = "# requires: "
_MORE = f"# more: {GIT_REQUIREMENTS}"
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class PackageLock:
    """The packages of an environment, and what they were resolved for."""

    oldest_python: str
    """The lock holds for this Python and all newer ones."""
    requires: tuple[str, ...]
    """The requirements that were resolved."""
    packages: dict[str, tuple[str, ...]]
    """A requirement of one version or URL, with its marker, to the hashes of its files; none for version control."""

    def fits(self, requires: tuple[str, ...], oldest_python: str) -> bool:
        """Whether it was resolved for these requirements, and for this Python and newer."""
        return self.requires == requires and self.oldest_python == oldest_python

    def files(self) -> dict[str, str]:
        """The files, by name. The second is only there where something comes from version control."""
        others = [name for name, hashes in self.packages.items() if not hashes]
        head = [_HEAD, f"{_PYTHON}{self.oldest_python}", *(f"{_REQUIRES}{line}" for line in self.requires)]
        head += [_MORE] if others else []
        hashed = (line for name, hashes in self.packages.items() if hashes for line in _entry(name, hashes))
        files = {REQUIREMENTS: _text([*head, *hashed])}
        return files | ({GIT_REQUIREMENTS: _text([_HEAD, *others])} if others else {})

    @property
    def installed_files(self) -> tuple[str, ...]:
        """The names of the files that have packages in them."""
        kinds = {bool(hashes) for hashes in self.packages.values()}
        return tuple(name for name, hashed in ((REQUIREMENTS, True), (GIT_REQUIREMENTS, False)) if hashed in kinds)


def read_lock(files: Mapping[str, str]) -> PackageLock | None:
    """The lock in files; `None` for a list that is none. Raises GrammarError for one that was changed by hand.

    A second file that the first one does not name is of an older lock.
    """
    head, _, body = files[REQUIREMENTS].partition("\n")
    if head != _HEAD:
        return None
    lines = body.splitlines()
    python = next((line.removeprefix(_PYTHON) for line in lines if line.startswith(_PYTHON)), "")
    requires = tuple(line.removeprefix(_REQUIRES) for line in lines if line.startswith(_REQUIRES))
    packages = dict(parse_packages(body))
    if not python or not all(packages.values()):
        raise GrammarError("it is not what flowc image has written", "resolve it again with --upgrade")
    git = dict(parse_packages(files.get(GIT_REQUIREMENTS, ""))) if _MORE in lines else {}
    if any(git.values()) or (_MORE in lines and not git):
        raise GrammarError(f"{GIT_REQUIREMENTS} does not go with it", "resolve it again with --upgrade")
    return PackageLock(python, requires, dict(sorted({**packages, **git}.items(), key=_place)))


def parse_packages(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The packages of a file in the format of pip's requirements, with their hashes. Raises GrammarError."""
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        requirement, *hashes = re.split(r"\s+(?=--hash=)", line.strip())
        if not all(map(_HASH.fullmatch, hashes)):
            raise GrammarError(f"{line.strip()[:80]!r} has options", "resolve it again with --upgrade")
        yield locked_requirement(requirement), tuple(sorted(hashes))


def package_lock(oldest_python: str, requires: tuple[str, ...], text: str) -> PackageLock:
    """The lock for what a resolver prints. Raises GrammarError."""
    return PackageLock(oldest_python, requires, dict(sorted(parse_packages(text), key=_place)))


def _place(package: tuple[str, tuple[str, ...]]) -> tuple[str, str]:
    """The packages stand by their names, and those of one name by the whole line."""
    line = package[0]
    return re.split(r"[=@ \[]", line, maxsplit=1)[0].lower(), line


def _entry(requirement: str, hashes: tuple[str, ...]) -> Iterator[str]:
    yield f"{requirement} \\"
    for item in hashes[:-1]:
        yield f"    {item} \\"
    yield f"    {hashes[-1]}"


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
