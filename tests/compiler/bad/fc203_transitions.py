from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.a)  # FC203

    @step
    def a(self):
        self.next()  # FC203

    @step
    def b(self):
        self.next(self.a, foreach=self.items)  # FC203

    @step
    def c(self):
        self.next(self.a, self.b, foreach="items")  # FC203

    @step
    def d(self):
        self.next({"x": self.a}, condition="y")  # FC203 FC203

    @step
    def e(self):
        self.next(self.a, num_parallel=4)  # FC203

    @step
    def f(self):
        self.next("a")  # FC203

    @step
    def g(self):
        self.next(self.a, color="red")  # FC203

    @step
    def h(self):
        self.next(self.a, foreach="two words")  # FC203

    @step
    def end(self):
        pass
