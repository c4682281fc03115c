from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):  # FC206
    @step
    def start(self):
        self.next(self.finish)

    @step
    def finish(self):
        self.next(self.start)
