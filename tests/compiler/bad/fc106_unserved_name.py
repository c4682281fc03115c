from metaflow import FlowSpec, card_of_mine, step  # FC106
from metaflow.cards import Table  # FC106


class Bad(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
