from flowc import FlowSpec, foreach_options, loop, parallel, step


class Bad(FlowSpec):
    @foreach_options(parallelism=2)
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.each, foreach="items")

    @foreach_options(parallelism=2)  # FC406
    @loop(max_iterations=3)  # FC406
    @step
    def each(self):
        self.next(self.join)

    @foreach_options  # FC404
    @loop(max_iterations=0)  # FC404
    @step
    def join(self, inputs):
        self.next(self.again)

    @loop(max_iterations=3)
    @step
    def again(self):
        self.go = "on"
        self.next({"back": self.again, "on": self.split}, condition="go")

    @foreach_options(parallelism=2)  # FC406
    @step
    def split(self):
        self.next(self.member, num_parallel=3)

    @parallel
    @step
    def member(self):
        self.next(self.gather)

    @loop(max_iterations=3)  # FC406
    @step
    def gather(self, inputs):
        self.items = [1]
        self.next(self.batch)

    @foreach_options(workers=10)  # FC404
    @step
    def batch(self):
        self.next(self.each_batch, foreach="items")

    @step
    def each_batch(self):
        self.next(self.end)

    @step
    def end(self, inputs):
        pass
