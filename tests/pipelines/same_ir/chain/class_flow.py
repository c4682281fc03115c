from flowc import FlowSpec, step


class SameFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.work)

    @step
    def work(self):
        self.next(self.other)

    @step
    def other(self):
        self.next(self.end)

    @step
    def end(self):
        pass
