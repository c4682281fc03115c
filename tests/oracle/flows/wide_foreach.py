from metaflow import FlowSpec, step


class WideFlow(FlowSpec):
    """More items than Metaflow reads one by one; joins keep their order, whatever ends first."""

    @step
    def start(self):
        self.letters = "abcdefghijkl"
        self.next(self.letter, foreach="letters")

    @step
    def letter(self):
        import time

        time.sleep(0.3 if self.index % 4 == 0 else 0)
        self.out = [self.index, self.input, self.foreach_stack()]
        self.next(self.join)

    @step
    def join(self, inputs):
        self.outs = [each.out for each in inputs]
        self.some = [inputs[3].out, inputs[-2].out]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    WideFlow()
