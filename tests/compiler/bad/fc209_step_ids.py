from flowc import pipeline, step


@step
def work(x: int) -> int:
    return x


@pipeline
def flow():
    work(1, id="a b")  # FC209
    work(1, id=work(2))  # FC209
