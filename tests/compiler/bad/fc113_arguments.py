from flowc import pipeline, step


def helper(value, *, scale):
    return value * scale


@step
def work(x: int, y: int = 0) -> int:
    return x + y


@step
def many(*values: int) -> int:
    return sum(values)


@pipeline
def inner(a: int) -> int:
    return work(a)


@pipeline
def flow():
    work()  # FC113
    work(1, 2, 3)  # FC113
    work(1, x=2)  # FC113
    work(1, z=2)  # FC113
    work(**{"x": 1}, x=2)  # FC113
    work(helper)  # FC113
    many(1)  # FC113
    helper(1)  # FC113
    inner()  # FC113
    inner(1, id="a")  # FC113
