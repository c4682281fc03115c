from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    SIZE = 4

    @resources(cpu=SIZE)  # FC402
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
