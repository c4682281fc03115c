from flowc import FlowSpec, container, step


class Bad(FlowSpec):
    @container(image="debian:12", command="ls -l")  # FC404
    @step
    def start(self):
        self.next(self.a)

    @container(image="debian:12", command=["cat", "{inputs.rows}"])  # FC404
    @step
    def a(self):
        self.next(self.b)

    @container(image="debian:12", command=["true"], outputs={"rows": "../rows"})  # FC404
    @step
    def b(self):
        self.next(self.c, self.d)

    @container(image="debian:12", command=["true"], env={"FLOWC_ROOT": "x"})  # FC404
    @step
    def c(self):
        self.next(self.join)

    @container(image="debian:12", command=["bash", "-ec", "echo {values.name}"])  # FC404
    @step
    def d(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
