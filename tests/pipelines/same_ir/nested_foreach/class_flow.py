from flowc import FlowSpec, step


class SameFlow(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.expand, foreach="items")

    @step
    def expand(self):
        self.parts = [1, 2]
        self.next(self.work, foreach="parts")

    @step
    def work(self):
        self.next(self.inner)

    @step
    def inner(self, inputs):
        self.next(self.outer)

    @step
    def outer(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
