from flowc import FlowSpec, step


class MyFlow(FlowSpec):
    @step
    def start(self):
        self.accuracy = 0.9
        self.next(self.end)

    @step
    def end(self):
        print(self.acuracy)  # FC317
