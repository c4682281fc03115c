"""Totals of a few shops: one task for each."""

from flowc import FlowSpec, Parameter, step


class ShopTotals(FlowSpec):
    """Add up the sales of each shop, then all of them."""

    shops = Parameter("shops", default=3, help="how many shops there are")

    @step
    def start(self):
        """List the shops."""
        self.numbers = list(range(self.shops))
        self.next(self.total, foreach="numbers")

    @step
    def total(self):
        """Add up one shop."""
        # Each shop sells a bit more than the one before.
        self.sales = sum(range(10 * (self.input + 1)))
        self.next(self.join)

    @step
    def join(self, inputs):
        """Add up all shops."""
        self.all_sales = sum(shop.sales for shop in inputs)
        self.next(self.end)

    @step
    def end(self):
        """Print the sum."""
        print("all shops:", self.all_sales)


if __name__ == "__main__":
    ShopTotals()
