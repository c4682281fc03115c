from metaflow import FlowSpec, step


class DictFlow(FlowSpec):
    @step
    def start(self):
        self.items = {"x": 1, "y": 2}
        self.next(self.child, foreach="items")

    @step
    def child(self):
        self.item = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.found = [each.item for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    DictFlow()
