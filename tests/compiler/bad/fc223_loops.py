from flowc import pipeline, step


@step
def load() -> list[int]:
    return [1, 2]


@step
def add(x: int, y: int = 0) -> int:
    return x + y


@pipeline
def flow():
    items = load()
    total = 0
    for x in items:
        total = add(total, x)  # FC223
    last = 0
    for x in items:
        last = add(x)
    add(last)  # FC223
    found = {}
    for x in items:  # FC223
        found["a"] = add(x)
    results = []
    for x in items:
        results.append(add(x))
        add(len(results))  # FC223
    one = other = []
    for x in items:  # FC223
        one.append(add(x))
    for x in items:  # FC223
        add(x)
        break
    for x in items:
        if add(x) > 2:  # FC223
            break
    for x in items:  # FC223
        return add(x)
    names = copy = [1]
    names += items  # FC223
    add(1, other and copy)
