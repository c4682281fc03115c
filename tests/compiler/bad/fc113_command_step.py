from zenml import CommandStep, pipeline


def takes(x: int) -> None:
    print(x)


@pipeline
def bad():
    CommandStep(command="make all")()  # FC113
    CommandStep(command=takes)()  # FC113
    CommandStep()()  # FC113
