from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class First(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


class Second(FlowSpec):  # FC103
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
