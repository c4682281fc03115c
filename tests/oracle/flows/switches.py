from metaflow import FlowSpec, Parameter, step


class SwitchFlow(FlowSpec):
    """Switches: by several types, nested, in foreach and branch, several arms into one step and into a join."""

    mode = Parameter("mode", default="slow")

    @step
    def start(self):
        self.path = ["start"]
        self.next({"fast": self.fast, "slow": self.slow, "other": self.slow}, condition="mode")

    @step
    def fast(self):
        self.path.append("fast")
        self.next(self.meet)

    @step
    def slow(self):
        self.path.append("slow")
        self.level = 2.0
        self.next({1: self.one, 2: self.two, 3: self.meet}, condition="level")

    @step
    def one(self):
        self.path.append("one")
        self.next(self.meet)

    @step
    def two(self):
        self.path.append("two")
        self.items = [0, 1, 2, 3]
        self.next(self.item, foreach="items")

    @step
    def item(self):
        self.path.append(f"item {self.index}")
        self.kind = self.input % 3
        self.next({0: self.zero, 1: self.first, 2: self.second}, condition="kind")

    @step
    def zero(self):
        self.path.append("zero")
        self.next(self.items_join)

    @step
    def first(self):
        self.path.append("first")
        self.next(self.shared)

    @step
    def second(self):
        self.path.append("second")
        self.even = True
        self.next({True: self.shared, False: self.zero}, condition="even")

    @step
    def shared(self):
        self.path.append(f"shared {self.input}")
        self.next(self.items_join)

    @step
    def items_join(self, inputs):
        self.paths = sorted(each.path for each in inputs)
        self.places = sorted((each.index, each.input) for each in inputs)
        self.shared_one = hasattr(inputs, "shared"), inputs.zero.path[0]
        self.path = ["items_join"]
        self.next(self.meet)

    @step
    def meet(self):
        self.path.append("meet")
        self.next(self.left, self.right)

    @step
    def left(self):
        self.go = "b"
        self.next({"a": self.left_a, "b": self.left_b}, condition="go")

    @step
    def left_a(self):
        self.next(self.join)

    @step
    def left_b(self):
        self.path.append("left_b")
        self.next(self.join)

    @step
    def right(self):
        self.path.append("right")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.path = sorted(each.path for each in inputs)
        self.named = inputs.right.path, inputs.left_b.path, hasattr(inputs, "left_a")
        self.merge_artifacts(inputs)
        self.next(self.end)

    @step
    def end(self):
        self.path.append("end")


if __name__ == "__main__":
    SwitchFlow()
