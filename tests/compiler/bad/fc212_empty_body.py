from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    @step
    def start(self):
        self.items = [1]
        self.next(self.j, foreach="items")

    @step
    def j(self, inputs):  # FC212
        self.next(self.end)

    @step
    def end(self):
        pass
