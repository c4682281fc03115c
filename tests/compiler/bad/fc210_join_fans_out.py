from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next(self.j)

    @step
    def b(self):
        self.next(self.j)

    @step
    def j(self, inputs):
        self.next(self.c, self.d)  # FC210

    @step
    def c(self):
        self.next(self.k)

    @step
    def d(self):
        self.next(self.k)

    @step
    def k(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
