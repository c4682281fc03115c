"""The distinct environments of a flow's steps: what `@pypi`, `@conda` and their flow-wide kin add up to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from flowc_targets.package.images.requirement_syntax import (
    GrammarError,
    conda_requirement,
    debian_package,
    image_reference,
    pypi_line,
    pypi_requirement,
    python_version,
)

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import DependencySpec, Flow, Step

HASH_LENGTH = 12
"""Hexadecimal digits of the hash that stands for an environment."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What a step's image has to hold. Two steps that ask for the same have equal environments."""

    manager: Literal["conda", "pypi"]
    python: str | None
    requirements: tuple[str, ...]
    """Lines of requirements.txt, or entries of environment.yml; sorted."""
    channels: tuple[str, ...] = ()
    """Conda channels that the packages name."""
    system: tuple[str, ...] = ()
    """Debian packages; sorted."""
    base: str | None = None
    """The image that the step itself names to build upon."""

    @property
    def digest(self) -> str:
        """A hash of what is asked for: it changes when that does, and with nothing else."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:HASH_LENGTH]


def own_image(step: Step) -> str | None:
    """The image that a step names for itself and keeps; one that it names to build upon is none."""
    container, spec = step.specs.container, step.specs.dependencies
    image = container.image if container is not None else None
    return None if spec is not None and image == spec.base else image


def environments(flow: Flow, sink: DiagnosticSink) -> dict[str, Environment]:
    """The environment of each step that asks for packages and names no image of its own, by step.

    Collects FC404, at the decorator, for what is outside of the grammar, and FC605 for a file that cannot be read.
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
    text = (folder / spec.requirements_file).read_text(encoding="utf-8").replace("\\\n", "")
    lines = (f" {line}".partition(" #")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]
