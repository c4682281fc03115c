from metaflow import FlowSpec, step


class JoinInputFlow(FlowSpec):
    """A join in a foreach, which does not merge, and what follows it: their item of the foreach around them."""

    @step
    def start(self):
        self.items = ["x", "y"]
        self.next(self.outer, foreach="items")

    @step
    def outer(self):
        self.inner_items = [1]
        self.next(self.inner, foreach="inner_items")

    @step
    def inner(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.item = self.input
        self.stack = self.foreach_stack()
        self.next(self.after)

    @step
    def after(self):
        self.item = self.input
        self.next(self.last)

    @step
    def last(self, inputs):
        self.found = [each.item for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    JoinInputFlow()
