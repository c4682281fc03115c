from flowc import FlowSpec, step


class MyFlow(FlowSpec):
    @step
    def start(self):
        self.size = len("abc")
        self.next({"small": self.small, "large": self.large}, condition="size")  # FC323

    @step
    def small(self):
        self.next(self.end)

    @step
    def large(self):
        self.next(self.end)

    @step
    def end(self):
        pass
