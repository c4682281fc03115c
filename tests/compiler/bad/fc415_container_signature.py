from typing import Annotated

from flowc import container, pipeline, step


@container(image="debian:12", command=["echo", "{values.missing}"], outputs={"day": "day.txt"})  # FC415
@step
def load(other: int) -> Annotated[str, "day"]: ...


@container(image="debian:12", command=["true"], outputs={"day": "day.txt"})  # FC415
@step
def name() -> Annotated[str, "night"]: ...


@container(image="debian:12", command=["true"])
@step
def save() -> None:
    print("never")  # FC415


@pipeline
def bad():
    load(1)
    name()
    save()
