"""A flow that calls another one: for every shop, and once for all of them. Each call becomes steps of the caller.

Pure Python: it runs wherever a Python 3.9 is, on any image.

    flowc run examples/calling_flows.py --shops north,south
"""

from __future__ import annotations

from flowc import FlowSpec, Inputs, Parameter, call_flow, step


class StatisticsFlow(FlowSpec):
    """Squares in parallel, and their sum. It runs by itself, too: `--flow StatisticsFlow`."""

    numbers = Parameter("numbers", default="1,2,3", separator=",", help="what to square")
    power = Parameter("power", default=1, help="the exponent")

    @step
    def start(self) -> None:
        """One item for each number."""
        self.next(self.raise_one, foreach="numbers")

    @step
    def raise_one(self) -> None:
        """The parameters are those of the call; nothing of the caller is to be seen here."""
        self.raised = int(self.input) ** self.power
        self.next(self.end)

    @step
    def end(self, inputs: Inputs[StatisticsFlow]) -> None:
        """What the caller gets by `returns`."""
        self.total = sum(each.raised for each in inputs)
        print(f"{len(inputs)} numbers, {self.total} in all")


class CallingFlow(FlowSpec):
    """Call the other flow in a foreach, and again on what that has brought."""

    shops = Parameter("shops", default="north,south,west", separator=",", help="names, of which the letters count")

    @step
    def start(self) -> None:
        """One item for each shop."""
        self.next(self.shop, foreach="shops")

    @call_flow(StatisticsFlow, params={"power": 2}, artifacts={"numbers": "sales"}, returns={"squares": "total"})
    @step
    def shop(self) -> None:
        """When this is done, the other flow runs; what follows has `self.squares`."""
        self.name = self.input
        self.sales = [len(self.name), self.index]
        self.next(self.gather)

    @call_flow(StatisticsFlow, artifacts=["numbers"], returns=["total"])
    @step
    def gather(self, inputs: Inputs[CallingFlow]) -> None:
        """A join may call a flow as well."""
        self.numbers = [each.squares for each in inputs]
        self.next(self.end)

    @step
    def end(self) -> None:
        """Both results are artifacts of this flow."""
        print(f"squares {self.numbers}, total {self.total}")


if __name__ == "__main__":
    CallingFlow()
