from flowc import FlowSpec, step


class MyFlow(FlowSpec):
    @step
    def start(self):
        self.rows = {"a": 1}
        self.next(self.end)

    @step
    def end(self):
        self.rows.append(2)  # FC322
