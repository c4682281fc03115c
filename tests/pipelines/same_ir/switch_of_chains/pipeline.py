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
        r = other(work(1))
    elif kind == "small":
        r = other(2)
    else:
        r = work(3)
    gather(r)


main()
