from flowc import FlowSpec, container, step


class Bad(FlowSpec):
    @container(image="debian:12", command=["true"], outputs={"day": "day.txt"})
    @step
    def start(self):
        """Nothing of this runs."""
        self.day = 1  # FC415
        self.next(self.end)

    @step
    def end(self):
        print(self.day)
