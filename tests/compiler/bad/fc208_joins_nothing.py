from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    @step
    def start(self):
        self.next(self.j)

    @step
    def j(self, inputs):  # FC208
        self.next(self.end)

    @step
    def end(self):
        pass
