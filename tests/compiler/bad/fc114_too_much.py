from flowc import pipeline, step


@step
def work(x: int) -> int:
    return x


def deep(n):
    return deep(n + 1)


@pipeline
def flow():
    work("x" * 10_000_000)  # FC114
    work(10**100_000)  # FC114
    work(list(range(10**9)))  # FC114
