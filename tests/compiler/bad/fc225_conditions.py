from flowc import pipeline, step


@step
def load(rows: int) -> int:
    return rows


@step
def big() -> int:
    return 1


def is_big(rows):
    if rows > 3:  # FC225
        return True
    return False


@pipeline
def inner(rows: int):
    if rows:  # FC225
        big()


@pipeline
def flow(rows: int = 5, mode: str = "fast", passed: int = 1, count: int = 2):
    data = load(passed)
    if data > 3:
        big()
    if load(rows):
        big()
    for number in range(count):
        if number == 1:
            big()
    is_big(rows)
    inner(rows=rows)
    fast = mode == "fast"
    small = rows < 3
    big() if fast else None  # FC225
    if not small:  # FC225
        big()
    [big() for letter in "ab" if letter in mode]  # FC225
    while rows > 100:  # FC225
        rows -= 1
    match mode:  # FC225
        case "fast":
            big()
    work(missing)  # FC112


if __name__ == "__main__":
    flow()
