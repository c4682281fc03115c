"""Every place that a switch can stand in: nested, in a foreach, around a foreach and a branch, with an empty arm."""

from typing import Any

from flowc import FlowSpec, step


class SwitchesFlow(FlowSpec):
    """Choose for each number of a list, and once more for the whole."""

    @step
    def start(self) -> None:
        self.numbers = [0, 1, 2, 3]
        self.next(self.look, foreach="numbers")

    @step
    def look(self) -> None:
        names = ["skip", "square", "split", "fan"]
        self.way = names[int(self.input)]
        self.result = self.input
        self.next({"skip": self.seen, "square": self.square, "split": self.split, "fan": self.fan}, condition="way")

    @step
    def square(self) -> None:
        self.result = 100
        self.big = self.result > 50
        self.next({True: self.shrink, False: self.seen}, condition="big")

    @step
    def shrink(self) -> None:
        self.result -= 1
        self.next(self.seen)

    @step
    def split(self) -> None:
        self.next(self.left, self.right)

    @step
    def left(self) -> None:
        self.part = 10
        self.next(self.both)

    @step
    def right(self) -> None:
        self.part = 20
        self.next(self.both)

    @step
    def both(self, inputs: Any) -> None:
        self.result = sum(each.part for each in inputs)
        self.next(self.seen)

    @step
    def fan(self) -> None:
        self.items = [1, 2, 3]
        self.next(self.item, foreach="items")

    @step
    def item(self) -> None:
        self.value = self.input * 1000
        self.next(self.gather)

    @step
    def gather(self, inputs: Any) -> None:
        self.result = sum(each.value for each in inputs)
        self.next(self.seen)

    @step
    def seen(self) -> None:
        self.shown = f"{self.result}"
        self.next(self.collect)

    @step
    def collect(self, inputs: Any) -> None:
        self.results = [each.shown for each in inputs]
        self.next(self.judge)

    @step
    def judge(self) -> None:
        self.enough = len(self.results) > 100
        self.next({True: self.celebrate, False: self.end}, condition="enough")

    @step
    def celebrate(self) -> None:
        self.results = []
        self.next(self.end)

    @step
    def end(self) -> None:
        print(self.results)


if __name__ == "__main__":
    SwitchesFlow()
