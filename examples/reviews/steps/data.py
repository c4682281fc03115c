"""Where the reviews come from."""

import csv
from pathlib import Path
from typing import Annotated

from zenml import log_metadata, step


@step
def load_reviews(path: str) -> Annotated[list, "reviews"]:
    """The reviews of a table, with how many stars each gave."""
    with Path(path).open(newline="") as file:
        reviews = [(row["text"].lower().split(), int(row["stars"]) >= 4) for row in csv.DictReader(file)]
    log_metadata({"reviews": len(reviews)})
    return reviews


@step
def split(reviews: list, every: int) -> tuple[Annotated[list, "train_set"], Annotated[list, "test_set"]]:
    """Keep every so manieth review for the test."""
    kept = [review for number, review in enumerate(reviews) if number % every]
    return kept, reviews[::every]
