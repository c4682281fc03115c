from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    a = Parameter("alpha")
    b = Parameter("Alpha")  # FC305
    c = Parameter("max-workers")  # FC305
    start = Parameter("s")  # FC305

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
