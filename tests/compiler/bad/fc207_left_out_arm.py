from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b, self.c)

    @step
    def a(self):
        self.next(self.j)

    @step
    def b(self):
        self.next(self.j)

    @step
    def c(self):
        self.next(self.end)

    @step
    def j(self, inputs):  # FC207
        self.next(self.end)

    @step
    def end(self):
        pass
