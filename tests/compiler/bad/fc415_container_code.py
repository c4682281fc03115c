from flowc import FlowSpec, container, step


def noted(function):
    def wrapper(self):
        print("noted")
        return function(self)

    return wrapper


class Bad(FlowSpec):
    @container(image="debian:12", command=["true"], outputs={"day": "day.txt"})
    @step
    def start(self):
        """Nothing of this runs."""
        self.day = 1  # FC415
        self.next(self.wrapped)

    @noted  # FC415
    @container(image="debian:12", command=["true"])
    @step
    def wrapped(self):
        self.next(self.end)

    @step
    def end(self):
        print(self.day)
