from flowc import FlowSpec, conda, pypi_base, step


@pypi_base(packages={"pandas": "2.2"})
class Bad(FlowSpec):
    @conda(packages={"numpy": "1.26"})  # FC406
    @step
    def start(self):
        self.next(self.end)

    @conda(packages={"numpy": "1.26"}, disabled=True)
    @step
    def end(self):
        pass
