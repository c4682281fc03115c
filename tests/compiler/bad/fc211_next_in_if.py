from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    @step
    def start(self):
        if self.x:
            self.next(self.a)  # FC211
        self.next(self.end)

    @step
    def a(self):  # FC205
        self.next(self.end)

    @step
    def end(self):
        pass
