from metaflow import FlowSpec, step


class NoCaseFlow(FlowSpec):
    @step
    def start(self):
        self.kind = "c"
        self.next({"a": self.a, "b": self.end}, condition="kind")

    @step
    def a(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NoCaseFlow()
