import os

from flowc import pipeline, step


@step
def work(x) -> int:
    return x


@pipeline
def flow(
    n: int,
    m: int,  # FC304
    names=None,
):
    for i in range(n):
        work(i + m)


flow(n=int(os.environ["N"]))  # FC304
