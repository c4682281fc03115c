"""A flow with a schedule, a project, a bounded foreach and hooks for both ends."""

import os

from flowc import FlowSpec, Parameter, current, exit_hook, foreach_options, project, schedule, step


def note(run, word):
    """Leave a word in the store, for the test to find."""
    from flowc.store import open_store

    store = open_store(os.environ["FLOWC_ROOT"])
    store.write(f"notes/{run.id}/{word}", [b"ended"])


def went_well(run):
    note(run, "good")


def went_wrong(run):
    note(run, "bad")


@project(name="shop")
@schedule(cron=["0/1 * * * ? *", "0 3 1 1 ? *"], timezone="Europe/Berlin")
@exit_hook(on_success=[went_well], on_error=[went_wrong])
class Deployed(FlowSpec):
    """Runs every minute."""

    width = Parameter("width", default=5)
    fails = Parameter("fails", default=False)

    @foreach_options(parallelism=2)
    @step
    def start(self):
        self.items = list(range(self.width))
        self.branch = current.branch_name
        self.time = current.scheduled_time
        self.next(self.square, foreach="items")

    @step
    def square(self):
        if self.fails:
            raise ValueError("as asked")
        self.squared = self.input**2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.squares = [item.squared for item in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass
