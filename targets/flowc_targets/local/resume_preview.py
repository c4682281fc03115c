"""What a resumed run will take over and what it will run, before it starts: manifests are read, and nothing written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowc.errors import CorruptArtifact, MissingInput
from flowc.shim.takeover import Origin, agrees
from flowc_targets.local.resumption import Replay, find_origin, resumed_options
from flowc_targets.local.schedule import Schedule

if TYPE_CHECKING:
    from flowc.store.run_layout import RunLayout
    from flowc_compiler.ir import Flow
    from flowc_compiler.source import SourceFile
    from flowc_targets.local.options import ResumeOptions, RunOptions
    from flowc_targets.local.schedule import Path

_NO_LIMIT = 1 << 60


@dataclass(frozen=True, slots=True)
class ResumePreview:
    """What will become of the tasks of a resumed run."""

    run_id: str
    """The run that is resumed."""
    taken: dict[str, int]
    """Tasks that are taken over, by step, in the order of the flow."""
    runs: dict[str, int | None]
    """Tasks that run, by step; `None` where their number is not known yet, or none of them may run."""

    @property
    def lines(self) -> list[str]:
        """It as text."""
        total = {name: count + (self.runs.get(name) or 0) for name, count in self.taken.items()}
        taken = [
            name if count == total[name] == 1 else f"{name} ({count}{f' of {total[name]}' * (total[name] > count)})"
            for name, count in self.taken.items()
        ]
        runs = [f"{name} ({count})" if count and count > 1 else name for name, count in self.runs.items()]
        return [
            f"taken over from run {self.run_id}: {', '.join(taken) or 'nothing'}",
            f"runs: {', '.join(runs) or 'nothing'}",
        ]


def preview_resume(flow: Flow, source: SourceFile, options: RunOptions, resume: ResumeOptions) -> ResumePreview:
    """What a run that resumes another one does, where the store can be read.

    Values are not verified: a task whose value is damaged runs again. Raises FlowcError as the run itself would: FC601,
    FC607, FC608, and FC609.
    """
    origin = find_origin(flow, source, options, resume)
    resumed_options(flow, options, origin)
    schedule = Schedule(flow)
    look = _Look(origin.layout, origin.plan, origin.rerun)
    replay = Replay(origin, schedule, origin.layout, _NO_LIMIT, look=look)
    replay.run(lambda: True)
    begin = {name for name, known in schedule.known_of.items() if known > replay.reused[name]}
    runs: dict[str, int | None] = {}
    for step in flow.steps:
        if step.name in begin:
            runs[step.name] = schedule.known_of[step.name] - replay.reused[step.name]
        elif any(parent in runs for parent in step.parents) and not replay.reused[step.name]:
            runs[step.name] = None
    real = [step.name for step in flow.steps if not step.virtual]
    taken = {name: replay.reused[name] for name in real if replay.reused[name]}
    return ResumePreview(origin.run_id, taken, {name: runs[name] for name in real if name in runs})


class _Look(Origin):
    """The run that is resumed, of which nothing is taken over."""

    def take(self, target: RunLayout, tasks: list[tuple[str, Path]]) -> list[dict[str, Any] | None]:
        """The manifests of the tasks that would be taken over."""
        del target
        return [self._found(step, path) for step, path in tasks]

    def _found(self, name: str, path: Path) -> dict[str, Any] | None:
        try:
            attempt = self._attempt(name, path)
            manifest = None if attempt is None else self._source.manifest(name, path, attempt)
        except (CorruptArtifact, MissingInput):
            return None
        return manifest if manifest is not None and agrees(self._plan.step(name), manifest) else None
