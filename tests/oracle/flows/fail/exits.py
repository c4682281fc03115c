import sys

from metaflow import FlowSpec, step


class ExitsFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.leaves)

    @step
    def leaves(self):
        sys.exit(3)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ExitsFlow()
