from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    @resources(memory="lots")  # FC404
    @retry(times=-1)  # FC404
    @timeout()  # FC404
    @environment(vars="A=1")  # FC404
    @kubernetes(tolerations=[{"key": "a", "effect": "Sometimes"}])  # FC404
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
