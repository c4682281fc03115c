from flowc import catch, foreach_options, loop, parallel, pipeline, step, trigger


@catch  # FC406
@step
def load() -> list:
    return [1]


@catch(var="failed")  # FC406
@step
def measure() -> int:
    return 1


@catch  # FC406
@step
def both() -> list:
    return [1, 2]


@catch
@step
def risky() -> int:
    return 1


@loop(max_iterations=3)  # FC406
@step
def work(x):
    return x


@foreach_options(parallelism=2)  # FC406
@step
def total(xs):
    return sum(xs)


@parallel  # FC214
@step
def gang(x):
    return x


@trigger(event={"name": "sale", "parameters": {"rate": "r", "wrong": "w", "count": "c"}})  # FC302 FC302
@pipeline
def flow(rate: float = 0.5, count: int = 2):
    gang(rate)
    for _ in range(count):
        gang(0)
    total(work.map(load()))
    pairs = both()
    total(work.map(pairs))
    total(pairs)
    if measure() > 1:
        gang(2)
    found = risky()
    if found is None:
        gang(3)
    elif found > 2:
        gang(4)
