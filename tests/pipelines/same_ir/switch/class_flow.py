from flowc import FlowSpec, step


class SameFlow(FlowSpec):
    @step
    def start(self):
        self.kind = "big"
        self.next({"big": self.big, "small": self.small}, condition="kind")

    @step
    def big(self):
        self.next(self.end)

    @step
    def small(self):
        self.next(self.end)

    @step
    def end(self):
        pass
