from metaflow import FlowSpec, step


class DeletedFlow(FlowSpec):
    """`del` of what an earlier step has set."""

    @step
    def start(self):
        self.x = 1
        self.y = 2
        self.next(self.middle)

    @step
    def middle(self):
        self.read = self.x
        del self.x
        try:
            del self.y
            self.error = None
        except AttributeError as error:
            self.error = type(error).__name__
        self.next(self.end)

    @step
    def end(self):
        self.has = hasattr(self, "x"), hasattr(self, "y")


if __name__ == "__main__":
    DeletedFlow()
