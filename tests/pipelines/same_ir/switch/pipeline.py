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
def main():
    kind = load()
    if kind == "big":
        r = work(1)
    else:
        r = other(2)
    gather(r)


main()
