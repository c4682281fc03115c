"""A process with an S3 server whose faults are random: `python -m tests.trials.faulty_s3 SEED` prints its URL.

A PUT of `/faults/RATE` sets how many of a thousand requests go wrong.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.runtime.faultserver import Fault, FaultServer, Handler, answers_half, loses_answer, refuses, resets


def _flips(source: random.Random) -> Fault:
    """One bit of the body is another."""

    def fault(handler: Handler) -> bool:
        handler.damage = source.random()
        return False

    return fault


def _lacks(handler: Handler) -> bool:
    """An empty list, or no such key."""
    if handler.command not in ("GET", "HEAD"):
        return False
    if "list-type" in handler.path:
        page = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
        handler.answer(200, page, Content_Type="application/xml")
        return True
    return handler.refuse(404, "NoSuchKey")


def _waits(handler: Handler) -> bool:
    """Nothing for a while."""
    del handler
    time.sleep(0.4)
    return False


class RandomFaults(list[Fault]):
    """Faults without an end; most requests have none."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.rate = 0.0
        self._source = random.Random(seed)
        self._kinds = [
            _flips(self._source), _flips(self._source), _lacks, _lacks, _waits, resets, answers_half, loses_answer,
            refuses(500, "InternalError"), refuses(503, "SlowDown"),
        ]  # fmt: skip

    def __bool__(self) -> bool:
        return self._source.random() < self.rate

    def pop(self, index: object = -1) -> Fault:
        """One of the faults."""
        del index
        return self._source.choice(self._kinds)


def serve(seed: int) -> None:
    """Serve until the process is ended."""
    server = FaultServer()
    faults = RandomFaults(seed)
    server.faults = faults
    server.set_rate = lambda rate: setattr(faults, "rate", rate)
    print(server.url, flush=True)
    sys.stdin.read()


def _tell(url: str, what: str) -> None:
    urllib.request.urlopen(urllib.request.Request(f"{url}/{what}", method="PUT"), timeout=30).close()


def ager(url: str, bucket: str, seconds: int) -> Callable[[], None]:
    """What lets all objects of a bucket have been written so many seconds earlier."""
    return lambda: _tell(url, f"age/{seconds}/{bucket}")


@contextmanager
def server(seed: int) -> Generator[tuple[str, Callable[[int], None]]]:
    """A server's URL, and what sets how many of a thousand requests go wrong."""
    command = [sys.executable, "-m", "tests.trials.faulty_s3", str(seed)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()

        def set_rate(rate: int) -> None:
            _tell(url, f"faults/{rate}")

        try:
            yield url, set_rate
        finally:
            process.kill()


@contextmanager
def scratch(seed: int) -> Generator[tuple[Path, str]]:
    """A folder for a trial, and the URL of a server, which this process and its children use with the shim's client."""
    with tempfile.TemporaryDirectory() as name, server(seed) as (url, _):
        os.environ.update(
            AWS_ENDPOINT_URL=url, AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b", AWS_REGION="us-east-1",
            FLOWC_S3_CLIENT="stdlib",
        )  # fmt: skip
        yield Path(name), url


if __name__ == "__main__":
    serve(int(sys.argv[1]))
