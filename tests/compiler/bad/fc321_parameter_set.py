from flowc import FlowSpec, Parameter, step


class MyFlow(FlowSpec):
    rate = Parameter("rate", default=0.1)

    @step
    def start(self):
        self.rate = self.rate / 2  # FC321
        self.next(self.end)

    @step
    def end(self):
        pass
