from flowc import FlowSpec, exit_hook, step, trigger


def told(context):
    return "event"


@exit_hook(on_error=[lambda: print("failed")])  # FC402
@trigger(event=told())  # FC402
class Bad(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
