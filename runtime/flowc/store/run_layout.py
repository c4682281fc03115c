"""Where a run's manifests are, and which attempt of a task counts: the highest one that has a manifest."""

from __future__ import annotations

from flowc.errors import CorruptArtifact, InvalidPathspec, MissingInput, MissingKey, NewerFormat
from flowc.store.documents import (
    ATTEMPT_RECORD,
    CACHE,
    DATA,
    ERROR_RECORD,
    IMPORTED,
    MANIFEST,
    ORIGIN,
    PARAMETERS,
    RECORDS,
    REMOVED,
    RUN_RECORD,
    SCHEDULED,
    SEALED,
    VERSION,
    check_document,
    misplaced,
    sealed,
    wall_time,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Dict, FrozenSet, Set, Tuple

    from flowc.store import Store
    from flowc.store.documents import Document

    Path = Tuple[int, ...]
    """An index path: the task's place in the foreach scopes around it, outermost first."""

PAGE = 1000
"""How many keys a server lists at a time, at most; one page comes after another."""
_RUN_FILES = frozenset({*RECORDS, ORIGIN, REMOVED, IMPORTED})
_OF_ATTEMPT = r"/[^/]+/(?:-|[0-9]+(?:\.[0-9]+)*)/[0-9]+/[^/]+\Z"
"""What follows a run's folder in the key of a file of an attempt."""


def flow_names(store: Store) -> list[str]:
    """The flows of a store. No flow's name begins with a dot; such a folder holds what `metaflow.S3` has put there."""
    return sorted(name for name in store.children("") if not name.startswith("."))


def run_names(store: Store, flow: str) -> list[str]:
    """The ids of a flow's runs, unsorted, also of those that are not whole. A link is none: it may lead anywhere."""
    names = store.children(flow)
    return [name for name in names if name != DATA and is_name(name) and not store.is_link(f"{flow}/{name}")]


def is_name(text: str) -> bool:
    """Whether a text may be the name of a flow or a run: one part of a key, below the store's root."""
    return bool(text) and not text.startswith(".") and "/" not in text and "\0" not in text


def names_in_run(layout: RunLayout) -> list[str]:
    """What is in the folder of a run; nothing for a folder without any document of a run or an attempt."""
    names = layout.store.children(layout.prefix)
    if not _RUN_FILES.isdisjoint(names):
        return names
    import re  # not for tasks

    files = layout.store.files(f"{layout.prefix}/")
    return names if any(re.match(_OF_ATTEMPT, file.key[len(layout.prefix) :]) for file in files) else []


def is_partial(names: Iterable[str]) -> bool:
    """Whether a run whose folder has these names is not whole: its removal or import has begun, and has not ended."""
    return not {REMOVED, IMPORTED}.isdisjoint(names)


def index_text(path: Path) -> str:
    """`3.0` for `(3, 0)`; `-` outside of every foreach."""
    return ".".join(map(str, path)) or "-"


def parse_index(text: str) -> Path:
    """The inverse of `index_text`."""
    return () if text in ("", "-") else tuple(int(part) for part in text.split("."))


def task_id(step: str, path: Path) -> str:
    """The name of a task, unique in its run and the same in every run."""
    return f"{step}-{index_text(path)}" if path else step


def place_text(step: str, path: Path) -> str:
    """`step/3.0`, for people."""
    return f"{step}/{index_text(path)}" if path else step


def cache_folder(flow: str, name: str, key: str) -> str:
    """Where the cache has what tasks of a step or function have left whose code and environment have a key.

    `reads/<shape>.json` names what they have read, and `results/<digest>.json` is what one left that read such values.
    """
    return f"{flow}/{DATA}/{CACHE}/{name}/{key}"


class RunLayout:
    """One run in a store."""

    def __init__(self, store: Store, flow: str, run: str, *, remember: bool = False) -> None:
        """`remember` is for tasks: what they start from does not change any more, so it is read once.

        Raises InvalidPathspec for names that would be those of other folders.
        """
        if not (is_name(flow) and is_name(run)):
            raise InvalidPathspec(f"{flow}/{run} is not the name of a run")
        self.store = store
        self.flow = flow
        self.run = run
        self.prefix = f"{flow}/{run}"
        self._remembered: Dict[Tuple[str, Path], Document] | None = {} if remember else None

    def of_run(self, run: str) -> RunLayout:
        """Another run of the flow, in the same store."""
        return RunLayout(self.store, self.flow, run)

    def folder(self, step: str, path: Path, attempt: int) -> str:
        """The folder of one attempt."""
        return f"{self.prefix}/{step}/{index_text(path)}/{attempt}"

    def latest(self, step: str, path: Path) -> int | None:
        """The attempt to read, if one is committed."""
        base = f"{self.prefix}/{step}/{index_text(path)}"
        known = self.store.attempt_of(base)
        if known is not None:
            return known
        if self.store.remote:
            ends = [key for key in self.store.keys(f"{base}/") if key.endswith(f"/{MANIFEST}")]
            return max((int(key.split("/")[-2]) for key in ends), default=None)
        attempts = sorted((int(name) for name in self.store.children(base) if name.isdigit()), reverse=True)
        return next((a for a in attempts if self.store.exists(f"{base}/{a}/{MANIFEST}")), None)

    def attempts(self, step: str, path: Path) -> Dict[int, Set[str]]:
        """The attempts of a task that have left files, with the names of these."""
        index = index_text(path)
        return self.attempts_from(step, f"{index}/").get(index, {})

    def attempts_from(self, step: str, start: str) -> Dict[str, Dict[int, Set[str]]]:
        """The same of all tasks of a step whose index, as `index_text` writes it, and a `/` begin so; by that index."""
        base = f"{self.prefix}/{step}/"
        found: Dict[str, Dict[int, Set[str]]] = {}
        for key in self.store.keys(f"{base}{start}"):
            index, number, name = f"{key[len(base) :]}//".split("/", 2)
            if number.isdigit() and name != "//":
                found.setdefault(index, {}).setdefault(int(number), set()).add(name[:-2])
        return found

    def latest_known(self, step: str, path: Path) -> int | None:
        """The attempt to read of a task that must have one: a list that does not have it is asked for again."""
        return self.store.found_at_last(lambda: self.latest(step, path), lambda attempt: attempt is not None)

    def latest_children(self, step: str, path: Path, count: int) -> dict[int, int]:
        """Item number to the attempt to read, for the items 0..count-1 below `path` that have one."""
        if not self.store.remote:
            found = ((i, self.latest(step, (*path, i))) for i in range(count))
            return {i: attempt for i, attempt in found if attempt is not None}
        head = f"{index_text(path)}." if path else ""
        known = {i: self.store.attempt_of(f"{self.prefix}/{step}/{head}{i}") for i in range(count)}
        if None not in known.values():
            return {i: attempt for i, attempt in known.items() if attempt is not None}
        attempts: dict[int, int] = {}
        prefix = f"{self.prefix}/{step}/{head}"
        for key in self._wide_keys(prefix) if count > PAGE else self.store.keys(prefix):
            parts = key[len(prefix) :].split("/")
            if len(parts) == 3 and parts[2] == MANIFEST and parts[0].isdigit():
                index = int(parts[0])
                attempts[index] = max(int(parts[1]), attempts.get(index, 0))
        return attempts

    def _wide_keys(self, prefix: str) -> Iterator[str]:
        """The keys of tasks whose numbers come after a prefix: each first digit's by lists of its own, at once."""
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(10) as pool:
            lists = [pool.submit(list, self.store.keys(f"{prefix}{digit}")) for digit in range(10)]
            for found in lists:
                yield from found.result()

    def latest_of_step(self, step: str) -> Dict[Path, int]:
        """The attempt to read of every task of a step that has one, by one listing."""
        prefix = f"{self.prefix}/{step}/"
        attempts: Dict[Path, int] = {}
        for key in self.store.keys(prefix):
            parts = key[len(prefix) :].split("/")
            if len(parts) == 3 and parts[2] == MANIFEST:
                path = parse_index(parts[0])
                attempts[path] = max(int(parts[1]), attempts.get(path, 0))
        return attempts

    def manifest(self, step: str, path: Path, attempt: int | None = None) -> Document:
        """The manifest of an attempt, by default of the one that counts. Raises MissingInput."""
        if attempt is not None:
            return self._committed(step, path, attempt)
        if self._remembered is not None and (step, path) in self._remembered:
            return self._remembered[step, path]
        attempt = self.latest_known(step, path)
        if attempt is None:
            raise MissingInput(
                f"task {task_id(step, path)} of run {self.flow}/{self.run} has not finished: "
                f"no manifest under {self.store.location(f'{self.prefix}/{step}/{index_text(path)}')}"
            )
        manifest = self._committed(step, path, attempt)
        if self._remembered is not None:
            self._remembered[step, path] = manifest
        return manifest

    def _committed(self, step: str, path: Path, attempt: int) -> Document:
        key = f"{self.folder(step, path, attempt)}/{MANIFEST}"
        try:
            manifest = self._document(key, known=True)
        except MissingKey as error:
            raise MissingInput(f"task {task_id(step, path)} has no manifest any more: {error}") from None
        problem = misplaced(manifest, self.folder(step, path, attempt))
        if problem:
            raise CorruptArtifact(f"{self.store.location(key)} {problem}")
        return manifest

    def latest_iteration(self, step: str, path: Path) -> int | None:
        """The last committed iteration of a recursive switch at `path`, found in a logarithm of their number."""
        first = self.latest_known if self.store.remote else self.latest
        if first(step, (*path, 0)) is None:
            return None
        low, high = 0, 1
        while True:
            while self.latest(step, (*path, high)) is not None:
                low, high = high, 2 * high
            while high - low > 1:
                middle = (low + high) // 2
                if self.latest(step, (*path, middle)) is None:
                    high = middle
                else:
                    low = middle
            # A list that lacked an iteration for once has led to an earlier one.
            if not self.store.remote or self.latest(step, (*path, low + 1)) is None:
                return low
            low, high = low + 1, low + 2

    def begin(self, step: str, path: Path, attempt: int, record: Document) -> None:
        """Write the record of an attempt that begins."""
        self.write_json(f"{self.folder(step, path, attempt)}/{ATTEMPT_RECORD}", record)

    def failure(self, step: str, path: Path, attempt: int) -> Document | None:
        """What is on record of a failed attempt; `None` where nothing is. Raises StoreError."""
        return self.read_json(f"{self.folder(step, path, attempt)}/{ERROR_RECORD}")

    def record_failure(
        self, step: str, path: Path, attempt: int, kind: str, message: str, traceback: str = "", **more: Any
    ) -> None:
        """Record why an attempt has failed: the exception's type, its message, and what else is known of it."""
        record = {"version": VERSION, "type": kind, "message": message, "traceback": traceback, "created": wall_time()}
        self.write_json(f"{self.folder(step, path, attempt)}/{ERROR_RECORD}", {**record, **more})

    def commit(self, step: str, path: Path, attempt: int, manifest: Document) -> None:
        """Write the manifest: from here on the attempt is what readers see."""
        self.write_json(f"{self.folder(step, path, attempt)}/{MANIFEST}", {**manifest, "version": SEALED})

    def origin(self) -> Tuple[str | None, FrozenSet[str]]:
        """The id of the run that this run resumes, if it resumes one, and the steps that it was to run again.

        Raises StoreError.
        """
        for name in (ORIGIN, RUN_RECORD):
            document = self.read_json(f"{self.prefix}/{name}")
            if document is not None and document.get("origin"):
                return str(document["origin"]), frozenset(document.get("rerun", ()))
        return None, frozenset()

    def keep_parameters(self, refs: Dict[str, Any]) -> None:
        """Write down the run's parameters, as references, before its start task runs the user's code."""
        self.write_json(f"{self.prefix}/{PARAMETERS}", {"version": 1, "parameters": refs})

    def kept_parameters(self) -> Dict[str, Any] | None:
        """The parameters that were written down; `None` when the run ended before it had any."""
        try:
            return dict(self._document(f"{self.prefix}/{PARAMETERS}", known=True)["parameters"])
        except MissingKey:
            return None

    def keep_scheduled(self, time: str, deployment: str) -> None:
        """Write down the time that the run is scheduled for, in ISO 8601, and of which deployment it is.

        That is the flow's name, or `project.branch.Flow`.
        """
        self.write_json(f"{self.prefix}/{SCHEDULED}", {"version": 1, "time": time, "deployment": deployment})

    def scheduled(self) -> str:
        """The time that was written down; empty for a run that is for none."""
        return str((self.scheduled_record() or {"time": ""})["time"])

    def scheduled_record(self) -> Document | None:
        """What was written down of the time: `time` and `deployment`."""
        return self.read_json(f"{self.prefix}/{SCHEDULED}")

    def write_json(self, key: str, document: Document) -> None:
        """Write a small JSON file, with the folder that it is for, and a digest of itself at its end."""
        self.store.write(key, sealed(key, document))

    def create_json(self, key: str, document: Document) -> bool:
        """Write a small JSON file that is not there; whether it is this one that is there now."""
        if self.store.create(key, sealed(key, document)):
            return True
        found = self.read_json(key) or {}  # of this call, perhaps, whose first try had no answer
        return all(found.get(name) == value for name, value in document.items())

    def read_json(self, key: str) -> Document | None:
        """Read a small JSON file; `None` when it is not there."""
        try:
            return self._document(key)
        except MissingKey:
            return None

    def _document(self, key: str, *, known: bool = False) -> Document:
        """A JSON file; `known` where it must be there. What is wrong is read once more.

        Raises CorruptArtifact, and NewerFormat.
        """
        read = self.store.read_known if known else self.store.read
        for tries_left in (2, 1, 0) if self.store.remote else (1, 0):
            try:
                return check_document(key, bytes(read(key)))
            except NewerFormat as error:
                raise NewerFormat(f"{self.store.location(key)} {error}") from None
            except ValueError as error:
                if not tries_left:
                    raise CorruptArtifact(f"{self.store.location(key)} {error}") from None
        raise AssertionError
