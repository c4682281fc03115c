from metaflow import FlowSpec, step


class NoVariableFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, foreach="rows")

    @step
    def a(self):
        self.rows = [1]
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NoVariableFlow()
