"""What may stand in a requirement, an environment file and a Dockerfile: a strict grammar, so that nothing injects.

Packages come from the flow's file as texts. They are written into files that pip and micromamba read and, for names
of Debian packages and images, into a Dockerfile. All that these tools would take for anything else than a package, such
as options, variables, comments and new lines, is outside of this grammar.
"""

from __future__ import annotations

import re

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_EXTRAS = rf"\[{_NAME}(?:,{_NAME})*\]"
_CLAUSE = r"(?:~=|===|==|!=|<=|>=|<|>) ?[A-Za-z0-9.*+!_-]+"
_CLAUSES = rf"{_CLAUSE}(?: ?, ?{_CLAUSE})*"
_URL = r"(?:git\+)?(?:https|http|ssh)://[A-Za-z0-9][A-Za-z0-9._~:/?#@&+,=%-]*"
_MARKER = r"[A-Za-z_][A-Za-z0-9_.<>=!~ ()'\"-]*"

_PYPI_NAME = re.compile(rf"{_NAME}(?:{_EXTRAS})?")
_DIRECT_URL = re.compile(_URL)
_EXACT = re.compile(r"v?[0-9][A-Za-z0-9.!+_-]*(?:\.\*)?")
_SPECIFIERS = re.compile(_CLAUSES)
_REFERENCE = re.compile(rf"@ ?{_URL}")
_GIT_REVISION = re.compile(r"@[A-Za-z0-9][A-Za-z0-9._/-]*")
_LINE = re.compile(rf"(?:{_NAME}(?:{_EXTRAS})? ?(?:{_CLAUSES}|@ ?{_URL})?|{_URL})(?: ?; ?{_MARKER})?")

_CONDA_NAME = re.compile(r"(?:(?P<channel>[A-Za-z0-9][A-Za-z0-9._/-]*)::)?[A-Za-z0-9_][A-Za-z0-9._-]*")
_CONDA_TOKEN = r"[A-Za-z0-9_.*+!-]+"  # noqa: S105 (of a version)
_CONDA_VERSION = re.compile(
    rf"(?:(?:~=|==|!=|<=|>=|<|>|=)?{_CONDA_TOKEN})(?:[,|](?:~=|==|!=|<=|>=|<|>|=)?{_CONDA_TOKEN})*(?:={_CONDA_TOKEN})?"
)
_PYTHON = re.compile(r"3\.(?P<minor>[0-9]+)(?:\.[0-9]+)?")
_DEBIAN = re.compile(r"[a-z0-9][a-z0-9+.-]+(?:=[A-Za-z0-9][A-Za-z0-9.+:~-]*)?")
_PATH_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?/)?"
_REPOSITORY = re.compile(rf"{_HOST}{_PATH_PART}(?:/{_PATH_PART})*")
_IMAGE = re.compile(
    rf"{_HOST}{_PATH_PART}(?:/{_PATH_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"
)
_PROGRAM = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./+-]*")

OLDEST_MINOR = 9
"""The oldest Python 3 that a task runs on."""


class GrammarError(ValueError):
    """A text outside of the grammar; `help` says what to write."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.help = help


def pypi_requirement(name: str, version: str) -> str:
    """The line of requirements.txt for one entry of `@pypi`, read as Metaflow reads it.

    An empty version is any, one that begins with an operator stands as it is, `@ url` is a direct reference, and
    anything else is exactly that version. A name that is a URL of git may have `@revision` as its version.
    """
    name, version = name.strip(), version.strip()
    if _DIRECT_URL.fullmatch(name):
        if not version or (name.startswith("git+") and _GIT_REVISION.fullmatch(version)):
            return name + version
        raise GrammarError(f"{version!r} is no revision of {name!r}", "give '' or, for git, '@branch' or '@commit'")
    if not _PYPI_NAME.fullmatch(name):
        raise GrammarError(
            f"{name!r} is not the name of a package on PyPI",
            "write a name such as 'pandas' or 'pandas[sql]'; options of pip belong into its own configuration",
        )
    if not version:
        return name
    if _SPECIFIERS.fullmatch(version) or _REFERENCE.fullmatch(version):
        return f"{name} {version}" if version.startswith("@") else f"{name}{version}"
    if _EXACT.fullmatch(version):
        return f"{name}=={version}"
    raise GrammarError(
        f"{version!r} is not a version of {name!r}",
        "write '', '1.2.3', '>=1.2,<2', or '@ git+https://...' and '@ https://...' for one that is elsewhere",
    )


def pypi_line(line: str) -> str:
    """A line of requirements as PEP 508 has it: name, extras, versions or a URL, and a marker."""
    text = re.sub(" +", " ", line.strip())
    if not _LINE.fullmatch(text):
        raise GrammarError(
            f"{text!r} is not a requirement",
            "write 'pandas', 'pandas[sql]>=2,<3' or 'name @ git+https://...'; options of pip belong into its own "
            "configuration",
        )
    return text


def conda_requirement(name: str, version: str) -> tuple[str, str | None]:
    """The entry of environment.yml for one entry of `@conda`, and its channel. A bare version is exactly that one."""
    name, version = name.strip(), version.strip()
    match = _CONDA_NAME.fullmatch(name)
    if match is None:
        raise GrammarError(f"{name!r} is not the name of a Conda package", "write 'numpy' or 'conda-forge::numpy'")
    if not version:
        return name, match["channel"]
    if not _CONDA_VERSION.fullmatch(version):
        raise GrammarError(f"{version!r} is not a version of {name!r}", "write '', '1.26.4' or '>=1.26,<2'")
    bare = version[0] not in "~=!<>"
    return f"{name}=={version}" if bare else f"{name}{version}", match["channel"]


def python_version(version: str) -> str:
    """A version of Python, of two or three numbers, that a task can run on."""
    match = _PYTHON.fullmatch(version.strip().removeprefix("=="))
    if match is None:
        raise GrammarError(f"{version!r} is not a version of Python", "write '3.11' or '3.11.4'")
    if int(match["minor"]) < OLDEST_MINOR:
        raise GrammarError(f"Python {version} is too old for a task", f"choose 3.{OLDEST_MINOR} or newer")
    return match[0]


def debian_package(name: str) -> str:
    """The name of a Debian package, with or without `=version`."""
    if not _DEBIAN.fullmatch(name.strip()):
        raise GrammarError(f"{name!r} is not the name of a Debian package", "write 'libgomp1' or 'git=1:2.39.5-0'")
    return name.strip()


def image_reference(text: str) -> str:
    """An image, with registry, tag and digest where it has them."""
    if not _IMAGE.fullmatch(text):
        raise GrammarError(f"{text!r} is not an image", "write 'python:3.11-slim' or 'registry.example/team/ml:1'")
    return text


def image_repository(text: str) -> str:
    """An image without tag and digest."""
    if not _REPOSITORY.fullmatch(text):
        raise GrammarError(f"{text!r} is not the name of an image without its tag", "write 'registry.example/team/env'")
    return text


def program(text: str) -> str:
    """A program by its name or path."""
    if not _PROGRAM.fullmatch(text):
        raise GrammarError(f"{text!r} is not a program", "write 'python3' or its path")
    return text
