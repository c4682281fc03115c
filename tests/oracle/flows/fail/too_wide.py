from metaflow import FlowSpec, step


class TooWideFlow(FlowSpec):
    @step
    def start(self):
        self.rows = range(101)
        self.next(self.a, foreach="rows")

    @step
    def a(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TooWideFlow()
