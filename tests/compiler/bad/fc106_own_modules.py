"""Names and modules of flowc that are not there: their imports fail in every task."""

import flowc.crds  # FC106
from flowc import FlowSpec, step
from flowc.cards import Markdwn  # FC106
from flowc.cards import Markdown, Table
from flowc.cardz import Image  # FC106
from flowc.errors import FlowError
from flowc.store import artifacts
from flowc.testing import run_flow, run_flw  # FC106


class Imports(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
