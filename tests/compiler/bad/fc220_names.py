from typing import Annotated

from flowc import pipeline, step


@step
def work(x: int) -> int:
    return x


@step
def pair() -> tuple[Annotated[int, "a"], Annotated[int, "a"]]:  # FC220
    return 1, 2


@pipeline
def flow():
    work(1)
    work(2, id="work")  # FC220
    pair()
