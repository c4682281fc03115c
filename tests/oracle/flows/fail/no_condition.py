from metaflow import FlowSpec, step


class NoConditionFlow(FlowSpec):
    @step
    def start(self):
        self.next({"a": self.a, "b": self.end}, condition="kind")

    @step
    def a(self):
        self.kind = "a"
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NoConditionFlow()
