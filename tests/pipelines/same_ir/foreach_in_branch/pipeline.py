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


@step
def gather(xs):
    return xs


@pipeline
def main():
    x = load()
    a = gather(work.map(other(x)))
    b = other(x)
    work(pair(a, b))


main()
