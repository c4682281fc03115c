from flowc import FlowSpec, foreach_options, parallel, step


class Bad(FlowSpec):
    @foreach_options(items_per_task=50)  # FC413
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.load, foreach="items")

    @step
    def load(self):
        self.next(self.train, num_parallel=2)

    @parallel
    @step
    def train(self):
        self.next(self.together)

    @step
    def together(self, inputs):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
