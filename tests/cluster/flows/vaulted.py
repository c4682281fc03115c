"""A secret of a manager, which the task fetches: how long it is, and nothing else of it."""

import os

from flowc import FlowSpec, secrets, step


class VaultedFlow(FlowSpec):
    @secrets(sources=["vault.kv/db"])
    @step
    def start(self):
        self.length = len(os.environ["password"])
        self.next(self.end)

    @step
    def end(self):
        assert "password" not in os.environ


if __name__ == "__main__":
    VaultedFlow()
