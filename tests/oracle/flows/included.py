import os

from metaflow import FlowSpec, IncludeFile, step


def beside(name):
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), name)


class IncludedFlow(FlowSpec):
    """Files that travel with the run: this one."""

    text = IncludeFile("text", default=beside("corpus_flow.py"), help="text")
    data = IncludeFile("data", default=beside("corpus_flow.py"), is_text=False)
    none = IncludeFile("none", required=False)

    @step
    def start(self):
        self.lengths = [len(self.text), len(self.data), self.none]
        self.kinds = [type(self.text).__name__, type(self.data).__name__]
        self.next(self.a, self.b)

    @step
    def a(self):
        self.first = self.text[:9]
        self.next(self.join)

    @step
    def b(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.again = inputs.a.first, self.data[:9]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    IncludedFlow()
