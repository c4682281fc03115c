from flowc import FlowSpec, step


class Bad(FlowSpec):
    @step
    def start(self):
        self.items = [1]
        self.next(self.look, foreach="items")

    @step
    def look(self):
        self.next({"a": self.work, "b": self.join}, condition="size")

    @step
    def work(self):
        self.next(self.join)

    @step
    def join(self, inputs):  # FC218
        self.next(self.end)

    @step
    def end(self):
        pass
