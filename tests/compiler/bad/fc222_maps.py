from flowc import pipeline, step, unmapped


@step
def load() -> list[int]:
    return [1]


@step
def work(x) -> int:
    return x


@step
def note(x) -> None:
    print(x)


@step
def pair(x) -> tuple[int, int]:
    return x, x


@pipeline
def both(x):
    work(x)


@pipeline
def flow():
    items = load()
    work.map(1)  # FC222
    work.map(unmapped(items))  # FC222
    work.map({"a": 1})  # FC312
    work.map(items, id="a")  # FC222
    work(unmapped(items))  # FC222
    work(note.map(items))  # FC222
    work(pair.map(items))  # FC222
    work.map(items).map(work)  # FC222
    work.map(items).unpack()  # FC222
    work(both.map(items))  # FC222
    work.map(pair(1))  # FC222
