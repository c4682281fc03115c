from __future__ import annotations

from typing import Annotated, Dict, List, Optional, Tuple, Union

import pandas as pd

from flowc import pipeline, step, unmapped


@step
def number() -> int:
    return 3


@step
def numbers() -> "List[int]":
    return [1, 2]


@step
def frame() -> pd.DataFrame:
    return pd.DataFrame()


@step
def maybe() -> Optional[int]:
    return None


@step
def two() -> Tuple[Annotated[int, "count"], Annotated[str, "text"]]:
    return 1, "a"


@step
def nothing() -> None:
    pass


@step
def anything():
    return 1


@step
def take_text(text: str, *, count: int = 1) -> str:
    return text


@step
def take_number(number: int) -> float:
    return number / 2


@step
def take_ratio(ratio: float, name: str = "x") -> float:
    return ratio


@step
def take_texts(texts: List[str]) -> str:
    return ",".join(texts)


@step
def take_numbers(numbers: List[float]) -> float:
    return sum(numbers)


@step
def take_table(table: Dict[str, Union[int, str]]) -> int:
    return len(table)


@step
def take_nested(rows: "list[list[str]]") -> int:
    return len(rows)


@pipeline
def halve(items: List[int]):
    return take_number(items)  # FC310


@pipeline
def types(size: int = 3, name: str = "x"):
    n = number()
    take_text(n)  # FC310
    take_text(text=n)  # FC310
    take_text("a", count="b")  # FC310
    take_text(3)  # FC310
    take_ratio(n)
    take_ratio(True, name)
    take_ratio(name)  # FC310
    take_text(size)  # FC310
    take_texts([take_text(anything()), n])  # FC310
    take_texts([take_text("a"), "b"])
    take_texts(["a", 3])  # FC310
    take_numbers([n, 2, 3.5, anything()])
    take_table({"a": n, "b": "x"})
    take_table({"a": take_ratio(1)})  # FC310
    take_table({1: n})  # FC310
    count, text = two()
    take_number(count)
    take_number(text)  # FC310
    take_text(maybe())  # FC310
    take_number(maybe())  # FC311
    take_number(frame())  # FC310
    take_number(nothing())  # FC310

    items = numbers()
    take_number(items[0])
    take_text(items[0])  # FC310
    take_number(items)  # FC310
    halves = take_number.map(items)
    take_numbers(halves)
    take_texts(halves)  # FC310
    take_text.map(items)  # FC310
    take_text.map(halves)  # FC310
    take_text.map(["a", "b"], count=unmapped(n))
    take_text.map(["a", 1])  # FC310
    take_number.map(range(3))
    take_text.product(["a"], count=items)
    take_text.product(items, count=[1])  # FC310
    take_nested([take_text.map(["a"]), ["b"]])
    take_nested([take_number.map(items)])  # FC310

    if n > 2:
        chosen = take_text("a")
    else:
        chosen = number()
    take_text(chosen)  # FC310
    take_text(n > 2)  # FC310
    halve(items)


types()
