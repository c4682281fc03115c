from typing import Dict, List, Optional, Tuple

from flowc import pipeline, step


@step
def number() -> int:
    return 3


@step
def maybe() -> Optional[List[int]]:
    return None


@step
def word() -> str:
    return "abc"


@step
def table() -> Dict[str, int]:
    return {"a": 1}


@step
def pairs() -> "list[tuple[int, str]]":
    return [(1, "a")]


@step
def work(item: int, name: str = 3, other: "str | None" = None, last: float = 1) -> int:  # FC314
    return item


@pipeline
def types():
    work.map(number())  # FC312
    work.map(maybe())  # FC311
    work.map(word())  # FC312
    work(table()["a"])
    work(table()[0])  # FC313
    work(pairs()[0][0])
    work(pairs()[0][2])  # FC313
    work(number()["a"])  # FC313


types()
