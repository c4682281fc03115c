from flowc import pipeline, step, user_step_decorator


@user_step_decorator
def timed(step_name, flow, inputs, attributes):
    yield


@timed  # FC408
@step
def work() -> int:
    return 1


@pipeline
def bad():
    work()


if __name__ == "__main__":
    bad()
