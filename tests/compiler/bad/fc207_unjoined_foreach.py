from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    @step
    def start(self):
        self.items = [1]
        self.next(self.a, foreach="items")  # FC207

    @step
    def a(self):
        self.next(self.end)

    @step
    def end(self):
        pass
