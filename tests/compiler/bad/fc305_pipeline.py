from flowc import conda_base, pipeline, pypi, step


@pypi(packages={"numpy": "1"})  # FC406
@step
def note(x) -> None:
    print(x)


@conda_base(packages={"pandas": "2"})
@pipeline
def flow(rate: int = 1, RATE: int = 2):  # FC305
    note(rate)
    note(RATE)
