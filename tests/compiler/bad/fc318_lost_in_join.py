from flowc import FlowSpec, step


class MyFlow(FlowSpec):
    @step
    def start(self):
        self.title = "demo"
        self.next(self.a, self.b)

    @step
    def a(self):
        self.score = 1
        self.next(self.join)

    @step
    def b(self):
        self.score = 2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.best = max(i.score for i in inputs)
        self.next(self.end)

    @step
    def end(self):
        print(self.title, self.best)  # FC318
