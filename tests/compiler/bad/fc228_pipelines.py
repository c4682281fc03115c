from flowc import pipeline, step


@step
def load(n: int) -> int:
    return n


@pipeline
def second(n: int):
    first(load(n))  # FC228


@pipeline
def first(n: int = 3):
    second(n)


if __name__ == "__main__":
    first()
