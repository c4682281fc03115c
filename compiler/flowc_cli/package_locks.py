"""The locks in a folder of `flowc image`: kept while they fit what the flow declares, otherwise resolved again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from flowc.protocol import GIT_REQUIREMENTS, REQUIREMENTS
from flowc_compiler.filesystem import read_file
from flowc_targets.package.images.image_environments import GrammarError
from flowc_targets.package.images.lock_resolution import ResolutionError, resolve
from flowc_targets.package.images.package_lock import PackageLock, read_lock

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow
    from flowc_compiler.source import Span
    from flowc_targets.package.images.build_files import Bases
    from flowc_targets.package.images.image_environments import Environment
    from flowc_targets.package.images.image_mapping import ImageMapping


@dataclass(frozen=True)
class LockFolder:
    """The locks of one flow's environments."""

    flow: Flow
    folder: Path
    """Where images.json is."""
    old: ImageMapping
    """What that says now."""
    upgrade: bool
    """Whether to resolve every lock again."""
    only_check: bool
    """Whether to resolve none."""
    stale: list[str] = field(default_factory=list[str])
    """With `only_check`, a line for each lock that would have to be resolved."""

    def lock(
        self, environment: Environment, steps: Sequence[str], bases: Bases, sink: DiagnosticSink
    ) -> PackageLock | None:
        """The lock of an environment, and of the steps that need it; `None` where there is nothing to lock.

        Collects FC509 for packages that cannot be locked.
        """
        if environment.manager == "conda" and environment.requirements:
            message = f"{_listed(steps)}: Conda's packages are not locked: it chooses them when the image is built"
            help_ = "name exact versions, and keep what was built with `flowc image --record`; or use @pypi"
            sink.warning("FC509", message, self._span(steps), help=help_)
        if environment.manager == "conda" or not environment.requirements:
            return None
        place, python = self.folder / f"env-{environment.digest}", bases.oldest_python(environment)
        try:
            known = self._known(place)
        except (OSError, UnicodeDecodeError, GrammarError) as error:
            if not self.upgrade:
                self._report(f"{place / REQUIREMENTS}: {error}", "resolve it again with --upgrade", steps, sink)
                return None
            known = None
        if known is not None and known.fits(environment.requirements, python) and not self.upgrade:
            return known
        if self.only_check:
            missing = not (place / REQUIREMENTS).exists()
            self.stale.append(f"{place / REQUIREMENTS} {'is missing' if missing else 'would change'}")
            return None
        preferred = None if self.upgrade else known or self._previous(steps)
        try:
            return resolve(environment, python, Path(self.flow.file).absolute().parent, preferred)
        except ResolutionError as error:
            message = f"{_listed(steps)}: the packages cannot be locked: {error}"
            sink.error("FC509", message, self._span(steps), help=error.help)
            return None

    def _previous(self, steps: Sequence[str]) -> PackageLock | None:
        """What these steps had before their packages were changed: what still fits keeps its version."""
        for entry in self.old.images:
            if set(steps) & set(entry.steps.get(self.flow.name, ())):
                try:
                    return self._known(self.folder / entry.folder)
                except (OSError, UnicodeDecodeError, GrammarError):
                    return None  # it is only a preference
        return None

    @staticmethod
    def _known(place: Path) -> PackageLock | None:
        files = _texts(place)
        return read_lock(files) if REQUIREMENTS in files else None

    def _report(self, problem: str, help_: str, steps: Sequence[str], sink: DiagnosticSink) -> None:
        sink.error("FC509", problem, self._span(steps), help=help_)

    def _span(self, steps: Sequence[str]) -> Span | None:
        step = self.flow.by_name[steps[0]]
        spec = step.specs.dependencies
        return (spec.span if spec is not None else None) or step.span


def _texts(place: Path) -> Mapping[str, str]:
    """The files of a lock that are there."""
    paths = [place / name for name in (REQUIREMENTS, GIT_REQUIREMENTS)]
    return {path.name: read_file(path).decode() for path in paths if path.exists()}


def _listed(steps: Sequence[str]) -> str:
    return f"step{'s' if len(steps) > 1 else ''} {', '.join(f'`{name}`' for name in steps)}"
