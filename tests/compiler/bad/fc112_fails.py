from flowc import pipeline, step


@step
def work(x: int) -> int:
    return x


@step
def nothing() -> None:
    pass


@pipeline
def flow(names: tuple = ("a", "b"), n: int = 0):
    work(names[n + 5])  # FC112
    work(missing)  # FC112
    work(1 / n)  # FC112
    assert n > 0, "n must be positive"  # FC112
    if n == 0:  # FC225
        raise ValueError(f"n is {n}")  # FC112
    a, b = [1, 2, 3]  # FC112
    work(a, b)
    work(int("x"))  # FC112
    late = late + 1  # FC112
    work(late)
    nothing()[0]  # FC112
    3()  # FC112
