from flowc import pipeline, step


@step
def work(x: int) -> int:
    return x


@pipeline
def flow():
    work(1, after="wrk_2")  # FC221
    work(2, after="work_3")
    work(3)
