import os
from heapq import heapify
from os import getenv

from flowc import pipeline, step

if os.name == "posix":
    SIZE = 1
else:
    SIZE = 2
NAMES = ["a"]
heapify(NAMES)


@step
def work(x: int) -> int:
    return x


@pipeline
def flow():
    work(os.environ["N"])  # FC115
    work(getenv("N"))  # FC115
    work(SIZE)  # FC115
    work(NAMES)  # FC115
    work(open("f"))  # FC115
