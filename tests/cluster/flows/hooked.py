"""Hooks of ZenML's steps, one of which fails, which changes nothing."""

from zenml import pipeline, step

CALLED: list[str] = []


def started() -> None:
    CALLED.append("started")


def succeeded() -> None:
    raise KeyError("in the hook")


@step(on_start=started, on_success=succeeded, enable_cache=False)
def first() -> list[str]:
    return [*CALLED, "first"]


@step(on_start="hooked.started", enable_cache=False)
def second(words: list[str]) -> list[str]:
    return [*words, *CALLED, "second"]


@pipeline
def hooked_pipeline() -> None:
    second(first())


if __name__ == "__main__":
    hooked_pipeline()
