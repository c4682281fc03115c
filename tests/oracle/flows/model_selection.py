import numpy as np
from metaflow import (
    FlowSpec,
    JSONType,
    Parameter,
    card,
    catch,
    resources,
    retry,
    step,
)


class ModelSelectionFlow(FlowSpec):
    """A grid of parameters, one of which fails, and the best of the others."""

    grid = Parameter("grid", type=JSONType, default='{"lr": [0.1, 0.2], "depth": [1, 2]}')
    seed = Parameter("seed", default=0, help="seed")

    @step
    def start(self):
        rng = np.random.default_rng(self.seed)
        self.X = rng.normal(size=(20, 2))
        self.y = self.X.sum(1) > 0
        from itertools import product

        self.combos = [dict(zip(self.grid, v)) for v in product(*self.grid.values())]
        self.next(self.train, foreach="combos")

    @resources(memory=100, cpu=1)
    @catch(var="failed")
    @retry(times=1, minutes_between_retries=0)
    @step
    def train(self):
        self.params = self.input
        if self.input["depth"] == 2 and self.input["lr"] == 0.2:
            raise FloatingPointError("diverged")
        self.score = float(self.X.mean() * self.input["lr"] + self.input["depth"])
        self.next(self.select)

    @step
    def select(self, inputs):
        good = [i for i in inputs if not i.failed]
        self.scores = [(i.params, i.score) for i in good]
        best = max(good, key=lambda i: i.score)
        self.best = best.params
        self.X = best.X
        self.bad = [i.failed.exception for i in inputs if i.failed]
        self.missing = [hasattr(i, "params") for i in inputs]
        self.next(self.end)

    @card
    @step
    def end(self):
        """Finish."""
        self.shape = self.X.shape, self.best


if __name__ == "__main__":
    ModelSelectionFlow()
