from metaflow import FlowSpec, Parameter, retry, step


class Common(FlowSpec):
    """Steps, parameters and helpers that flows share."""

    times = Parameter("times", default=2)
    LABEL = "common"

    def label(self):
        return f"{self.LABEL} {self.times}"

    @step
    def start(self):
        self.trace = [self.label()]
        self.next(self.work)

    @step
    def work(self):
        self.trace.append("common work")
        self.next(self.end)

    @step
    def end(self):
        self.trace.append("common end")


class Middle(Common):
    LABEL = "middle"

    @step
    def end(self):
        self.trace.append("middle end")
        self.label_at_end = self.label()


class SubFlow(Middle):
    """The flow that runs."""

    extra = Parameter("extra", default="e")

    @retry(times=0)
    @step
    def work(self):
        self.trace.append(f"own work {self.extra}")
        self.next(self.more)

    @step
    def more(self):
        self.trace.append("more")
        self.next(self.end)


if __name__ == "__main__":
    SubFlow()
