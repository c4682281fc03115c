from metaflow import FlowSpec, step


class ZeroItemsFlow(FlowSpec):
    @step
    def start(self):
        self.items = []
        self.next(self.child, foreach="items")

    @step
    def child(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.found = [each.index for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ZeroItemsFlow()
