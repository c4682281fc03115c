from flowc import FlowSpec, Parameter, step


class MyFlow(FlowSpec):
    rows = Parameter("rows", default=0)

    @step
    def start(self):
        self.total = 0
        if not self.rows:
            return  # FC227
        self.total = self.rows * 2
        self.next(self.end)

    @step
    def end(self):
        print(self.total)
