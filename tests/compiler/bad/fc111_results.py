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
        m = item
    work(items.head())  # FC111
    work([x for x in items])  # FC111
    work([work(x) for x in items if x])  # FC111
    work([x for x in range(n) if items])  # FC111
    work(sorted(items, key=abs))  # FC111
    work(list(map(str, items)))  # FC111
    work({items: 1})  # FC111
    assert items  # FC111
    first, *rest = items  # FC111
    match items:  # FC111
        case []:
            work(0)
    mapped = work.map(items)
    one, two = mapped  # FC111
    while items:  # FC111
        work(1)
    work(first, rest, one, two, m)
