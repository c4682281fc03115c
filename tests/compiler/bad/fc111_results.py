from flowc import pipeline, step


@step
def load() -> list[int]:
    return [1]


@step
def work(x: int) -> int:
    return x


@pipeline
def flow(n: int = 2):
    items = load()
    for item in items:  # FC111
        work(item)
    for place in range(len(items)):  # FC111
        work(place)
    work(items[0] + 1)  # FC111
    work(f"{n} {items}")  # FC111
    work(items.size)  # FC111
    work(items.load())  # FC111
    work(int(items))  # FC111
    work([x for x in items])  # FC111
    work([x for x in range(n) if items])  # FC111
    work(sorted([work(1), work(2)]))  # FC111
    work({items: 1})  # FC111
    work([1, 2][items])  # FC111
    work(items or 3)  # FC111
    work("-".join([items]))  # FC111
    assert items  # FC111
    first, *rest = items  # FC111
    match items:  # FC111
        case []:
            work(0)
    mapped = work.map(items)
    one, two = mapped  # FC111
    while items:  # FC111
        work(1)
    work(first, rest, one, two)
