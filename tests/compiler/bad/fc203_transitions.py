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
        self.next({"x": self.a}, condition="y")  # FC203

    @step
    def e(self):
        self.next(self.a, num_parallel=2, colour="red")  # FC203

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
    def i(self):
        self.next({"x": self.a, "y": self.b})  # FC203

    @step
    def j(self):
        self.next(self.a, condition="y")  # FC203

    @step
    def k(self):
        self.next({"x": self.a, "x": self.b}, condition="y")  # FC203

    @step
    def l(self):
        self.next({self.x: self.a, None: self.b, **self.more, "z": "a"}, condition=self.y)  # FC203 FC203 FC203 FC203 FC203

    @step
    def m(self):
        self.next(self.a, foreach="items", num_parallel=2)  # FC203

    @step
    def n(self):
        self.next({"x": self.a, "y": self.b}, condition="two words")  # FC203

    @step
    def o(self):
        self.next(*self.steps, **self.options)  # FC203 FC203

    @step
    def end(self):
        pass
