from flowc import pipeline, step


@step
def load() -> list[int]:
    return [1, 2]


@step
def work(x):
    return x


@step
def other(x):
    return x


@pipeline
def main():
    a = load()
    b = work(a)
    c = other(b)
    other(c)


main()
