import os

from flowc import Config, FlowSpec, step


def where(context):
    return "config.json"


class Bad(FlowSpec):
    a = Config("a", default=where)  # FC307
    b = Config("b", default_value=lambda context: {"user": context.user_name})  # FC307
    c = Config("c", default=os.environ["CONFIG"])  # FC307

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
