from flowc import pipeline, step


@step
def load() -> int:
    return 1


@step
def work(x) -> int:
    return x


def search(first):
    for n in range(3):
        if first == n:
            return n  # noqa: RET503
        work(n)


@pipeline
def flow():
    first = load()
    if first > 1:
        second = work(first)
    work(second)  # FC223
    for n in range(3):
        if first > n:  # FC223
            break
        work(n)
    if first > 0 and work(first) > 1:  # FC223
        work(2)
    if first > 3:
        raise ValueError("too large")  # FC223
    if first > 4:
        work.configure(enable_cache=False)  # FC223
