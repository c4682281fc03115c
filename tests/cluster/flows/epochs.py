"""A training loop whose pods are killed again and again, and one whose node is drained."""

import json
import os
import time
from pathlib import Path

from flowc import FlowSpec, checkpoint, current, retry, step


class EpochsFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.killed, self.drained)

    @retry(times=6, on="lost", minutes_between_retries=0)
    @checkpoint(keep="latest")
    @step
    def killed(self):
        state = Path(current.checkpoint.directory, "state.json")
        done = json.loads(state.read_text()) if current.checkpoint.is_loaded else []
        for epoch in range(len(done), 12):
            done.append([epoch, current.retry_count])
            state.write_text(json.dumps(done))
            current.checkpoint.save(metadata={"epoch": epoch})
            if epoch % 2 and current.retry_count < 5:
                os.kill(os.getpid(), 9)
        self.epochs = done
        self.next(self.join)

    @retry(times=2, on="lost", minutes_between_retries=0)
    @checkpoint
    @step
    def drained(self):
        notice = current.spot_termination_notice
        if current.checkpoint.is_loaded:
            self.said = Path(current.checkpoint.directory, "said").read_text()
        else:
            print("waits", flush=True)
            while not os.path.exists(notice):
                time.sleep(0.2)
            Path(current.checkpoint.directory, "said").write_text(Path(notice).read_text())
            current.checkpoint.save()
            raise RuntimeError("this machine goes away")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.epochs = inputs.killed.epochs
        self.said = inputs.drained.said
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    EpochsFlow()
