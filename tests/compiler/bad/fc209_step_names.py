from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    @step
    def start(self):
        self.next(self.Big)

    @step
    def Big(self):  # FC209
        self.next(self.input)

    @step
    def input(self):  # FC209
        self.next(self.end)

    @step
    def end(self):
        pass
