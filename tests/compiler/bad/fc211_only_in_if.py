from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    @step
    def start(self):
        if self.x:
            self.next(self.end)  # FC211
        else:
            self.next(self.end)  # FC211

    @step
    def end(self):
        pass
