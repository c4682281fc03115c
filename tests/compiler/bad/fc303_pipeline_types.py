from typing import List, Optional

from flowc import pipeline, step


@step
def work(x: int, many: List[int]) -> int:
    return x


@pipeline
def inner(name: str, size: int = 3):
    work(size, [size])  # FC310 FC310


@pipeline
def outer(
    x: int = "a",  # FC303
    many: List[int] = [1, 2],
    ratio: float = 1,
    maybe: Optional[int] = None,
    old: str = None,
):
    last = work(x, many)
    inner("x", last)
    inner(last)  # FC310
    inner("x", size=ratio)  # FC310


outer(many=[1, "b"], ratio=2.5)  # FC303
