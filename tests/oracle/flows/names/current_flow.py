"""What `current` and `self` say within steps, but for ids."""

from metaflow import FlowSpec, JSONType, Parameter, card, current, profile, retry, step
from metaflow.cards import Image, Markdown, ProgressBar, Table, VegaChart


def without_places(graph):
    steps = {name: {k: v for k, v in one.items() if k not in ("source_file", "decorators")} for name, one in graph["steps"].items()}
    return {**graph, "steps": steps, "extensions": None}


class CurrentFlow(FlowSpec):
    """A flow that looks at itself.

    In two lines.
    """

    rate = Parameter("the-rate", default=0.5, help="a rate")
    table = Parameter("table", type=JSONType, default="{}")
    constant = [1, 2]

    @step
    def start(self):
        """The first step."""
        self.facts = {
            "flow": current.flow_name,
            "step": current.step_name,
            "retry": current.retry_count,
            "origin": current.origin_run_id,
            "pathspec": current.pathspec == f"{current.flow_name}/{current.run_id}/start/{current.task_id}",
            "namespace": current.namespace,
            "user": current.username,
            "tags": sorted(current.tags),
            "tempdir": isinstance(current.tempdir, str),
            "parameters": sorted(current.parameter_names),
            "running": current.is_running_flow,
            "get": (current.get("flow_name"), current.get("no_such_fact", 7), current.get("no_such_fact")),
            "in": ["flow_name" in current, "origin_run_id" in current, "no_such_fact" in current, "graph" in current],
            "missing": not hasattr(current, "no_such_fact"),
            "task, run": (current.task.pathspec == current.pathspec, current.run.id == current.run_id),
            "trigger": current.get("trigger"),
        }
        self.graph = without_places(current.graph)
        self.marks = [one["name"] for one in current.graph["steps"]["work"]["decorators"]]
        self.own = (self.name, self.script_name, str(self), self.index, self.input, self.foreach_stack())
        self.has = (hasattr(self, "facts"), hasattr(self, "nothing"), getattr(self, "nothing", "default"))
        self.letters = ["a", "b"]
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.outer, foreach="letters")

    @retry(times=0)
    @step
    def outer(self):
        self.numbers = (1, 2)
        self.next(self.work, foreach="numbers")

    @card
    @retry(times=1, minutes_between_retries=0)
    @step
    def work(self):
        if current.retry_count == 0 and self.input == 2:
            raise ValueError("once")
        self.seen = (self.index, self.input, self.foreach_stack(), str(self), current.retry_count)
        current.card.append(Markdown("# A card"))
        current.card.extend([Table([[1, 2]], headers=["a", "b"]), Image(b"\x89PNG")])
        current.card.append(VegaChart({"mark": "bar"}), id="chart")
        bar = ProgressBar(max=2, label="steps")
        current.card.append(bar)
        bar.update(1)
        current.card.refresh()
        current.card.clear()
        self.next(self.inner_join)

    @step
    def inner_join(self, inputs):
        self.seen = [one.seen for one in inputs]
        self.next(self.outer_join)

    @step
    def outer_join(self, inputs):
        self.seen = [one.seen for one in inputs]
        self.next(self.join)

    @step
    def right(self):
        stats = {}
        with profile("nothing", stats_dict=stats):
            pass
        self.profiled = list(stats)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.from_both = (inputs.left_seen if hasattr(inputs, "left_seen") else None, len(list(inputs)))
        self.merge_artifacts(inputs, exclude=["letters", "numbers"])
        self.next(self.end)

    @step
    def end(self):
        try:
            self.rate = 1
        except AttributeError:
            self.fixed = self.rate
        try:
            self.kept = self
            del self.kept
        except AttributeError:
            pass


if __name__ == "__main__":
    CurrentFlow()
