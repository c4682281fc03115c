from metaflow import FlowSpec, step


class OwnNamesFlow(FlowSpec):
    """Start and end by mark, not by name."""

    @step(start=True)
    def first(self):
        self.x = 1
        self.next(self.middle)

    @step
    def middle(self):
        self.x += 1
        self.next(self.last)

    @step(end=True)
    def last(self):
        self.x += 1


if __name__ == "__main__":
    OwnNamesFlow()
