from typing import Annotated

from flowc import pipeline, step


@step
def work(word) -> Annotated[str, "a\ud800"]:
    return word


@pipeline
def flow(word: str = "b\ud800"):  # FC118
    """A pipeline."""
    work(word, id="first")  # FC118
    work({"d\udc00": [1]}, id="second")  # FC118
    if work(1, id="third") == "\ud800":  # FC118
        work("fine", id="last")
