from flowc import FlowSpec, step


class SameFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.list, self.other)

    @step
    def list(self):
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.next(self.inner)

    @step
    def inner(self, inputs):
        self.next(self.outer)

    @step
    def other(self):
        self.next(self.outer)

    @step
    def outer(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
