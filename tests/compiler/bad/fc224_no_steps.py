from flowc import pipeline, step


@step
def work(x) -> int:
    return x


@pipeline
def flow(n: int = 0):  # FC224
    for i in range(n):
        work(i)
