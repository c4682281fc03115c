from flowc import pipeline, step


@step
def work(x: int) -> int:
    return x


def deep(n):
    return deep(n + 1)  # FC114


@pipeline
def flow():
    work(deep(0))
