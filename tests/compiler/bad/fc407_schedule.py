from flowc import FlowSpec, schedule, step


@schedule(cron="0 9 L * ? *", timezone="Berlin")  # FC404 FC407
class Bad(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
