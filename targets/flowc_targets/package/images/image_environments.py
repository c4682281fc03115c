"""The environments of a flow's steps, from `@pypi`, `@conda` and their flow-wide forms, and the syntax of packages.

The lines go into files that pip, conda and Docker read, so that only what the grammar here allows is accepted.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from flowc_compiler.filesystem import read_file
from flowc_compiler.syntax.import_root import is_readable

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import DependencySpec, Flow, Step


HASH_LENGTH = 12
"""Hexadecimal digits of the hash of an environment."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The contents of a step's image. Two steps that need the same have equal environments."""

    manager: Literal["conda", "pypi"]
    python: str | None
    requirements: tuple[str, ...]
    """Lines of requirements.txt, or entries of environment.yml; sorted."""
    channels: tuple[str, ...] = ()
    """Conda channels that the packages name."""
    system: tuple[str, ...] = ()
    """Debian packages; sorted."""
    base: str | None = None
    """The image that the step names to build upon."""

    @property
    def digest(self) -> str:
        """A hash of the contents, and of nothing else."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:HASH_LENGTH]


def own_image(step: Step) -> str | None:
    """The image that a step names to run in; `None` if it names one only to build upon."""
    container, spec = step.specs.container, step.specs.dependencies
    image = container.image if container is not None else None
    return None if spec is not None and image == spec.base else image


def environments(flow: Flow, sink: DiagnosticSink) -> dict[str, Environment]:
    """The environment of each step that needs packages and names no image to run in, by step.

    Collects FC404, at the decorator, for invalid packages and versions, and FC605 for a file that cannot be read.
    """
    found: dict[str, Environment] = {}
    for step in flow.steps:
        spec = step.specs.dependencies
        if spec is None or step.virtual or not spec.needed or own_image(step) is not None:
            continue
        environment = _environment(step, spec, Path(flow.file).parent, sink)
        if environment is not None:
            found[step.name] = environment
    return found


def _environment(step: Step, spec: DependencySpec, folder: Path, sink: DiagnosticSink) -> Environment | None:
    try:
        python = python_version(spec.python) if spec.python is not None else None
        base = image_reference(spec.base) if spec.base is not None else None
        system = tuple(sorted({debian_package(name) for name in spec.system}))
        if spec.manager == "conda":
            pairs = [conda_requirement(name, version) for name, version in spec.packages.items()]
            channels = tuple(dict.fromkeys(channel for _, channel in pairs if channel is not None))
            return Environment("conda", python, tuple(sorted({line for line, _ in pairs})), channels, system, base)
        lines = {pypi_requirement(name, version) for name, version in spec.packages.items()}
        lines |= {pypi_line(line) for line in (*spec.requirements, *_file_lines(spec, folder))}
        return Environment("pypi", python, tuple(sorted(lines)), (), system, base)
    except GrammarError as error:
        sink.error("FC404", f"step `{step.name}`: {error}", spec.span or step.span, help=error.help)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        sink.error(
            "FC605", f"step `{step.name}`: {spec.requirements_file} cannot be read: {reason}", spec.span or step.span,
            help="name a file of requirements by its path from the flow's folder",
        )  # fmt: skip
    return None


def _file_lines(spec: DependencySpec, folder: Path) -> list[str]:
    """The requirements of a file: comments, blank lines and continued lines as pip reads them. Raises OSError."""
    if spec.requirements_file is None:
        return []
    path = folder / spec.requirements_file
    if not is_readable(path, folder):
        raise OSError(errno.EPERM, f"it is not in the flow's project; write --allow-read {spec.requirements_file}")
    text = read_file(path).decode().replace("\\\n", "")
    lines = (f" {line}".partition(" #")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_EXTRAS = rf"\[{_NAME}(?:,{_NAME})*\]"
_CLAUSE = r"(?:~=|===|==|!=|<=|>=|<|>) ?[A-Za-z0-9.*+!_-]+"
_CLAUSES = rf"{_CLAUSE}(?: ?, ?{_CLAUSE})*"
_URL = r"(?:git\+)?(?:https|http|ssh)://[A-Za-z0-9][A-Za-z0-9._~:/?#@&+,=%-]*"
_MARKER = r"[A-Za-z_][A-Za-z0-9_.<>=!~ ()'\"-]*"

_PYPI_NAME = re.compile(rf"{_NAME}(?:{_EXTRAS})?")
_DIRECT_URL = re.compile(rf"(?:{_NAME}(?:{_EXTRAS})?@)?{_URL}")
_EXACT = re.compile(r"v?[0-9][A-Za-z0-9.!+_-]*(?:\.\*)?")
_SPECIFIERS = re.compile(_CLAUSES)
_REFERENCE = re.compile(rf"@ ?{_URL}")
_GIT_REVISION = re.compile(r"@[A-Za-z0-9][A-Za-z0-9._/-]*")
_LOCKED = re.compile(
    rf"{_NAME}(?:{_EXTRAS})?(?:===?[A-Za-z0-9.!+_-]+| @ {_URL})(?: ; [A-Za-z_(][A-Za-z0-9_.*+<>=!~ ()'\"-]*)?"
)
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
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
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

    An empty version is any, one that begins with an operator is written unchanged, `@ url` is a direct reference, and
    anything else is exactly that version. A name that is a URL of git may have `@revision` as its version; `name@url`,
    as Metaflow's parsers of requirements give it, has none.
    """
    name, version = name.strip(), version.strip()
    if _DIRECT_URL.fullmatch(name):
        if not version or (name.startswith("git+") and _GIT_REVISION.fullmatch(version)):
            return name + version
        raise GrammarError(f"{version!r} is not a revision of {name!r}", "give '' or, for git, '@branch' or '@commit'")
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


def locked_requirement(line: str) -> str:
    """A line of a lock: a package of exactly one version or URL, and a marker."""
    if not _LOCKED.fullmatch(line):
        raise GrammarError(f"{line[:80]!r} is not a locked package", "resolve it again with --upgrade")
    return line


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


def image_digest(text: str) -> str:
    """The digest of an image in a registry."""
    if not _DIGEST.fullmatch(text):
        raise GrammarError(f"{text!r} is not the digest of an image", "write 'sha256:' and its 64 hexadecimal digits")
    return text


def untagged(image: str) -> str:
    """An image without its tag and digest."""
    return re.sub(r":[^/:]*$", "", image.partition("@")[0])


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
