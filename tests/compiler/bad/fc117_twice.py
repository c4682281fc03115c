from flowc import pipeline, step


@step
def work(x: int) -> int:
    return x


@pipeline
def flow(n):
    work(n + missing)  # FC112


flow(1)
flow(2)  # FC117
