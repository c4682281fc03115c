from metaflow import FlowSpec, step


class SameNameFlow(FlowSpec):
    """An inner foreach over a variable of the outer one's name, and one over a variable that the body sets anew."""

    @step
    def start(self):
        self.items = [["a", "b"], ["c", "d"]]
        self.next(self.outer, foreach="items")

    @step
    def outer(self):
        self.mine = self.input
        self.items = self.mine
        self.next(self.inner, foreach="items")

    @step
    def inner(self):
        self.stack = self.foreach_stack()
        self.items = "zz"
        self.next(self.inner_end)

    @step
    def inner_end(self):
        self.item = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.found = [(each.stack, each.item) for each in inputs]
        self.next(self.last)

    @step
    def last(self, inputs):
        self.found = [each.found for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SameNameFlow()
