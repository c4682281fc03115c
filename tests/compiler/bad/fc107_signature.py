from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    @step
    def start(self):
        self.next(self.a)

    @step
    def a(self, inputs, more):  # FC107
        self.next(self.b)

    @step
    async def b(self):  # FC107
        self.next(self.end)

    @step
    def end(self, *, x):  # FC107
        pass
