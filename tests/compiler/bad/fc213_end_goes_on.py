from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        self.next(self.start)  # FC204 FC213
