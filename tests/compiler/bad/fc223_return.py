from flowc import pipeline, step


@step
def load() -> int:
    return 1


@step
def work(x) -> int:
    return x


@pipeline
def flow():
    first = load()
    for n in range(3):
        if first == n:  # FC223
            return
        work(n)
