from flowc import FlowSpec, step


class SameFlow(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.split, foreach="items")

    @step
    def split(self):
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next(self.inner)

    @step
    def b(self):
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
