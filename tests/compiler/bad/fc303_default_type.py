from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    n = Parameter("n", type=int, default="many")  # FC303
    b = Parameter("b", type=bool, default=1)  # FC303

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
