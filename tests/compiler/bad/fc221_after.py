from flowc import pipeline, step


@step
def work(x: int) -> int:
    return x


@pipeline
def flow():
    work(1)
    work(2, after=["work", 3])  # FC221
    work(3)
    work(4, start_after=[])  # FC221
