from metaflow import FlowSpec, Parameter, step


class SingleFlow(FlowSpec):
    """One step is a flow."""

    n = Parameter("n", default=2)

    @step(start=True, end=True)
    def only(self):
        self.x = self.n * 2


if __name__ == "__main__":
    SingleFlow()
