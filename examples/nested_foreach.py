"""A foreach inside a foreach: shelves of books, shelves of different lengths, one of them empty.

Pure Python: it runs wherever a Python 3.9 is, on any image.

    flowc run examples/nested_foreach.py --shelves 4
"""

from __future__ import annotations

from flowc import FlowSpec, Inputs, Parameter, step


class NestedForeachFlow(FlowSpec):
    """Weigh every book on every shelf, then add up: per shelf, and over all."""

    shelves = Parameter("shelves", default=3, help="number of shelves; shelf i holds i books")
    grams = Parameter("grams", default=250, help="weight of one page-block")

    @step
    def start(self) -> None:
        """One item for each shelf."""
        self.shelf_numbers = list(range(self.shelves))
        self.next(self.shelf, foreach="shelf_numbers")

    @step
    def shelf(self) -> None:
        """Runs once a shelf. Shelf 0 holds nothing: a foreach over no items is legal, and its join still runs."""
        self.number = self.input
        self.books = [f"book {self.number}.{position}" for position in range(self.number)]
        self.next(self.weigh, foreach="books")

    @step
    def weigh(self) -> None:
        """Runs once a book: `self.input` is the title, `self.index` its place on the shelf."""
        self.title = self.input
        self.weight = self.grams * (self.index + 1)
        self.next(self.add_up)

    @step
    def add_up(self, inputs: Inputs[NestedForeachFlow]) -> None:
        """The inner join: the books of one shelf, in their order."""
        self.titles = [book.title for book in inputs]
        self.shelf_weight = sum(book.weight for book in inputs)
        self.next(self.total)

    @step
    def total(self, inputs: Inputs[NestedForeachFlow]) -> None:
        """The outer join: all shelves, in their order."""
        self.weights = [shelf.shelf_weight for shelf in inputs]
        self.titles = [title for shelf in inputs for title in shelf.titles]
        self.next(self.end)

    @step
    def end(self) -> None:
        """Print the answer."""
        for number, weight in enumerate(self.weights):
            print(f"shelf {number}: {weight} g")
        print(f"{len(self.titles)} books, {sum(self.weights)} g in all")


if __name__ == "__main__":
    NestedForeachFlow()
