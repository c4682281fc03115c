"""A flow that waits in every way, for the engines' own tests, and what its runs wait for."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from flowc import Run
from flowc.errors import FlowError
from flowc_cli.waiting_tasks import WaitingRecord, waiting_tasks

GATES = """
from flowc import FlowSpec, approval, current, step, wait_for


@wait_for("{url}", every=2, timeout=600)
class Gates(FlowSpec):
    @step
    def start(self):
        self.models = ["small", "large"]
        self.next(self.review, foreach="models")

    @approval(choices=["promote", "reject"], message="Promote it?", timeout="20m")
    @step
    def review(self):
        self.seen = [self.input, self.decision, current.approval.note]
        self.next({{"promote": self.promote, "reject": self.drop}}, condition="decision")

    @step
    def promote(self):
        self.result = [*self.seen, "promoted"]
        self.next(self.join)

    @step
    def drop(self):
        self.result = [*self.seen, "dropped"]
        self.next(self.join)

    @step
    def join(self, inputs):
        self.results = [each.result for each in inputs]
        self.next(self.quick)

    @approval(choices=["yes", "no"], default="no", timeout=5)
    @step
    def quick(self):
        self.next({{"yes": self.end, "no": self.late}}, condition="go")

    @step
    def late(self):
        self.next(self.end)

    @step
    def end(self):
        self.last = self.go
"""
CHOICES = {"review/0": "promote", "review/1": "reject"}
RESULTS = [["small", "promote", "the review/0", "promoted"], ["large", "reject", "the review/1", "dropped"]]

CALLED = """
from flowc import FlowSpec, Parameter, approval, approve, call_flow, current, pipeline, step, wait_for


@step
def tell(chosen: str) -> str:
    return "the pipeline has " + chosen


@pipeline
def asking():
    return tell(approve(choices=["go", "stop"], id="ask"))


@wait_for("{url}", every=2, timeout=600)
class Review(FlowSpec):
    model = Parameter("model", default="none")

    @step
    def start(self):
        self.next(self.review)

    @approval(choices=["promote", "reject"], message="Promote it?", timeout="20m")
    @step
    def review(self):
        self.next({{"promote": self.promote, "reject": self.drop}}, condition="decision")

    @step
    def promote(self):
        self.result = [self.model, "promoted"]
        self.next(self.end)

    @step
    def drop(self):
        self.result = [self.model, "dropped"]
        self.next(self.end)

    @step
    def end(self):
        self.result.append(self.decision)


class CallsGates(FlowSpec):
    @step
    def start(self):
        self.models = ["small", "large"]
        self.next(self.each, foreach="models")

    @call_flow(Review, artifacts=["model"], returns=["result"])
    @step
    def each(self):
        self.model = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.results = [each.result for each in inputs]
        self.next(self.then)

    @call_flow(asking, returns={{"told": "output"}})
    @step
    def then(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
"""What waits and asks within a class flow and a pipeline that it calls."""
CALLED_CHOICES = {"each__review/0": "promote", "each__review/1": "reject", "then__ask": "go"}
CALLED_RESULTS = [["small", "promoted", "promote"], ["large", "dropped", "reject"]]

RESUMED = """
from pathlib import Path

from flowc import FlowSpec, approval, step, wait_for


@wait_for("{url}", every=1, timeout=600)
class Resumed(FlowSpec):
    @step
    def start(self):
        self.next(self.review)

    @approval(choices=["yes", "no"])
    @step
    def review(self):
        self.next({{"yes": self.end, "no": self.end}}, condition="good")

    @step
    def end(self):
        assert self.good == "yes"
        Path("{mended}").stat()
"""
"""What fails in its last step until a file is there."""


def waits(
    pathspec: str, root: str, enough: Callable[[list[WaitingRecord]], bool], seconds: float = 300
) -> list[WaitingRecord]:
    """What a run waits for, as soon as that is enough."""
    deadline = time.monotonic() + seconds
    found: list[WaitingRecord] = []
    while time.monotonic() < deadline:
        try:
            found = waiting_tasks(Run(pathspec, root=root))
        except FlowError:
            found = []
        if enough(found):
            return found
        time.sleep(1)
    raise AssertionError(f"{pathspec} waits for {found}")


def check_ended(run: Run) -> None:
    """The run has ended as the choices say, and has them in its manifests."""
    assert run["join"].task.data.results == RESULTS
    assert run["end"].task.data.last == "no"
    assert [run["review"][index].manifest["approval"]["choice"] for index in ("0", "1")] == list(CHOICES.values())
    assert run["quick"].task.manifest["approval"]["timed_out"] is True


def answer_called(pathspec: str, root: str, approve: Callable[[str, str], None]) -> None:
    """Let `approve` answer what a run of CALLED asks, in the called class and then in the called pipeline."""
    for places in (list(CALLED_CHOICES)[:2], list(CALLED_CHOICES)[2:]):
        waits(pathspec, root, partial(_ask, places), seconds=900)  # several pods come before
        for place in places:
            approve(place, CALLED_CHOICES[place])


def _ask(places: list[str], found: list[WaitingRecord]) -> bool:
    return [task.place for task in found if task.question is not None] == places


def check_called(run: Run) -> None:
    """Check what a run of CALLED has left."""
    assert (run.data.results, run.data.told) == (CALLED_RESULTS, "the pipeline has go")
    made = [run["each__review"][index].manifest["approval"]["choice"] for index in ("0", "1")]
    assert [*made, run["then__ask"].task.manifest["approval"]["choice"]] == list(CALLED_CHOICES.values())
