"""An `if` on the result of a step: which arm runs is decided by the run, and the other arm's steps do not run at all.

How many rows there are is a parameter of the run, and so is all that follows from it.

    flowc run examples/pick_model.py
    flowc run examples/pick_model.py -p rows=5000
    flowc run examples/pick_model.py -p rows=0
"""

from flowc import pipeline, step


@step
def load(rows: int) -> list[float]:
    return [number / 100 for number in range(rows)]


@step
def size_of(data: list[float]) -> str:
    return "none" if not data else "small" if len(data) < 1000 else "large"


@step
def look_up(data: list[float]) -> str:
    return f"a table of {len(data)} rows"


@step
def sample(data: list[float]) -> list[float]:
    return data[:: len(data) // 100]


@step
def grow_trees(data: list[float], trees: int) -> str:
    return f"{trees} trees on {len(data)} rows"


@step
def report(model: str) -> None:
    print(f"picked {model}")


@pipeline
def pick_model(rows: int = 500, trees: int = 10) -> None:
    data = load(rows)
    size = size_of(data)
    if size == "small":
        model = look_up(data)
    elif size == "large":
        model = grow_trees(sample(data), trees)
    else:
        model = "nothing"
    report(model)


if __name__ == "__main__":
    pick_model()
