from flowc import FlowSpec, step


class MyFlow(FlowSpec):
    @step
    def start(self):
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
        print(inputs.c.score)  # FC226
        self.next(self.end)

    @step
    def end(self):
        pass
