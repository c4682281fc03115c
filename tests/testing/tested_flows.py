"""Flows and pipelines that the tests of `flowc.testing` test."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import Annotated, Any

from flowc import (
    S3,
    Config,
    FlowSpec,
    Inputs,
    Parameter,
    approval,
    approve,
    catch,
    current,
    environment,
    parallel,
    pipeline,
    retry,
    step,
    timeout,
    unmapped,
)


def fit(rows: list[int]) -> int:
    """What a test replaces."""
    return sum(rows)


@dataclass
class Model:
    """An artifact of a class of the file."""

    weight: int


class TrainFlow(FlowSpec):
    """A foreach in a branch, a switch, and what steps read."""

    rows = Parameter("rows", default=3)
    rate = Parameter("learning-rate", default=0.5)
    name = Parameter("title", required=True)
    limit = 10
    settings = Config("settings", default_value={"depth": 2})

    @step
    def start(self) -> None:
        self.data = list(range(self.rows))
        self.next(self.left, self.right)

    @step
    def left(self) -> None:
        self.model = Model(fit(self.data))
        self.next(self.join)

    @retry(times=2)
    @catch(var="failure")
    @environment(vars={"SIDE": "right"})
    @timeout(seconds=1)
    @step
    def right(self) -> None:
        self.side = os.environ["SIDE"]
        self.quotient = 1 / len(self.data)
        self.next(self.join)

    @step
    def join(self, inputs: Any) -> None:
        self.model = inputs.left.model
        self.merge_artifacts(inputs, include=["data"])
        self.next(self.split)

    @step
    def split(self) -> None:
        self.next(self.each, foreach="data")

    @step
    def each(self) -> None:
        self.result = self.input * self.rate + self.index
        self.title_length = len(self.name)
        self.next(self.gather)

    @step
    def gather(self, inputs: Inputs[TrainFlow]) -> None:
        self.results = [each.result for each in inputs]
        self.items = [each.input for each in inputs]
        self.next(self.decide)

    @step
    def decide(self) -> None:
        self.verdict = "good" if sum(self.results) > self.limit else "bad"
        self.next({"good": self.keep, "bad": self.drop}, condition="verdict")

    @step
    def keep(self) -> None:
        self.next(self.end)

    @step
    def drop(self) -> None:
        self.next(self.end)

    @step
    def end(self) -> None:
        print(f"{current.step_name} of {current.flow_name}, depth {self.settings.depth}")


def _odd() -> Any:
    """What the compiler knows nothing of."""
    return os.environ.get("ODD")


def _lock() -> Any:
    return threading.Lock()


class OddFlow(FlowSpec):
    """What goes wrong, what is not stored, and a gang."""

    @step
    def start(self) -> None:
        self.next(self.work, num_parallel=2)

    @parallel
    @step
    def work(self) -> None:
        self.node = (current.parallel.node_index, int(os.environ["WORLD_SIZE"]))
        self.next(self.join)

    @step
    def join(self, inputs: Any) -> None:
        self.nodes = [each.node for each in inputs]
        self.machine: Any = _odd()
        self.next(self.unstored)

    @step
    def unstored(self) -> None:
        self.lock: Any = _lock()
        self.next(self.silent)

    @step
    def silent(self) -> None:
        self.state = self.machine.state()
        os.environ["LEFT_BY_A_STEP"] = "1"
        self.next(self.end)

    @step
    def end(self) -> None:
        with S3(run=self) as s3:
            self.url = s3.put("key", "value")


@step
def numbers(count: int) -> list[int]:
    return list(range(count))


@step
def scaled(number: int, factor: int = 10) -> Annotated[int, "product"]:
    return number * factor


@step
def report(
    products: list[int], *, words: Annotated[str, "of a person"] = "sum"
) -> tuple[Annotated[str, "text"], Annotated[int, "total"]]:
    return f"{words} {sum(products)} by {current.step_name}", sum(products)


@pipeline
def scale(count: int, factor: int = 3) -> None:
    report(scaled.map(numbers(count), factor=unmapped(factor)))


@step
def alone(of: int) -> int:
    return 1 // of


class AskingFlow(FlowSpec):
    """A switch that a person makes, and a question without one."""

    @approval(choices=["True", "False"])
    @step
    def start(self) -> None:
        self.by = current.approval.by
        self.next({True: self.yes, False: self.no}, condition="good")

    @step
    def yes(self) -> None:
        self.next(self.end)

    @step
    def no(self) -> None:
        self.next(self.end)

    @approval(choices=["go", "stop"])
    @step
    def end(self) -> None:
        self.answer = current.approval.choice


class AskingItemsFlow(FlowSpec):
    """A question for each item of a foreach."""

    @step
    def start(self) -> None:
        self.items = [0, 1, 2]
        self.next(self.ask, foreach="items")

    @approval(choices=["yes", "no"])
    @step
    def ask(self) -> None:
        self.answer = f"{self.input}: {current.approval.choice}"
        self.next(self.join)

    @step
    def join(self, inputs: Inputs[AskingItemsFlow]) -> None:
        self.answers = [item.answer for item in inputs]
        self.next(self.end)

    @step
    def end(self) -> None:
        pass


@pipeline
def asking() -> None:
    if approve(choices=["yes", "no"], id="ask") == "yes":
        scaled(1)
