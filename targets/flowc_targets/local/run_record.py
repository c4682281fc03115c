"""What a local run writes to the store beside its tasks: how it began and ended, logs, failures of processes."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NoReturn

from flowc.current import current
from flowc.errors import StoreError
from flowc.store import open_store
from flowc.store.documents import RESUMED
from flowc.store.run_layout import RunLayout
from flowc.store.run_owner import BEAT_SECONDS, HEARTBEAT, this_owner
from flowc_compiler.diagnostics import FlowcError
from flowc_targets.local.attempt_log import AttemptLog
from flowc_targets.package.project_names import deployment_name, project_facts
from flowc_targets.package.run_plan import recorded, settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from flowc_compiler.ir import Flow
    from flowc_targets.local.options import RunOptions
    from flowc_targets.local.run_report import Status
    from flowc_targets.local.schedule import TaskKey

_MOST_UNFINISHED = 1000
"""Uploads that are kept until the run ends, before those that are done are forgotten."""


def new_run_id() -> str:
    """An id that sorts by time."""
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"


def write_run_id(file: Path, run_id: str) -> None:
    """Write the run's id to a file, for a program that waits for it. Raises FlowcError."""
    try:
        file.write_text(run_id, encoding="utf-8")
    except OSError as error:
        message = f"the file {file} cannot be written: {error.strerror or error}"
        way_out = "pass --run-id-file a path in a folder that exists and that you can write to"
        raise FlowcError.of("FC603", message, help=way_out) from error


class RunRecord:
    """One run's place in the store."""

    def __init__(
        self,
        flow: Flow,
        options: RunOptions,
        run_id: str,
        origin: str | None = None,
        rerun: Iterable[str] = (),
        origin_flow: str | None = None,
    ) -> None:
        """`origin` is the run that this one resumes, of the flow `origin_flow`.

        `rerun` are the steps that run again even if they succeeded.
        """
        self.run_id = run_id
        self.origin = origin
        self.rerun = frozenset(rerun)
        self._uploads = ThreadPoolExecutor(8)  # starts no thread before there is anything to do
        self._unfinished: list[Future[None]] = []
        try:
            store = open_store(options.root)
            self.root = store.url
            self.layout = RunLayout(store, flow.name, run_id)
            record = {
                "version": 1,
                "flow": flow.name,
                "run": run_id,
                "created": time.time(),
                "owner": this_owner(),
                "user": _user(),
                "tags": list(options.tags),
                "parameters": dict(options.params),
                "file": flow.file,
                "source_hash": flow.source_hash,
                "end": flow.end,
                "configs": {config.name: recorded(config) for config in flow.configs},
                **settled(flow),
                **({"project": facts} if (facts := project_facts(flow)) is not None else {}),
                **({} if origin is None else {"origin": origin, "rerun": sorted(rerun)}),
                **({"origin_flow": origin_flow} if origin_flow not in (None, flow.name) else {}),
            }
            self.layout.write_json(f"{self.layout.prefix}/run.json", record)
            if options.scheduled:
                self.layout.keep_scheduled(options.scheduled, deployment_name(flow))
        except StoreError as error:
            raise_unusable(options.root, error)
        self._over = threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self) -> None:
        """In a thread: say from time to time that this process lives."""
        while not self._over.wait(BEAT_SECONDS):
            with contextlib.suppress(StoreError):
                self.layout.write_json(f"{self.layout.prefix}/{HEARTBEAT}", {"version": 1, "time": time.time()})

    def taken_over(self, reused: Mapping[str, int]) -> None:
        """Record that nothing is left to take over from the resumed run, and how many tasks of each step were."""
        self.layout.write_json(f"{self.layout.prefix}/{RESUMED}", {"version": 1, "reused": dict(reused)})

    def end(self, status: Status, tasks: int, failed: str | None = None) -> None:
        """Finish the uploads and write how it ended: `failed` is the task that has ended it."""
        self._over.set()
        try:
            for upload in self._unfinished:
                upload.result()
        finally:
            self._uploads.shutdown()
        record: dict[str, Any] = {"version": 1, "status": status, "tasks": tasks, "ended": time.time()}
        if failed is not None:
            record["failed"] = failed
        self.layout.write_json(f"{self.layout.prefix}/run-end.json", record)

    def attempt_log(self, key: TaskKey, attempt: int, note: Callable[[str], object]) -> AttemptLog:
        """The log of an attempt that begins; `finish_log` ends it. `note` gets the reason if it can't be written."""
        return AttemptLog(self.layout.store, self.layout.folder(key.step, key.path, attempt), self._uploads, note)

    def import_log(self, note: Callable[[str], object]) -> AttemptLog:
        """The log of what the run imports before its tasks begin, in the run's own folder."""
        return AttemptLog(self.layout.store, self.layout.prefix, self._uploads, note)

    def finish_log(self, log: AttemptLog) -> None:
        """Write what a log has yet to write; `end` waits for what a server has yet to take."""
        upload = log.finish()
        if upload is not None:
            self._unfinished.append(upload)
            if len(self._unfinished) > _MOST_UNFINISHED:
                self._unfinished = [item for item in self._unfinished if not item.done() or item.exception()]

    def error(self, key: TaskKey, attempt: int) -> tuple[str, str] | None:
        """The recorded failure of a task: one line and the traceback."""
        record = self.failure(key, attempt)
        if record is None:
            return None
        return ": ".join(filter(None, (record["type"], record["message"]))), record["traceback"]

    def failure(self, key: TaskKey, attempt: int) -> dict[str, Any] | None:
        """The record of a task's failure."""
        try:
            return self.layout.failure(key.step, key.path, attempt)
        except StoreError:
            return None

    def record_error(self, key: TaskKey, attempt: int, kind: str, message: str, code: int) -> None:
        """Record a failure for a task that could not do so itself."""
        self.layout.record_failure(key.step, key.path, attempt, kind, message, code=code)

    def count(self, key: TaskKey, attempt: int) -> int:
        """The width of the foreach that a finished task has opened."""
        count: int = self.layout.manifest(key.step, key.path, attempt)["foreach"]["count"]
        return count

    def choice(self, key: TaskKey, attempt: int) -> str:
        """The step that a finished switch has chosen."""
        choice: str = self.layout.manifest(key.step, key.path, attempt)["choice"]
        return choice

    def committed(self, key: TaskKey, attempt: int) -> bool:
        """Whether an attempt that says so has a manifest."""
        manifest = f"{self.layout.folder(key.step, key.path, attempt)}/manifest.json"
        return self.layout.store.found_at_last(lambda: self.layout.store.exists(manifest), bool)


def _user() -> str:
    """The user, as in the client's namespaces and the tasks' `current.username`."""
    return current.username or ""


def raise_unusable(root: str, error: StoreError) -> NoReturn:
    """Raise FlowcError with FC601."""
    way_out = "pass --root with a folder that you can write to, or a bucket that your credentials can"
    raise FlowcError.of("FC601", f"the root {root!r} cannot be used: {error}", help=way_out) from error
