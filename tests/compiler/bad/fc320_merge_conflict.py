from flowc import FlowSpec, step


class MyFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b)

    @step
    def a(self):
        self.model = "linear"
        self.next(self.join)

    @step
    def b(self):
        self.model = "tree"
        self.next(self.join)

    @step
    def join(self, inputs):
        self.merge_artifacts(inputs)  # FC320
        self.next(self.end)

    @step
    def end(self):
        pass
