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
def gather(xs):
    return xs


@pipeline
def each(x):
    return gather(work.map(other(x)))


@pipeline
def main():
    other(gather(each.map(load())))


main()
