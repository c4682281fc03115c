from flowc import pipeline, step


@step
def work(x) -> int:
    return x


@pipeline
def first():
    work(1)


@pipeline
def second():  # FC103
    work(1)
