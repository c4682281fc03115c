"""A switch in each item of a foreach, arms that end in one join, and a training loop that goes on until it is good.

flowc run examples/choose_model.py
flowc run examples/choose_model.py --sizes '[10, 400, 3000]'
"""

from __future__ import annotations

from flowc import FlowSpec, Inputs, JSONType, Parameter, loop, step


class ChooseModelFlow(FlowSpec):
    """Pick a model by the size of each data set, and refine the best one."""

    sizes = Parameter("sizes", type=JSONType, default="[20, 500, 4000]", help="rows of each data set")
    target = Parameter("target", default=0.95, help="the score to reach")

    @step
    def start(self) -> None:
        self.next(self.look, foreach="sizes")

    @step
    def look(self) -> None:
        self.rows = self.input
        self.size = "small" if self.rows < 100 else "medium" if self.rows < 1000 else "large"
        self.next({"small": self.table, "medium": self.trees, "large": self.sample}, condition="size")

    @step
    def table(self) -> None:
        self.model = "lookup table"
        self.score = 0.6
        self.next(self.best)

    @step
    def sample(self) -> None:
        self.rows = 1000
        self.next(self.trees)

    @step
    def trees(self) -> None:
        self.model = "trees"
        self.score = 0.7 + self.rows / 10000
        self.next(self.best)

    @step
    def best(self, inputs: Inputs[ChooseModelFlow]) -> None:
        self.models = [(each.rows, each.model, each.score) for each in inputs]
        self.score = max(score for _, _, score in self.models)
        self.rounds = 0
        self.next(self.refine)

    @loop(max_iterations=20)
    @step
    def refine(self) -> None:
        self.rounds += 1
        self.score = round(self.score + 0.25 * (1 - self.score), 4)
        self.good = self.score >= self.target
        self.next({True: self.end, False: self.refine}, condition="good")

    @step
    def end(self) -> None:
        print("models:", self.models)
        print("score", self.score, "after", self.rounds, "rounds")


if __name__ == "__main__":
    ChooseModelFlow()
