from flowc import FlowSpec, parallel, step


class Pairs(FlowSpec):
    @step
    def start(self):
        self.next(self.unmarked, num_parallel=2)  # FC214

    @step
    def unmarked(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.alone)

    @parallel  # FC214
    @step
    def alone(self):
        self.items = [1]
        self.next(self.each, foreach="items")  # FC215

    @parallel  # FC214
    @step
    def each(self):
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
