from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    @step
    def start(self):
        self.items = [1]
        self.next(self.a, foreach="items")

    @step
    def a(self):
        self.next(self.b, self.c)

    @step
    def b(self):
        self.next(self.inner)

    @step
    def c(self):
        self.next(self.inner)

    @step
    def inner(self):  # FC210
        self.next(self.j)

    @step
    def j(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
