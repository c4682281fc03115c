from flowc import FlowSpec, parallel, step


class Sizes(FlowSpec):
    @step
    def start(self):
        self.next(self.train, num_parallel=0)  # FC216

    @parallel
    @step
    def train(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.again, num_parallel="4")  # FC216

    @parallel
    @step
    def again(self):
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.next(self.third, num_parallel=True)  # FC216

    @parallel
    @step
    def third(self):
        self.next(self.final)

    @step
    def final(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
