"""A foreach over no items at all: its body runs zero times, and its join runs once, with no inputs.

Metaflow refuses such a foreach, and Airflow by itself would skip the join. Here every target gives the same answer.

    flowc run examples/empty_foreach.py
    flowc run examples/empty_foreach.py --count 2
"""

from __future__ import annotations

from flowc import FlowSpec, Inputs, Parameter, step


class EmptyForeachFlow(FlowSpec):
    """Count to a number that is zero unless told otherwise."""

    count = Parameter("count", default=0, help="number of items")

    @step
    def start(self) -> None:
        """As many items as asked for."""
        self.items = list(range(self.count))
        self.next(self.square, foreach="items")

    @step
    def square(self) -> None:
        """Runs once an item, so perhaps never."""
        self.squared = self.input**2
        self.next(self.join)

    @step
    def join(self, inputs: Inputs[EmptyForeachFlow]) -> None:
        """Parameters are here even where there are no inputs."""
        self.squares = [task.squared for task in inputs]
        self.asked = self.count
        self.next(self.end)

    @step
    def end(self) -> None:
        """Print the answer."""
        print(f"asked for {self.asked}, joined {len(self.squares)}: {self.squares}")


if __name__ == "__main__":
    EmptyForeachFlow()
