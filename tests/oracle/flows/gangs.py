from metaflow import FlowSpec, current, parallel, step


class GangFlow(FlowSpec):
    """A gang of three, and a gang in a foreach."""

    @step
    def start(self):
        self.size = 3
        self.next(self.train, num_parallel=3)

    @parallel
    @step
    def train(self):
        self.node = [current.parallel.node_index, current.parallel.num_nodes, current.parallel.main_ip]
        self.index_in_gang = self.index
        self.input_in_gang = self.input
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.nodes = sorted(each.node for each in inputs)
        self.indices = sorted(each.index_in_gang for each in inputs)
        self.merge_artifacts(inputs, include=["size"])
        self.next(self.end)

    @step
    def end(self):
        self.done = self.index, self.size


if __name__ == "__main__":
    GangFlow()
