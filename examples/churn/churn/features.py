"""From the exported table to rows of numbers."""

import csv
import io


def read_customers(text):
    """The rows of the table."""
    return [
        {
            "region": row["region"],
            "months": int(row["months"]),
            "calls": int(row["calls"]),
            "left": row["left"] == "yes",
        }
        for row in csv.DictReader(io.StringIO(text))
    ]


def features(row, longest):
    """What the model sees of a customer: all between 0 and 1."""
    return [1.0, row["months"] / longest, row["calls"] / 10]
