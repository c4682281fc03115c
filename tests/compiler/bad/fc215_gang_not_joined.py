from flowc import FlowSpec, parallel, step


class Long(FlowSpec):
    @step
    def start(self):
        self.next(self.train, num_parallel=2)

    @parallel
    @step
    def train(self):
        self.next(self.more)  # FC215

    @step
    def more(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.choose)

    @step
    def choose(self):
        self.next(self.split, num_parallel=2)

    @parallel
    @step
    def split(self):
        self.next(self.left, self.right)  # FC215

    @step
    def left(self):
        self.next(self.inner)

    @step
    def right(self):
        self.next(self.inner)

    @step
    def inner(self, inputs):
        self.next(self.outer)

    @step
    def outer(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
