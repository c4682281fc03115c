import os
from pathlib import Path

from flowc import pipeline, step


def load(count):
    import json

    return json.loads(Path("data").read_text())[:count]  # FC110


def draw():
    return os.getpid()  # FC115


@step
async def fetch(x: int) -> int:
    return x


@step
def report(x):
    return x


class Steps:
    @step
    def make(self):
        return 1


@pipeline
def flow():
    report(load(2))
    report(draw())
    fetch(1)
    report(report)  # FC113
    report(Steps().make())  # FC115
