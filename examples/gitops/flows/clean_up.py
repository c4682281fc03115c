"""A second flow of the same repository: it adds no second runtime."""

from flowc import FlowSpec, step


class CleanUp(FlowSpec):
    """Nothing is dirty here."""

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        print("clean")


if __name__ == "__main__":
    CleanUp()
