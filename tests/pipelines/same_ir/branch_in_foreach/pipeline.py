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
def fork(x):
    y = other(x)
    return pair(work(y), other(y))


@pipeline
def main():
    other(gather(fork.map(load())))


main()
