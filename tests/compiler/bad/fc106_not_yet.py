from metaflow import FlowSpec, Flow, step  # FC106


class Bad(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
