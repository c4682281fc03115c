"""A pipeline that calls a class flow, for each item and behind an `if`; and that class calls a pipeline in turn."""

from __future__ import annotations

from flowc import FlowSpec, Parameter, call_flow, pipeline, step


@step
def numbers(count: int) -> list[int]:
    """What is doubled."""
    return list(range(count + 1))


@step
def twice(number: int) -> int:
    """One of them."""
    return number * 2


@step
def add_up(doubled: list[int]) -> int:
    """All of them."""
    return sum(doubled)


@pipeline
def statistics(count: int = 3) -> int:
    """Its parameter is an artifact of the class."""
    return add_up(twice.map(numbers(count)))


class Score(FlowSpec):
    """Runs within the pipeline below, and has the pipeline above within it."""

    size = Parameter("size", default=2)

    @call_flow(statistics, artifacts={"count": "size"}, returns={"total": "output"})
    @step
    def start(self) -> None:
        """What follows has `self.total`."""
        self.next(self.end)

    @step
    def end(self) -> None:
        """What the caller gets."""
        self.score = self.total + 0.5


@step
def sizes() -> list[int]:
    """A call for each."""
    return [1, 3]


@step
def is_large(scores: list[float]) -> bool:
    """Which arm is taken."""
    return max(scores) > 10


@step
def report(scores: list[float], best: float, extra: int) -> str:
    """The end."""
    return f"{scores} and {best} of {extra}"


@pipeline
def crossing(extra: int = 4) -> None:
    """Values go in and out by reference."""
    scores = [call_flow(Score, params={"size": size}, returns="score") for size in sizes()]
    if is_large(scores):
        best = call_flow(Score, params={"size": extra}, returns="score", id="again")
    else:
        best = call_flow(Score, returns="score")
    report(scores, best, extra)


if __name__ == "__main__":
    crossing()
