"""A step in a container of another image: awk adds up what Python has prepared, and Python goes on with the totals.

The image has no flowc and needs no Python. Without docker or podman the command runs as a process of this machine:

    flowc run examples/awk_totals.py --container local
"""

from __future__ import annotations

from flowc import FlowSpec, Inputs, Parameter, container, resources, retry, step

ADD_UP = """
    $2 >= ENVIRON["LEAST"] { total += $2 }
    END { printf "{\\"shop\\": \\"%s\\", \\"total\\": %d}", $1, total > ENVIRON["OUT"] }
"""


class AwkTotalsFlow(FlowSpec):
    """Add the sales of each shop up, in a container each."""

    least = Parameter("least", default=10, help="smaller sales do not count")

    @step
    def start(self) -> None:
        """A text for each shop."""
        self.sales = ["north 12\nnorth 30\n", "south 7\nsouth 9\n", "west 100\nwest 3\nwest 40\n"]
        self.next(self.add_up, foreach="sales")

    @retry(times=1, minutes_between_retries=0)
    @resources(memory=100)
    @container(
        image="debian:12-slim",
        command=["awk", ADD_UP, "{inputs.input}"],
        env={"LEAST": "{values.least}", "OUT": "{outputs.shop}"},
        inputs={"input": "sales.txt"},
        outputs={"shop": "shop.json"},
    )
    @step
    def add_up(self) -> None:
        """Awk reads the item of the foreach from a file, and writes the artifact `shop` as JSON."""
        self.next(self.join)

    @step
    def join(self, inputs: Inputs[AwkTotalsFlow]) -> None:
        """The totals of all shops."""
        self.totals = {item.shop["shop"]: item.shop["total"] for item in inputs}
        self.next(self.end)

    @step
    def end(self) -> None:
        """Print them."""
        for shop, total in self.totals.items():
            print(f"{shop}: {total}")


if __name__ == "__main__":
    AwkTotalsFlow()
