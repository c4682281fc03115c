"""Facts that no task has: errors in steps, and silence where the file looks for them itself."""

import metaflow as mf
from metaflow import FlowSpec, current, parallel, step, torchrun
from metaflow import current as now


class Facts(FlowSpec):
    @step
    def start(self):
        print(current.model)  # FC106
        print(current.huggingface_hub)  # FC106
        print(now.runid, mf.current.flow_name)  # FC106
        print(mf.current.nothing)  # FC106
        print(current.run_id, current.get("other"), current.other, current.__class__, current.card["x"])
        try:
            print(current.absent)
        except AttributeError:
            pass
        self.node(None)
        self.next(self.train, num_parallel=2)

    def node(self, current):
        print(now, current)

    @torchrun
    @step
    def train(self):
        from metaflow import current as inner

        inner.torch.run(entrypoint="train.py")
        inner.torch.launch()  # FC106
        print(now.parallel.node_index, now.parallel.rank)  # FC106
        self.next(self.join)

    @step
    def join(self, inputs):
        print(current.torch)  # FC106 (a warning)
        current.checkpoint.save()  # FC106 (a warning)
        for _ in range(2):
            print(current.later)  # FC106 (a warning)
        self.next(self.end)

    @step
    def end(self):
        pass
