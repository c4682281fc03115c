"""`current.checkpoint`: what a task saves while it runs, and where its next attempt goes on.

The names are those of the extension metaflow-checkpoint. A checkpoint is in the folder of its attempt: the files by
number, and `checkpoint.json`, which is written last, so that one that was being saved when the pod went is none.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from mmap import ACCESS_READ, mmap

from flowc.current import running
from flowc.errors import FlowError, MissingKey
from flowc.store.digests import sha256
from flowc.store.documents import VERSION, wall_time
from flowc.store.run_layout import RunLayout, run_names, task_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Tuple, Union

    from flowc.protocol.plan import PlanStep
    from flowc.shim.task_identity import Task
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path

    Reference = Dict[str, Any]

FOLDER = "checkpoints"
"""Below that of the attempt."""
RECORD = "checkpoint.json"
DEFAULT_NAME = "mfchckpt"
"""Metaflow's."""


class CheckpointError(FlowError):
    """A checkpoint cannot be saved or loaded."""

    headline = "Checkpoint"


class Checkpoints:
    """`current.checkpoint` of one attempt."""

    def __init__(self, layout: RunLayout, step: PlanStep, task: Task) -> None:
        spec = step.checkpoint or {}
        self._layout = layout
        self._task = task
        self._keep: str = spec.get("keep", "all")
        self._temporary: str | None = spec.get("temp_dir_root")
        self._directory = ""
        self._count = 0
        self.info: Reference | None = None
        """The checkpoint that the attempt has begun with; `None` where there was none."""
        policy: str = spec.get("load_policy", "fresh")
        if policy == "none":
            return
        own = self.list()
        self._count = max((item["version_id"] for item in own if item["attempt"] == task.attempt), default=0)
        for found in self._to_begin_with(own, eager=policy == "eager"):
            title = f"checkpoint {found['version_id']} of attempt {found['attempt']}"
            try:
                self.load(found)
            except (CheckpointError, MissingKey) as error:
                print(f"flowc: {title} cannot be loaded, and the one before it is tried: {error}", flush=True)
                continue
            self.info = found
            print(f"flowc: goes on from {title}", flush=True)
            break

    @property
    def is_loaded(self) -> bool:
        """Whether the attempt has begun with a checkpoint, whose files are in `directory`."""
        return self.info is not None

    @property
    def directory(self) -> str:
        """A folder of this attempt: with the files of the checkpoint that it began with, and what `save()` saves."""
        if not self._directory:
            if self._temporary is not None:
                os.makedirs(self._temporary, exist_ok=True)
            self._directory = tempfile.mkdtemp(prefix="flowc-checkpoint-", dir=self._temporary)
        return self._directory

    @property
    def task_identifier(self) -> str:
        """The name of the task, the same for all attempts."""
        return task_id(self._task.step, self._task.path)

    def save(
        self,
        path: Union[str, os.PathLike[str], None] = None,
        name: str | None = DEFAULT_NAME,
        metadata: Dict[str, Any] | None = None,
        latest: bool = True,
        storage_format: str = "files",
    ) -> Reference:
        """Save a file, or all files of a folder, by default of `directory`; returns what `load` takes.

        The next attempt begins with the newest one that was saved with `latest`. `metadata` is JSON. The format is
        for Metaflow's flows: it is always files. Raises CheckpointError where there is nothing to save.
        """
        del storage_format
        source = os.fspath(self.directory if path is None else path)
        files = list(_files(source))
        if not files:
            raise CheckpointError(f"there is no file in {source!r} that could be saved")
        self._count += 1
        layout, task = self._layout, self._task
        key = f"{layout.folder(task.step, task.path, task.attempt)}/{FOLDER}/{self._count:06}"
        saved: List[Document] = []
        for number, (inner, place) in enumerate(files):
            with open(place, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                content: Any = memoryview(mmap(file.fileno(), 0, access=ACCESS_READ)) if size else b""
            layout.store.write(f"{key}/{number}", [content])
            saved.append({"path": inner, "size": size, "hash": sha256(content)})
        record: Reference = {
            "version": VERSION,
            "version_id": self._count,
            "name": name or DEFAULT_NAME,
            "metadata": dict(metadata or {}),
            "latest": bool(latest),
            "attempt": task.attempt,
            "pathspec": f"{layout.flow}/{layout.run}/{task.step}/{self.task_identifier}",
            "created": wall_time(),
            "created_on": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
            "size": sum(item["size"] for item in saved),
            "files": saved,
            "key": key,
            "url": layout.store.location(key),
        }
        layout.write_json(f"{key}/{RECORD}", record)
        return record

    def list(
        self, name: str | None = None, task: Any = None, attempt: int | None = None, full_namespace: bool = False
    ) -> List[Reference]:
        """The checkpoints of this task, of all of its attempts or of one, the newest first.

        `task` is another task of the client's, or its pathspec; with `full_namespace` those of other runs count.
        """
        if (full_namespace or task is not None) and running.trace is not None:
            running.trace.give_up("checkpoints of other tasks")
        if full_namespace:
            found = [*self._of_task(self._layout, self._task.step, self._task.path), *self._of_other_runs()]
        elif task is not None:
            found = self._of_pathspec(task if isinstance(task, str) else task.pathspec)
        else:
            found = self._of_task(self._layout, self._task.step, self._task.path)
        if attempt is not None:
            found = [item for item in found if item["attempt"] == int(attempt)]
        return [item for item in found if name in (None, item["name"])]

    def load(self, reference: Reference, path: Union[str, os.PathLike[str], None] = None) -> str:
        """Write the files of a checkpoint into a folder, by default into `directory`, which is emptied; returns it.

        Raises CheckpointError for a file that is not what was saved, and StoreError.
        """
        if not isinstance(reference, dict) or not {"key", "files"} <= reference.keys():  # pyright: ignore[reportUnnecessaryIsInstance]
            raise CheckpointError(f"{reference!r} is no checkpoint: give what `save` returned, or an item of `list`")
        if path is None and self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = ""
        folder = self.directory if path is None else os.fspath(path)
        for number, item in enumerate(reference["files"]):
            content = self._layout.store.read_known(f"{reference['key']}/{number}")
            if sha256(content) != item["hash"]:
                raise CheckpointError(f"the file {item['path']!r} of checkpoint {reference['key']} is damaged")
            place = os.path.join(folder, *item["path"].split("/"))
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "wb") as file:
                file.write(content)
        return folder

    def end(self, *, committed: bool) -> None:
        """Remove the folder, and of a task that has committed the checkpoints that its step doesn't keep."""
        if self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)
        if committed and self._keep != "all":
            found = self.list()
            newest = self._newest(found) if self._keep == "latest" else None
            for item in found:
                if item is not newest:
                    self._remove(item)

    def _remove(self, item: Reference) -> None:
        self._layout.store.delete(f"{item['key']}/{RECORD}")
        for number in range(len(item["files"])):
            self._layout.store.delete(f"{item['key']}/{number}")

    def _newest(self, found: List[Reference]) -> Reference | None:
        """The checkpoint to go on from: the newest of the last attempt that has one."""
        return next((item for item in found if item["latest"]), None)

    def _to_begin_with(self, own: List[Reference], *, eager: bool) -> Iterator[Reference]:
        """The checkpoints to go on from, the best first: of this run, and for `eager` then of others."""
        yield from (item for item in own if item["latest"])
        if eager and running.trace is not None:
            running.trace.give_up("checkpoints of other runs")
        if eager:
            yield from (item for item in self._of_other_runs() if item["latest"])

    def _of_other_runs(self) -> List[Reference]:
        layout = self._layout
        names = (name for name in run_names(layout.store, layout.flow) if name != layout.run)
        found = [self._of_task(layout.of_run(name), self._task.step, self._task.path) for name in names]
        return sorted((item for items in found for item in items), key=lambda item: item["created"], reverse=True)

    def _of_pathspec(self, pathspec: str) -> List[Reference]:
        from flowc.store.run_layout import parse_index

        parts = pathspec.split("/")
        if len(parts) != 4:
            raise CheckpointError(f"{pathspec!r} names no task: write Flow/run/step/task, the pathspec of the client's")
        flow, run, step, name = parts
        layout = RunLayout(self._layout.store, flow, run)
        return self._of_task(layout, step, parse_index(name[len(step) + 1 :]))

    def _of_task(self, layout: RunLayout, step: str, path: Path) -> List[Reference]:
        found: List[Reference] = []
        for attempt, names in layout.attempts(step, path).items():
            folder = layout.folder(step, path, attempt)
            keys = (f"{folder}/{name}" for name in names if name.startswith(f"{FOLDER}/") and name.endswith(RECORD))
            found += [item for key in keys if (item := layout.read_json(key)) is not None]
        # Clocks of two pods may differ: within a task, numbers say what came first.
        return sorted(found, key=lambda item: (item["attempt"], item["version_id"]), reverse=True)


def _files(source: str) -> Iterator[Tuple[str, str]]:
    """The files to save, in order: the path of each in the checkpoint, with `/`, and where it is."""
    if os.path.isfile(source):
        yield os.path.basename(source), source
        return
    if os.path.isdir(source):
        yield from _within(source, "", ())


def _within(folder: str, inner: str, above: Tuple[str, ...]) -> Iterator[Tuple[str, str]]:
    """The files below a folder, and below those that links lead to, but for links to a folder around it."""
    own = os.path.realpath(folder)
    if own in above:
        return
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = f"{inner}{entry.name}"
        if entry.is_dir():
            yield from _within(entry.path, f"{path}/", (*above, own))
        elif entry.is_file():
            yield path, entry.path
        else:
            raise CheckpointError(f"{entry.path!r} is neither a file nor a folder, and cannot be saved")
