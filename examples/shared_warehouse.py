"""Loads tables into a warehouse that takes two connections at a time, and publishes them one run after the other.

Each table takes the lock `warehouse`, which has two places: whoever else wants it waits, other runs and flows among
them. A deployment has one run at a time, and the next one waits.

    flowc run examples/shared_warehouse.py
    flowc compile examples/shared_warehouse.py --target argo --kind template --root s3://bucket/flows
"""

from __future__ import annotations

from flowc import FlowSpec, Inputs, Parameter, concurrency, step


@concurrency(runs=1)
class SharedWarehouse(FlowSpec):
    """Loads tables, two at a time, and publishes them."""

    tables = Parameter("tables", default="orders,items,shops", separator=",", help="names of tables")

    @step
    def start(self) -> None:
        self.names = self.tables
        self.next(self.load, foreach="names")

    @concurrency("warehouse", limit=2)
    @step
    def load(self) -> None:
        self.rows = {self.input: 100 * len(self.input)}
        self.next(self.publish)

    @concurrency("catalog")
    @step
    def publish(self, inputs: Inputs[SharedWarehouse]) -> None:
        self.published: dict[str, int] = {}
        for item in inputs:
            self.published.update(item.rows)
        self.next(self.end)

    @step
    def end(self) -> None:
        print(f"published {len(self.published)} tables, {sum(self.published.values())} rows")


if __name__ == "__main__":
    SharedWarehouse()
