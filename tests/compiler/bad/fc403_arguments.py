from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    @resources(2)  # FC403
    @kubernetes(flavour="small")  # FC403
    @retry(count=3)  # FC403
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
