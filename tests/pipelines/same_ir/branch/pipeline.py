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


@step
def pair(a, b):
    return [a, b]


@pipeline
def main():
    x = load()
    work(pair(work(x), other(x)))


main()
