"""Packages that pods install when they start, in place of an image that has them: from the same lock.

For those who accept what it costs: each pod takes longer to start, and fails where the package index is not there.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from flowc.protocol import GIT_REQUIREMENTS, REQUIREMENTS
from flowc_compiler.filesystem import read_file
from flowc_compiler.ir import ContainerSpec, LockedPackages
from flowc_targets.package.images.image_environments import HASH_LENGTH, GrammarError
from flowc_targets.package.images.package_lock import PackageLock, read_lock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, Step
    from flowc_targets.package.images.image_environments import Environment
    from flowc_targets.package.images.image_mapping import MappedImage

_MOST_SHOWN = 5


def installed_at_start(
    flow: Flow, path: str, entries: Mapping[str, MappedImage], wanted: Mapping[str, Environment], sink: DiagnosticSink
) -> dict[str, Step]:
    """The steps whose pods install their packages, by name; steps with Conda's packages keep their images.

    `path` is that of images.json, beside whose entries the locks are. Collects FC510 for each set of packages, and
    FC509 where there is no lock that fits.
    """
    found: dict[str, Step] = {}
    groups: dict[str, list[str]] = {}
    for name, entry in entries.items():
        groups.setdefault(entry.environment, []).append(name)
    for names in groups.values():
        step, entry, environment = flow.by_name[names[0]], entries[names[0]], wanted[names[0]]
        if environment.manager == "conda":
            _report_conda(step, names, entry, sink)
        elif not environment.requirements:  # it is a version of Python, or Debian's packages, which no pod installs
            _report(step, names, environment, {}, sink)
            found |= {name: _installing(flow.by_name[name], entry, None) for name in names}
        elif (packages := _locked(step, path, entry, environment, sink)) is not None:
            _report(step, names, environment, packages.files, sink)
            found |= {name: _installing(flow.by_name[name], entry, packages) for name in names}
    return found


def _locked(
    step: Step, path: str, entry: MappedImage, environment: Environment, sink: DiagnosticSink
) -> LockedPackages | None:
    """The lock beside images.json; `None`, with FC509 collected, where it is missing or not what flowc wrote."""
    place = Path(path).parent / entry.folder
    try:
        files = {name: read_file(place / name).decode() for name in _names(place)}
        lock = read_lock(files)
        problem = "it is not locked"
    except (OSError, UnicodeDecodeError, GrammarError) as error:
        lock, problem = None, str(error.strerror if isinstance(error, OSError) else error)
    if lock is None or lock.requires != environment.requirements:
        problem = problem if lock is None else "it was locked for other packages"
        message = f"option install_at_start: {place / REQUIREMENTS}: {problem}"
        spec = step.specs.dependencies
        span = (spec.span if spec is not None else None) or step.span
        sink.error("FC509", message, span, help="run `flowc image` again, which locks the packages")
        return None
    return _packages(lock, environment)


def _names(place: Path) -> list[str]:
    more = [GIT_REQUIREMENTS] if (place / GIT_REQUIREMENTS).exists() else []
    return [REQUIREMENTS, *more]


def _packages(lock: PackageLock, environment: Environment) -> LockedPackages:
    files = {name: text for name, text in lock.files().items() if name in lock.installed_files}
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:HASH_LENGTH]
    return LockedPackages(name=digest, files=files, oldest_python=lock.oldest_python, python=environment.python)


def _installing(step: Step, entry: MappedImage, packages: LockedPackages | None) -> Step:
    """A step that runs in the image that its packages would be built upon."""
    specs = step.specs
    assert specs.dependencies is not None
    installed = specs.dependencies.model_copy(update={"lock": packages}) if packages is not None else None
    update: dict[str, object] = {"dependencies": installed}
    if entry.base is not None:
        update["container"] = (specs.container or ContainerSpec()).model_copy(update={"image": entry.base})
    return step.model_copy(update={"specs": specs.model_copy(update=update)})


def _report(
    step: Step, names: list[str], environment: Environment, files: Mapping[str, str], sink: DiagnosticSink
) -> None:
    """FC510 for what pods install, and for what the image must have for that."""
    required, rest = environment.requirements[:_MOST_SHOWN], environment.requirements[_MOST_SHOWN:]
    shown = ", ".join(required) + (f" and {len(rest)} more" if rest else "")
    parts = [f"each pod installs {shown} when it starts, and fails where the index is not reached"] if shown else []
    needs = [*(["git"] if GIT_REQUIREMENTS in files else []), *environment.system]
    parts += [f"the image must have {', '.join(needs)}"] if needs else []
    spec = step.specs.dependencies
    if parts:
        help_ = "build what `flowc image` prints, and leave out install_at_start, where pods must start fast and alone"
        span = spec.span if spec is not None else None
        sink.warning("FC510", f"{_listed(names)}: {'; '.join(parts)}", span, help=help_)


def _report_conda(step: Step, names: list[str], entry: MappedImage, sink: DiagnosticSink) -> None:
    spec = step.specs.dependencies
    sink.warning(
        "FC510",
        f"{_listed(names)}: Conda's packages are not installed at the start of a pod, since pip cannot: "
        f"the image {entry.image} must have been built",
        spec.span if spec is not None else None,
        help="build it as `flowc image` prints, or use @pypi",
    )


def _listed(names: list[str]) -> str:
    return f"step{'s' if len(names) > 1 else ''} {', '.join(f'`{name}`' for name in names)}"
