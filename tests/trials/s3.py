"""Runs in a bucket whose server flips bits, drops connections, denies what is there, lists nothing, fails and waits.

No value is wrong. Nearly all runs end well; one that does not says so, and what resumes it without faults ends well.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.trials.faulty_s3 import server
from tests.trials.sample_runs import make, write_flow, wrong_final
from tests.trials.trial import Attempt, Choice

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
        for number in range(choice.count):
            source = random.Random(f"{choice.seed} {number}")
            client = source.choice(["stdlib", "obstore"])
            label = f"{number}-{client}"
            if choice.allows(label):
                root = f"s3://bucket{number}/p"
                set_rate(FAULTS)
                ended, run = make(folder, root, "run", "flow.py", FLOWC_S3_CLIENT=client)
                set_rate(0)
                if ended.code == 1 and run is not None:
                    ended, run = make(folder, root, "resume", "flow.py", FLOWC_S3_CLIENT=client)
                    if ended.code == 2:  # it had ended before there was a record of it
                        ended, run = make(folder, root, "run", "flow.py", FLOWC_S3_CLIENT=client)
                failed = ended.code != 0 and not (ended.code == 1 and run is None)
                problem = f"{ended.code}, {ended.last}" if failed else None
                if run is not None and not failed:
                    problem = wrong_final(run)
                yield Attempt(label, problem)
