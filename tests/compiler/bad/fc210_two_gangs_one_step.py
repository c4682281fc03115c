from flowc import FlowSpec, parallel, step


class Two(FlowSpec):
    @step
    def start(self):
        self.k = "a"
        self.next({"a": self.a, "b": self.b}, condition="k")

    @step
    def a(self):
        self.next(self.train, num_parallel=2)

    @step
    def b(self):
        self.next(self.train, num_parallel=3)

    @parallel
    @step
    def train(self):  # FC210
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
