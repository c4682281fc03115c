import json
from random import shuffle

from flowc import Config, FlowSpec, config_expr, environment, resources, retry, step, timeout

SIZES = {"large": 8}
shuffle(SIZES)
MODES = ["fast"]


def parse(text):
    return json.loads(text.upper())


class Bad(FlowSpec):
    own = Config("own", default_value="{}", parser=parse)
    empty = Config("empty")
    sizes = Config("sizes", default_value={"cpu": 2})

    @resources(cpu=own.cpu)  # FC402
    @timeout(minutes=empty.minutes)  # FC402
    @retry(times=config_expr("parse(sizes.cpu)"))  # FC402
    @environment(vars={"SIZE": SIZES["large"]})  # FC402
    @step
    def start(self):
        self.next(self.middle)

    @resources(cpu=sizes.cpu + 1)  # FC402
    @retry(times=sizes.gpu)  # FC402
    @environment(vars={"MODE": MODES[1]})  # FC402
    @step
    def middle(self):
        self.next(self.end)

    @step
    def end(self):
        pass
