"""The steps that random pipelines call. What a step returns tells apart what it was given, and in which order."""

from __future__ import annotations

HEAD = '''\
"""A random pipeline."""

import os
from pathlib import Path
from typing import Annotated, Tuple

{imports}

OFFSET = 4
LIMITS = (3, 5)
'''
FLOWC = "from flowc import Retry, pipeline, step, unmapped"
ZENML = "from zenml import pipeline, step, unmapped\nfrom zenml.config.retry_config import StepRetryConfig"

FLOWC_RETRY = "Retry(limit=2)"
ZENML_RETRY = "StepRetryConfig(max_retries=2, delay=0, backoff=1)"
"""The same in ZenML's words."""

STEPS = {
    "load": '''
@step
def load(n: int = 3) -> list[int]:
    """A list of n numbers."""
    return [n * 7 + i for i in range(n)]
''',
    "inc": """
@step
def inc(x: int, by: int = 1) -> int:
    return (x * 3 + by) % 9973
""",
    "add": """
@step(enable_cache=False)
def add(a: int, b: int) -> int:
    return (a * 31 + b * 17 + 1) % 9973
""",
    "total": """
@step
def total(xs: list[int]) -> int:
    result = len(xs)
    for x in xs:
        result = (result * 31 + x) % 9973
    return result
""",
    "expand": """
@step
def expand(x: int) -> list[int]:
    return [x + i for i in range(x % 4)]
""",
    "label": """
@step()
def label(x, prefix="p"):
    return f"{prefix}{x}"
""",
    "two": """
@step
def two(x: int) -> tuple[int, str]:
    return x + 1, f"two{x}"
""",
    "named": """
@step
def named(x: int, y: int = 5) -> Tuple[Annotated[int, "first"], Annotated[int, "second"]]:
    return (x + y) % 9973, (x * y) % 9973
""",
    "single": """
@step(name="alone")
def single(x: int) -> Annotated[int, "only"]:
    return x + 10
""",
    "table": """
@step
def table(d: dict) -> int:
    result = 7
    for key, value in sorted(d.items()):
        result = (result * 31 + len(key) + value) % 9973
    return result
""",
    "show": """
@step
def show(x) -> None:
    print("show", x)
""",
    "nested": """
@step
def nested(x) -> int:
    result = len(repr(x))
    for part in repr(x):
        result = (result * 31 + ord(part)) % 9973
    return result
""",
    "flaky": '''
@step(retry=Retry(limit=2))
def flaky(x: int, mark: str) -> int:
    """Fails twice."""
    with (Path(os.environ["MARKS"]) / mark).open("a") as file:
        file.write("x")
        file.flush()
        if file.tell() < 3:
            raise ValueError(mark)
    return x + 100
''',
    "broken": """
@step
def broken(x: int) -> int:
    raise RuntimeError(f"broken {x}")
""",
}
"""The text of each step, by its function's name."""
