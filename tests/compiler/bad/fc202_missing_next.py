from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    @step
    def start(self):  # FC202
        self.x = 1

    @step
    def end(self):
        pass
