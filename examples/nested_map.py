"""A map in a map: a pipeline is mapped over shelves, and maps a step over the books of its shelf.

What a mapped call gives is a list for the step that takes it. Shelf n has n books, so that the first has none.

    flowc run examples/nested_map.py
    flowc run examples/nested_map.py -p shelves=0
"""

from flowc import pipeline, step, unmapped


@step
def count_shelves(shelves: int) -> list[int]:
    return list(range(shelves))


@step
def list_books(shelf: int) -> list[str]:
    return [f"book {number} of shelf {shelf}" for number in range(shelf)]


@step
def weigh(title: str, grams: int) -> int:
    return grams + len(title)


@step
def add_up(weights: list[int]) -> int:
    return sum(weights)


@step
def report(shelf_weights: list[int]) -> None:
    for number, weight in enumerate(shelf_weights):
        print(f"shelf {number}: {weight} g")
    print(f"{sum(shelf_weights)} g in all")


@pipeline
def weigh_shelf(shelf: int, grams: int) -> int:
    weights = weigh.map(list_books(shelf), unmapped(grams))
    return add_up(weights)


@pipeline
def nested_map(shelves: int = 3, grams: int = 200) -> None:
    report(weigh_shelf.map(count_shelves(shelves), grams=grams))


if __name__ == "__main__":
    nested_map()
