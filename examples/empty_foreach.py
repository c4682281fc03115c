"""A foreach over however many items there are, zero included: the join runs in every case."""

from flowc import FlowSpec, Parameter, step


class EmptyForeachFlow(FlowSpec):
    """Squares the numbers below `count`."""

    count = Parameter("count", default=0, help="how many items")

    @step
    def start(self):
        """Fan out, perhaps over nothing."""
        self.numbers = list(range(self.count))
        self.next(self.square, foreach="numbers")

    @step
    def square(self):
        """The work of one item."""
        self.result = self.input**2
        self.next(self.join)

    @step
    def join(self, inputs):
        """Gather the results."""
        self.results = [task.result for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        """Print them."""
        print(f"{len(self.results)} results: {self.results}")


if __name__ == "__main__":
    EmptyForeachFlow()
