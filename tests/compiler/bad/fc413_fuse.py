from flowc import FlowSpec, fuse, kubernetes, step


class Bad(FlowSpec):
    @fuse  # FC413
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.each, foreach="items")

    @fuse  # FC413
    @step
    def each(self):
        self.next(self.join)

    @fuse  # FC413
    @step
    def join(self, inputs):
        self.next(self.train)

    @fuse  # FC413
    @kubernetes(image="trainer")
    @step
    def train(self):
        self.next(self.split)

    @fuse(disabled=True)
    @step
    def split(self):
        self.next(self.a, self.b)

    @fuse  # FC413
    @step
    def a(self):
        self.next(self.both)

    @step
    def b(self):
        self.next(self.both)

    @fuse  # FC413
    @step
    def both(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
