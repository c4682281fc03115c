from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    @step
    def start(self):
        self.next(self.ned)  # FC201

    @step
    def end(self):
        pass
