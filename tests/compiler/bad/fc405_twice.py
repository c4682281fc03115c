from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    @retry(times=1)
    @retry(times=2)  # FC405
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
