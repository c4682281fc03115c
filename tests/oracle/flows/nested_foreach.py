from metaflow import FlowSpec, current, step


class NestedFlow(FlowSpec):
    """Foreach in foreach, ragged, with branches between; what tasks and joins know of their place."""

    @step
    def start(self):
        self.rows = [["a"], ["b", "c", "d"], ("e",)]
        self.next(self.row, foreach="rows")

    @step
    def row(self):
        self.cells = self.input
        self.at_row = [self.index, self.input, self.foreach_stack()]
        self.next(self.cell, foreach="cells")

    @step
    def cell(self):
        self.at_cell = [self.index, self.input, self.foreach_stack(), current.step_name]
        self.next(self.upper, self.lower)

    @step
    def upper(self):
        self.text = self.input.upper()
        self.upper_at = self.foreach_stack()
        self.next(self.both)

    @step
    def lower(self):
        self.text = self.input.lower() * 2
        self.next(self.both)

    @step
    def both(self, inputs):
        self.text = inputs.upper.text + inputs.lower.text
        self.index_in_join = self.index
        self.stack_of_inputs = sorted((each.index, each.input, each.foreach_stack()) for each in inputs)
        self.merge_artifacts(inputs)
        self.after_merge = [self.input, self.foreach_stack()]
        self.next(self.last)

    @step
    def last(self):
        self.at_last = [self.index, self.input, self.foreach_stack()]
        self.next(self.cells_join)

    @step
    def cells_join(self, inputs):
        self.texts = [each.text for each in inputs]
        self.first = inputs[0].text, inputs[-1].text, [each.text for each in inputs[1:]]
        self.by_name = inputs.last.text
        self.indices = [(each.index, each.input, each.foreach_stack()) for each in inputs]
        self.merge_artifacts(inputs, include=["rows", "at_row"])
        self.at_join = [self.index, self.input, self.foreach_stack()]
        self.next(self.between)

    @step
    def between(self):
        self.at_between = [self.index, self.input, self.foreach_stack()]
        self.next(self.rows_join)

    @step
    def rows_join(self, inputs):
        self.texts = [each.texts for each in inputs]
        self.at_join = [self.index, self.input, self.foreach_stack()]
        self.lengths = [len(list(inputs)), [each.at_between for each in inputs]]
        self.next(self.end)

    @step
    def end(self):
        self.done = [self.index, self.input, self.foreach_stack()]


if __name__ == "__main__":
    NestedFlow()
