"""Decorators of gangs that flowc does not serve: one error for each, and none that tells to add `@parallel`."""

from metaflow import FlowSpec, step
from metaflow import deepspeed  # FC106
from metaflow import mpi as launcher  # FC106


class Launched(FlowSpec):
    @step
    def start(self):
        self.next(self.train, num_parallel=2)

    @deepspeed
    @step
    def train(self):
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.next(self.again)

    @step
    def again(self):
        self.next(self.solve, num_parallel=2)

    @launcher(all_nodes_started_timeout=60)
    @step
    def solve(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
