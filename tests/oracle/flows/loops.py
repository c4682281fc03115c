from metaflow import FlowSpec, current, retry, step


class LoopFlow(FlowSpec):
    """Steps that come back to themselves: alone, in a foreach, with attempts that fail, after one another."""

    @step
    def start(self):
        self.count = 0
        self.seen = []
        self.next(self.again)

    @retry(times=1, minutes_between_retries=0)
    @step
    def again(self):
        self.count += 1
        self.seen.append((self.count, current.retry_count, self.index, self.input, self.foreach_stack()))
        if current.retry_count == 0 and self.count == 2:
            raise ValueError("only once")
        self.state = "more" if self.count < 4 else "done"
        self.next({"more": self.again, "done": self.split}, condition="state")

    @step
    def split(self):
        self.items = [2, 0, 1]
        self.next(self.child, foreach="items")

    @step
    def child(self):
        self.left = self.input
        self.rounds = []
        self.next(self.spin)

    @step
    def spin(self):
        self.rounds.append([self.left, self.index, self.input, self.foreach_stack()])
        self.left -= 1
        self.go_on = self.left > 0
        self.next({True: self.spin, False: self.turn}, condition="go_on")

    @step
    def turn(self):
        self.turns = getattr(self, "turns", 0) + 1
        self.where = "turn" if self.turns < 2 else ("out" if self.input else "far")
        self.next({"turn": self.turn, "out": self.out, "far": self.far}, condition="where")

    @step
    def out(self):
        self.how = "out"
        self.next(self.join)

    @step
    def far(self):
        self.how = "far"
        self.next(self.join)

    @step
    def join(self, inputs):
        self.results = sorted((each.index, each.how, each.rounds, each.turns) for each in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LoopFlow()
