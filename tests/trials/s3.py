"""Runs in a bucket whose server flips bits, drops connections, denies what is there, lists nothing, fails and waits.

No value is wrong. Nearly all runs end well; one that does not says so, and what resumes it without faults ends well.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.trials.faulty_s3 import server
from tests.trials.sample_runs import make, write_flow, wrong_final
from tests.trials.trial import Attempt, Choice
from tests.trials.workers import Work, in_workers

FAULTS = 20
"""Of a thousand requests."""


def trial(choice: Choice) -> Iterator[Attempt]:
    """Run the flow in a bucket of its own each time."""
    with tempfile.TemporaryDirectory() as name, server(choice.seed) as (url, set_rate):
        folder = Path(name)
        write_flow(folder)
        environment = {
            "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1",
            "FLOWC_STORE_RETRY_SECONDS": "20", "FLOWC_S3_CLIENT": "stdlib",
        }  # fmt: skip
        os.environ.update(environment)  # for the client, whose obstore would not bear the forks

        def attempt(number: int) -> list[Attempt]:
            client = random.Random(f"{choice.seed} {number}").choice(["stdlib", "obstore"])
            label = f"{number}-{client}"
            if not choice.allows(label):
                return []
            own = folder / str(os.getpid())
            own.mkdir(exist_ok=True)
            write_flow(own)
            return [Attempt(label, _attempt(own, f"s3://bucket{number}/p", client, set_rate))]

        yield from in_workers(Work(attempt, attempt), range(choice.count), batch=20, workers=1)


def _attempt(folder: Path, root: str, client: str, set_rate: Callable[[int], None]) -> str | None:
    """What is wrong with a run in a bucket that has faults, and with what resumes it without them."""
    set_rate(FAULTS)
    ended, run = make(folder, root, "run", "flow.py", FLOWC_S3_CLIENT=client)
    set_rate(0)
    if ended.code == 1 and run is not None:
        ended, run = make(folder, root, "resume", "flow.py", FLOWC_S3_CLIENT=client)
        if ended.code == 2:  # it had ended before there was a record of it
            ended, run = make(folder, root, "run", "flow.py", FLOWC_S3_CLIENT=client)
    if ended.code != 0 and not (ended.code == 1 and run is None):
        return f"{ended.code}, {ended.last}"
    return None if run is None else wrong_final(run)
