"""A nested foreach: for every region its shops, for every shop a total; regions may have no shops at all."""

from flowc import FlowSpec, Parameter, step

SHOPS = {"north": [3, 5, 8], "south": [], "west": [13]}


class NestedForeachFlow(FlowSpec):
    """Sums the sales of shops by region, and then of all regions."""

    price = Parameter("price", default=10, help="price of one item")

    @step
    def start(self):
        """Fan out over regions."""
        self.regions = sorted(SHOPS)
        self.next(self.region, foreach="regions")

    @step
    def region(self):
        """Fan out over the shops of one region; `south` has none, and its join runs all the same."""
        self.name = self.input
        self.shops = SHOPS[self.name]
        self.next(self.shop, foreach="shops")

    @step
    def shop(self):
        """One shop's revenue."""
        self.revenue = self.input * self.price
        self.next(self.sum_region)

    @step
    def sum_region(self, inputs):
        """The revenue of one region."""
        self.revenues = [task.revenue for task in inputs]
        self.total = sum(self.revenues)
        self.next(self.sum_all)

    @step
    def sum_all(self, inputs):
        """The revenue of all regions, in their order."""
        self.totals = [task.total for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        """Print the answer."""
        self.answer = sum(self.totals)
        print(f"revenue by region: {self.totals}, together {self.answer}")


if __name__ == "__main__":
    NestedForeachFlow()
