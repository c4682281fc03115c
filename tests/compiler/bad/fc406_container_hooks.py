from flowc import container, pipeline, step


def tell(error: BaseException) -> None:
    print(error)


@container(image="debian:12", command=["true"])
@step(on_failure=tell)  # FC406
def work() -> None: ...


@pipeline
def bad():
    work()
