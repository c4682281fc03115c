from flowc import FlowSpec, Parameter, step


class Base(FlowSpec):
    @step
    def end(self):
        pass


Base.size = 3  # FC108


class Bad(Base):
    @step
    def start(self):
        self.next(self.end)


Bad.late = Parameter("late")  # FC108
other = Bad.limit = 5  # FC108
