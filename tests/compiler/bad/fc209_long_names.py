from flowc import pipeline, step


@step
def work() -> int:
    return 1


@pipeline
def flow():
    work(id="nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" * 4)
    work(id="nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" * 5)  # FC209
