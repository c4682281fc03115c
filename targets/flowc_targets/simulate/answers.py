"""What persons choose in a simulated run: of the options, or of the store, where `flowc approve` writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowc.errors import FlowError
from flowc.protocol import env_names
from flowc.store import approvals, open_store
from flowc.store.run_layout import RunLayout, parse_index, place_text
from flowc_targets.simulate.problems import ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flowc_targets.simulate.node_report import Progress
    from flowc_targets.simulate.simulation import SimulateOptions
    from flowc_targets.simulate.workflow_spec import Spec

TITLE = "workflows.argoproj.io/title"


def questions(spec: Spec) -> Iterator[tuple[str, list[str]]]:
    """The steps that a person is asked for, each with the choices; none where a text is written."""
    for template in spec.templates.values():
        inputs = {item["name"]: item for item in template.inputs}
        if template.kind == "suspend" and "step" in inputs and template.outputs:
            asked = inputs.get(template.outputs[0].name, {})
            yield str(inputs["step"].get("value", "")), [str(choice) for choice in asked.get("enum", ())]


def check_answers(spec: Spec, given: Mapping[str, str]) -> None:
    """Raise ManifestError for choices that cannot be made."""
    known = dict(questions(spec))
    for place, choice in given.items():
        step = place.partition("/")[0]
        if step not in known:
            help_ = f"the steps are {', '.join(known)}" if known else "leave --approve out"
            raise ManifestError(f"--approve: nobody is asked for a step {step!r}", code="FC505", help=help_)
        if known[step] and choice not in known[step]:
            message = f"--approve: {choice!r} cannot be chosen for {step}"
            raise ManifestError(message, code="FC505", help=f"choose {', '.join(known[step])}")


class Answers:
    """The answers of one run."""

    def __init__(self, spec: Spec, options: SimulateOptions, progress: Progress) -> None:
        flow = str(spec.metadata.get("annotations", {}).get(TITLE) or spec.name)
        self._layout = RunLayout(open_store(options.root or _root(spec)), flow, f"argo-{spec.uid}")
        self._given = options.approvals
        self._progress = progress
        self._noted: set[str] = set()

    def find(self, step: str, index: str) -> str | None:
        """What was chosen for a task; `None` where nobody has so far."""
        path = parse_index(index)
        found = approvals.read_answer(self._layout, step, path)
        place = place_text(step, path)
        given = self._given.get(place, self._given.get(step))
        if found is None and given is not None:
            asked = approvals.read_question(self._layout, step, path)
            question: dict[str, Any] = asked["approval"] if asked is not None and "approval" in asked else {}
            by = approvals.this_person()
            try:
                found = approvals.settle(self._layout, step, path, question, given, by=by, via="option")
            except FlowError as error:
                self._progress.note(str(error))
        if found is not None:
            return str(found["choice"])
        if place not in self._noted:
            self._noted.add(place)
            run = f"{self._layout.flow}/{self._layout.run}"
            self._progress.note(f"{place} waits for a person: flowc approve {run} {place} --choose ...")
        return None


def _root(spec: Spec) -> str:
    """The store that the manifest's pods have."""
    for template in spec.templates.values():
        for item in template.raw.get("container", {}).get("env", ()):
            if item["name"] == env_names.ROOT and "value" in item:
                return str(item["value"]).replace("$$", "$")
    return ""
