"""Gangs: alone, in a foreach and in the arm of a switch; what members know, and what a join sees of them."""

import os

from metaflow import FlowSpec, current, parallel, step


class GangsFlow(FlowSpec):
    @step
    def start(self):
        self.before = list(range(3))
        self.alone = [current.parallel.main_ip, *current.parallel[1:3], "is_parallel" in current]
        self.next(self.first, num_parallel=3)

    @parallel
    @step
    def first(self):
        who = current.parallel
        self.who = [who.main_ip, who.num_nodes, who.node_index, current.is_parallel]
        self.place = [self.index, self.input, len(self.foreach_stack())]
        self.variables = [os.environ[f"MF_PARALLEL_{name}"] for name in ("MAIN_IP", "NUM_NODES", "NODE_INDEX")]
        self.same = "same"
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.places = [member.place for member in inputs]
        self.names = [member.index for member in inputs]
        self.one = inputs[2].who
        self.merge_artifacts(inputs, exclude=["who", "place", "variables"])
        self.next(self.spread)

    @step
    def spread(self):
        self.items = [1, 2]
        self.next(self.each, foreach="items")

    @step
    def each(self):
        self.kind = "big" if self.input > 1 else "small"
        self.next({"big": self.open, "small": self.skip}, condition="kind")

    @step
    def open(self):
        self.nodes = 2
        self.next(self.second, num_parallel=self.nodes)

    @parallel
    @step
    def second(self):
        self.rank = current.parallel.node_index
        self.outer = self.foreach_stack()[0][0]
        self.next(self.rejoin)

    @step
    def rejoin(self, inputs):
        self.ranks = [[member.rank, member.outer] for member in inputs]
        self.next(self.leave)

    @step
    def skip(self):
        self.ranks = []
        self.next(self.leave)

    @step
    def leave(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.all = [one.ranks for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    GangsFlow()
